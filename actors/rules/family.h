/*  family -- what conditions have in common: keys that they ask for, and all but one number.
 *
 *  Pure. A condition may ask for keys: conjuncts `key = 'text'` or `key IN (...)`. Where one of
 *  them does not hold the condition is not true, whatever the row.
 *
 *  A family is conditions that are equal but for one number, the step: in one conjunct that is an
 *  order comparison (< <= > >=), where each side is a * step + b with a and b that the step is not
 *  in. For any row, then, whether the condition is true changes at most once along the steps in
 *  order, in either direction: with a > 0, a < 0, a = 0 or NULL.
 */
#pragma once
#include "actors/rules/expr.h"
#include "proto/series.h"

enum { FAMILY_TEXTS_MAX = 64 }; // of one IN

// A key has to be one of these texts.
typedef struct {
    size_t key; // of the table's keys
    size_t count;
    slice_t texts[FAMILY_TEXTS_MAX]; // in the condition, each once
} key_condition_t;

// The first conjunct that asks for this key, if it has at most FAMILY_TEXTS_MAX texts.
bool family_key(const expr_t *when, size_t key, key_condition_t *condition);
// Can it hold for a series with these keys, as far as it asks for some?
bool family_fits(const expr_t *when, const series_parts_t *keys);

typedef struct {
    const expr_t *when;
    const expr_t *order;  // the conjunct with the step; NULL: there is none
    const number_t *step; // NULL: it is a family of its own
    // `column <order> step`, or the other way round, and all else asks for keys, at most one
    // conjunct for each; -1: not so.
    int column;
    compare_t compare; // with the column on the left
    uint64_t hash;     // equal for families that are the same
} family_t;

family_t family_of(const expr_t *when);
bool family_same(const family_t *a, const family_t *b); // equal but for the step, which both have
