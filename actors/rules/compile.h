/*  compile -- a syntax tree becomes a typed tree over one table, or is refused in PostgreSQL's
 *  words.
 *
 *  Pure. compile.c knows nodes, literals and names; logic.c truth and choice; operators.c
 *  arithmetic and comparisons; calls.c functions and aggregates; window.c frames.
 */
#pragma once
#include "actors/rules/syntax.h"
#include "actors/rules/table.h"

typedef struct {
    table_t *table;   // the typed tree goes in its arena
    arena_t *scratch; // gone when the text is compiled
    slice_t text;     // what the places of the tree point into
    fault_t *fault;
    bool in_argument; // inside an aggregate: only exact expressions over columns
    unsigned chain;   // derived columns being expanded around this one
} compiler_t;

// A condition: boolean. A derived column: a number. Find-or-adds in the table; NULL with fault
// leaves what was added to the caller to take back.
const expr_t *compile_condition(table_t *table, slice_t text, fault_t *fault);
const expr_t *compile_derived(table_t *table, derived_text_t *derived, unsigned chain);

// ---- between the files of the compiler ------------------------------------------------------

enum { OPERANDS_MAX = RULE_NODES_MAX }; // of one node

const expr_t *compile(compiler_t *self, const syntax_t *syntax);
bool compile_all(compiler_t *self, const syntax_t *const *from, size_t count, const expr_t **to);
const expr_t *compile_refuse(const compiler_t *self, int place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// A new node over `count` operands; checks the limits of a tree.
expr_t *compile_make(const compiler_t *self, int place, expr_kind_t kind, type_t type, size_t count,
                     const expr_t *const *operands);
expr_t *compile_make2(const compiler_t *self, int place, expr_kind_t kind, type_t type,
                      const expr_t *a, const expr_t *b);

// Give an operand the type its context wants: NULLs take it, strings are read, numbers and all
// else stay. NULL with fault if a string cannot be read.
const expr_t *compile_coerce(const compiler_t *self, int place, const expr_t *expr, type_t type);

const expr_t *compile_logic(compiler_t *self, const syntax_t *syntax);
const expr_t *compile_operator(compiler_t *self, const syntax_t *syntax);
const expr_t *compile_compare(compiler_t *self, int place, const char *sign, const expr_t *a,
                              const expr_t *b);
const expr_t *compile_call(compiler_t *self, const syntax_t *syntax);
const expr_t *compile_cast(compiler_t *self, const syntax_t *syntax);
int compile_window(compiler_t *self, const over_t *over); // index in the table, or -1
