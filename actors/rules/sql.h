/*  sql -- trees as PostgreSQL text.
 *
 *  Pure. Numbers are printed as numerator and denominator, so that nothing is ever divided and
 *  PostgreSQL's numeric compares exactly what we compare.
 */
#pragma once
#include "actors/rules/expr.h"
#include "proto/arena.h"

enum { SQL_BYTES_MAX = 8 << 20 }; // of everything printed for one rule, on the way too

// The complete query of a rule. Unless SQL_WRITTEN (fault), *out is of no use.
typedef enum { SQL_WRITTEN, SQL_TOO_LONG, SQL_NO_MEMORY } sql_result_t;
sql_result_t sql_query(const table_plan_t *table, const compiled_rule_t *rule, buffer_t *out,
                       fault_t *fault);

// "avg(volume)", "lag(close, 2)": cut to fit. False: no memory.
bool sql_aggregate_text(const table_plan_t *table, const aggregate_t *aggregate, char *text,
                        size_t size);

// ---- between the files of the printer -------------------------------------------------------

// How tight a text binds: one that binds less than its context wants goes in parentheses.
typedef enum {
    BIND_OR,
    BIND_AND,
    BIND_NOT,
    BIND_IS,
    BIND_COMPARE,
    BIND_SUM,
    BIND_PRODUCT,
    BIND_SIGN,
    BIND_ATOM
} bind_t;

typedef struct {
    const char *text;
    bind_t bind;
} term_t;

typedef struct {
    term_t top;
    term_t bottom;        // text NULL: 1
    bool positive;        // the bottom is > 0 or NULL wherever the guards hold
    bool bottom_nullable; // the bottom can be NULL where the top is not
} fraction_t;

// What is seen of windows, by names: once for each row, to be carried on from one to the next.
typedef struct {
    size_t count;
    struct sql_carry {
        const char *text, *name;
    } * items;
} sql_carried_t;

typedef struct {
    arena_t *arena;
    const table_plan_t *table;
    const compiled_rule_t *rule; // its guards tell what is positive; NULL: nothing is
    sql_carried_t *carried;      // NULL: windows are printed where they stand
} printer_t;

// Text in the arena; "" when that is full: the owner looks at it once, at the end.
const char *sql_print(const printer_t *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
term_t sql_join(const printer_t *self, term_t a, const char *sign, bind_t bind, term_t b);
const char *sql_wrap(const printer_t *self, term_t term, bind_t least);
const char *sql_name(const printer_t *self, const char *name); // quoted if it has to be
const char *sql_string(const printer_t *self, slice_t text);   // a literal
const char *sql_over(const printer_t *self, const aggregate_t *aggregate);
// Of what sees a window: its name, if such are carried on.
fraction_t sql_carry(const printer_t *self, fraction_t seen);
term_t sql_argument(const printer_t *self, int index); // of an aggregate; -1: *
const char *sql_interval(const printer_t *self, const window_spec_t *window); // by time
fraction_t sql_frame(const printer_t *self, const aggregate_t *aggregate); // delta, rate, twavg ...
// corr or regr_slope, as numeric so that nothing else becomes double precision. PostgreSQL sums
// doubles, whose noise hides what is exactly nothing: a constant X or Y, and a covariance of 0.
term_t sql_relation(const printer_t *self, const aggregate_t *aggregate);

term_t sql_atom(const char *text);
fraction_t sql_whole(term_t top); // over 1
bool sql_has_bottom(fraction_t a);
bool sql_same_bottom(fraction_t a, fraction_t b);
term_t sql_numeric(const printer_t *self, term_t a); // cast
term_t sql_product(const printer_t *self, term_t a, term_t b);
term_t sql_times(const printer_t *self, term_t a, term_t bottom); // bottom may be 1
term_t sql_bottoms(const printer_t *self, term_t a, term_t b);    // either may be 1
term_t sql_nullif_zero(const printer_t *self, term_t a);
fraction_t sql_positive_bottom(const printer_t *self, fraction_t a); // > 0 or NULL

fraction_t sql_fraction(const printer_t *self, const expr_t *expr);
fraction_t sql_function(const printer_t *self, const expr_t *expr); // abs, floor, sqrt ...
fraction_t sql_choice(const printer_t *self, const expr_t *expr);   // CASE, coalesce, greatest ...
term_t sql_divided(const printer_t *self, fraction_t fraction);     // for functions: not exact
term_t sql_truth(const printer_t *self, const expr_t *expr);

// ---- the parts of a query (sql.c) -----------------------------------------------------------

const char *sql_keys(const printer_t *self);
const char *sql_free_name(const printer_t *self, const char *name); // that no column has
// The guards of a condition, each behind the other with AND; "" if it has none.
const char *sql_guards(const printer_t *self, const compiled_rule_t *rule);
void sql_windows(const printer_t *self, buffer_t *out); // of the rule and its `resolve`

// sql_freeze.c: the query of a rule whose windows stand still, over `table`.
void sql_freeze(const printer_t *self, const char *table, buffer_t *out);
term_t sql_compare(const printer_t *self, fraction_t a, const char *sign, fraction_t b);
term_t sql_is_null(const printer_t *self, fraction_t fraction, bool negated);
