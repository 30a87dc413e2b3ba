/*  checkpoint_bench -- what it costs to make new rows durable in Redis, and how long that takes.
 *
 *      checkpoint_bench
 *
 *  A worker's own fold, commits and bases (actors/transform/worker.h) on a private redis-server as
 *  the product starts it (appendfsync always): 10,000 series over all partitions, each with a full
 *  one-hour window of a row a minute, and one rule. Rows go on arriving, so many in a record; after
 *  each record every partition that changed is committed, in one batch as the worker does it, and
 *  bases are written when they are due. Counted is how Redis' append-only file grows. Beside it
 *  its limit: the same rows as 20 plain bytes each (time, value, number of the series), with one
 *  RPUSH a partition, pipelined likewise. Prints one line of JSON.
 */
#include <inttypes.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "actors/transform/worker.h"
#include "broker/redis_server.h"
#include "broker/runtime/life.h"
#include "tests/bench/timing.h"
#include "tests/unit/transform/feeds.h"

enum {
    SERIES = 10000,
    WINDOW_ROWS = 60, // of a series in its hour: one a minute
    ROW_BYTES = 20,
    LONG_ROUNDS = 4 * WINDOW_ROWS, // in which every partition gets a base or more
    ROUNDS = 40,
    IDLE_ROUNDS = 10,
    PARTITION_ROWS_MAX = 128, // of one record in one partition
};
static const int64_t STEP_US = 60000000;

typedef struct {
    char dir[32];
    pid_t pid;
    worker_t worker;
    ruleset_t *rules;
    uint64_t seq; // of the last record
    uint64_t row; // of the next row: series row % SERIES, minute row / SERIES
} bench_t;

typedef struct {
    double bytes, commits, p50_ms;
} cost_t;

static void die(const char *what)
{
    fprintf(stderr, "checkpoint_bench: %s\n", what);
    exit(1);
}

// ---- Redis ------------------------------------------------------------------------------------

// What redis-cli answers: the number behind `field`, or 0.
static double redis(const bench_t *self, const char *words, const char *field)
{
    char command[256], line[256];
    double found = 0;
    snprintf(command, sizeof command, "redis-cli -s %s/redis.sock %s", self->dir, words);
    FILE *pipe = popen(command, "r");
    if (!pipe)
        die("cannot start redis-cli");
    while (fgets(line, sizeof line, pipe))
        if (strncmp(line, field, strlen(field)) == 0)
            found = strtod(line + strlen(field), NULL);
    if (pclose(pipe) != 0)
        die("redis-cli failed");
    return found;
}

static double file_bytes(const bench_t *self)
{
    return redis(self, "INFO persistence", "aof_current_size:");
}

// ---- the worker -------------------------------------------------------------------------------

static void bench_open(bench_t *self)
{
    static const feed_rule_t spike[] = { { "spike", "volume > 3 * avg(volume) OVER last_1h", 10 },
                                         { 0 } };
    fault_t fault = { .text = "" };
    char url[REDIS_SERVER_URL_MAX];
    strcpy(self->dir, "/tmp/tw-bench-XXXXXX");
    if (!mkdtemp(self->dir) || !redis_server_url(self->dir, url, &fault))
        die("no directory");
    self->pid = redis_server_start(self->dir, &fault);
    if (self->pid < 0)
        die(fault.text);
    (void) redis(self, "CONFIG SET auto-aof-rewrite-percentage 0", ""); // growth is what counts
    worker_t *worker = &self->worker;
    worker->name = "bench";
    worker->store = store_new(url, NULL, "tw", &fault);
    worker->commits = store_new(url, NULL, "tw", &fault);
    worker->alert_bytes_max = WORKER_ALERT_BYTES_MAX;
    worker->fold = fold_new(worker_alert, worker);
    worker->batch = worker_commits_new();
    worker->bases = worker_bases_new();
    if (!worker->store || !worker->commits || !worker->fold || !worker->batch || !worker->bases)
        die("no memory");
    worker->plans = worker_plans_new(worker->store);
    self->rules = feed_rules(spike, NULL);
    const store_field_t field = { "id", worker->id_text };
    if (!worker->plans || !self->rules ||
        store_beat(worker->store, "transform", worker->name, 600000, &field, 1) != STORE_OK)
        die("cannot register");
    worker_listed(worker);
    if (!worker_look_around(worker, 0))
        die(store_error(worker->store));
    worker_claim(worker);
    while (!worker_load(worker))
        ;
    partitions_t all = feed_everything();
    worker->applying = worker_stream(worker, slice_text("s"));
    if (worker_held(worker) != PARTITIONS ||
        !fold_plan(worker->fold, slice_text("s"), &all, self->rules, 1, 0))
        die("cannot take the partitions");
}

