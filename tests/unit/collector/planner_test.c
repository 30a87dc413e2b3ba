/*  planner: configuration and Redis merge into one plan; bad rules stay out and are told why. */
#include "actors/collector/planner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char configuration[] =
    "sources:\n"
    "  - name: market\n"
    "    url: simulate://market\n"
    "    table: trade\n"
    "    rows: /*\n"
    "    key: { symbol: /symbol }\n"
    "    time: { at: /ts, unit: ms }\n"
    "    columns: { price: /price, volume: /volume }\n"
    "derive:\n"
    "  trade:\n"
    "    turnover: price * volume\n"
    "rules:\n"
    "  spike: { on: trade, when: \"volume > 3 * avg(volume) OVER last_1h\" }\n"
    "  cheap: { on: trade, when: \"price < 1\", note: low, severity: info }\n";

typedef struct {
    char text[1024]; // "name=state(error) ..."
} told_t;

static void tell(void *context, const planner_verdict_t *verdict)
{
    told_t *told = context;
    size_t used = strlen(told->text);
    snprintf(told->text + used, sizeof told->text - used, "%s%s=%s", used ? " " : "", verdict->name,
             verdict->state ? verdict->state : "gone");
    used = strlen(told->text);
    if (verdict->error)
        snprintf(told->text + used, sizeof told->text - used, "(%s)", verdict->error);
}

static planner_t *planner_of(const char *text)
{
    fault_t fault;
    settings_t *settings = settings_parse(text, strlen(text), &fault);
    if (!settings)
        fail_msg("%d:%d: %s", fault.line, fault.column, fault.text);
    plan_t *base = planner_base(settings, &fault);
    assert_non_null(base);
    planner_t *planner = planner_new();
    assert_true(planner_configure(planner, base, settings->rule_cost_max));
    plan_destroy(&base);
    settings_destroy(&settings);
    return planner;
}

// "on" and "when" of each, ended by NULL names.
typedef struct {
    const char *name, *on, *when;
} brief_t;

static plan_t *look(planner_t *planner, const brief_t *rules, told_t *told)
{
    told->text[0] = '\0';
    assert_true(planner_begin(planner));
    for (; rules && rules->name; rules++) {
        store_rule_t rule = { .name = rules->name, .count = 2 };
        rule.fields[0] = (store_field_t){ "on", rules->on };
        rule.fields[1] = (store_field_t){ "when", rules->when };
        assert_true(planner_rule(planner, &rule));
    }
    plan_t *plan = planner_finish(planner);
    assert_non_null(plan);
    assert_false(planner_tell(planner, SIZE_MAX, tell, told));
    return plan;
}

static bool has_rule(const plan_t *plan, const char *name, const char *when)
{
    const plan_entry_t *entry = plan_find(plan, PLAN_RULE, slice_text(name));
    rule_t rule;
    return entry && rule_decode(&rule, entry->body, NULL) && slice_is(rule.when, when);
}

static void the_file_alone(void **state)
{
    (void) state;
    planner_t *planner = planner_of(configuration);
    told_t told;
    plan_t *plan = look(planner, NULL, &told);
    assert_int_equal(plan_count(plan), 5);
    assert_non_null(plan_find(plan, PLAN_SOURCE, slice_text("market")));
    const plan_entry_t *derived = plan_find(plan, PLAN_DERIVE, slice_text("trade.turnover"));
    assert_non_null(derived);
    const plan_entry_t *limit = plan_find(plan, PLAN_LIMIT, slice_text(PLAN_WINDOW_ROWS_MAX));
    assert_non_null(limit);
    assert_true(slice_is(limit->body, "65536"));
    assert_true(slice_is(derived->body, "price * volume"));
    assert_true(has_rule(plan, "cheap", "price < 1"));
    rule_t rule;
    assert_true(rule_decode(&rule, plan_find(plan, PLAN_RULE, slice_text("cheap"))->body, NULL));
    assert_true(slice_is(rule.severity, "info"));
    assert_true(slice_is(rule.note, "low"));
    assert_int_equal(rule.min_rows, 10);
    assert_string_equal(told.text, "cheap=ok spike=ok");
    plan_destroy(&plan);
    plan = look(planner, NULL, &told);
    assert_string_equal(told.text, ""); // nothing new to say
    plan_destroy(&plan);
    planner_tell_again(planner);
    plan = look(planner, NULL, &told);
    assert_string_equal(told.text, "cheap=ok spike=ok");
    plan_destroy(&plan);
    planner_destroy(&planner);
}

