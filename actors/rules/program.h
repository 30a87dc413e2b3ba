/*  program -- a condition as a list of steps over values that are taken once a row.
 *
 *  Pure. For conditions under AND whose comparisons are of + - * / abs over columns, aggregates and
 *  numbers: what most rules are. It says that the condition is true, or that it is not, or that
 *  doubles cannot tell; then evaluate_truth has to.
 */
#pragma once
#include "actors/rules/estimate.h"
#include "actors/rules/expr.h"
#include "proto/arena.h"

typedef struct program program_t;

// NULL: the condition is not of that kind, or the arena failed.
const program_t *program_new(const table_plan_t *plan, const expr_t *when, arena_t *arena);

// Columns, then aggregates, of one table at one row: each is taken when it is asked for first.
typedef struct {
    uint64_t row; // in `estimate`, if it is the one of `leaves_t`
    approximate_t known;
    estimate_t estimate;
} leaf_t;

typedef struct {
    uint64_t row;
    size_t capacity;
    leaf_t *leaves;
} leaves_t;

bool leaves_begin(leaves_t *self, const table_plan_t *plan); // another row; false: out of memory
void leaves_close(leaves_t *self);

typedef enum { PROGRAM_TRUE, PROGRAM_NOT_TRUE, PROGRAM_UNSURE } program_truth_t;
program_truth_t program_run(const program_t *self, const frame_t *frame, leaves_t *leaves);
