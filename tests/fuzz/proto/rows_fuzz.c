/*  rows_fuzz -- any bytes as a block; what is taken can be read everywhere, and built again. */
#include <assert.h>
#include <stdlib.h>

#include "proto/rows.h"

static void build_again(const rows_view_t *view)
{
    const char *names[ROWS_COLUMNS_MAX];
    for (unsigned i = 0; i < view->column_count; i++)
        names[i] = "c";
    const rows_head_t head = { .source = view->source,
                               .table = view->table,
                               .column_count = view->column_count,
                               .columns = names };
    rows_t *rows = rows_new();
    rows_begin(rows, &head);
    slice_t rest = view->runs;
    rows_run_t run = { 0 };
    while (rows_run_next(&rest, &run)) {
        int series = rows_series(rows, run.series);
        assert(series >= 0);
        for (uint32_t i = run.first; i < run.first + run.count; i++) {
            decimal_t values[ROWS_COLUMNS_MAX];
            for (unsigned c = 0; c < view->column_count; c++)
                values[c] = rows_value(view, c, i);
            assert(rows_add(rows, series, rows_ts(view, i), values, rows_identity(view, i),
                            rows_load_u32(view->row, i)));
        }
    }
    assert(rows_count(rows) == view->row_count);
    partitions_t all;
    memset(all.bits, 0xff, sizeof all.bits);
    buffer_t out = { 0 };
    rows_view_t again;
    fault_t fault;
    assert(rows_encode(rows, &all, &out));
    assert(rows_decode(&again, buffer_slice(&out), &fault));
    assert(again.row_count == view->row_count);
    buffer_destroy(&out);
    rows_destroy(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rows_view_t view;
    fault_t fault;
    if (rows_decode(&view, slice_of(data, size), &fault))
        build_again(&view);
    return 0;
}