static void redis_hides_the_file(void **state)
{
    (void) state;
    planner_t *planner = planner_of(configuration);
    told_t told;
    plan_t *first = look(planner, NULL, &told);
    const brief_t rules[] = { { "cheap", "trade", "price < 2" },
                              { "zeal", "trade", "turnover > 5" },
                              { 0 } };
    plan_t *plan = look(planner, rules, &told);
    assert_true(has_rule(plan, "cheap", "price < 2"));
    assert_true(has_rule(plan, "zeal", "turnover > 5"));
    assert_true(has_rule(plan, "spike", "volume > 3 * avg(volume) OVER last_1h"));
    assert_string_equal(told.text, "zeal=ok");
    plan_destroy(&plan);
    // A bad one hides it too: what is asked for is not what the file says.
    const brief_t bad[] = { { "cheap", "trade", "prize < 2" }, { 0 } };
    plan = look(planner, bad, &told);
    assert_null(plan_find(plan, PLAN_RULE, slice_text("cheap")));
    assert_non_null(strstr(told.text, "cheap=error("));
    assert_non_null(strstr(told.text, "prize"));
    assert_non_null(strstr(told.text, "at character 1"));
    assert_non_null(strstr(told.text, "zeal=gone"));
    plan_destroy(&plan);
    // DEL restores the file's, and the plan is the very same again.
    plan = look(planner, NULL, &told);
    assert_string_equal(told.text, "cheap=ok");
    plan_hash_t a = plan_hash(first), b = plan_hash(plan);
    assert_memory_equal(&a, &b, sizeof a);
    plan_destroy(&plan);
    plan_destroy(&first);
    planner_destroy(&planner);
}

static void bad_rules_leave_the_others_alone(void **state)
{
    (void) state;
    planner_t *planner = planner_of(configuration);
    told_t told;
    const brief_t rules[] = { { "a", "nowhere", "price < 2" },
                              { "b", "trade", "price <" },
                              { "c c", "trade", "price < 1" },
                              { "d", "trade", "price" },
                              { "e", "trade", "price < 3" },
                              { "f", "trade", "price > 1\n AND prize < 2" },
                              { 0 } };
    plan_t *plan = look(planner, rules, &told);
    assert_int_equal(plan_count(plan), 6); // source, derived column, two of the file, e, limit
    assert_true(has_rule(plan, "e", "price < 3"));
    assert_non_null(strstr(told.text, "a=error("));
    assert_non_null(strstr(told.text, "b=error(syntax error"));
    assert_non_null(strstr(told.text, "c c=error("));
    assert_non_null(strstr(told.text, "d=error("));
    assert_non_null(strstr(told.text, "e=ok"));
    assert_non_null(strstr(told.text, "at line 2, character 6)"));
    plan_destroy(&plan);
    planner_destroy(&planner);
}

static void note_cost(void *context, const planner_verdict_t *verdict)
{
    if (strcmp(verdict->name, "dear") == 0)
        *(planner_verdict_t *) context = *verdict;
}

static void a_rule_that_costs_too_much_is_refused_with_its_cost(void **state)
{
    (void) state;
    planner_t *planner = planner_of(configuration);
    told_t told;
    const brief_t fits[] = { { "dear", "trade", "price > 3 * ema(price) OVER rows_1000" }, { 0 } };
    const brief_t dear[] = { { "dear", "trade",
                               "ema(price) OVER rows_1000 > ema(price) OVER rows_999 + "
                               "ema(price) OVER rows_998" },
                             { 0 } };
    plan_t *plan = look(planner, fits, &told);
    assert_non_null(strstr(told.text, "dear=ok"));
    plan_destroy(&plan);
    planner_verdict_t verdict = { 0 };
    planner_tell_again(planner);
    assert_false(planner_tell(planner, SIZE_MAX, note_cost, &verdict));
    assert_int_equal(verdict.cost, 5 * 5 + 10 + 90 + 2 * 1000 + 10);
    plan = look(planner, dear, &told);
    assert_non_null(strstr(told.text, "dear=error(it costs about 6"));
    assert_non_null(strstr(told.text, "ns of CPU a row, more than the 5000 of rule_cost_max"));
    assert_null(plan_find(plan, PLAN_RULE, slice_text("dear")));
    plan_destroy(&plan);
    plan = look(planner, dear, &told);
    assert_string_equal(told.text, ""); // from memory
    plan_destroy(&plan);
    planner_destroy(&planner);
}

