/*  fate_inside -- between the two files of fate: truth and numbers. */
#pragma once
#include "actors/rules/expr.h"
#include "actors/rules/fate.h"

typedef struct {
    const table_plan_t *table;
    const compiled_rule_t *rule;
    const slice_t *keys; // NULL: unknown
} fate_look_t;

// What a condition can be.
enum { CAN_BE_TRUE = 1, CAN_BE_FALSE = 2, CAN_BE_NULL = 4, CAN_BE_ANY = 7 };

// Numbers that an expression can be; outer bounds. Nothing but NULL if low > high.
typedef struct {
    double low, high;
    bool null; // it can be NULL
} range_t;

unsigned fate_truth(const fate_look_t *look, const expr_t *expr);
range_t fate_range(const fate_look_t *look, const expr_t *expr);

static inline bool range_is_empty(range_t range)
{
    return range.low > range.high;
}
