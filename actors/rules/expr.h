/*  expr -- a typed tree: what a condition means, with every macro expanded.
 *
 *  Immutable, in the arena of its ruleset; equal operands may be one node. PostgreSQL's sugar is
 *  gone: BETWEEN and IN are comparisons, simple CASE is searched CASE. Whether a division drops
 *  its remainder (both sides whole in PostgreSQL) is in the kind, so types matter no more.
 */
#pragma once
#include <gmp.h>

#include "actors/rules/ruleset.h"

typedef enum {
    TYPE_UNKNOWN, // NULL or a string, before its context gives it a type
    TYPE_BOOLEAN,
    TYPE_TEXT,
    TYPE_TIMESTAMP,
    TYPE_INTEGER, // the four numbers in the order of PostgreSQL's implicit casts
    TYPE_BIGINT,
    TYPE_NUMERIC,
    TYPE_DOUBLE,
} type_t;

static inline bool type_is_number(type_t type)
{
    return type >= TYPE_INTEGER;
}
static inline bool type_is_whole(type_t type)
{
    return type == TYPE_INTEGER || type == TYPE_BIGINT;
}

typedef enum {
    EXPR_NULL,
    EXPR_TRUE,
    EXPR_FALSE,
    EXPR_NUMBER,    // number
    EXPR_TEXT,      // text
    EXPR_COLUMN,    // index: of the table's columns
    EXPR_KEY,       // index: of the table's keys
    EXPR_AGGREGATE, // index: of the table's aggregates
    EXPR_FIELD,     // index: field_t of ts
    // numbers
    EXPR_NEGATE,
    EXPR_ADD,
    EXPR_SUBTRACT,
    EXPR_MULTIPLY,
    EXPR_DIVIDE,
    EXPR_DIVIDE_WHOLE, // towards zero
    EXPR_MODULO,       // with the sign of the dividend
    EXPR_NUMERIC,      // the same number, of another type of numbers
    EXPR_ABS,
    EXPR_SIGN,
    EXPR_FLOOR,
    EXPR_CEIL,
    EXPR_ROUND, // index: digits after the point, half away from zero
    EXPR_SQRT,
    EXPR_LN,
    EXPR_EXP,
    EXPR_POWER,
    EXPR_GREATEST, // without NULLs
    EXPR_LEAST,
    // numbers, truth or text
    EXPR_CASE, // when, then, ..., otherwise: an odd number of operands
    EXPR_COALESCE,
    EXPR_NULLIF,
    // truth
    EXPR_COMPARE,       // index: compare_t; numbers
    EXPR_COMPARE_TEXT,  // index: COMPARE_EQUAL or COMPARE_UNEQUAL
    EXPR_COMPARE_TRUTH, // the same
    EXPR_LIKE,          // the right operand is EXPR_TEXT
    EXPR_AND,           // two or more
    EXPR_OR,
    EXPR_NOT,
    EXPR_IS_NULL,
    EXPR_IS_TRUE,
    EXPR_IS_FALSE,
    // a number again: kinds are appended, since alert ids hang on their order
    EXPR_ROUND_EVEN, // double precision to a whole number, halves to the even one
} expr_kind_t;

typedef enum {
    COMPARE_EQUAL,
    COMPARE_UNEQUAL,
    COMPARE_LESS,
    COMPARE_LESS_EQUAL,
    COMPARE_GREATER,
    COMPARE_GREATER_EQUAL,
} compare_t;

// What extract(... FROM ts) takes out of a time, in UTC.
typedef enum {
    FIELD_YEAR,
    FIELD_ISOYEAR,
    FIELD_QUARTER,
    FIELD_MONTH,
    FIELD_WEEK,
    FIELD_DAY,
    FIELD_DOW,
    FIELD_ISODOW,
    FIELD_DOY,
    FIELD_HOUR,
    FIELD_MINUTE,
    FIELD_SECOND,
    FIELD_MILLISECONDS,
    FIELD_MICROSECONDS,
    FIELD_EPOCH,
} field_t;
enum { FIELD_COUNT = FIELD_EPOCH + 1 };

extern const char *const field_names[FIELD_COUNT]; // "year", ...
extern const char *const compare_signs[COMPARE_GREATER_EQUAL + 1];

typedef struct {
    mpq_t exact; // canonical; its limbs are in the arena: read only, never cleared
    double nearest;
    double error;      // bound on |exact - nearest|
    decimal_t decimal; // the same, or DECIMAL_NULL if it is no decimal of 18 digits
    int before, after; // digits on either side of the point, at most LITERAL_DIGITS_MAX
} number_t;

struct expr {
    expr_kind_t kind;
    type_t type;
    int index;
    bool windowed;  // an aggregate in it
    uint16_t nodes; // of the tree, at most RULE_NODES_MAX
    uint16_t depth; // at most RULE_DEPTH_MAX
    uint16_t count; // of operands
    union {
        const expr_t *const *operands; // if there are any
        const number_t *number;        // of EXPR_NUMBER
    };
    slice_t text;
};

bool expr_same(const expr_t *a, const expr_t *b); // equal trees over one table

// SHA-256 over a canonical form of the tree: names instead of indexes, windows by their extent,
// numbers in lowest terms. Two texts that differ in blanks and needless parentheses agree. If
// windows stand still (`freeze`), what lets go of them is part of the verdict: `resolve`, or NULL.
void expr_digest(const table_plan_t *table, const expr_t *expr, const rule_t *rule,
                 const expr_t *resolve, uint8_t digest[32]);

// Of an argument of aggregates: two of a table agree if expr_same does, which also asks for types
// (`x * 2` and `x * 2.0` are apart). Lives no longer than the program.
void expr_digest_argument(const table_plan_t *table, const expr_t *expr, uint8_t digest[32]);