static void a_new_configuration_judges_again(void **state)
{
    (void) state;
    planner_t *planner = planner_of(configuration);
    told_t told;
    const brief_t rules[] = { { "deep", "trade", "depth > 1" }, { 0 } };
    plan_t *plan = look(planner, rules, &told);
    assert_non_null(strstr(told.text, "deep=error("));
    plan_destroy(&plan);

    static const char other[] = "sources:\n"
                                "  - name: market\n"
                                "    url: simulate://market\n"
                                "    table: trade\n"
                                "    key: { symbol: /symbol }\n"
                                "    time: { at: /ts, unit: ms }\n"
                                "    columns: { depth: /depth }\n";
    fault_t fault;
    settings_t *settings = settings_parse(other, sizeof other - 1, &fault);
    assert_non_null(settings);
    plan_t *base = planner_base(settings, &fault);
    assert_true(planner_configure(planner, base, settings->rule_cost_max));
    plan = look(planner, rules, &told);
    assert_non_null(strstr(told.text, "deep=ok"));
    assert_non_null(strstr(told.text, "cheap=gone"));
    assert_int_equal(plan_count(plan), 3);
    plan_destroy(&plan);
    plan_destroy(&base);
    settings_destroy(&settings);
    planner_destroy(&planner);
}

static void a_bad_derived_column_is_left_out(void **state)
{
    (void) state;
    static const char text[] = "sources:\n"
                               "  - name: market\n"
                               "    url: simulate://market\n"
                               "    table: trade\n"
                               "    key: { symbol: /symbol }\n"
                               "    time: { at: /ts, unit: ms }\n"
                               "    columns: { price: /price }\n"
                               "derive:\n"
                               "  trade:\n"
                               "    good: price * 2\n"
                               "    wrong: prize * 2\n"
                               "rules:\n"
                               "  uses: { on: trade, when: wrong > 1 }\n"
                               "  fine: { on: trade, when: good > 1 }\n";
    planner_t *planner = planner_of(text);
    told_t told;
    plan_t *plan = look(planner, NULL, &told);
    assert_non_null(plan_find(plan, PLAN_DERIVE, slice_text("trade.good")));
    assert_null(plan_find(plan, PLAN_DERIVE, slice_text("trade.wrong")));
    assert_non_null(strstr(told.text, "trade.wrong=error("));
    assert_non_null(strstr(told.text, "uses=error("));
    assert_non_null(strstr(told.text, "fine=ok"));
    plan_destroy(&plan);
    planner_destroy(&planner);
}

static void thousands_of_rules(void **state)
{
    (void) state;
    enum { RULES = 3000 };
    planner_t *planner = planner_of(configuration);
    char(*names)[16] = calloc(RULES, sizeof *names);
    char(*whens)[32] = calloc(RULES, sizeof *whens);
    brief_t *rules = calloc(RULES + 1, sizeof *rules);
    for (int i = 0; i < RULES; i++) {
        snprintf(names[i], sizeof names[i], "r%d", i * 7919 % RULES); // in no order
        snprintf(whens[i], sizeof whens[i], "price < %d", i);
        rules[i] = (brief_t){ names[i], "trade", whens[i] };
    }
    told_t told;
    plan_t *plan = look(planner, rules, &told);
    assert_int_equal(plan_count(plan), RULES + 5);
    rules[RULES - 1].when = "price > 7";
    plan_t *next = look(planner, rules, &told);
    assert_string_equal(told.text, ""); // it was ok and still is
    assert_true(has_rule(next, names[RULES - 1], "price > 7"));
    buffer_t change = { 0 };
    assert_true(plan_encode(next, plan, &change));
    assert_true(change.size < 300); // one entry
    buffer_destroy(&change);
    plan_destroy(&plan);
    plan_destroy(&next);
    free(rules);
    free(whens);
    free(names);
    planner_destroy(&planner);
}

