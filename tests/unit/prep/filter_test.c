/*  filter -- jq in its process: what it gives, what it is refused, and what it survives. */
#include "actors/prep/filter.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "actors/prep/jq.h"
#include "actors/prep/jq_words.h"
#include "tests/unit/prep/cmocka_first.h"

// The outputs of a filter, then "! " and what was wrong.
static const char *run(filter_t *filter, const char *document, buffer_t *out)
{
    fault_t fault = { 0 };
    filter_result_t result = filter_run(filter, slice_text(document), out, &fault);
    assert_int_not_equal(result, FILTER_BROKEN);
    if (result != FILTER_GOOD)
        buffer_printf(out, "! %s", fault.text);
    return buffer_string(out);
}

static filter_t *open_filter(const char *text)
{
    fault_t fault = { 0 };
    filter_t *filter = filter_new(slice_text(text), &fault);
    if (!filter)
        fail_msg("%s: %s", text, fault.text);
    return filter;
}

static void outputs_are_rows(void **state)
{
    (void) state;
    static const struct {
        const char *filter, *document, *expected;
    } TABLE[] = {
        { ".", "{\"a\":[1,null,true,\"x\\n\\u00e9\"]}",
          "{\"a\":[1,null,true,\"x\\n\xc3\xa9\"]}\n" },
        { ".[]", "[{},[],3]", "{}\n[]\n3\n" },
        { "empty", "1", "" },
        { ".[] | select(.t == \"x\") | {p}", "[{\"t\":\"x\",\"p\":1},{\"t\":\"y\"}]",
          "{\"p\":1}\n" },
        { ". as $d | range($d.t | length) | {t: $d.t[.], p: $d.p[.]}",
          "{\"t\":[1,2],\"p\":[0.5,0.25]}", "{\"t\":1,\"p\":0.5}\n{\"t\":2,\"p\":0.25}\n" },
        { ".[] | {a: (.a + 1)}", "[{\"a\":1},{\"a\":\"x\"},{\"a\":2}]",
          "{\"a\":2}\n! string (\"x\") and number (1) cannot be added" },
        { ".a | keys", "3", "! Cannot index number with string \"a\"" },
        { "error(\"no\")", "{}", "! no" },
        { "[.a, 0.1 + 0.2, 1e17, -0.00001, 1/3]", "{\"a\":0.1}",
          "[0.1,0.30000000000000004,1e+17,-1e-05,0.3333333333333333]\n" },
    };
    buffer_t out = { 0 };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        filter_t *filter = open_filter(TABLE[i].filter);
        for (int again = 0; again < 2; again++)
            assert_string_equal(run(filter, TABLE[i].document, &out), TABLE[i].expected);
        filter_destroy(&filter);
    }
    buffer_destroy(&out);
}

// What a double cannot hold passes unharmed, as a text.
static void long_numbers_are_guarded(void **state)
{
    (void) state;
    static const struct {
        const char *document, *expected;
    } TABLE[] = {
        { "[1,-2.5,0.1,123456789012345]", "[1,-2.5,0.1,123456789012345]" },
        { "[1234567890123456]", "[\"1234567890123456\"]" },
        { "{\"id\":12345678901234567890}", "{\"id\":\"12345678901234567890\"}" },
        { "[0.1234567890123456,-0.0000001234567]", "[\"0.1234567890123456\",-0.0000001234567]" },
        { "[1000000000000000000000,1.50000000000000000000]",
          "[1000000000000000000000,1.50000000000000000000]" },
        { "[1e300,1E-300,1e301,2e-999]", "[1e300,1E-300,\"1e301\",\"2e-999\"]" },
        { "[\"1234567890123456789\",\"a\\\"1234567890123456789\"]",
          "[\"1234567890123456789\",\"a\\\"1234567890123456789\"]" },
        { "12345678901234567890", "\"12345678901234567890\"" },
    };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        buffer_t out = { 0 };
        jq_guard_numbers(slice_text(TABLE[i].document), &out);
        assert_string_equal(buffer_string(&out), TABLE[i].expected);
        buffer_destroy(&out);
    }
    buffer_t out = { 0 };
    filter_t *filter = open_filter("{id, p, q: (.p | tonumber)}");
    assert_string_equal(run(filter, "{\"id\":9007199254740993,\"p\":1234567.890123456789}", &out),
                        "{\"id\":\"9007199254740993\",\"p\":\"1234567.890123456789\","
                        "\"q\":1234567.8901234567}\n");
    filter_destroy(&filter);
    buffer_destroy(&out);
}

static void words_are_refused(void **state)
{
    (void) state;
    static const char *const BAD[] = {
        "now",
        ".a | now",
        "\"\\(now)\"",
        "\"a\\(\"b\\(now)\")\"",
        "$ENV",
        "env.HOME",
        "[inputs]",
        "input",
        "{now}",
        "import \"a\" as a; 1",
        "include \"a\"; 1",
        "debug",
        "halt_error(\"x\")",
        "(\"(\")|now",
        "# x\nnow",
    };
    static const char *const GOOD[] = {
        ".now",        ".a.now",  ".[\"now\"]", "\"now\"",    "# now",
        "\"\\\"now\"", "nowhere", "$now",       "\"(\" | .x",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        fault_t fault = { 0 };
        if (jq_words_good(slice_text(BAD[i]), &fault))
            fail_msg("%s was let through", BAD[i]);
        assert_non_null(strstr(fault.text, "a filter sees its document and nothing else"));
    }
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++)
        if (!jq_words_good(slice_text(GOOD[i]), NULL))
            fail_msg("%s was refused", GOOD[i]);
}

