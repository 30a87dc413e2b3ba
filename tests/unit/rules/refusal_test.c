/*  refusal -- what a condition may not be: place, words, limits, derived columns.
 *
 *  That PostgreSQL refuses the same, in the same words, is tests/oracle/rules_oracle.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/owned.h"
#include "tests/unit/rules/plan_maker.h"

static void assert_refused(const plan_t *plan, const char *when, const char *expected)
{
    fault_t fault = { 0 };
    char text[FAULT_TEXT_MAX + 32] = "accepted";
    rule_t rule = plan_maker_rule(when);
    if (!ruleset_check(plan, "r", &rule, &fault))
        snprintf(text, sizeof text, "%d:%d %s", fault.line, fault.column, fault.text);
    assert_string_equal(text, expected);
}

static void assert_accepted(const plan_t *plan, const char *when)
{
    fault_t fault = { 0 };
    rule_t rule = plan_maker_rule(when);
    if (!ruleset_check(plan, "r", &rule, &fault))
        fail_msg("%.80s: %s", when, fault.text);
}

// There has to be a window that can stand still; one of `resolve` does not do.
static void test_freeze(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    fault_t fault = { 0 };
    rule_t rule = plan_maker_rule("volume > 3");
    rule.freeze = true;
    rule.resolve = slice_text("volume < avg(volume) OVER last_1h");
    assert_false(ruleset_check(plan, "r", &rule, &fault));
    assert_string_equal(fault.text, "freeze: the condition has no window that could stand still");
    rule.when = slice_text("volume > 3 * avg(volume) OVER last_1h");
    assert_true(ruleset_check(plan, "r", &rule, &fault));
}

static void test_places(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    assert_refused(plan, "volum > 3", "1:1 column \"volum\" does not exist");
    assert_refused(plan, "volume > 3 AND\n  clos > 1", "2:3 column \"clos\" does not exist");
    assert_refused(plan, "exchange = '\xc3\xa9' AND clos > 1",
                   "1:21 column \"clos\" does not exist");
    assert_refused(plan, "exchange = '\xc3\xa9' > 1", "1:17 syntax error at or near \">\"");
    assert_refused(plan, "volume > 1 +", "1:13 syntax error at end of input");
    assert_refused(plan, "exchange > 5", "1:10 operator does not exist: text > integer");
    assert_refused(plan, "abs(close > 1) > 3", "1:1 function abs(boolean) does not exist");
    assert_refused(plan, "volume > 1 OR close",
                   "1:15 argument of OR must be type boolean, not type "
                   "numeric");
    assert_refused(plan, "avg(close) OVER nix > 1",
                   "1:17 window \"nix\" does not exist (there are "
                   "last_<N><s|m|h|d> and rows_<N>)");
    assert_refused(plan, "volume > (SELECT 3)",
                   "1:10 subqueries are not supported in a condition: it sees one row and the "
                   "windows of its series; joins with others are not in this version");
    assert_refused(plan,
                   "avg(close) OVER (PARTITION BY exchange ORDER BY ts RANGE BETWEEN '1 hour' "
                   "PRECEDING AND '1 us' PRECEDING) > 1",
                   "1:17 a window is partitioned by all the key columns; windows over several "
                   "series are not in this version");
    assert_refused(plan, "", "1:1 syntax error at end of input");
    assert_refused(plan, "a = '\xff'", "0:0 invalid byte sequence for encoding \"UTF8\"");
    rule_t rule = plan_maker_rule("volume > 1");
    rule.on = slice_text("nix");
    fault_t fault;
    assert_false(ruleset_check(plan, "r", &rule, &fault));
    assert_string_equal(fault.text, "relation \"nix\" does not exist");
    rule = plan_maker_rule("");
    rule.when = slice_of("volume > 1\0 OR true", 18);
    assert_false(ruleset_check(plan, "r", &rule, &fault));
}

static void test_windows(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    static const char *const good[] = { "last_1s", "last_31d", "last_744h", "rows_1",
                                        "rows_65536" };
    static const char *const bad[] = { "last_32d",
                                       "last_745h",
                                       "last_0s",
                                       "last_01s",
                                       "last_1w",
                                       "last_1",
                                       "last_",
                                       "last_h",
                                       "rows_0",
                                       "rows_65537",
                                       "rows_",
                                       "rows_1x",
                                       "rows_-1",
                                       "last_1hh",
                                       "last1h",
                                       "last_9999999999999999999s",
                                       "rows_99999999999999999999" };
    char when[128];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(when, sizeof when, "avg(close) OVER %s > 1", good[i]);
        assert_accepted(plan, when);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fault_t fault;
        snprintf(when, sizeof when, "avg(close) OVER \"%s\" > 1", bad[i]);
        rule_t rule = plan_maker_rule(when);
        assert_false(ruleset_check(plan, "r", &rule, &fault));
    }
}

// ---- limits ---------------------------------------------------------------------------------

// Whatever becomes the value of an argument counts, and nothing else.
static void test_digits(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
#define HUGE "(1e299 * 1e299 * 1e299 * 1e101)" // 1,002 digits
    assert_refused(plan, "volume > 1 OR sum(volume * " HUGE ") OVER rows_3 > 1",
                   "1:26 an argument of sum can have 1066 digits before the point and 64 after it: "
                   "at most 1000 on either side");
    static const char *const good[] = { "CASE WHEN volume > " HUGE " THEN 1 END",
                                        "nullif(volume, " HUGE ")", "volume * 1e299 * 1e-300" };
    static const char *const bad[] = { "-" HUGE,
                                       "abs(" HUGE ")",
                                       "1e-300 * 1e-300 * 1e-300 * 1e-101",
                                       "volume + " HUGE,
                                       HUGE " - volume",
                                       HUGE "::numeric",
                                       "CASE WHEN volume > 1 THEN 1 WHEN volume < 1 THEN " HUGE
                                       " ELSE 2 END",
                                       "CASE WHEN volume > 1 THEN 1 ELSE " HUGE " END",
                                       "coalesce(volume, " HUGE ")",
                                       "nullif(" HUGE ", volume)",
                                       "greatest(" HUGE ", volume)",
                                       "least(1, 2, " HUGE ")" };
    char when[256];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(when, sizeof when, "count(%s) OVER rows_3 > 1", good[i]);
        assert_accepted(plan, when);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fault_t fault;
        snprintf(when, sizeof when, "corr(1, %s) OVER rows_3 > 1", bad[i]);
        rule_t rule = plan_maker_rule(when);
        assert_false(ruleset_check(plan, "r", &rule, &fault));
        assert_non_null(strstr(fault.text, "at most 1000 on either side"));
    }
}

static char *repeated(const char *before, const char *piece, int times, const char *after)
{
    buffer_t text = { 0 };
    buffer_text(&text, before);
    for (int i = 0; i < times; i++)
        buffer_text(&text, piece);
    buffer_text(&text, after);
    char *copy = strdup(buffer_string(&text));
    buffer_destroy(&text);
    return copy;
}

// A rule without an exact query cannot be checked, so it is none. Each choice doubles it, or worse.
static void test_exact_query(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    for (int count = 4; count <= 20; count += 16) {
        char *opened = repeated("", "nullif(", count, "volume / close");
        char *when = repeated(opened, ", 2)", count, " > 3");
        if (count == 4)
            assert_accepted(plan, when);
        else
            assert_refused(plan, when,
                           "0:0 the exact query of rule \"r\" is too long: choose (CASE, coalesce, "
                           "nullif, greatest, least) between fewer quotients");
        free(opened);
        free(when);
    }
}

typedef struct {
    const char *before, *piece, *after;
    int fits, breaks; // times
} limit_t;

static void test_limits(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    static const limit_t limits[] = {
        { "volume > 1", " ", "", 4000, 4090 },           // bytes
        { "volume > 1", " AND volume > 1", "", 84, 85 }, // nodes
        { "volume > 1", "+1", "", 30, 31 },              // depth
        { "", "NOT ", "volume > 1", 30, 31 },            // depth
        { "", "- ", "volume > 1", 30, 31 },              // depth
        { "volume IN (1", ",1", ")", 84, 85 },           // nodes: three each
        { "", "(", "", 0, 1 },                           // unbalanced
        { "", "+-", "volume > 1", 20, 2040 },            // words, depth
        { "volume > 1", "0", "", 298, 301 },             // digits
        { "volume > 0.", "0", "1", 299, 300 },           // digits
        { "", "case when volume>1 then ", "1", 0, 100 }, // does not end
        { "volume > '", "x", "'", 0, 1 },                // no number
        // digits of an argument: of a column 64 on either side
        { "max(volume * 1e299 * 1e299 * 1e299 * 1", "0", ") OVER rows_3 > 1", 35, 36 },
        { "max(volume * 1e-300 * 1e-300 * 1e-300 * 0.", "0", "1) OVER rows_3 > 1", 35, 36 },
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const limit_t *limit = &limits[i];
        fault_t fault;
        char *good = repeated(limit->before, limit->piece, limit->fits, limit->after);
        if (limit->fits)
            assert_accepted(plan, good);
        char *bad = repeated(limit->before, limit->piece, limit->breaks, limit->after);
        rule_t rule = plan_maker_rule(bad);
        if (ruleset_check(plan, "r", &rule, &fault))
            fail_msg("accepted: %.60s...", bad);
        free(good);
        free(bad);
    }
}

static void test_parentheses(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    for (int depth = 127; depth <= 2000; depth += depth < 130 ? 1 : 617) {
        char *open = repeated("", "(", depth, "volume > 1");
        char *text = repeated(open, ")", depth, "");
        fault_t fault;
        rule_t rule = plan_maker_rule(text);
        assert_int_equal(ruleset_check(plan, "r", &rule, &fault), depth <= 128);
        free(open);
        free(text);
    }
}

static void test_too_many_aggregates(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    for (int count = 32; count <= 33; count++) {
        buffer_t text = { 0 };
        for (int i = 1; i <= count; i++)
            buffer_printf(&text, "%smin(low) OVER rows_%d>1", i > 1 ? " OR " : "", i);
        if (count == 32)
            assert_accepted(plan, buffer_string(&text));
        else
            assert_refused(plan, buffer_string(&text),
                           "0:0 more than 32 different aggregates in one rule");
        buffer_destroy(&text);
    }
}

// ---- limits ---------------------------------------------------------------------------------

static void told_limit(void *context, plan_kind_t kind, const char *name, const fault_t *fault)
{
    assert_int_equal(kind, PLAN_LIMIT);
    buffer_printf(context, "%s: %s;", name, fault->text);
}

static void test_plan_limits(void **state)
{
    (void) state;
    static const struct {
        const char *name, *body, *told;
        uint32_t limit;
    } cases[] = {
        { "window_rows_max", "16", "", 16 },
        { "window_rows_max", "16777216", "", 16777216 },
        { "window_rows_max", "16777217", "window_rows_max: not a whole number from 1 to 16777216;",
          65536 },
        { "window_rows_max", "99999999999999999999",
          "window_rows_max: not a whole number from 1 to 16777216;", 65536 },
        { "window_rows_max", "-1", "window_rows_max: not a whole number from 1 to 16777216;",
          65536 },
        { "window_rows_max", "", "window_rows_max: not a whole number from 1 to 16777216;", 65536 },
        { "rows", "100", "rows: there is no such limit;", 65536 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        owned(plan_destroy) plan_t *plan = plan_maker_candles();
        fault_t fault;
        assert_true(plan_set(plan, PLAN_LIMIT, slice_text(cases[i].name), slice_text(cases[i].body),
                             &fault));
        buffer_t words = { 0 };
        owned(ruleset_destroy) ruleset_t *ruleset = ruleset_new(plan, told_limit, &words);
        assert_string_equal(words.size ? buffer_string(&words) : "", cases[i].told);
        assert_int_equal(ruleset_table(ruleset, slice_text("candle"))->window_rows_max,
                         cases[i].limit);
        buffer_destroy(&words);
    }
}

// ---- derived columns ------------------------------------------------------------------------

static void told(void *context, plan_kind_t kind, const char *name, const fault_t *fault)
{
    assert_int_equal(kind, PLAN_DERIVE);
    buffer_printf(context, "%s: %d:%d %s\n", name, fault->line, fault->column, fault->text);
}

static void test_derived_columns(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    plan_maker_derive(plan, "candle.bad", "clos + 1");
    plan_maker_derive(plan, "candle.close", "open");
    plan_maker_derive(plan, "candle.flag", "close > open");
    plan_maker_derive(plan, "candle.loop_a", "loop_b + 1");
    plan_maker_derive(plan, "candle.loop_b", "2 * loop_a");
    plan_maker_derive(plan, "candle.mean", "avg(close) OVER last_1h");
    plan_maker_derive(plan, "candle.pair", "open");
    plan_maker_derive(plan, "candle.ts", "open");
    plan_maker_derive(plan, "candle.twice", "2 * spread");
    plan_maker_derive(plan, "candle.spread", "high - low");
    plan_maker_derive(plan, "candle.third", "close / 3");
    plan_maker_derive(plan, "nodot", "open");
    plan_maker_derive(plan, "nix.x", "open");
    buffer_t words = { 0 };
    owned(ruleset_destroy) ruleset_t *ruleset = ruleset_new(plan, told, &words);
    assert_string_equal(
        buffer_string(&words),
        "candle.close: 0:0 column \"close\" specified more than once\n"
        "candle.pair: 0:0 column \"pair\" specified more than once\n"
        "candle.ts: 0:0 column \"ts\" specified more than once\n"
        "nix.x: 0:0 relation \"nix\" does not exist\n"
        "nodot: 0:0 the name of a derived column is <table>.<column>\n"
        "candle.bad: 1:1 column \"clos\" does not exist\n"
        "candle.flag: 1:1 a derived column must be a number, not type boolean\n"
        "candle.loop_a: 1:1 derived column \"loop_b\" is in error: column \"loop_a\" is derived "
        "from itself\n"
        "candle.loop_b: 1:5 column \"loop_a\" is derived from itself\n");
    buffer_destroy(&words);
    assert_int_equal(ruleset_table(ruleset, slice_text("candle"))->derived_count, 4);
    assert_accepted(plan, "avg(twice) OVER last_1h > 1");
    assert_accepted(plan, "twice > mean");
    assert_refused(plan, "close > bad",
                   "1:9 derived column \"bad\" is in error: column \"clos\" does not exist");
    assert_refused(plan, "avg(mean) OVER last_1h > 1",
                   "1:5 window function calls cannot be nested: derived column \"mean\" has a "
                   "window");
    assert_refused(
        plan, "avg(third) OVER last_1h > 1",
        "1:5 derived column \"third\" is not exact (division, functions, keys or ts) and "
        "cannot be inside an aggregate");
}

static void test_long_chains_of_derived_columns(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_maker_candles();
    char name[32], sql[32];
    for (int i = 0; i < 200; i++) { // c000 needs c001 needs c002 ...: in the order of compiling
        snprintf(name, sizeof name, "candle.c%03d", i);
        snprintf(sql, sizeof sql, i < 199 ? "c%03d" : "close", i + 1);
        plan_maker_derive(plan, name, sql);
    }
    owned(ruleset_destroy) ruleset_t *ruleset = ruleset_new(plan, NULL, NULL);
    assert_non_null(ruleset);
    plan_maker_derive(plan, "candle.wide", "close");
    for (int i = 0; i < 12; i++) { // each twice the one before: 4,096 nodes if nobody looked
        snprintf(name, sizeof name, "candle.w%02d", i);
        snprintf(sql, sizeof sql, i ? "w%02d + w%02d" : "wide + wide", i - 1, i - 1);
        plan_maker_derive(plan, name, sql);
    }
    assert_accepted(plan, "w05 > 1");
    fault_t fault;
    rule_t rule = plan_maker_rule("w11 > 1");
    assert_false(ruleset_check(plan, "r", &rule, &fault));
    assert_non_null(strstr(fault.text, "too large"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_freeze),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_exact_query),
        cmocka_unit_test(test_digits),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_parentheses),
        cmocka_unit_test(test_too_many_aggregates),
        cmocka_unit_test(test_plan_limits),
        cmocka_unit_test(test_derived_columns),
        cmocka_unit_test(test_long_chains_of_derived_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