static void switched_off_by_one_field(void **state)
{
    (void) state;
    planner_t *planner = planner_of(configuration);
    told_t told;
    plan_t *first = look(planner, NULL, &told);
    for (int again = 0; again < 2; again++) {
        store_rule_t off = { .name = "cheap", .count = 1, .fields = { { "enabled", "0" } } };
        told.text[0] = '\0';
        assert_true(planner_begin(planner));
        assert_true(planner_rule(planner, &off));
        plan_t *plan = planner_finish(planner);
        assert_non_null(plan);
        assert_false(planner_tell(planner, SIZE_MAX, tell, &told));
        assert_string_equal(told.text, again ? "" : "cheap=disabled");
        // It stays in the plan, so that its windows and the numbers of its alerts go on.
        rule_t rule;
        const plan_entry_t *entry = plan_find(plan, PLAN_RULE, slice_text("cheap"));
        assert_true(entry && rule_decode(&rule, entry->body, NULL));
        assert_false(rule.enabled);
        assert_true(slice_is(rule.when, "price < 1") && slice_is(rule.severity, "info"));
        plan_destroy(&plan);
    }
    store_rule_t nothing = { .name = "chep", .count = 1, .fields = { { "enabled", "0" } } };
    told.text[0] = '\0';
    assert_true(planner_begin(planner) && planner_rule(planner, &nothing));
    plan_t *same = planner_finish(planner);
    assert_false(planner_tell(planner, SIZE_MAX, tell, &told));
    assert_int_equal(plan_count(same), plan_count(first));
    assert_non_null(strstr(told.text, "chep=error(on, when: are missing"));
    plan_destroy(&same);
    plan_t *plan = look(planner, NULL, &told);
    assert_string_equal(told.text, "chep=gone");
    plan_destroy(&plan);
    plan_destroy(&first);
    planner_destroy(&planner);
}

static void told_in_an_earlier_life(void **state)
{
    (void) state;
    planner_t *planner = planner_of(configuration);
    assert_true(planner_was_told(planner, "spike"));
    assert_true(planner_was_told(planner, "zeal"));
    assert_true(planner_was_told(planner, "early"));
    assert_true(planner_was_told(planner, "zeal"));
    told_t told;
    plan_t *plan = look(planner, NULL, &told);
    assert_string_equal(told.text, "cheap=ok spike=ok early=gone zeal=gone");
    assert_true(planner_was_told(planner, "spike")); // known: changes nothing
    plan_destroy(&plan);
    plan = look(planner, NULL, &told);
    assert_string_equal(told.text, "");
    plan_destroy(&plan);
    planner_destroy(&planner);
}

static void telling_takes_its_time(void **state)
{
    (void) state;
    planner_t *planner = planner_of(configuration);
    told_t told = { 0 };
    assert_true(planner_was_told(planner, "early"));
    assert_true(planner_begin(planner));
    plan_t *plan = planner_finish(planner);
    assert_true(planner_tell(planner, 1, tell, &told));
    assert_string_equal(told.text, "cheap=ok");
    plan_destroy(&plan);
    // Another plan comes before all is told: what was told of it already is not repeated.
    assert_true(planner_begin(planner));
    plan = planner_finish(planner);
    assert_true(planner_tell(planner, 1, tell, &told));
    assert_false(planner_tell(planner, 1, tell, &told));
    assert_string_equal(told.text, "cheap=ok spike=ok early=gone");
    assert_false(planner_tell(planner, 1, tell, &told));
    assert_string_equal(told.text, "cheap=ok spike=ok early=gone");
    plan_destroy(&plan);
    planner_destroy(&planner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_alone),
        cmocka_unit_test(redis_hides_the_file),
        cmocka_unit_test(bad_rules_leave_the_others_alone),
        cmocka_unit_test(a_rule_that_costs_too_much_is_refused_with_its_cost),
        cmocka_unit_test(a_new_configuration_judges_again),
        cmocka_unit_test(a_bad_derived_column_is_left_out),
        cmocka_unit_test(thousands_of_rules),
        cmocka_unit_test(switched_off_by_one_field),
        cmocka_unit_test(told_in_an_earlier_life),
        cmocka_unit_test(telling_takes_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
