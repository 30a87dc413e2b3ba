/*  layout -- what a table's plan asks of the memory of each of its series.
 *
 *  Pure. Aggregates over the same window and arguments share one slot of sums. One layout serves
 *  all series of a table under one plan.
 *
 *  A window by time that holds too many rows of a series sees cells instead (cells.h). What a cell
 *  keeps of an argument is a trace: one or more columns, each with a way to merge two.
 */
#pragma once
#include "actors/transform/docket.h"

enum {
    SLOT_SQUARES = 1, // sum of squares
    SLOT_MIN = 2,
    SLOT_MAX = 4,
    SLOT_PAIR = 8,    // sums of both arguments, their squares and products
    SLOT_COURSE = 16, // first and last number
    SLOT_AREA = 32,   // and the area under them all
    SLOT_RANKS = 64,  // the numbers in two halves
};
enum { LAYOUT_NO_SLOT = UINT16_MAX, LAYOUT_NO_TRACE = UINT16_MAX };

typedef enum {
    TRACE_SUM,     // count, sum; every other trace but a pair's comes with this one
    TRACE_SQUARES, // sum of squares
    TRACE_LEAST,
    TRACE_MOST,
    TRACE_FIRST,
    TRACE_LAST,
    TRACE_PAIR,   // count, sums, sums of squares, sum of products
    TRACE_NEWEST, // the last number
} trace_kind_t;

typedef enum {
    CELL_ADD,
    CELL_LEAST,
    CELL_MOST,
    CELL_FIRST,
    CELL_LAST,
    CELL_NEWEST, // the last that is not NULL
} cell_merge_t;

enum { CELL_WEIGHT = 0 }; // column of every cell: its rows

typedef struct {
    trace_kind_t kind;
    int16_t argument, argument2;
    uint16_t column; // its first one
} trace_layout_t;

typedef struct {
    uint16_t window;
    int16_t argument, argument2; // argument2 is -1 unless SLOT_PAIR
    uint8_t needs;
} slot_layout_t;

typedef struct {
    uint8_t bytes[32];
} layout_digest_t;

typedef struct {
    const table_plan_t *plan;
    docket_t *docket;       // its rules
    uint32_t open_rows_max; // of a series: with more, those of the oldest time close early
    size_t slot_count;
    slot_layout_t *slots;     // in order of window
    uint16_t *first_slot;     // of each window; one more entry ends the last
    uint16_t *slot_of;        // of each aggregate, or LAYOUT_NO_SLOT (count(*))
    layout_digest_t *digests; // of arguments that are expressions
    size_t trace_count;
    trace_layout_t *traces;
    uint16_t *trace_of; // of each aggregate over time, or LAYOUT_NO_TRACE (count(*))
    uint8_t *cell_bits; // of each window by time: its cells are 2^this microseconds wide
    uint16_t cell_column_count;
    cell_merge_t *cell_merges; // of each column of a cell
} layout_t;

// Borrows the plan. NULL: out of memory.
layout_t *layout_new(const table_plan_t *plan, uint32_t open_rows_max);
void layout_destroy(layout_t **self_p);

// The argument of `self` that is the same value as argument `index` of `other`, or -1.
int layout_argument(const layout_t *self, const layout_t *other, size_t index);
// Does an aggregate of this plan mean what one of another does?
bool layout_same_aggregate(const layout_t *self, size_t aggregate, const layout_t *other,
                           size_t theirs);
int layout_column(const layout_t *self, const char *name);                              // or -1
int layout_trace(const layout_t *self, trace_kind_t kind, int argument, int argument2); // or -1
int layout_rule(const layout_t *self, const char *name);                                // or -1

// For layout*.c only: lay out traces. False: out of memory.
bool layout_lay_traces(layout_t *self);
