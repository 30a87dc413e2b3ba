/*  test_rules_file -- see test_rules_file.h. */
#include "actors/cli/test_rules_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/cli/cli.h"
#include "broker/runtime/settings_tree.h"
#include "proto/owned.h"
#include "proto/series.h"

typedef struct {
    const char *path;
    arena_t *arena;
    fault_t *fault;
    size_t values; // that all texts so far stand for
} reading_t;

// ---- nodes --------------------------------------------------------------------------------------

static bool s_refuse(reading_t *self, const node_t *node, const char *what, const char *why)
{
    return fault_set_at(self->fault, node->line, node->column, "%s: %s", what, why);
}

// A map with no other keys than these, which a blank follows each.
static bool s_is_map(reading_t *self, const char *what, const node_t *node, const char *keys)
{
    if (node->kind != NODE_MAP)
        return s_refuse(self, node, what, "expected a map");
    for (const node_t *member = node->first; member; member = member->next) {
        size_t size = strlen(member->name);
        const char *key = keys;
        while (*key && (strncmp(key, member->name, size) != 0 || key[size] != ' '))
            key += strcspn(key, " ") + 1;
        if (!*key || strchr(member->name, ' ') || size == 0)
            return fault_set_at(self->fault, member->name_line, member->name_column,
                                "%s: unknown key '%.60s'; there are: %.*s", what, member->name,
                                (int) strlen(keys) - 1, keys);
    }
    return true;
}

static const node_t *s_member(reading_t *self, const char *what, const node_t *map,
                              const char *name)
{
    const node_t *member = settings_member(map, name);
    if (!member)
        fault_set_at(self->fault, map->line, map->column, "%s: '%s' is missing", what, name);
    return member;
}

static bool s_placed(reading_t *self, const char *what, const node_t *node, placed_t *out)
{
    *out = (placed_t){ node->text, node->line, node->column };
    return (node->kind == NODE_TEXT && *node->text) ||
           s_refuse(self, node, what, "expected a text");
}

// The member of this name as a text.
static bool s_text(reading_t *self, const char *what, const node_t *map, const char *name,
                   placed_t *out)
{
    const node_t *member = s_member(self, what, map, name);
    return member && s_placed(self, name, member, out);
}

// Room for a list's members in the arena.
static void *s_list(reading_t *self, const char *what, const node_t *node, size_t most, size_t size)
{
    if (node->kind != NODE_LIST)
        return s_refuse(self, node, what, "expected a list"), NULL;
    if (node->count > most)
        return s_refuse(self, node, what, "too long a list"), NULL;
    void *items = arena_take(self->arena, (node->count + 1) * size);
    if (!items)
        fault_set(self->fault, "out of memory");
    return items;
}

// A sum of durations, such as 90s, 1h or 1d2h30m.
static bool s_span(const char *text, int64_t *us)
{
    enum { PART_MAX = 20 };
    *us = 0;
    do {
        char part[PART_MAX];
        size_t digits = strspn(text, "0123456789");
        size_t size = digits + strspn(text + digits, "dhmsu");
        int64_t more;
        if (size >= sizeof part)
            return false;
        snprintf(part, sizeof part, "%.*s", (int) size, text);
        if (!settings_duration(part, &more) || __builtin_add_overflow(*us, more, us))
            return false;
        text += size;
    } while (*text);
    return *us <= ROWS_TS_MAX;
}

static bool s_duration(reading_t *self, const node_t *map, const char *name, int64_t *us)
{
    const node_t *node = settings_member(map, name);
    return !node || (node->kind == NODE_TEXT && s_span(node->text, us)) ||
           s_refuse(self, node, name, "expected a duration such as 10s, 1m or 1h30m");
}

// ---- the parts of a test ------------------------------------------------------------------------

static bool s_column(reading_t *self, const node_t *node, test_column_t *column)
{
    column->name = (placed_t){ node->name, node->name_line, node->name_column };
    if (node->kind != NODE_TEXT)
        return s_refuse(self, node, node->name, "expected values such as \"10x60 35\"");
    fault_t fault;
    if (!series_text(node->text, SERIES_VALUES_MAX - self->values, self->arena, &column->values,
                     &fault)) {
        bool first = fault.line <= 1; // of a text over several lines: the lines are those of YAML
        return fault_set_at(self->fault, node->line + (first ? 0 : fault.line - 1),
                            first ? node->column + fault.column - 1 : fault.column, "%s: %s",
                            node->name, fault.text);
    }
    self->values += column->values.count;
    return true;
}

