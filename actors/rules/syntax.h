/*  syntax -- what the parser saw, before names and types: the only tree parse.c gives away.
 *
 *  Lives in an arena. `place` is the byte in the text where PostgreSQL would point.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

typedef enum {
    SYNTAX_NULL,
    SYNTAX_TRUE,
    SYNTAX_FALSE,
    SYNTAX_NUMBER,   // text: digits as written, perhaps with a minus in front
    SYNTAX_STRING,   // text
    SYNTAX_COLUMN,   // text, qualifier
    SYNTAX_OPERATOR, // text; one or two operands
    SYNTAX_AND,      // two or more
    SYNTAX_OR,
    SYNTAX_NOT,
    SYNTAX_DISTINCT, // a IS [NOT] DISTINCT FROM b; negated: NOT DISTINCT
    SYNTAX_LIKE,     // a [NOT] LIKE b
    SYNTAX_BETWEEN,  // a [NOT] BETWEEN [SYMMETRIC] b AND c
    SYNTAX_IN,       // a [NOT] IN (b, ...)
    SYNTAX_IS_NULL,  // a IS [NOT] NULL
    SYNTAX_IS_TRUE,  // a IS [NOT] TRUE
    SYNTAX_IS_FALSE,
    SYNTAX_IS_UNKNOWN,
    SYNTAX_CASE, // operand or NULL, otherwise or NULL, then pairs of when and then
    SYNTAX_COALESCE,
    SYNTAX_GREATEST,
    SYNTAX_LEAST,
    SYNTAX_NULLIF,
    SYNTAX_CALL, // text: name; qualifier; star; over
    SYNTAX_CAST, // text: name of the type
} syntax_kind_t;

typedef struct syntax syntax_t;

typedef struct {
    int place;
    const char *name; // OVER name; NULL: spelled out
    size_t partition_count, order_count;
    const syntax_t **partition, **order; // order: ascending, NULLs as by default
    bool by_rows;
    const syntax_t *from, *to; // BETWEEN <from> PRECEDING AND <to> PRECEDING
} over_t;

struct syntax {
    syntax_kind_t kind;
    int place;
    const char *text, *qualifier;
    bool negated, symmetric, star;
    size_t count;
    const syntax_t **operands;
    const over_t *over; // NULL: none
};