// `depth` times "\( around `core`.
static void nest(buffer_t *out, int depth, const char *core)
{
    buffer_clear(out);
    for (int i = 0; i < depth; i++)
        buffer_text(out, "\"\\(");
    buffer_text(out, core);
    for (int i = 0; i < depth; i++)
        buffer_text(out, ")\"");
}

// Code and strings never change places: at every depth the clock is found, or all is refused.
static void nesting_hides_no_word(void **state)
{
    (void) state;
    enum { DEEPEST = 16 };
    buffer_t text = { 0 };
    for (int depth = 0; depth <= DEEPEST + 4; depth++) {
        nest(&text, depth, "1");
        fault_t fault = { 0 };
        assert_int_equal(jq_words_good(buffer_slice(&text), &fault), depth <= DEEPEST);
        if (depth > DEEPEST)
            assert_non_null(strstr(fault.text, "more than 16 \\( ) inside each other"));
        buffer_text(&text, " | now");
        assert_false(jq_words_good(buffer_slice(&text), &fault));
        nest(&text, depth, "now");
        assert_false(jq_words_good(buffer_slice(&text), &fault));
    }
    buffer_destroy(&text);
}

static void mistakes_have_words(void **state)
{
    (void) state;
    static const struct {
        const char *filter, *expected;
    } TABLE[] = {
        { ".a &", "jq: syntax error, unexpected INVALID_CHARACTER, expecting $end line 1" },
        { ".a |\n foo", "jq: foo/0 is not defined line 2" },
        { "", "jq: a filter has 1 to 4096 bytes" },
    };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        fault_t fault = { 0 };
        assert_null(filter_new(slice_text(TABLE[i].filter), &fault));
        assert_string_equal(fault.text, TABLE[i].expected);
        assert_int_equal(fault.line, 1);
    }
}

// It computes for ever, or takes all memory: ended, told, and the next document has a new child.
static void runaways_are_ended(void **state)
{
    (void) state;
    buffer_t out = { 0 };
    filter_t *filter = open_filter("if .loop then last(repeat(1)) else {a} end");
    assert_string_equal(run(filter, "{\"loop\":true}", &out),
                        "! it did not end within 5 s of computing");
    for (int i = 0; i < 1000; i++) // of the same record: each at once
        assert_string_equal(run(filter, "{\"loop\":true}", &out),
                            "! it did not end within 5 s of computing");
    filter_renew(filter);
    assert_string_equal(run(filter, "{\"a\":1}", &out), "{\"a\":1}\n");
    filter_destroy(&filter);
    filter = open_filter("if .many then range(200) | {a: (\"0123456789\" * 40000)} else {a} end");
    assert_non_null(strstr(run(filter, "{\"many\":true}", &out), "! more than 64 MB of outputs"));
    assert_string_equal(run(filter, "{\"a\":1}", &out), "{\"a\":1}\n");
    filter_destroy(&filter);
    filter = open_filter("[range(.depth)] | reduce .[] as $i (1; [.])");
    assert_string_equal(run(filter, "{\"depth\":32}", &out),
                        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]"
                        "]]]]]]]]]]]]]]]]]]]]]]]]\n");
    assert_string_equal(run(filter, "{\"depth\":33}", &out), "! an output is nested too deeply");
    filter_destroy(&filter);
#ifndef TIDEWIRE_SANITIZED
    // More than 1024 MB at once: to fill them in little pieces may take a slow host more than 5 s.
    filter = open_filter("if .big then [.big as $big | [] | .[$big] = 1 | length] else {a} end");
    assert_string_equal(run(filter, "{\"big\":1000}", &out), "[1001]\n");
    assert_string_equal(run(filter, "{\"big\":100000000}", &out),
                        "! jq gave up: more than 1024 MB of memory, or a mistake of its own");
    assert_string_equal(run(filter, "{\"a\":1}", &out), "{\"a\":1}\n");
    filter_destroy(&filter);
#endif
    buffer_destroy(&out);
}

static pid_t only_child(void)
{
    int child = 0;
    FILE *file = fopen("/proc/thread-self/children", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &child), 1);
    fclose(file);
    return child;
}

// Somebody ends the child: the document is asked for again.
static void a_killed_child_is_replaced(void **state)
{
    (void) state;
    buffer_t out = { 0 };
    filter_t *filter = open_filter("{a}");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kill(only_child(), SIGKILL), 0);
        assert_string_equal(run(filter, "{\"a\":1}", &out), "{\"a\":1}\n");
    }
    filter_destroy(&filter);
    buffer_destroy(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_rows),           cmocka_unit_test(long_numbers_are_guarded),
        cmocka_unit_test(words_are_refused),          cmocka_unit_test(nesting_hides_no_word),
        cmocka_unit_test(mistakes_have_words),        cmocka_unit_test(runaways_are_ended),
        cmocka_unit_test(a_killed_child_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
