/*  test_rules_schedule -- see test_rules_schedule.h. */
#include "actors/cli/test_rules_schedule.h"

#include <stdlib.h>

#define TICK_US INT64_C(1000000)

static bool s_has_row(const test_input_t *input, size_t step)
{
    for (size_t c = 0; c < input->column_count; c++) {
        if (!decimal_is_null(input->columns[c].values.values[step]))
            return true;
    }
    return false;
}

static int s_in_order(const void *left, const void *right)
{
    const test_event_t *a = left, *b = right;
    if (a->comes_us != b->comes_us)
        return a->comes_us < b->comes_us ? -1 : 1;
    return a->input != b->input ? (a->input < b->input ? -1 : 1)
                                : (a->step > b->step) - (a->step < b->step);
}

static void s_add_rows(const rule_test_t *test, int32_t number, test_schedule_t *schedule)
{
    const test_input_t *input = &test->inputs[number];
    for (size_t step = 0; step < input->columns[0].values.count; step++) {
        if (!s_has_row(input, step))
            continue;
        int64_t ts_us = test->start_us + (int64_t) step * test->every_us;
        schedule->events[schedule->count++] =
            (test_event_t){ ts_us + input->delay_us, ts_us, number, (uint32_t) step };
    }
}

// The last tick before this moment, if it is one after `last_us`. From the start on: it is 0.
static bool s_tick_before(const rule_test_t *test, int64_t moment_us, int64_t last_us,
                          test_event_t *tick)
{
    int64_t since_us = moment_us - test->start_us;
    int64_t at_us = since_us > 0 ? (since_us - 1) / TICK_US * TICK_US + test->start_us : last_us;
    *tick = (test_event_t){ .comes_us = at_us, .input = TEST_TICK };
    return at_us > last_us;
}

// Rows stand at the end of the list, with room before them for a tick each and one more.
static void s_put_ticks(const rule_test_t *test, test_schedule_t *schedule, size_t first)
{
    int64_t last_us = test->start_us;
    size_t end = schedule->count;
    schedule->count = 0;
    for (size_t i = first; i <= end; i++) {
        int64_t moment_us = i < end ? schedule->events[i].comes_us : test->end_us + 1;
        test_event_t tick;
        if (s_tick_before(test, moment_us, last_us, &tick)) {
            schedule->events[schedule->count++] = tick;
            last_us = tick.comes_us;
        }
        if (i < end)
            schedule->events[schedule->count++] = schedule->events[i];
    }
}

bool test_rules_schedule(const rule_test_t *test, bool ticks, test_schedule_t *schedule)
{
    size_t most = 0;
    for (size_t i = 0; i < test->input_count; i++)
        most += test->inputs[i].columns[0].values.count;
    size_t first = ticks ? most + 1 : 0;
    *schedule = (test_schedule_t){ .events = calloc(first + most + 1, sizeof *schedule->events) };
    if (!schedule->events)
        return false;
    schedule->count = first;
    for (size_t i = 0; i < test->input_count; i++)
        s_add_rows(test, (int32_t) i, schedule);
    qsort(&schedule->events[first], schedule->count - first, sizeof *schedule->events, s_in_order);
    if (ticks)
        s_put_ticks(test, schedule, first);
    return true;
}

void test_schedule_clear(test_schedule_t *self)
{
    free(self->events);
    *self = (test_schedule_t){ 0 };
}
