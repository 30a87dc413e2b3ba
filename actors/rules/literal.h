/*  literal -- numbers as written in a condition, exactly. Pure. */
#pragma once
#include "actors/rules/expr.h"
#include "proto/arena.h"

enum { LITERAL_DIGITS_MAX = 300 }; // before the point, and after it

// "[-+]digits[.digits][e[+-]digits]", the whole text, blanks around it allowed. *type is what
// PostgreSQL makes of it. NULL: not a number, too long, or no memory.
const number_t *literal_number(arena_t *arena, slice_t text, type_t *type);

// Is this NaN or an infinity, as PostgreSQL writes them? Numbers here are neither.
bool literal_endless(slice_t text);

// The boolean that PostgreSQL reads: t, true, yes, on, 1 and their like. False: it is none.
bool literal_truth(slice_t text, bool *truth);

slice_t literal_bare(slice_t number); // without blanks around and a plus: to be printed again
