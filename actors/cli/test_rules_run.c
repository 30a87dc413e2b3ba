/*  test_rules_run -- see test_rules_run.h. */
#include "actors/cli/test_rules_run.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/cli/test_rules_schedule.h"
#include "actors/cli/test_rules_text.h"
#include "actors/transform/fold.h"
#include "proto/owned.h"

enum { ALERTS_TOLD = 10 }; // of those missing, and of those that were not expected

#define STREAM "test" // all series are in one

// By receipt, what the collector hears comes so long after its start: 0 is no time to it.
#define CAME_US INT64_C(1000000)

typedef struct {
    const rule_test_t *test;
    fold_t *fold;
    rows_t *rows;
    buffer_t block;
    partitions_t all;
    uint64_t seq;
    test_schedule_t schedule;
    const test_expect_t **expected; // in order, for searching
    bool *came;                     // each of them
    buffer_t unexpected;            // the first, as text
    test_verdict_t *verdict;
} running_t;

static void s_clear(running_t *self)
{
    test_schedule_clear(&self->schedule);
    free(self->expected);
    free(self->came);
    buffer_destroy(&self->unexpected);
    buffer_destroy(&self->block);
    rows_destroy(&self->rows);
    fold_destroy(&self->fold);
}

// ---- alerts -------------------------------------------------------------------------------------