static bool s_columns(reading_t *self, const node_t *node, test_input_t *input)
{
    if (node->kind != NODE_MAP || node->count == 0 || node->count > ROWS_COLUMNS_MAX)
        return s_refuse(self, node, "columns", "expected a map of 1 to 64 columns");
    input->columns =
        (test_column_t *) arena_take(self->arena, node->count * sizeof *input->columns);
    if (!input->columns)
        return fault_set(self->fault, "out of memory");
    for (const node_t *member = node->first; member; member = member->next) {
        test_column_t *column = &input->columns[input->column_count++];
        if (!s_column(self, member, column))
            return false;
        size_t count = input->columns[0].values.count;
        if (column->values.count != count)
            return fault_set_at(self->fault, member->line, member->column,
                                "%s: %zu values, but '%s' has %zu", member->name,
                                column->values.count, input->columns[0].name.text, count);
    }
    return true;
}

static bool s_input(reading_t *self, const node_t *node, rule_test_t *test, test_input_t *input)
{
    if (!s_is_map(self, "input", node, "series columns delay "))
        return false;
    const node_t *columns = s_member(self, "input", node, "columns");
    if (!columns || !s_text(self, "input", node, "series", &input->series) ||
        !s_duration(self, node, "delay", &input->delay_us) || !s_columns(self, columns, input))
        return false;
    int64_t last; // of the times at which rows come
    if (__builtin_mul_overflow(test->every_us, (int64_t) input->columns[0].values.count, &last) ||
        __builtin_add_overflow(last, test->start_us, &last) ||
        __builtin_add_overflow(last, input->delay_us, &last) || last > ROWS_TS_MAX)
        return s_refuse(self, node, "input", "reaches beyond the year 2255");
    last -= test->every_us; // there is a step at the start
    test->end_us = last > test->end_us ? last : test->end_us;
    return true;
}

const char *test_rules_kind(test_kind_t kind)
{
    static const char *const names[] = {
        [KIND_ALERT] = "alert",       [KIND_CORRECTION] = "correction",
        [KIND_FIRING] = "firing",     [KIND_STILL] = "still",
        [KIND_RESOLVED] = "resolved", [KIND_NODATA] = "nodata",
        [KIND_FLAPPING] = "flapping", [KIND_DATA] = "data"
    };
    return names[kind];
}

bool test_rules_read_kind(const char *text, test_kind_t *kind)
{
    for (int i = 0; i < TEST_KINDS; i++) {
        if (strcmp(text, test_rules_kind((test_kind_t) i)) == 0)
            return *kind = (test_kind_t) i, true;
    }
    return false;
}

static bool s_kind(reading_t *self, const node_t *node, test_kind_t *kind)
{
    return (node->kind == NODE_TEXT && test_rules_read_kind(node->text, kind)) ||
           s_refuse(self, node, node->name ? node->name : "kinds",
                    "expected alert, correction, firing, still, resolved, flapping, nodata or "
                    "data");
}

// A duration from the start, or a time.
static bool s_at(reading_t *self, const node_t *node, const rule_test_t *test, int64_t *ts_us)
{
    int64_t after;
    if (node->kind == NODE_TEXT && cli_time(node->text, ts_us))
        return true;
    if (node->kind != NODE_TEXT || !s_span(node->text, &after))
        return s_refuse(self, node, node->name,
                        "expected a duration from the start such as 1h30m, or a time such as "
                        "2024-01-01T01:30:00Z");
    *ts_us = test->start_us + after; // neither is beyond ROWS_TS_MAX
    return true;
}

static bool s_expect(reading_t *self, const node_t *node, const rule_test_t *test,
                     test_expect_t *expect)
{
    const node_t *kind = settings_member(node, "kind");
    if (kind && !s_kind(self, kind, &expect->kind))
        return false;
    if (!test->looked_at[expect->kind])
        return s_refuse(self, kind ? kind : node, test_rules_kind(expect->kind),
                        "is expected, but `kinds` leaves it out");
    if (!s_is_map(self, "expect", node, "rule series at kind "))
        return false;
    const node_t *at = s_member(self, "expect", node, "at");
    return at && s_text(self, "expect", node, "rule", &expect->rule) &&
           s_text(self, "expect", node, "series", &expect->series) &&
           s_at(self, at, test, &expect->ts_us);
}

// ---- tests --------------------------------------------------------------------------------------

static bool s_clock(reading_t *self, const node_t *node, rule_test_t *test)
{
    const node_t *start = settings_member(node, "start");
    if (start && (start->kind != NODE_TEXT || !cli_time(start->text, &test->start_us)))
        return s_refuse(self, start, "start", "expected a time such as 2024-01-01T00:00:00Z");
    test->every_us = INT64_C(60) * 1000000;
    test->end_us = test->start_us;
    if (!s_duration(self, node, "every", &test->every_us))
        return false;
    return test->every_us > 0 ||
           s_refuse(self, settings_member(node, "every"), "every", "has to be more than nothing");
}

static bool s_only(reading_t *self, const node_t *node, rule_test_t *test)
{
    test->only = (placed_t *) s_list(self, "only", node, TEST_EXPECT_MAX, sizeof *test->only);
    for (const node_t *item = node->first; test->only && item; item = item->next) {
        if (!s_placed(self, "only", item, &test->only[test->only_count++]))
            return false;
    }
    return test->only && (node->count > 0 || s_refuse(self, node, "only", "names no rule"));
}

