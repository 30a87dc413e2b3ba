/*  backtest -- the alerts that a configuration gives over its files or over what was staged.
 *
 *  The same mapping, fold and alert code as the actors, in one process: no Redis, no stage
 *  written. The rules are those of the file, in force from the first row.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/cli/cli.h"
#include "actors/cli/feed_files.h"
#include "actors/cli/feed_staged.h"
#include "actors/collector/configured.h"
#include "actors/prep/inflate.h"
#include "actors/prep/mapping.h"
#include "actors/transform/fold.h"
#include "broker/runtime/life.h"
#include "broker/site.h"
#include "broker/stage/stage.h"
#include "proto/owned.h"

enum { REFUSALS_TOLD = 10 };

typedef struct {
    int64_t ts_us;
    char *rule, *series, *line;
    char id[ALERT_ID_TEXT];
} found_t;

typedef struct {
    const settings_t *settings;
    const char *dir;
    int64_t from_us, to_us; // alerts of rows from <= ts < to are printed
    bool json, progress;
    fold_t *fold;
    rows_t *rows;
    buffer_t block;
    partitions_t all;
    uint64_t seq;
    uint64_t row_count, quarantined;
    uint64_t unreadable; // files, as a whole
    size_t found_count, found_capacity, corrections;
    found_t *found;
    bool failed;          // out of memory
    mapping_t **mappings; // of the sources, in their order
    const char *source;   // being mapped
    unsigned told;        // refusals printed
} backtest_t;

static char *text_copy(slice_t text)
{
    char *copy = malloc(text.size + 1);
    if (copy) {
        memcpy(copy, text.data, text.size);
        copy[text.size] = '\0';
    }
    return copy;
}

// ---- alerts -----------------------------------------------------------------------------------

static bool is_correction(const alert_t *alert)
{
    return strcmp(alert->kind, "correction") == 0;
}

static void print_plain(const alert_t *alert, buffer_t *out)
{
    time_t seconds = alert->ts_us / 1000000;
    struct tm utc;
    char when[32];
    gmtime_r(&seconds, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    buffer_printf(out, "%s  %.*s  %.*s", when, (int) alert->rule.size, alert->rule.data,
                  (int) alert->series.size, alert->series.data);
    for (unsigned i = 0; i < alert->column_count; i++)
        buffer_printf(out, "  %s=%s", alert->columns[i].name,
                      alert->columns[i].text ? alert->columns[i].text : "null");
    if (is_correction(alert))
        buffer_text(out, "  (correction: it does not hold)");
}

static void keep_alert(void *context, unsigned partition, const alert_t *alert)
{
    (void) partition;
    backtest_t *self = context;
    if (alert->ts_us < self->from_us || alert->ts_us >= self->to_us)
        return;
    if (self->found_count == self->found_capacity) {
        size_t capacity = self->found_capacity ? self->found_capacity * 2 : 1024;
        found_t *found = realloc(self->found, capacity * sizeof *found);
        if (!found) {
            self->failed = true;
            return;
        }
        self->found = found;
        self->found_capacity = capacity;
    }
    buffer_t line = { 0 };
    if (self->json)
        alert_backtest_json(alert, &line);
    else
        print_plain(alert, &line);
    found_t *found = &self->found[self->found_count++];
    *found = (found_t){
        .ts_us = alert->ts_us,
        .rule = text_copy(alert->rule),
        .series = text_copy(alert->series),
        .line = text_copy(buffer_slice(&line)),
    };
    alert_id_print(alert->id, found->id);
    self->corrections += is_correction(alert);
    self->failed |= line.failed || !found->rule || !found->series || !found->line;
    buffer_destroy(&line);
}

static int found_order(const void *left, const void *right)
{
    const found_t *a = left, *b = right;
    if (a->ts_us != b->ts_us)
        return a->ts_us < b->ts_us ? -1 : 1;
    int order = strcmp(a->rule, b->rule);
    if (order == 0)
        order = strcmp(a->series, b->series);
    return order != 0 ? order : strcmp(a->id, b->id);
}

static bool print_found(backtest_t *self)
{
    if (self->found_count > 0) // qsort takes no NULL
        qsort(self->found, self->found_count, sizeof *self->found, found_order);
    for (size_t i = 0; i < self->found_count; i++) {
        fputs(self->found[i].line, stdout);
        fputc('\n', stdout);
    }
    return fflush(stdout) == 0 && !ferror(stdout);
}

// ---- records ----------------------------------------------------------------------------------

// The first refused rows are told with place and reason; all are counted.
static void note_refusal(void *context, const quarantine_t *quarantine)
{
    backtest_t *self = context;
    if (self->told == REFUSALS_TOLD)
        return;
    char row[32] = "";
    if (quarantine->row != UINT32_MAX)
        snprintf(row, sizeof row, " row %" PRIu32, quarantine->row);
    fprintf(stderr, "quarantined: source '%s' record %" PRIu64 "%s: %s\n", self->source, self->seq,
            row, quarantine->reason);
    if (++self->told == REFUSALS_TOLD)
        fputs("quarantined: more are counted, not told\n", stderr);
}

static bool fold_payload(backtest_t *self, mapping_t *mapping, const source_t *source,
                         int64_t recv_us, slice_t payload)
{
    rows_head_t head = { .seq = ++self->seq,
                         .recv_us = recv_us,
                         .source = slice_text(source->name) };
    mapping_count_t count = { 0 };
    self->source = source->name;
    if (!mapping_apply(mapping, &head, payload, self->rows, note_refusal, self, &count))
        return false;
    self->row_count += count.rows;
    self->quarantined += count.quarantined;
    buffer_clear(&self->block);
    if (!rows_encode(self->rows, &self->all, &self->block))
        return !self->block.failed;
    rows_view_t view;
    fault_t fault;
    if (!rows_decode(&view, buffer_slice(&self->block), &fault))
        return false;
    if (self->progress)
        fprintf(stderr, "\r%" PRIu64 " rows, %zu alerts", self->row_count, self->found_count);
    return fold_rows(self->fold, slice_text("backtest"), &view, &self->all, 0) && !self->failed;
}

typedef struct {
    backtest_t *backtest;
    mapping_t *mapping;
    const source_t *source;
} feed_context_t;

// Gzip that cannot be read is no row that was refused: the file is missing from the result.
static bool is_damaged(slice_t piece)
{
    owned(buffer_destroy) buffer_t inflated = { 0 };
    return inflate_is_gzip(piece) &&
           inflate_gzip(piece, MAPPING_INFLATE_MAX, &inflated) != INFLATE_GOOD;
}

static bool take_piece(void *context, int64_t changed_us, slice_t piece)
{
    feed_context_t *feed = context;
    uint64_t rows = feed->backtest->row_count;
    if (!fold_payload(feed->backtest, feed->mapping, feed->source, changed_us, piece))
        return false;
    if (feed->backtest->row_count == rows && is_damaged(piece))
        feed->backtest->unreadable++;
    return true;
}

static void refuse_torn(backtest_t *self, const source_t *source, slice_t payload)
{
    self->source = source->name;
    self->seq++;
    quarantine_t torn = mapping_torn(payload);
    note_refusal(self, &torn);
    self->quarantined++;
}

static bool take_record(void *context, const record_t *record)
{
    backtest_t *self = context;
    for (size_t i = 0; i < self->settings->source_count; i++) {
        const source_t *source = &self->settings->sources[i];
        if (source->kind == SOURCE_FILE || !slice_is(record->source, source->name))
            continue;
        if (record->kind == RECORD_TORN) {
            refuse_torn(self, source, record->payload);
            return true;
        }
        return fold_payload(self, self->mappings[i], source, record->recv_us, record->payload);
    }
    return true; // of a source that the configuration no longer has
}

static bool map_sources(backtest_t *self, fault_t *fault)
{
    self->mappings = calloc(self->settings->source_count + 1, sizeof *self->mappings);
    if (!self->mappings)
        return fault_set(fault, "out of memory");
    for (size_t i = 0; i < self->settings->source_count; i++) {
        owned(buffer_destroy) buffer_t definition = { 0 };
        if (!mapping_define(&self->settings->sources[i], &definition))
            return fault_set(fault, "out of memory");
        self->mappings[i] = mapping_new(buffer_slice(&definition), fault);
        if (!self->mappings[i])
            return false;
    }
    return true;
}

// Files one source after the other; what was staged stream by stream in order of seq, as it was
// judged live, whatever source a record is of.
static bool fold_sources(backtest_t *self, fault_t *fault)
{
    bool staged = false;
    for (size_t i = 0; i < self->settings->source_count; i++) {
        const source_t *source = &self->settings->sources[i];
        feed_context_t context = { self, self->mappings[i], source };
        if (source->kind != SOURCE_FILE)
            staged = true;
        else if (!feed_files(source, take_piece, &context, fault))
            return false;
    }
    char root[SITE_PATH_MAX];
    fault_set(fault, "out of memory"); // what it is if take_record stops
    return !staged || (site_stage(self->settings, self->dir, root, fault) &&
                       feed_staged(root, self->settings->namespace, take_record, self, fault));
}

// ---- the word ---------------------------------------------------------------------------------

static int run(backtest_t *self, ruleset_t *rules)
{
    fault_t fault = { 0 };
    memset(&self->all, 0xff, sizeof self->all);
    self->fold = fold_new(keep_alert, self);
    self->rows = rows_new();
    bool ok = self->fold && self->rows;
    for (unsigned p = 0; ok && p < PARTITIONS; p++)
        fold_own(self->fold, p);
    ok = ok && fold_plan(self->fold, slice_text("backtest"), &self->all, rules);
    if (!ok)
        fault_set(&fault, "out of memory");
    ok = ok && map_sources(self, &fault) && fold_sources(self, &fault);
    if (self->progress)
        fputc('\n', stderr);
    if (!ok) {
        fprintf(stderr, "tidewire backtest: %s\n", fault.text);
        return EXIT_FAILED;
    }
    if (!print_found(self)) {
        fprintf(stderr, "tidewire backtest: cannot write the alerts: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    fold_count_t count = fold_count(self->fold);
    fprintf(stderr,
            "%" PRIu64 " rows (%" PRIu64 " late, %" PRIu64 " duplicates, %" PRIu64
            " revisions), %" PRIu64 " quarantined, %zu series, %zu alerts",
            self->row_count, count.late, count.duplicates, count.revisions, self->quarantined,
            fold_series(self->fold), self->found_count - self->corrections);
    if (self->corrections > 0)
        fprintf(stderr, ", %zu corrections", self->corrections);
    fputc('\n', stderr);
    if (self->unreadable == 0)
        return EXIT_OK;
    fprintf(stderr, "tidewire backtest: files that could not be read: %" PRIu64 "\n",
            self->unreadable);
    return EXIT_FAILED;
}

static void backtest_clear(backtest_t *self)
{
    for (size_t i = 0; i < self->found_count; i++) {
        free(self->found[i].rule);
        free(self->found[i].series);
        free(self->found[i].line);
    }
    free(self->found);
    for (size_t i = 0; self->mappings && i < self->settings->source_count; i++)
        mapping_destroy(&self->mappings[i]);
    free(self->mappings);
    buffer_destroy(&self->block);
    rows_destroy(&self->rows);
    fold_destroy(&self->fold);
}

int cli_backtest(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "dir", required_argument, NULL, 'd' },
        { "from", required_argument, NULL, 'f' },
        { "to", required_argument, NULL, 't' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    backtest_t self = { .dir = ".tidewire",
                        .from_us = INT64_MIN,
                        .to_us = INT64_MAX,
                        .progress = isatty(STDERR_FILENO) };
    const char *config = NULL;
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        switch (word) {
        case 'c':
            config = optarg;
            break;
        case 'd':
            self.dir = optarg;
            break;
        case 'f':
        case 't':
            if (!cli_time(optarg, word == 'f' ? &self.from_us : &self.to_us))
                return cli_misuse("backtest", "not a time like 2023-03-01T00:00:00Z:", optarg);
            break;
        case 'j':
            self.json = true;
            break;
        case 'h':
            puts("usage: tidewire backtest -c FILE [--from T --to T] [--json] [--dir DIR]\n\n"
                 "Replays file:// sources, and for other sources what was staged under DIR, with\n"
                 "the rules of FILE. One line per alert, and per correction of one that did not "
                 "hold\n"
                 "when its row closed, sorted by (ts, rule, series, id). Times\n"
                 "as 2023-03-01T00:00:00Z; --to is exclusive. Exit 1 if a file is missing or "
                 "cannot be\n"
                 "read; rows that the mapping refuses are told on stderr and leave it at 0.");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return cli_misuse("backtest", "unexpected word", argv[optind]);
    if (!config)
        return cli_misuse("backtest", "-c FILE is missing", NULL);
    owned(settings_destroy) settings_t *settings = cli_settings(config);
    if (!settings)
        return EXIT_CONFIG;
    self.settings = settings;
    size_t bad = 0;
    owned(ruleset_destroy) ruleset_t *rules = configured_print(settings, &bad);
    if (bad > 0)
        return EXIT_CONFIG;
    int status = run(&self, rules);
    backtest_clear(&self);
    return status;
}
