/*  judge -- between the files of evaluation. See evaluate.h for what it promises. */
#pragma once
#include "actors/rules/estimate.h"
#include "actors/rules/expr.h"

approximate_t judge_approximate(const expr_t *expr, const frame_t *frame, estimate_t *estimate);
bool judge_exact(const expr_t *expr, const frame_t *frame, mpq_t value); // false: NULL
truth_t judge_compare(const expr_t *a, const expr_t *b, compare_t compare, const frame_t *frame);
bool judge_text(const expr_t *expr, const frame_t *frame, slice_t *text); // false: NULL

// Which operand a CASE, or a coalesce of text or truth, comes down to; NULL: none.
const expr_t *judge_branch(const expr_t *expr, const frame_t *frame);

bool like_matches(slice_t text, slice_t pattern); // %, _ (one character) and backslash

// extract(field FROM a time in UTC) = *numerator / *denominator.
void calendar_field(int64_t us, field_t field, int64_t *numerator, int64_t *denominator);
