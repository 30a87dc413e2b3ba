/*  backtest -- the alerts that a configuration gives over its files or over what was staged: see
 *  rerun.h. The rules are those of the file.
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
#include "actors/cli/rerun.h"
#include "actors/collector/configured.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

typedef struct {
    int64_t ts_us;
    char *rule, *series, *line;
    char id[ALERT_ID_TEXT];
} found_t;

typedef struct {
    int64_t from_us, to_us; // alerts of rows from <= ts < to are printed
    bool json;
    size_t found_count, found_capacity, corrections, silences, others; // others: no alerts
    found_t *found;
    bool failed; // out of memory
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

static bool begins_silence(const alert_t *alert)
{
    return strcmp(alert->kind, "nodata") == 0;
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
    if (alert_is_of_silence(alert))
        buffer_printf(out, "  (%s: %s)", alert->kind,
                      begins_silence(alert) ? "no row came" : "a row came again");
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
    self->silences += begins_silence(alert);
    self->others += is_correction(alert) || alert_is_of_silence(alert);
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

// ---- the word ---------------------------------------------------------------------------------

static void tell_count(const backtest_t *self, const rerun_count_t *count)
{
    fprintf(stderr,
            "%" PRIu64 " rows (%" PRIu64 " late, %" PRIu64 " duplicates, %" PRIu64
            " revisions), %" PRIu64 " quarantined, %zu series, %zu alerts",
            count->rows, count->fold.late, count->fold.duplicates, count->fold.revisions,
            count->quarantined, count->series, self->found_count - self->others);
    if (self->corrections > 0)
        fprintf(stderr, ", %zu corrections", self->corrections);
    if (self->silences > 0)
        fprintf(stderr, ", %zu silences", self->silences);
    fputc('\n', stderr);
    if (count->unreadable > 0)
        fprintf(stderr, "tidewire backtest: files that could not be read: %" PRIu64 "\n",
                count->unreadable);
}

static int run(backtest_t *self, const rerun_t *asked, ruleset_t *rules)
{
    fault_t fault = { 0 };
    rerun_count_t count;
    bool ok = rerun(asked, rules, &count, &fault);
    if (ok && self->failed)
        ok = fault_set(&fault, "out of memory");
    if (!ok) {
        fprintf(stderr, "tidewire backtest: %s\n", fault.text);
        return EXIT_FAILED;
    }
    if (!print_found(self)) {
        fprintf(stderr, "tidewire backtest: cannot write the alerts: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    tell_count(self, &count);
    return count.unreadable == 0 ? EXIT_OK : EXIT_FAILED;
}

static void backtest_clear(backtest_t *self)
{
    for (size_t i = 0; i < self->found_count; i++) {
        free(self->found[i].rule);
        free(self->found[i].series);
        free(self->found[i].line);
    }
    free(self->found);
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
    owned(backtest_clear) backtest_t self = { .from_us = INT64_MIN, .to_us = INT64_MAX };
    rerun_t asked = {
        .dir = CLI_DIR, .alert = keep_alert, .context = &self, .progress = isatty(STDERR_FILENO)
    };
    const char *config = NULL;
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        switch (word) {
        case 'c':
            config = optarg;
            break;
        case 'd':
            asked.dir = optarg;
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
                 "when its row closed, and per silence (nodata) that the staged ticks tell of\n"
                 "and its end, sorted by (ts, rule, series, id). Times\n"
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
    asked.settings = settings;
    size_t bad = 0;
    owned(ruleset_destroy) ruleset_t *rules = configured_print(settings, &bad);
    if (bad > 0)
        return EXIT_CONFIG;
    return run(&self, &asked, rules);
}