// How long nothing more has to come for what is told of silence.
static bool s_until(reading_t *self, const node_t *node, rule_test_t *test)
{
    int64_t until_us;
    if (!s_at(self, node, test, &until_us))
        return false;
    if (until_us < test->end_us)
        return s_refuse(self, node, "until", "is before the last step");
    test->end_us = until_us;
    return true;
}

// Without a word: alerts, and what takes them back.
static bool s_kinds(reading_t *self, const node_t *node, rule_test_t *test)
{
    test->looked_at[KIND_ALERT] = test->looked_at[KIND_CORRECTION] = !node;
    if (node && (node->kind != NODE_LIST || node->count == 0))
        return s_refuse(self, node, "kinds", "expected a list such as [firing, resolved]");
    for (const node_t *item = node ? node->first : NULL; item; item = item->next) {
        test_kind_t kind = KIND_ALERT;
        if (!s_kind(self, item, &kind))
            return false;
        test->looked_at[kind] = true;
    }
    return true;
}

static bool s_lists(reading_t *self, const node_t *inputs, const node_t *expect, rule_test_t *test)
{
    test->inputs =
        (test_input_t *) s_list(self, "input", inputs, TEST_INPUTS_MAX, sizeof *test->inputs);
    for (const node_t *item = inputs->first; test->inputs && item; item = item->next) {
        if (!s_input(self, item, test, &test->inputs[test->input_count++]))
            return false;
    }
    if (!test->inputs)
        return false;
    test->expect =
        (test_expect_t *) s_list(self, "expect", expect, TEST_EXPECT_MAX, sizeof *test->expect);
    for (const node_t *item = expect->first; test->expect && item; item = item->next) {
        if (!s_expect(self, item, test, &test->expect[test->expect_count++]))
            return false;
    }
    return test->expect && (inputs->count > 0 || s_refuse(self, inputs, "input", "is empty"));
}

static bool s_test(reading_t *self, const node_t *node, rule_test_t *test)
{
    if (!s_is_map(self, "tests", node, "name start every until only kinds input expect "))
        return false;
    const node_t *inputs = s_member(self, "tests", node, "input");
    const node_t *expect = inputs ? s_member(self, "tests", node, "expect") : NULL;
    const node_t *only = settings_member(node, "only");
    const node_t *until = settings_member(node, "until");
    return expect && s_text(self, "tests", node, "name", &test->name) &&
           s_clock(self, node, test) && (!only || s_only(self, only, test)) &&
           s_kinds(self, settings_member(node, "kinds"), test) &&
           s_lists(self, inputs, expect, test) && (!until || s_until(self, until, test));
}

// A path of the file is relative to the folder that the file is in.
static bool s_config(reading_t *self, const node_t *root, placed_t *config)
{
    if (!s_text(self, "file", root, "config", config))
        return false;
    const char *slash = strrchr(self->path, '/');
    if (slash && *config->text != '/')
        config->text = arena_printf(self->arena, "%.*s%s", (int) (slash + 1 - self->path),
                                    self->path, config->text);
    return config->text || fault_set(self->fault, "out of memory");
}

static bool s_file(reading_t *self, const node_t *root, rule_tests_t *tests)
{
    if (!s_is_map(self, "file", root, "config tests ") || !s_config(self, root, &tests->config))
        return false;
    const node_t *list = s_member(self, "file", root, "tests");
    if (!list)
        return false;
    tests->tests = (rule_test_t *) s_list(self, "tests", list, TESTS_MAX, sizeof *tests->tests);
    for (const node_t *item = list->first; tests->tests && item; item = item->next) {
        if (!s_test(self, item, &tests->tests[tests->count++]))
            return false;
    }
    return tests->tests && (list->count > 0 || s_refuse(self, list, "tests", "is empty"));
}

rule_tests_t *test_rules_load(const char *path, fault_t *fault)
{
    owned(buffer_destroy) buffer_t text = { 0 };
    if (!settings_slurp(path, &text, fault))
        return NULL;
    rule_tests_t *self = (rule_tests_t *) calloc(1, sizeof *self);
    if (self)
        self->arena = arena_new(SETTINGS_MEMORY_MAX);
    if (!self || !self->arena) {
        free(self);
        return fault_set(fault, "out of memory"), NULL;
    }
    reading_t reading = { .path = path, .arena = self->arena, .fault = fault };
    const node_t *root = settings_tree((const char *) text.data, text.size, self->arena, fault);
    if (!root || !s_file(&reading, root, self))
        test_rules_destroy(&self);
    return self;
}

void test_rules_destroy(rule_tests_t **self_p)
{
    rule_tests_t *self = *self_p;
    if (!self)
        return;
    arena_destroy(&self->arena);
    free(self);
    *self_p = NULL;
}
