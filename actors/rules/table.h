/*  table -- one table of a ruleset while it is being compiled: what is shared, and found again.
 *
 *  Pure. Windows, arguments and aggregates that are equal are one, whichever rule asks first. A
 *  rule that turns out bad takes back what it added (mark, return).
 */
#pragma once
#include "actors/rules/expr.h"
#include "actors/rules/parse_memo.h"
#include "proto/arena.h"

enum { TABLE_ITEMS_MAX = 16384 }; // windows, arguments or aggregates of one table

typedef enum { DERIVED_NEW, DERIVED_BUSY, DERIVED_GOOD, DERIVED_BAD } derived_state_t;

typedef struct {
    const char *name;
    slice_t text; // SQL
    derived_state_t state;
    const expr_t *expr; // if good
    fault_t fault;      // if bad
} derived_text_t;

typedef struct {
    arena_t *arena;
    table_plan_t plan;    // its arrays grow here
    size_t derived_count; // all of them; plan.derived lists the good ones
    derived_text_t *derived;
    parse_memo_t *memo; // not owned; NULL: none
} table_t;

typedef struct {
    size_t windows, arguments, aggregates;
} table_mark_t;

table_mark_t table_mark(const table_t *self);
void table_return(table_t *self, table_mark_t mark);

// Indexes, found or added. -1: out of memory or more than TABLE_ITEMS_MAX.
int table_window(table_t *self, const window_spec_t *window);
int table_argument(table_t *self, const argument_t *argument);
int table_aggregate(table_t *self, const aggregate_t *aggregate);

// Name to index; -1: none.
int table_find_column(const table_plan_t *self, slice_t name);
int table_find_key(const table_plan_t *self, slice_t name);
derived_text_t *table_find_derived(const table_t *self, slice_t name); // or NULL
