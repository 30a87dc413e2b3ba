/*  parse -- the text of a condition to a syntax tree, by PostgreSQL's own parser.
 *
 *  The only file that knows libpg_query. Messages and places are PostgreSQL's; the text has to
 *  be exactly one expression and nothing else. Depth and size are bounded before the parser
 *  sees the text. libpg_query keeps its memory per thread and redirects stderr while it parses:
 *  call this from one thread of a process at a time.
 */
#pragma once
#include "actors/rules/syntax.h"
#include "proto/arena.h"
#include "proto/fault.h"

// NULL with fault. The tree lives in the arena.
const syntax_t *parse_condition(arena_t *arena, slice_t text, fault_t *fault);

// Has this name to be quoted to be a column? (`end`, `user`: yes. `open`, `close`: no.)
bool parse_reserved(const char *name);
