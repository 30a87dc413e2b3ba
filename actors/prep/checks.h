/*  checks -- what a value must be for its row to count: `validate` of a source.
 *
 *  Pure. A condition is one or more of
 *
 *      >= x    > x    <= x    < x    = x    != x    between a and b
 *
 *  joined by `and`; x is a decimal, compared exactly. NULL passes: `required` speaks of that.
 */
#pragma once
#include <stdbool.h>

#include "proto/decimal.h"
#include "proto/fault.h"
#include "proto/slice.h"

enum { CHECK_TERMS_MAX = 4, CHECK_BYTES_MAX = 128 };

typedef enum {
    CHECK_LESS,
    CHECK_LESS_EQUAL,
    CHECK_EQUAL,
    CHECK_NOT_EQUAL,
    CHECK_GREATER_EQUAL,
    CHECK_GREATER,
} check_relation_t;

typedef struct {
    check_relation_t relation;
    decimal_t bound;
} check_term_t;

typedef struct {
    unsigned count; // all of them must hold; 0 = everything passes
    check_term_t terms[CHECK_TERMS_MAX];
} check_t;

bool check_compile(check_t *self, slice_t condition, fault_t *fault);
bool check_passes(const check_t *self, decimal_t value);
