/*  fate -- what can be said of a condition before any row comes: it never holds, or always. Pure.
 *
 *  Every number has a range: of literals their value, of what is counted at least what the guards
 *  of the rule ask for, of an hour 0 to 23. A comparison of ranges that do not meet has one
 *  answer, and so on up the tree. What it says is so for all rows; of most conditions it says
 *  nothing.
 *
 *  `volume = NULL`, `count(*) OVER last_1h < 5` with the default min_rows of 10, and `close > 10
 *  AND close < 5` never hold.
 */
#pragma once
#include "actors/rules/ruleset.h"

typedef enum {
    FATE_OPEN,   // it depends on the rows, or on more than is looked at here
    FATE_NEVER,  // it is false or NULL for every row
    FATE_ALWAYS, // it is true for every row that has the columns
} fate_t;

// Of a rule of the table, for the series with these keys, in the order of the table. A key without
// text (NULL) may be anything; so may all if `keys` is NULL.
fate_t fate_of(const table_plan_t *table, const compiled_rule_t *rule, const slice_t *keys);