static int s_by_slices(slice_t a, slice_t b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int s_against(const test_expect_t *expect, int64_t ts_us, slice_t rule, slice_t series,
                     test_kind_t kind)
{
    if (expect->ts_us != ts_us)
        return expect->ts_us < ts_us ? -1 : 1;
    int order = s_by_slices(slice_text(expect->rule.text), rule);
    if (order == 0)
        order = s_by_slices(slice_text(expect->series.text), series);
    return order != 0 ? order : (expect->kind > kind) - (expect->kind < kind);
}

static int s_by_alert(const void *left, const void *right)
{
    const test_expect_t *a = *(const test_expect_t *const *) left;
    const test_expect_t *b = *(const test_expect_t *const *) right;
    int order =
        s_against(a, b->ts_us, slice_text(b->rule.text), slice_text(b->series.text), b->kind);
    return order != 0 ? order : (a > b) - (a < b);
}

// The first expectation that is not before this alert, in order.
static size_t s_find(const running_t *self, const alert_t *alert, test_kind_t kind)
{
    size_t low = 0, high = self->test->expect_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s_against(self->expected[middle], alert->ts_us, alert->rule, alert->series, kind) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool s_is_looked_at(const rule_test_t *test, slice_t rule)
{
    for (size_t i = 0; i < test->only_count; i++) {
        if (slice_is(rule, test->only[i].text))
            return true;
    }
    return test->only_count == 0;
}

// An alert that is expected twice has to come twice.
static void s_take_alert(void *context, unsigned partition, const alert_t *alert)
{
    (void) partition;
    running_t *self = context;
    test_kind_t kind;
    bool known = test_rules_read_kind(alert->kind, &kind);
    assert(known);
    if (!known || !self->test->looked_at[kind] || !s_is_looked_at(self->test, alert->rule))
        return;
    for (size_t i = s_find(self, alert, kind); i < self->test->expect_count; i++) {
        if (s_against(self->expected[i], alert->ts_us, alert->rule, alert->series, kind))
            break;
        if (!self->came[i]) {
            self->came[i] = true;
            self->verdict->missing--;
            return;
        }
    }
    if (self->verdict->unexpected++ < ALERTS_TOLD)
        test_rules_put_alert(self->test, alert, &self->unexpected);
}

// ---- rows and ticks -----------------------------------------------------------------------------

static int64_t s_receipt(const running_t *self, const test_event_t *event)
{
    return event->comes_us - self->test->start_us + CAME_US;
}

// As a record of its own, as if the feed had sent it alone.
static bool s_fold_row(running_t *self, const test_event_t *event)
{
    const test_input_t *input = &self->test->inputs[event->input];
    const char *columns[ROWS_COLUMNS_MAX];
    decimal_t values[ROWS_COLUMNS_MAX];
    for (size_t c = 0; c < input->column_count; c++) {
        columns[c] = input->columns[c].name.text;
        values[c] = input->columns[c].values.values[event->step];
    }
    const rows_head_t head = { .seq = ++self->seq,
                               .recv_us = s_receipt(self, event),
                               .source = slice_text(input->source->name),
                               .table = slice_text(input->source->table),
                               .column_count = (unsigned) input->column_count,
                               .columns = columns,
                               .ordinal = input->source->identity_none };
    rows_begin(self->rows, &head);
    int series = rows_series(self->rows, slice_text(input->series.text));
    buffer_clear(&self->block);
    rows_view_t view;
    fault_t fault;
    return series >= 0 && rows_add(self->rows, series, event->ts_us, values, slice_text(""), 0) &&
           rows_encode(self->rows, &self->all, &self->block) &&
           rows_decode(&view, buffer_slice(&self->block), &fault) &&
           fold_rows(self->fold, slice_text(STREAM), &view, &self->all, 0);
}

static bool s_fold_event(running_t *self, const test_event_t *event)
{
    if (event->input != TEST_TICK)
        return s_fold_row(self, event);
    const fold_tick_t tick = { ++self->seq, s_receipt(self, event), CAME_US };
    return fold_tick(self->fold, slice_text(STREAM), &self->all, &tick, 0);
}

// ---- the test -----------------------------------------------------------------------------------

// Does a rule miss rows? Else nothing is said at ticks.
static bool s_misses_rows(const ruleset_t *rules)
{
    const table_plan_t *table;
    for (size_t i = 0; (table = ruleset_at(rules, i)); i++) {
        if (table->nodata_us > 0)
            return true;
    }
    return false;
}

static bool s_begin(running_t *self, ruleset_t *rules)
{
    size_t count = self->test->expect_count;
    self->fold = fold_new(s_take_alert, self);
    self->rows = rows_new();
    self->expected = calloc(count + 1, sizeof *self->expected);
    self->came = calloc(count + 1, sizeof *self->came);
    if (!self->fold || !self->rows || !self->expected || !self->came ||
        !test_rules_schedule(self->test, s_misses_rows(rules), &self->schedule))
        return false;
    for (size_t i = 0; i < count; i++)
        self->expected[i] = &self->test->expect[i];
    qsort(self->expected, count, sizeof *self->expected, s_by_alert);
    self->verdict->missing = count;
    memset(&self->all, 0xff, sizeof self->all);
    for (unsigned p = 0; p < PARTITIONS; p++)
        fold_own(self->fold, p);
    return fold_plan(self->fold, slice_text(STREAM), &self->all, rules, 1, 0);
}

static void s_tell_missing(const running_t *self, buffer_t *out)
{
    size_t told = 0;
    buffer_text(out, "  expected, but did not come:\n");
    for (size_t i = 0; i < self->test->expect_count && told < ALERTS_TOLD; i++) {
        if (self->came[i])
            continue;
        test_rules_put_expected(self->test, self->expected[i], out);
        told++;
    }
    if (self->verdict->missing > told)
        buffer_printf(out, "    # and %zu more\n", self->verdict->missing - told);
    fold_count_t count = fold_count(self->fold);
    if (count.late > 0)
        buffer_printf(out, "    # rows that came too late: %" PRIu64 "\n", count.late);
}

static void s_tell_unexpected(const running_t *self, buffer_t *out)
{
    buffer_text(out, "  came, but was not expected:\n");
    buffer_append(out, self->unexpected.data, self->unexpected.size);
    out->failed |= self->unexpected.failed;
    if (self->verdict->unexpected > ALERTS_TOLD)
        buffer_printf(out, "    # and %zu more\n", self->verdict->unexpected - ALERTS_TOLD);
}

bool test_rules_run(const rule_test_t *test, ruleset_t *rules, test_verdict_t *verdict,
                    buffer_t *out)
{
    *verdict = (test_verdict_t){ 0 };
    owned(s_clear) running_t self = { .test = test, .verdict = verdict };
    if (!s_begin(&self, rules))
        return false;
    for (size_t i = 0; i < self.schedule.count; i++) {
        if (!s_fold_event(&self, &self.schedule.events[i]))
            return false;
    }
    if (verdict->missing > 0)
        s_tell_missing(&self, out);
    if (verdict->unexpected > 0)
        s_tell_unexpected(&self, out);
    return !out->failed;
}