static void bench_close(bench_t *self)
{
    worker_t *worker = &self->worker;
    worker_forget_all(worker);
    for (size_t i = 0; i < worker->stream_count; i++)
        lane_in_destroy(&worker->streams[i].lane);
    worker_commits_destroy(&worker->batch);
    worker_bases_destroy(&worker->bases);
    fold_destroy(&worker->fold);
    worker_plans_destroy(&worker->plans);
    store_destroy(&worker->commits);
    store_destroy(&worker->store);
    ruleset_destroy(&self->rules);
    (void) redis_server_stop(self->pid);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", self->dir);
    if (system(command) != 0)
        die("cannot clean up");
}

// One record of so many rows (at most one of a series), applied.
static void apply(bench_t *self, size_t count)
{
    static feed_row_t rows[SERIES];
    static char names[SERIES][8];
    for (size_t i = 0; i < count; i++, self->row++) {
        uint64_t series = self->row % SERIES, random = self->row * UINT64_C(0x9e3779b97f4a7c15);
        snprintf(names[i], sizeof names[i], "p%04u", (unsigned) series);
        rows[i] =
            (feed_row_t){ .pair = names[i],
                          .ts = 1 + (int64_t) (self->row / SERIES) * STEP_US,
                          .values = { { 100000 + (int64_t) (random >> 48), -3 }, DECIMAL_NULL } };
    }
    if (count > 0 && !feed(self->worker.fold, "s", self->seq + 1, rows, count, false))
        die("the fold is out of memory");
    partitions_t all = feed_everything();
    const lane_span_t span = { .from = self->seq + 1, .to = self->seq + 1, .partitions = all };
    lane_in_applied(self->worker.applying->lane, &span, &all);
    self->seq++;
}

// Every partition that changed, with whatever bases are due. Returns what the commits took, in ms.
static double commit(bench_t *self)
{
    worker_t *worker = &self->worker;
    double start = now_s() * 1e3;
    worker_commit(worker);
    if (worker_committing(worker))
        worker_commit_settle(worker, life_mono_us());
    double took = now_s() * 1e3 - start;
    while (!worker_write_bases(worker))
        ;
    worker_swap_bases(worker);
    if (worker_held(worker) != PARTITIONS)
        die("a partition was lost");
    return took;
}

// Rounds of one record each, committed.
static cost_t measure(bench_t *self, unsigned rounds, size_t rows)
{
    double took[LONG_ROUNDS], before = file_bytes(self);
    uint64_t commits = self->worker.commits_done;
    for (unsigned r = 0; r < rounds; r++) {
        apply(self, rows);
        took[r] = commit(self);
    }
    return (cost_t){ .bytes = file_bytes(self) - before,
                     .commits = (double) (self->worker.commits_done - commits),
                     .p50_ms = median(took, rounds) };
}

// Positions alone, of every partition, as they are committed when nothing else is to be said.
static cost_t measure_idle(bench_t *self)
{
    double took[IDLE_ROUNDS], before = file_bytes(self);
    uint64_t commits = self->worker.commits_done;
    for (unsigned r = 0; r < IDLE_ROUNDS; r++) {
        apply(self, 0);
        self->worker.bytes += WORKER_IDLE_COMMIT_BYTES + 1; // it is time
        took[r] = commit(self);
    }
    return (cost_t){ .bytes = file_bytes(self) - before,
                     .commits = (double) (self->worker.commits_done - commits),
                     .p50_ms = median(took, IDLE_ROUNDS) };
}

// ---- the limit --------------------------------------------------------------------------------

