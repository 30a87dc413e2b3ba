/*  ruleset -- a plan's derived columns and rules, parsed, typed and ready to be judged.
 *
 *  Between the text of a plan (proto/plan.h) and the fold (actors/transform). Pure. For each
 *  table it lists what the fold has to keep for every series: which windows, which arguments
 *  to remember for each row, which aggregates of those. Expressions that are equal share them.
 */
#pragma once
#include "proto/fault.h"
#include "proto/plan.h"
#include "proto/rows.h"

typedef struct expr expr_t; // actors/rules/expr.h: a typed tree

enum {
    RULE_TEXT_MAX = 4096,    // bytes of a condition
    RULE_NODES_MAX = 256,    // nodes of a tree with derived columns expanded
    RULE_DEPTH_MAX = 32,     // nesting
    WINDOW_SPAN_MAX_D = 31,  // days
    WINDOW_ROWS_MAX = 65536, // of rows_N
    EMA_ROWS_MAX = 1000,     // of rows_N under ema: each value costs a step for each row
    // Of the plan's limit of rows that a window by time sees one by one; without one, the default.
    EXACT_ROWS_LEAST = 1, // a configuration can ask for 16 at least
    EXACT_ROWS_MOST = 16777216,
    EXACT_ROWS_DEFAULT = 65536,
    // Digits of an argument on either side of the point, whatever the row: what is kept of it for
    // every row, its square included, has a size that the journal knows (journal_format.h).
    ARGUMENT_DIGITS_MAX = 1000,
};

// last_<N><unit>: rows with ts - span <= t' < ts.  rows_<N>: the N rows before this one.
typedef struct {
    bool by_rows;
    int64_t span_us; // by time
    uint32_t rows;   // by rows
    char name[32];   // "last_1h", "rows_20"
} window_spec_t;

// The extent that such a name means, of whatever size; without a name. False: it means none.
bool window_named(window_spec_t *self, const char *name);

// A value remembered for every row: a raw column, or an exact expression over raw columns.
typedef struct {
    int column;         // index in columns, or -1
    const expr_t *expr; // if column is -1
} argument_t;

typedef enum {
    AGGREGATE_COUNT_ROWS, // count(*)
    AGGREGATE_COUNT,
    AGGREGATE_SUM,
    AGGREGATE_AVG,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_STDDEV_SAMP,
    AGGREGATE_STDDEV_POP,
    AGGREGATE_VAR_SAMP,
    AGGREGATE_VAR_POP,
    AGGREGATE_CORR,       // x = Y, y = X of corr(Y, X)
    AGGREGATE_REGR_SLOPE, // regr_slope(Y, X)
    AGGREGATE_FIRST_VALUE,
    AGGREGATE_LAST_VALUE,
    AGGREGATE_LAG, // rows_N only
    AGGREGATE_DELTA,
    AGGREGATE_RATE,
    AGGREGATE_TWAVG,
    AGGREGATE_MEDIAN,
    AGGREGATE_EMA, // rows_N only
} aggregate_kind_t;

typedef struct {
    aggregate_kind_t kind;
    uint16_t window;   // index in windows
    int16_t argument;  // index in arguments; -1 for count(*)
    int16_t argument2; // second argument of corr and regr_slope; -1 otherwise
    uint32_t offset;   // of lag
    char text[128];    // "avg(volume)", as shown in evidence
} aggregate_t;

// "At least min_rows non-null values of the argument in its window", and "> 0".
typedef struct {
    uint16_t aggregate; // an AGGREGATE_COUNT(_ROWS) to compare, or an avg/sum that must be > 0
    bool positive;      // false: count >= least; true: value > 0
    uint32_t least;
} guard_t;

typedef struct {
    const char *name; // of the column
    const expr_t *expr;
} derived_t;

// A rule by its name and effective verdict: the first 128 bits of SHA-256 over both,
// length-prefixed.
typedef struct {
    uint8_t bytes[16];
} rule_id_t;

