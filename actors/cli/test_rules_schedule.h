/*  test_rules_schedule -- what comes when in a test of rules: its rows, and the ticks of a
 *  collector that is there from its start to its end. Pure.
 *
 *  A collector ticks each second. Of the ticks between two rows only the last can say anything that
 *  none after it says, so only that one is here; rows of its own moment come before it.
 */
#pragma once
#include "actors/cli/test_rules_file.h"

enum { TEST_TICK = -1 }; // in place of an input

typedef struct {
    int64_t comes_us;
    int64_t ts_us; // of a row
    int32_t input; // or TEST_TICK
    uint32_t step; // of the row in its input
} test_event_t;

typedef struct {
    size_t count;
    test_event_t *events; // in order
} test_schedule_t;

// False: no memory. Without `ticks` it is rows alone.
bool test_rules_schedule(const rule_test_t *test, bool ticks, test_schedule_t *schedule);
void test_schedule_clear(test_schedule_t *self);
