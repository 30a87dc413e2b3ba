/*  rule_try -- see rule_try.h. */
#include "actors/cli/rule_try.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/cli/cli.h"
#include "actors/cli/rerun.h"
#include "actors/cli/rule_plan.h"
#include "actors/cli/table.h"
#include "actors/rules/ruleset.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

#define TRIED "tried" // the rule's name while it has none

enum {
    SERIES_SHOWN = 20, // those with the most alerts
    DAYS_SHOWN = 31,   // the newest
    // So many in a minute of event time are told to be a flood: nobody reads them.
    FLOOD_A_MINUTE = 100,
    FOUND_FIRST = 1024,
};
#define MINUTE_US INT64_C(60000000)
#define DAY_US (1440 * MINUTE_US)

typedef struct {
    char *name;
    uint64_t alerts;
    int64_t first_us, last_us;
} series_count_t;

typedef struct {
    int64_t since_us;
    size_t count, capacity, corrections, silences;
    int64_t *found; // event times of alerts, in the order of rows
    size_t series_count, series_capacity;
    series_count_t *series; // several entries for one, until they are merged
    bool failed;            // no memory
} tries_t;

static void s_clear(tries_t *self)
{
    for (size_t i = 0; i < self->series_count; i++)
        free(self->series[i].name);
    free(self->series);
    free(self->found);
}

// ---- counting -----------------------------------------------------------------------------------

