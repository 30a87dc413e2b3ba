/*  A pushed feed in shards becomes so many sources; what cannot be is refused where it stands. */
#include "broker/runtime/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FEED(name, more)                                                                           \
    "  - name: " name "\n"                                                                         \
    "    url: push://tcp://127.0.0.1:5570\n"                                                       \
    "    table: trade\n"                                                                           \
    "    key: { pair: pair }\n"                                                                    \
    "    time: fetch\n"                                                                            \
    "    columns: { volume: volume }\n"                                                            \
    "    " more "\n"

static settings_t *parse(const char *text)
{
    fault_t fault = { 0 };
    settings_t *settings = settings_parse(text, strlen(text), &fault);
    if (!settings)
        fail_msg("%d:%d: %s", fault.line, fault.column, fault.text);
    return settings;
}

static void assert_shard(const source_t *source, const char *name, const char *stream,
                         unsigned shard, unsigned shards)
{
    assert_string_equal(source->name, name);
    assert_string_equal(source->stream, stream);
    assert_int_equal(source->shard, shard);
    assert_int_equal(source->shards, shards);
    assert_string_equal(source->table, "trade");
}

static void each_shard_is_a_source_with_a_stream(void **state)
{
    (void) state;
    settings_t *settings = parse("sources:\n" FEED("ticks", "shards: 3"));
    assert_int_equal(settings->source_count, 3);
    assert_shard(&settings->sources[0], "ticks.0", "ticks.0", 0, 3);
    assert_shard(&settings->sources[1], "ticks.1", "ticks.1", 1, 3);
    assert_shard(&settings->sources[2], "ticks.2", "ticks.2", 2, 3);
    assert_int_equal(settings->sources[2].line, 2);
    settings_destroy(&settings);
}

static void some_of_the_shards_may_be_elsewhere(void **state)
{
    (void) state;
    settings_t *settings = parse("sources:\n" FEED("ticks", "shards: 2,0/3\n    stream: fast")
                                     FEED("other", "shards: 1/3"));
    assert_int_equal(settings->source_count, 3);
    assert_shard(&settings->sources[0], "ticks.0", "fast.0", 0, 3);
    assert_shard(&settings->sources[1], "ticks.2", "fast.2", 2, 3);
    assert_shard(&settings->sources[2], "other.1", "other.1", 1, 3);
    settings_destroy(&settings);
}

static void the_most_there_can_be(void **state)
{
    (void) state;
    settings_t *settings = parse("sources:\n" FEED("ticks", "shards: 64"));
    assert_int_equal(settings->source_count, 64);
    assert_shard(&settings->sources[63], "ticks.63", "ticks.63", 63, 64);
    settings_destroy(&settings);
    settings = parse("sources:\n" FEED("ticks", "shards: 63/64"));
    assert_int_equal(settings->source_count, 1);
    assert_shard(&settings->sources[0], "ticks.63", "ticks.63", 63, 64);
    settings_destroy(&settings);
}

#define LONG_50 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"

static void what_cannot_be_is_refused(void **state)
{
    (void) state;
    const struct {
        const char *text;
        int line, column;
        const char *says;
    } cases[] = {
        { "sources:\n" FEED("a", "shards: 0"), 8, 13, "0 is outside 1 to 64" },
        { "sources:\n" FEED("a", "shards: 65"), 8, 13, "65 is outside 1 to 64" },
        { "sources:\n" FEED("a", "shards: 9999"), 8, 13, "expected a number" },
        { "sources:\n" FEED("a", "shards: three"), 8, 13, "expected a number" },
        { "sources:\n" FEED("a", "shards: 3x"), 8, 13, "expected a number" },
        { "sources:\n" FEED("a", "shards: \"\""), 8, 14, "expected a number" },
        { "sources:\n" FEED("a", "shards: /3"), 8, 13, "expected a number" },
        { "sources:\n" FEED("a", "shards: 0/"), 8, 13, "expected a number" },
        { "sources:\n" FEED("a", "shards: 0,/3"), 8, 13, "expected a number" },
        { "sources:\n" FEED("a", "shards: 0;1/3"), 8, 13, "expected a number" },
        { "sources:\n" FEED("a", "shards: 0/3/4"), 8, 13, "expected a number" },
        { "sources:\n" FEED("a", "shards: 3/3"), 8, 13, "no 3 among 3, which are 0 to 2" },
        { "sources:\n" FEED("a", "shards: 0,0/3"), 8, 13, "0 is named twice" },
        { "sources:\n" FEED("a", "shards: 0/65"), 8, 13, "65 is outside 1 to 64" },
        { "sources:\n" FEED("a", "shards: [0, 1]"), 8, 13, "expected one value" },
        { "sources:\n" FEED(LONG_50 "12345678901234", "shards: 2"), 2, 5, "longer than 64 bytes" },
        { "sources:\n" FEED(".a", "shards: 2"), 8, 13, "must not begin with '.'" },
        // Half of a series here and half there: not the same shards, or the same one twice.
        { "sources:\n" FEED("a", "shards: 2") FEED("b", "shards: 0/3"), 9, 5, "could come from" },
        { "sources:\n" FEED("a", "shards: 0/2") FEED("b", "shards: 0/2"), 9, 5, "could come from" },
        { "sources:\n" FEED("a", "shards: 2") FEED("a", "shards: 2"), 9, 5,
          "another source 'a.0'" },
        { "sources:\n  - { url: \"file:///x\", shards: 2, table: t, key: { a: /a }, "
          "time: fetch, columns: { b: /b } }\n",
          2, 33, "only push sources" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fault_t fault = { 0 };
        settings_t *settings = settings_parse(cases[i].text, strlen(cases[i].text), &fault);
        if (settings)
            fail_msg("case %zu was taken", i);
        if (!strstr(fault.text, cases[i].says) || fault.line != cases[i].line ||
            (cases[i].column && fault.column != cases[i].column))
            fail_msg("case %zu: %d:%d: %s", i, fault.line, fault.column, fault.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_shard_is_a_source_with_a_stream),
        cmocka_unit_test(some_of_the_shards_may_be_elsewhere),
        cmocka_unit_test(the_most_there_can_be),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests_name("settings_shards", tests, NULL, NULL);
}
