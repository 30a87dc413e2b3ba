/*  test_rules_file -- a file of tests of rules: what rows come, and which alerts they give.
 *
 *  Pure but for reading the file. The format is in docs/rules.md. Everything has its place, so that
 *  whatever turns out wrong about it can be told as `file:line:column: message`.
 */
#pragma once
#include "actors/cli/series_text.h"
#include "broker/runtime/settings.h"

enum {
    TESTS_MAX = 1000,        // of a file
    TEST_INPUTS_MAX = 1000,  // series of a test
    TEST_EXPECT_MAX = 10000, // alerts of a test
};

typedef struct {
    const char *text;
    int line, column;
} placed_t;

typedef struct {
    placed_t name;
    series_values_t values;
} test_column_t;

typedef struct {
    placed_t series;
    const source_t *source; // the first of its table; test_rules_fit fills it
    int64_t delay_us;       // from a row's time until it comes
    size_t column_count;
    test_column_t *columns; // all of one length
} test_input_t;

// What is told, by its `kind` in an alert_t: see test_rules_kind.
typedef enum {
    KIND_ALERT,
    KIND_CORRECTION,
    KIND_FIRING,
    KIND_STILL,
    KIND_RESOLVED,
    KIND_FLAPPING,
    KIND_NODATA,
    KIND_DATA
} test_kind_t;
enum { TEST_KINDS = KIND_DATA + 1 };

typedef struct {
    placed_t rule, series;
    int64_t ts_us;
    test_kind_t kind;
} test_expect_t;

typedef struct {
    placed_t name;
    int64_t start_us, every_us;
    int64_t end_us; // the clock goes on until then: `until`, or the last step
    size_t only_count, input_count, expect_count;
    placed_t *only;             // rules; none: all of the configuration
    bool looked_at[TEST_KINDS]; // of what is told
    test_input_t *inputs;
    test_expect_t *expect;
} rule_test_t;

typedef struct {
    placed_t config; // a path from here
    size_t count;
    rule_test_t *tests;
    arena_t *arena; // all of it
} rule_tests_t;

const char *test_rules_kind(test_kind_t kind);
bool test_rules_read_kind(const char *text, test_kind_t *kind); // false: it is none

// NULL with fault, with a place where there is one.
rule_tests_t *test_rules_load(const char *path, fault_t *fault);
void test_rules_destroy(rule_tests_t **self_p);

// Are the rules, series and columns those of this configuration, which then has to outlive them?
// False with fault and place.
bool test_rules_fit(rule_tests_t *self, const settings_t *settings, fault_t *fault);