static bool s_grow(void **array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t more = *capacity ? *capacity * 2 : FOUND_FIRST;
    void *grown = realloc(*array, more * size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = more;
    return true;
}

static void s_join(series_count_t *to, const series_count_t *more)
{
    to->alerts += more->alerts;
    to->first_us = more->first_us < to->first_us ? more->first_us : to->first_us;
    to->last_us = more->last_us > to->last_us ? more->last_us : to->last_us;
}

static int s_by_name(const void *left, const void *right)
{
    const series_count_t *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static void s_merge(tries_t *self)
{
    size_t merged = 0;
    qsort(self->series, self->series_count, sizeof *self->series, s_by_name);
    for (size_t i = 1; i < self->series_count; i++) {
        series_count_t *last = &self->series[merged], *next = &self->series[i];
        if (strcmp(last->name, next->name) != 0) {
            self->series[++merged] = *next;
            continue;
        }
        s_join(last, next);
        free(next->name);
    }
    self->series_count = merged + 1;
}

// Alerts come in runs of one series.
static series_count_t *s_series(tries_t *self, slice_t name)
{
    if (self->series_count > 0 && slice_is(name, self->series[self->series_count - 1].name))
        return &self->series[self->series_count - 1];
    // Not an entry for each change of series: they are merged, until most of them differ.
    if (self->series_count == self->series_capacity) {
        if (self->series_count > 0)
            s_merge(self);
        if (self->series_count >= self->series_capacity / 2 &&
            !s_grow((void **) &self->series, self->series_capacity, &self->series_capacity,
                    sizeof *self->series))
            return NULL;
    }
    series_count_t *series = &self->series[self->series_count];
    *series = (series_count_t){ .name = strndup((const char *) name.data, name.size),
                                .first_us = INT64_MAX,
                                .last_us = INT64_MIN };
    self->series_count += series->name != NULL;
    return series->name ? series : NULL;
}

static void s_take(void *context, unsigned partition, const alert_t *alert)
{
    (void) partition;
    tries_t *self = context;
    if (alert->ts_us < self->since_us)
        return;
    if (alert_is_of_silence(alert)) {
        self->silences += strcmp(alert->kind, "nodata") == 0;
        return;
    }
    if (strcmp(alert->kind, "correction") == 0) {
        self->corrections++;
        return;
    }
    series_count_t *series = s_series(self, alert->series);
    if (!series ||
        !s_grow((void **) &self->found, self->count, &self->capacity, sizeof *self->found)) {
        self->failed = true;
        return;
    }
    const series_count_t one = { NULL, 1, alert->ts_us, alert->ts_us };
    s_join(series, &one);
    self->found[self->count++] = alert->ts_us;
}

// ---- printing -----------------------------------------------------------------------------------

enum { TIME_TEXT = 32 };

static void s_time(int64_t us, char text[TIME_TEXT])
{
    time_t seconds = us / 1000000 - (us % 1000000 < 0);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(text, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static int s_by_time(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static int s_by_alerts(const void *left, const void *right)
{
    const series_count_t *a = left, *b = right;
    if (a->alerts != b->alerts)
        return a->alerts > b->alerts ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int64_t s_floor(int64_t us, int64_t step)
{
    return us / step - (us % step < 0);
}

static void s_print_series(const tries_t *self, buffer_t *out)
{
    table_t table = { .columns = 4 };
    table_cell(&table, "SERIES");
    table_cell(&table, "ALERTS");
    table_cell(&table, "FIRST");
    table_cell(&table, "LAST");
    for (size_t i = 0; i < self->series_count && i < SERIES_SHOWN; i++) {
        char text[TIME_TEXT];
        table_cell(&table, self->series[i].name);
        snprintf(text, sizeof text, "%" PRIu64, self->series[i].alerts);
        table_cell(&table, text);
        s_time(self->series[i].first_us, text);
        table_cell(&table, text);
        s_time(self->series[i].last_us, text);
        table_cell(&table, text);
    }
    table_print(&table, out);
    table_destroy(&table);
    if (self->series_count > SERIES_SHOWN)
        buffer_printf(out, "... and %zu series more\n", self->series_count - SERIES_SHOWN);
}

// The days that had any, the newest ones; alerts are in order of time.
static void s_print_days(const tries_t *self, buffer_t *out)
{
    table_t table = { .columns = 2 };
    table_cell(&table, "DAY");
    table_cell(&table, "ALERTS");
    size_t from = self->count, days = 0;
    while (from > 0 && days < DAYS_SHOWN) {
        int64_t day = s_floor(self->found[from - 1], DAY_US);
        while (from > 0 && s_floor(self->found[from - 1], DAY_US) == day)
            from--;
        days++;
    }
    for (size_t i = from; i < self->count;) {
        int64_t day = s_floor(self->found[i], DAY_US);
        size_t end = i;
        while (end < self->count && s_floor(self->found[end], DAY_US) == day)
            end++;
        char text[TIME_TEXT];
        s_time(day * DAY_US, text);
        text[10] = '\0'; // the date alone
        table_cell(&table, text);
        snprintf(text, sizeof text, "%zu", end - i);
        table_cell(&table, text);
        i = end;
    }
    table_print(&table, out);
    table_destroy(&table);
}

// How many came in the minute with the most.
static size_t s_busiest(const tries_t *self, int64_t *minute_us)
{
    size_t most = 0;
    for (size_t i = 0; i < self->count;) {
        int64_t minute = s_floor(self->found[i], MINUTE_US);
        size_t end = i;
        while (end < self->count && s_floor(self->found[end], MINUTE_US) == minute)
            end++;
        if (end - i > most) {
            most = end - i;
            *minute_us = minute * MINUTE_US;
        }
        i = end;
    }
    return most;
}

static void s_print(tries_t *self, const rerun_count_t *count, buffer_t *out)
{
    char time[TIME_TEXT];
    if (self->series_count > 0)
        s_merge(self);
    buffer_printf(out, "%zu alerts on %zu of %zu series", self->count, self->series_count,
                  count->series);
    if (self->since_us > INT64_MIN) {
        s_time(self->since_us, time);
        buffer_printf(out, " since %s", time);
    }
    buffer_printf(out, ", from %" PRIu64 " rows", count->rows);
    if (self->corrections > 0)
        buffer_printf(out, "; %zu taken back", self->corrections);
    buffer_printf(out, "\n");
    if (self->silences > 0)
        buffer_printf(out, "%zu times no row came for too long (nodata)\n", self->silences);
    if (count->fold.suppressed > 0)
        buffer_printf(out, "%" PRIu64 " more were held back (alerts_max)\n",
                      count->fold.suppressed);
    if (count->fold.warming > 0)
        buffer_printf(out,
                      "%" PRIu64 " rows were not judged: windows were not full yet (min_rows)\n",
                      count->fold.warming);
    if (self->count == 0)
        return;
    qsort(self->found, self->count, sizeof *self->found, s_by_time);
    qsort(self->series, self->series_count, sizeof *self->series, s_by_alerts);
    int64_t minute_us = 0;
    size_t busiest = s_busiest(self, &minute_us);
    s_time(minute_us, time);
    buffer_printf(out, "most in a minute: %zu, at %s%s\n\n", busiest, time,
                  busiest >= FLOOD_A_MINUTE ? " -- a flood: nobody reads so many" : "");
    s_print_series(self, out);
    buffer_text(out, "\n");
    s_print_days(self, out);
}

// ---- the word -----------------------------------------------------------------------------------

bool rule_try_since(const char *text, int64_t *since_us)
{
    int64_t ago_us;
    if (cli_time(text, since_us))
        return true;
    if (!settings_duration(text, &ago_us))
        return false;
    *since_us = life_wall_us() - ago_us;
    return true;
}

// The fields as `rule add` would write them; a configuration with one table need not name it.
static bool s_read(const settings_t *settings, int count, char **words, store_rule_t *rule)
{
    bool short_form = count % 2 == 1;
    rule->name = TRIED;
    if (count < 1 || count / 2 > STORE_FIELDS_MAX - 2)
        return false;
    if (short_form)
        rule->fields[rule->count++] = (store_field_t){ "when", words[0] };
    bool has_table = false;
    for (int i = short_form; i + 1 < count; i += 2) {
        has_table |= strcmp(words[i], "on") == 0;
        rule->fields[rule->count++] = (store_field_t){ words[i], words[i + 1] };
    }
    for (size_t i = 1; !has_table && i < settings->source_count; i++)
        if (strcmp(settings->sources[i].table, settings->sources[0].table) != 0)
            return false;
    if (!has_table && settings->source_count > 0)
        rule->fields[rule->count++] = (store_field_t){ "on", settings->sources[0].table };
    return true;
}

static void s_leave_alone(plan_t *plan)
{
    for (size_t i = plan_count(plan); i-- > 0;) {
        plan_entry_t entry = plan_at(plan, i);
        if (entry.kind == PLAN_RULE && !slice_is(entry.name, TRIED))
            plan_remove(plan, entry.kind, entry.name);
    }
}

int rule_try(const settings_t *settings, const char *dir, int64_t since_us, int count, char **words)
{
    store_rule_t rule = { .count = 0 };
    if (!s_read(settings, count, words, &rule))
        return cli_misuse("rule",
                          "try takes CONDITION, with several tables also `on TABLE`, and other "
                          "pairs of FIELD VALUE",
                          NULL);
    int status;
    owned(plan_destroy) plan_t *plan = rule_plan(settings, NULL, TRIED, &rule, &status);
    if (!plan || status != EXIT_OK)
        return status;
    s_leave_alone(plan);
    fault_t fault = { 0 };
    owned(s_clear) tries_t tries = { .since_us = since_us };
    const rerun_t asked = { .settings = settings,
                            .dir = dir,
                            .alert = s_take,
                            .context = &tries,
                            .progress = isatty(STDERR_FILENO) };
    owned(ruleset_destroy) ruleset_t *rules = ruleset_new(plan, NULL, NULL);
    rerun_count_t counted;
    bool good = rules && rerun(&asked, rules, &counted, &fault);
    owned(buffer_destroy) buffer_t out = { 0 };
    if (good && !tries.failed)
        s_print(&tries, &counted, &out);
    if (!rules || tries.failed || out.failed)
        good = fault_set(&fault, "out of memory");
    if (!good) {
        fprintf(stderr, "tidewire rule: %s\n", fault.text);
        return EXIT_FAILED;
    }
    fputs(buffer_string(&out), stdout);
    if (counted.unreadable > 0)
        fprintf(stderr, "tidewire rule: files that could not be read: %" PRIu64 "\n",
                counted.unreadable);
    return counted.unreadable == 0 ? EXIT_OK : EXIT_FAILED;
}
