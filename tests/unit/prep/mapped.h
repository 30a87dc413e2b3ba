/*  mapped -- for tests of prep: map a payload with a source's settings and look at the rows. */
#pragma once
#include "actors/prep/mapping.h"
#include "proto/owned.h"
#include "tests/unit/prep/cmocka_first.h"

enum { MAPPED_REASONS_MAX = 8 };

#define MAPPED_RECV_US INT64_C(1700000000000000) // 2023-11-14T22:13:20Z

typedef struct {
    mapping_t *mapping;
    rows_t *rows;
    buffer_t block;
    rows_view_t view; // of block, with every partition; only if count.rows > 0
    mapping_count_t count;
    unsigned refused;
    uint32_t refused_rows[MAPPED_REASONS_MAX];
    char reasons[MAPPED_REASONS_MAX][MAPPING_REASON_MAX];
    char snippets[MAPPED_REASONS_MAX][MAPPING_SNIPPET_MAX + 1];
    void (*hear)(const char *reason); // of every refusal; NULL = nobody asks
} mapped_t;

static inline void mapped_refused(void *context, const quarantine_t *quarantine)
{
    mapped_t *self = context;
    assert_true(strlen(quarantine->reason) > 0);
    assert_true(strlen(quarantine->reason) < MAPPING_REASON_MAX);
    assert_true(quarantine->snippet.size <= MAPPING_SNIPPET_MAX);
    if (self->hear)
        self->hear(quarantine->reason);
    unsigned at = self->refused++;
    if (at >= MAPPED_REASONS_MAX)
        return;
    self->refused_rows[at] = quarantine->row;
    snprintf(self->reasons[at], sizeof self->reasons[at], "%s", quarantine->reason);
    snprintf(self->snippets[at], sizeof self->snippets[at], "%.*s", (int) quarantine->snippet.size,
             (const char *) quarantine->snippet.data);
}

// A mapping of these settings, which must be good.
static inline void mapped_open(mapped_t *self, const source_t *source)
{
    buffer_t body = { 0 };
    fault_t fault = { 0 };
    *self = (mapped_t){ .rows = rows_new() };
    assert_non_null(self->rows);
    assert_true(mapping_define(source, &body));
    self->mapping = mapping_new(buffer_slice(&body), &fault);
    if (!self->mapping)
        fail_msg("%s", fault.text);
    buffer_destroy(&body);
}

static inline void mapped_close(mapped_t *self)
{
    mapping_destroy(&self->mapping);
    rows_destroy(&self->rows);
    buffer_destroy(&self->block);
}

// Map one record; afterwards view, count and reasons tell what became of it.
static inline void mapped_apply(mapped_t *self, slice_t payload)
{
    rows_head_t head = { .seq = 1, .recv_us = MAPPED_RECV_US, .source = slice_text("test") };
    partitions_t all;
    memset(all.bits, 0xff, sizeof all.bits);
    self->refused = 0;
    assert_true(mapping_apply(self->mapping, &head, payload, self->rows, mapped_refused, self,
                              &self->count));
    assert_int_equal(self->count.quarantined, self->refused);
    assert_int_equal(self->count.rows, rows_count(self->rows));
    buffer_clear(&self->block);
    assert_int_equal(rows_encode(self->rows, &all, &self->block), self->count.rows > 0);
    fault_t fault = { 0 };
    self->view = (rows_view_t){ 0 };
    if (self->count.rows && !rows_decode(&self->view, buffer_slice(&self->block), &fault))
        fail_msg("%s", fault.text);
}

// All rows as text: "series ts values... [identity in hex] #row" a line, in block order.
static inline const char *mapped_text(mapped_t *self, buffer_t *out)
{
    buffer_clear(out);
    slice_t rest = self->view.runs;
    rows_run_t run = { 0 };
    while (self->count.rows && rows_run_next(&rest, &run)) {
        for (uint32_t i = run.first; i < run.first + run.count; i++) {
            buffer_append(out, run.series.data, run.series.size);
            buffer_printf(out, " %lld", (long long) rows_ts(&self->view, i));
            for (unsigned c = 0; c < self->view.column_count; c++) {
                char text[DECIMAL_TEXT_MAX];
                decimal_print(rows_value(&self->view, c, i), text);
                buffer_printf(out, " %s", text);
            }
            slice_t identity = rows_identity(&self->view, i);
            for (size_t b = 0; b < identity.size; b++)
                buffer_printf(out, "%s%02x", b ? "" : " ", identity.data[b]);
            buffer_printf(out, " #%u\n", rows_load_u32(self->view.row, i));
        }
    }
    return buffer_string(out);
}

// Everything that became of the record: its rows, then "! place: reason | snippet" a refusal.
static inline const char *mapped_outcome(mapped_t *self, buffer_t *out)
{
    mapped_text(self, out);
    for (unsigned i = 0; i < self->refused && i < MAPPED_REASONS_MAX; i++) {
        if (self->refused_rows[i] == UINT32_MAX)
            buffer_text(out, "! record");
        else
            buffer_printf(out, "! %u", self->refused_rows[i]);
        buffer_printf(out, ": %s | %s\n", self->reasons[i], self->snippets[i]);
    }
    return buffer_string(out);
}

// The pairs of a static array.
#define MAPPED_PAIRS(array)                                                                        \
    {                                                                                              \
        .count = sizeof(array) / sizeof((array)[0]), .items = (array)                              \
    }