static int dial(const bench_t *self)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int redis = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/redis.sock", self->dir);
    if (redis == -1 || connect(redis, (struct sockaddr *) &address, sizeof address) == -1)
        die("cannot reach Redis");
    return redis;
}

// One RPUSH of each partition's rows as plain bytes, all of a round in one write.
static double push_plain(int redis, const size_t counts[PARTITIONS])
{
    static const uint8_t plain[PARTITION_ROWS_MAX * ROW_BYTES];
    buffer_t out = { 0 };
    size_t asked = 0;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        char key[16];
        size_t bytes = counts[p] * ROW_BYTES;
        if (bytes == 0)
            continue;
        int size = snprintf(key, sizeof key, "plain:%u", p);
        buffer_printf(&out, "*3\r\n$5\r\nRPUSH\r\n$%d\r\n%s\r\n$%zu\r\n", size, key, bytes);
        buffer_append(&out, plain, bytes);
        buffer_text(&out, "\r\n");
        asked++;
    }
    double start = now_s() * 1e3;
    for (size_t sent = 0; sent < out.size;) {
        ssize_t size = write(redis, out.data + sent, out.size - sent);
        if (out.failed || size <= 0)
            die("cannot write to Redis");
        sent += (size_t) size;
    }
    while (asked > 0) { // ":<length>\r\n" each
        char answer[4096];
        ssize_t size = read(redis, answer, sizeof answer);
        if (size <= 0)
            die("no answer from Redis");
        for (ssize_t i = 0; i < size; i++)
            asked -= answer[i] == '\n';
    }
    buffer_destroy(&out);
    return now_s() * 1e3 - start;
}

static cost_t measure_plain(const bench_t *self, size_t rows)
{
    size_t counts[PARTITIONS] = { 0 };
    for (size_t i = 0; i < rows; i++) {
        char pair[16], id[64];
        snprintf(pair, sizeof pair, "p%04u", (unsigned) i);
        unsigned partition = series_partition(feed_series(pair, id));
        if (++counts[partition] > PARTITION_ROWS_MAX)
            die("a partition has too many rows");
    }
    double took[ROUNDS], before = file_bytes(self);
    int redis = dial(self);
    for (unsigned r = 0; r < ROUNDS; r++)
        took[r] = push_plain(redis, counts);
    close(redis);
    return (cost_t){ .bytes = file_bytes(self) - before, .p50_ms = median(took, ROUNDS) };
}

// ---- the figures ------------------------------------------------------------------------------

int main(void)
{
    static bench_t bench;
    bench_open(&bench);
    for (unsigned r = 0; r < WINDOW_ROWS + 1; r++) {
        apply(&bench, SERIES);
        (void) commit(&bench);
    }
    cost_t lasting = measure(&bench, LONG_ROUNDS, SERIES);
    cost_t whole = measure(&bench, ROUNDS, SERIES), tenth = measure(&bench, ROUNDS, SERIES / 10);
    cost_t idle = measure_idle(&bench);
    cost_t plain = measure_plain(&bench, SERIES), plain_tenth = measure_plain(&bench, SERIES / 10);
    double rows = (double) ROUNDS * SERIES;
    printf("{\"series\": %d, \"window_rows\": %d, \"row_bytes\": %d, "
           "\"with_bases_bytes_per_row\": %.1f, \"bytes_per_row\": %.1f, \"of_plain\": %.2f, "
           "\"plain_bytes_per_row\": %.1f, \"commits_p50_ms\": %.1f, \"plain_p50_ms\": %.1f, "
           "\"few_rows_bytes_per_row\": %.1f, \"few_rows_plain_bytes_per_row\": %.1f, "
           "\"few_rows_per_commit\": %.1f, \"idle_bytes_per_commit\": %.0f}\n",
           SERIES, WINDOW_ROWS, ROW_BYTES, lasting.bytes / ((double) LONG_ROUNDS * SERIES),
           whole.bytes / rows, whole.bytes / plain.bytes, plain.bytes / rows, whole.p50_ms,
           plain.p50_ms, tenth.bytes / (rows / 10), plain_tenth.bytes / (rows / 10),
           rows / 10 / tenth.commits, idle.bytes / idle.commits);
    bench_close(&bench);
    return 0;
}
