/*  types -- PostgreSQL's types, as far as a condition meets them. Pure. */
#pragma once
#include "actors/rules/expr.h"

const char *type_name(type_t type); // as PostgreSQL's messages say it

// What operands of these types have in common, by PostgreSQL's implicit casts; unknown ones take
// part in nothing. False: they cannot be matched, *at is the first that does not.
bool type_common(const type_t *types, size_t count, type_t *common, size_t *at);
