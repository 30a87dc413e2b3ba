/*  evaluate -- a typed tree over one row: exact where it has to be.
 *
 *  Pure. A verdict is first computed in doubles with a rigorous error bound; only when that
 *  cannot decide (ties and near-ties) it is computed again in exact rationals. So a tie in
 *  exact arithmetic is a tie, and the common row costs a few floating-point operations.
 *  ln, exp and power are correctly rounded to double on the exact path, whatever the host.
 */
#pragma once
#include <gmp.h>

#include "actors/rules/ruleset.h"

typedef enum { TRUTH_FALSE, TRUTH_TRUE, TRUTH_NULL } truth_t;

typedef enum {
    APPROXIMATE_VALUE, // |true value - value| <= error
    APPROXIMATE_NULL,
    APPROXIMATE_UNSURE, // only the exact path can tell
} approximate_t;

// How evaluation reads the values of aggregates for the row being judged.
typedef struct {
    // A double near the exact value and a bound on its absolute error; UNSURE if none is near.
    approximate_t (*approximate)(void *window_state, unsigned aggregate, double *value,
                                 double *error);
    // The exact value; for stddev, var and corr as defined in 53 bits. False: NULL.
    bool (*exact)(void *window_state, unsigned aggregate, mpq_t value);
} aggregate_source_t;

typedef struct {
    const decimal_t *columns; // the current row, as in table_plan_t.columns
    int64_t ts_us;
    unsigned key_count;
    const slice_t *key_values;        // decoded text, as in table_plan_t.keys
    const aggregate_source_t *source; // NULL where no aggregate can occur (arguments)
    void *window_state;
} frame_t;

truth_t evaluate_truth(const expr_t *expr, const frame_t *frame);

// Exact value of a numeric expression. False: NULL.
bool evaluate_exact(const expr_t *expr, const frame_t *frame, mpq_t value);

// Fast path for arguments: mantissa * 10^exponent in 128 bits. False: NULL, or *fits is false and
// only evaluate_exact can tell.
bool evaluate_small(const expr_t *expr, const frame_t *frame, __int128 *mantissa, int *exponent,
                    bool *fits);

// For people: plain decimal text, exact if it is a decimal, else 20 significant digits; a double
// (of sqrt, ln, stddev ...) as the shortest text that reads back as it. What is longer than
// EVALUATE_TEXT_MAX, the bytes that text needs, has an exponent. False: NULL.
enum { EVALUATE_TEXT_MAX = 160 };
bool evaluate_print(const expr_t *expr, const frame_t *frame, char *text);
void rational_print(const mpq_t value, char *text); // the same for a rational

// If the condition is one comparison of numbers, neither of them NULL: its right side and left /
// right, which is "" where the right side is 0.
bool evaluate_threshold(const expr_t *expr, const frame_t *frame, char *threshold, char *ratio);
