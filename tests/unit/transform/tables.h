/*  tables -- a table's plan by hand, without a rule language: every aggregate over some windows. */
#pragma once
#include <stdio.h>
#include <string.h>

#include "actors/transform/layout.h"

enum { TABLE_WINDOWS = 5, TABLE_KINDS = AGGREGATE_EMA + 1 };

typedef struct {
    table_plan_t plan;
    window_spec_t windows[TABLE_WINDOWS];
    argument_t arguments[2];
    aggregate_t aggregates[TABLE_WINDOWS * TABLE_KINDS * 2];
} table_t;

static inline void table_init(table_t *self)
{
    static const char *const columns[] = { "a", "b" };
    static const window_spec_t windows[TABLE_WINDOWS] = {
        { .span_us = 10, .name = "last_10us" },
        { .span_us = 300, .name = "last_300us" },
        { .by_rows = true, .rows = 1, .name = "rows_1" },
        { .by_rows = true, .rows = 7, .name = "rows_7" },
        { .by_rows = true, .rows = 50, .name = "rows_50" },
    };
    memset(self, 0, sizeof *self);
    memcpy(self->windows, windows, sizeof windows);
    self->arguments[1].column = 1;
    size_t count = 0;
    for (uint16_t w = 0; w < TABLE_WINDOWS; w++) {
        for (int kind = 0; kind < TABLE_KINDS; kind++) {
            if ((kind == AGGREGATE_LAG || kind == AGGREGATE_EMA) && !windows[w].by_rows)
                continue;
            bool pair = kind == AGGREGATE_CORR || kind == AGGREGATE_REGR_SLOPE;
            self->aggregates[count++] = (aggregate_t){
                .kind = (aggregate_kind_t) kind,
                .window = w,
                .argument = kind == AGGREGATE_COUNT_ROWS ? -1 : 0,
                .argument2 = pair ? 1 : -1,
                .offset = kind == AGGREGATE_LAG ? windows[w].rows : 0,
            };
        }
        // An argument of which only the sum is kept takes the short way.
        self->aggregates[count++] =
            (aggregate_t){ .kind = AGGREGATE_SUM, .window = w, .argument = 1, .argument2 = -1 };
    }
    self->plan = (table_plan_t){ .name = "t",
                                 .column_count = 2,
                                 .columns = columns,
                                 .window_count = TABLE_WINDOWS,
                                 .windows = self->windows,
                                 .argument_count = 2,
                                 .arguments = self->arguments,
                                 .aggregate_count = count,
                                 .aggregates = self->aggregates,
                                 .keep_us = 300,
                                 .keep_rows = 50 };
}