typedef struct compiled_rule compiled_rule_t;
struct compiled_rule {
    const char *name;
    rule_t rule;        // as in the plan, with emit decided; slices point into the ruleset
    const expr_t *when; // derived columns expanded; boolean
    uint8_t hash[32];   // SHA-256 of the effective verdict: D1
    rule_id_t id;
    size_t guard_count;
    const guard_t *guards;
    size_t aggregate_count; // aggregates it uses, for evidence
    const uint16_t *aggregates;
    int64_t span_us;                // longest window by time, 0 = none
    uint32_t rows;                  // longest window by rows, 0 = none
    const compiled_rule_t *resolve; // what ends an incident, judged like a rule; NULL: `when` fails
};

// Does it alert at steps, of windows, or do these stand still while it holds? They only go forward,
// so that the row before cannot be asked any more: how it stood has to be remembered.
static inline bool rule_recalls(const compiled_rule_t *self)
{
    return (self->rule.emit == RULE_EMIT_EDGE || self->rule.freeze) &&
           (self->span_us > 0 || self->rows > 0);
}

typedef struct {
    const char *name;
    size_t key_count, column_count, derived_count;
    const char *const *keys;
    const char *const *columns; // union of the columns of all sources of this table
    const derived_t *derived;
    size_t window_count, argument_count, aggregate_count, rule_count;
    const window_spec_t *windows;
    const argument_t *arguments;
    const aggregate_t *aggregates;
    const compiled_rule_t *rules; // in order of name
    size_t plan_rule_count;       // of all tables of the plan
    int64_t keep_us;              // longest window by time of any rule or derived column
    uint32_t keep_rows;           // longest window by rows
    int64_t lateness_us;          // of all sources of this table
    uint32_t window_rows_max;     // a window by time that holds more rows of a series turns coarse
    bool has_edges;               // of some rule: then the row before the open ones is kept
    bool recalls;                 // some rule does
    bool freezes;                 // of some rule windows stand still while it holds
    bool linear; // every rule judges every row, as tests want it to compare: never set by a plan
    int64_t
        nodata_us; // the least that a rule asks for; 0: none does, and nobody keeps when a row came
} table_plan_t;

// Of two that ask for silence after so long; 0 does not.
static inline int64_t nodata_sooner(int64_t one, int64_t other)
{
    return one == 0 || (other > 0 && other < one) ? other : one;
}

typedef struct ruleset ruleset_t;

// What is wrong with one source, derived column or rule; the others go on without it. The place
// is in the text of the derived column or in rule->when.
typedef void ruleset_refuse_t(void *context, plan_kind_t kind, const char *name,
                              const fault_t *fault);

// Compile a plan. Entries that do not compile are told to `refuse` (may be NULL) and left out.
// NULL only for lack of memory. Immutable afterwards; shared by reference count.
ruleset_t *ruleset_new(const plan_t *plan, ruleset_refuse_t *refuse, void *context);
ruleset_t *ruleset_retain(ruleset_t *self);
void ruleset_destroy(ruleset_t **self_p); // drops one reference
plan_hash_t ruleset_hash(const ruleset_t *self);
const table_plan_t *ruleset_table(const ruleset_t *self, slice_t name);      // or NULL
const table_plan_t *ruleset_table_of(const ruleset_t *self, slice_t series); // by its id; or NULL
const table_plan_t *ruleset_at(const ruleset_t *self, size_t index);         // NULL past the last

// Would this rule be accepted into that plan? fault->line and ->column (bytes, from 1) point into
// rule->when; both are 0 where there is no one place.
bool ruleset_check(const plan_t *plan, const char *name, const rule_t *rule, fault_t *fault);

// The complete PostgreSQL query of a rule, with a comment that creates the table.
bool ruleset_sql(const ruleset_t *self, const char *rule, buffer_t *out, fault_t *fault);
