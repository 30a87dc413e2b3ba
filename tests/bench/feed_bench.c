/*  feed_bench -- the client side of `./run bench`: pushes rows in columns as fast as they are
 *  taken, or one by one, and says how long it took.
 *
 *      feed_bench flood FEED NEWS ROWS SERIES BATCH     until judged: the last row of every series
 *                                                       fires, and all those alerts have come
 *      feed_bench raw ROWS SERIES BATCH                 the same frames over libzmq alone
 *      feed_bench latency FEED NEWS COUNT               send to subscriber's receive
 *
 *  Prints one line of JSON. 18 bytes a row: time and value of 8, series index of 2. Every row of
 *  `latency` fires the rule of the bench configuration. With keys: each endpoint with its
 *  listener's behind `#`, as in `tidewire status`, and the feed's in FEED_PUBLIC and FEED_SECRET.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "proto/push.h"
#include "proto/wire.h"
#include "tests/bench/timing.h"

enum { SERIES_MOST = 65536, BATCH_MOST = 65536, UNDER_WAY_MOST = 64, WAIT_MS = 60000 };

static const char source[] = "bench";
static const char client[] = "feed";

static int64_t wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void die(const char *what)
{
    fprintf(stderr, "feed_bench: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

// The key of the listener stands behind `#` of its endpoint; ours, in Z85, in the environment.
static void socket_connect(void *socket, const char *endpoint)
{
    char address[256];
    const char *mark = strchr(endpoint, '#');
    size_t length = mark ? (size_t) (mark - endpoint) : strlen(endpoint);
    if (length >= sizeof address)
        die("endpoint");
    memcpy(address, endpoint, length);
    address[length] = '\0';
    if (mark) {
        uint8_t server[32];
        for (size_t i = 0; i < sizeof server; i++)
            if (sscanf(mark + 1 + 2 * i, "%2hhx", &server[i]) != 1)
                die("key of the listener");
        const char *public = getenv("FEED_PUBLIC"), *secret = getenv("FEED_SECRET");
        if (!public || !secret ||
            zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server, sizeof server) == -1 ||
            zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, public, strlen(public) + 1) == -1 ||
            zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret, strlen(secret) + 1) == -1)
            die("FEED_PUBLIC, FEED_SECRET");
    }
    if (zmq_connect(socket, address) == -1)
        die(address);
}

static void *socket_open(void *context, int type, const char *endpoint, const char *topic)
{
    void *socket = zmq_socket(context, type);
    int queue = UNDER_WAY_MOST, inbox = 1000000, linger = 1000;
    if (!socket)
        die("socket");
    zmq_setsockopt(socket, ZMQ_SNDHWM, &queue, sizeof queue);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &inbox, sizeof inbox);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    if (topic)
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, topic, strlen(topic));
    socket_connect(socket, endpoint);
    return socket;
}

// The second frame of the next message; its size, or -1 when none came in time.
static int take_news(void *news, uint8_t *body, size_t room, int wait_ms)
{
    zmq_pollitem_t wait = { .socket = news, .events = ZMQ_POLLIN };
    if (zmq_poll(&wait, 1, wait_ms) <= 0)
        return -1;
    char topic[512];
    if (zmq_recv(news, topic, sizeof topic, 0) == -1)
        return -1;
    return zmq_recv(news, body, room, 0);
}

static bool map_number(slice_t body, const char *name, uint64_t *number)
{
    wire_reader_t reader = wire_reader(body);
    uint32_t count = 0;
    wire_read_map(&reader, &count);
    for (uint32_t i = 0; i < count; i++) {
        slice_t key, skipped;
        if (!wire_read_text(&reader, &key, 64))
            return false;
        if (slice_is(key, name))
            return wire_read_u64(&reader, number);
        if (!wire_skip(&reader, &skipped))
            return false;
    }
    return false;
}

// ---- frames -------------------------------------------------------------------------------------

typedef struct {
    uint32_t series, batch;
    int64_t start_us;
    uint64_t row; // of the next row
    slice_t *names;
    int64_t *ts, *values;
    uint16_t *indexes;
    buffer_t frame;
} feed_t;

static feed_t feed_new(uint32_t series, uint32_t batch)
{
    feed_t feed = { .series = series, .batch = batch };
    feed.names = calloc(series, sizeof *feed.names);
    feed.ts = calloc(batch, sizeof *feed.ts);
    feed.values = calloc(batch, sizeof *feed.values);
    feed.indexes = calloc(batch, sizeof *feed.indexes);
    if (!feed.names || !feed.ts || !feed.values || !feed.indexes)
        die("memory");
    for (uint32_t i = 0; i < series; i++) {
        char name[16];
        snprintf(name, sizeof name, "S%05u", i);
        feed.names[i] = slice_text(strdup(name));
    }
    feed.start_us = wall_us() - 3600ll * 1000000;
    return feed;
}

// Times rise by 1 ms a series; values are between 1.00 and 2.99, so nothing fires.
static slice_t feed_frame(feed_t *self, uint64_t n, uint32_t rows)
{
    for (uint32_t i = 0; i < rows; i++, self->row++) {
        self->indexes[i] = (uint16_t) (self->row % self->series);
        self->ts[i] = self->start_us + (int64_t) (self->row / self->series) * 1000;
        self->values[i] = 100 + (int64_t) (self->row * 2654435761u % 200);
    }
    buffer_clear(&self->frame);
    push_head(&self->frame, slice_text(source), slice_text(client), n);
    push_rows(&self->frame, 3);
    push_column_dict(&self->frame, "pair", self->names, self->series, self->indexes, rows);
    push_column_i64(&self->frame, "t", self->ts, rows);
    push_column_dec(&self->frame, "v", -2, self->values, rows);
    return buffer_slice(&self->frame);
}

// One row of every series, far above all before.
static slice_t feed_burst(feed_t *self, uint64_t n)
{
    uint64_t row = (self->row + self->series - 1) / self->series * self->series;
    for (uint32_t i = 0; i < self->series; i++) {
        self->indexes[i] = (uint16_t) i;
        self->ts[i] = self->start_us + (int64_t) (row / self->series) * 1000;
        self->values[i] = 1000000;
    }
    buffer_clear(&self->frame);
    push_head(&self->frame, slice_text(source), slice_text(client), n);
    push_rows(&self->frame, 3);
    push_column_dict(&self->frame, "pair", self->names, self->series, self->indexes, self->series);
    push_column_i64(&self->frame, "t", self->ts, self->series);
    push_column_dec(&self->frame, "v", -2, self->values, self->series);
    return buffer_slice(&self->frame);
}

// ---- flood --------------------------------------------------------------------------------------

static int flood(const char *to, const char *from, uint64_t rows, uint32_t series, uint32_t batch)
{
    void *context = zmq_ctx_new();
    void *push = socket_open(context, ZMQ_PUSH, to, NULL);
    char topic[64];
    snprintf(topic, sizeof topic, "staged/%s/%s", source, client);
    void *news = socket_open(context, ZMQ_SUB, from, topic);
    zmq_setsockopt(news, ZMQ_SUBSCRIBE, "alert/", 6);
    zmq_setsockopt(news, ZMQ_SUBSCRIBE, "hugz/", 5);
    uint8_t body[65536];
    if (take_news(news, body, sizeof body, WAIT_MS) == -1)
        die("no sign of life from the broker");
    zmq_setsockopt(news, ZMQ_UNSUBSCRIBE, "hugz/", 5);
    feed_t feed = feed_new(series, batch > series ? batch : series);
    uint64_t frames = (rows + batch - 1) / batch + 1, sent = 0, durable = 0, bytes = 0;
    uint64_t alerts = 0;
    double staged = 0, start = now_s();
    while (durable < frames || alerts < series) {
        bool full = sent == frames || sent - durable >= UNDER_WAY_MOST;
        if (!full) {
            slice_t frame = sent + 1 < frames ? feed_frame(&feed, sent + 1, batch)
                                              : feed_burst(&feed, sent + 1);
            bytes += frame.size;
            if (zmq_send(push, frame.data, frame.size, 0) == -1)
                die("send");
            sent++;
        }
        int size = take_news(news, body, sizeof body, full ? WAIT_MS : 0);
        if (size == -1 && full)
            die("frames are not staged, or alerts do not come");
        uint64_t n = 0;
        slice_t news_body = slice_of(body, size > 0 ? (size_t) size : 0);
        if (map_number(news_body, "ts", &n))
            alerts++;
        else if (map_number(news_body, "n", &n) && n > durable)
            durable = n;
        if (durable == frames && staged == 0)
            staged = now_s() - start;
    }
    double took = now_s() - start;
    printf("{\"rows\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"seconds\": %.6f, "
           "\"staged_seconds\": %.6f}\n",
           (frames - 1) * batch + series, bytes, took, staged);
    zmq_close(push);
    zmq_close(news);
    zmq_ctx_term(context);
    return 0;
}

// ---- the wire alone
// -------------------------------------------------------------------------------

static int raw(uint64_t rows, uint32_t series, uint32_t batch)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "ipc:///tmp/tw-bench-%d", (int) getpid());
    uint64_t frames = (rows + batch - 1) / batch;
    pid_t child = fork();
    if (child == 0) {
        void *context = zmq_ctx_new();
        void *push = socket_open(context, ZMQ_PUSH, endpoint, NULL);
        feed_t feed = feed_new(series, batch);
        for (uint64_t n = 1; n <= frames; n++) {
            slice_t frame = feed_frame(&feed, n, batch);
            if (zmq_send(push, frame.data, frame.size, 0) == -1)
                die("send");
        }
        zmq_close(push);
        zmq_ctx_term(context);
        _exit(0);
    }
    void *context = zmq_ctx_new();
    void *pull = zmq_socket(context, ZMQ_PULL);
    if (zmq_bind(pull, endpoint) == -1)
        die(endpoint);
    uint64_t bytes = 0;
    double start = 0;
    for (uint64_t n = 0; n < frames; n++) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, pull, 0) == -1)
            die("receive");
        if (n == 0)
            start = now_s();
        bytes += zmq_msg_size(&message);
        zmq_msg_close(&message);
    }
    double took = now_s() - start;
    waitpid(child, NULL, 0);
    zmq_close(pull);
    zmq_ctx_term(context);
    unlink(endpoint + strlen("ipc://"));
    printf("{\"rows\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"seconds\": %.6f}\n", frames * batch,
           bytes, took);
    return 0;
}

// ---- latency
// --------------------------------------------------------------------------------------

static int latency(const char *to, const char *from, uint32_t count)
{
    void *context = zmq_ctx_new();
    void *push = socket_open(context, ZMQ_PUSH, to, NULL);
    void *news = socket_open(context, ZMQ_SUB, from, "alert/");
    zmq_setsockopt(news, ZMQ_SUBSCRIBE, "hugz/", 5);
    uint8_t body[65536];
    if (take_news(news, body, sizeof body, WAIT_MS) == -1)
        die("no sign of life from the broker");
    zmq_setsockopt(news, ZMQ_UNSUBSCRIBE, "hugz/", 5);
    feed_t feed = feed_new(1, 1);
    double *took = calloc(count, sizeof *took);
    feed.start_us = wall_us();
    for (uint32_t i = 0; took && i < count; i++) {
        slice_t frame = feed_frame(&feed, i + 1, 1);
        double start = now_s();
        if (zmq_send(push, frame.data, frame.size, 0) == -1)
            die("send");
        uint64_t ts = 0;
        do {
            int size = take_news(news, body, sizeof body, WAIT_MS);
            if (size == -1)
                die("no alert came");
            (void) map_number(slice_of(body, (size_t) size), "ts", &ts);
        } while ((int64_t) ts != feed.ts[0]);
        took[i] = now_s() - start;
    }
    double middle = median(took, count);
    printf("{\"count\": %u, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n", count,
           middle * 1e3, took[count * 99 / 100] * 1e3, took[count - 1] * 1e3);
    zmq_close(push);
    zmq_close(news);
    zmq_ctx_term(context);
    return 0;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "flood") == 0 && argc == 7)
        return flood(argv[2], argv[3], strtoull(argv[4], NULL, 10),
                     (uint32_t) atoi(argv[5]) % SERIES_MOST, (uint32_t) atoi(argv[6]));
    if (strcmp(word, "raw") == 0 && argc == 5)
        return raw(strtoull(argv[2], NULL, 10), (uint32_t) atoi(argv[3]) % SERIES_MOST,
                   (uint32_t) atoi(argv[4]));
    if (strcmp(word, "latency") == 0 && argc == 5)
        return latency(argv[2], argv[3], (uint32_t) atoi(argv[4]));
    fprintf(stderr, "usage: feed_bench flood|raw|latency ... (see the head of feed_bench.c)\n");
    return 2;
}
