/*  silence_test -- patterns, and which silences are over what, until when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/notifier/silence.h"
#include "proto/glob.h"
#include "proto/owned.h"

static void patterns(void **state)
{
    (void) state;
    static const struct {
        const char *pattern, *text;
        bool fits;
    } cases[] = {
        { "", "", true },
        { "", "a", false },
        { "*", "", true },
        { "*", "candle:x:Y", true },
        { "?", "", false },
        { "?", "a", true },
        { "a?c", "abc", true },
        { "a?c", "abd", false },
        { "candle:*", "candle:x:Y", true },
        { "candle:*", "candles:x:Y", false },
        { "*:BTC*", "candle:binance:BTCUSDT", true },
        { "*:BTC", "candle:binance:BTCUSDT", false },
        { "*a*b", "aab", true },
        { "*ab*ab", "abcabab", true },
        { "a*b*c", "abcbd", false },
        { "a**", "a", true },
        { "A", "a", false },
        { "[a]", "a", false },
        { "a\\*", "a\\bc", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (glob_fits(slice_text(cases[i].pattern), slice_text(cases[i].text)) != cases[i].fits)
            fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].text);
}

// What a pattern means, said without regard to how long it takes.
static bool fits_slowly(const char *pattern, const char *text)
{
    if (*pattern == '*')
        return fits_slowly(pattern + 1, text) || (*text && fits_slowly(pattern, text + 1));
    if (!*pattern || !*text)
        return *pattern == *text;
    return (*pattern == '?' || *pattern == *text) && fits_slowly(pattern + 1, text + 1);
}

static void every_short_pattern_over_every_short_text(void **state)
{
    (void) state;
    enum { PATTERN_LETTERS = 4, TEXT_LETTERS = 2, LENGTH_MAX = 6 };
    static const char pattern_letters[] = "ab?*", text_letters[] = "ab";
    for (unsigned p = 0; p < 1u << (2 * 5); p++) {
        char pattern[LENGTH_MAX] = "";
        for (unsigned i = 0; i < 5; i++)
            pattern[i] = pattern_letters[p >> (2 * i) & (PATTERN_LETTERS - 1)];
        for (unsigned length = 0; length <= 5; length++)
            for (unsigned t = 0; t < 1u << length; t++) {
                char text[LENGTH_MAX] = "";
                for (unsigned i = 0; i < length; i++)
                    text[i] = text_letters[t >> i & (TEXT_LETTERS - 1)];
                if (glob_fits(slice_text(pattern), slice_text(text)) != fits_slowly(pattern, text))
                    fail_msg("'%s' and '%s'", pattern, text);
            }
    }
}

// With backtracking to every star this would not end before the sun does.
static void a_pattern_of_stars_ends(void **state)
{
    (void) state;
    enum { STARS = 200, LETTERS = 400 };
    char pattern[2 * STARS + 2] = "", text[LETTERS + 1] = "";
    for (int i = 0; i < STARS; i++)
        strcat(pattern, "*a");
    strcat(pattern, "b");
    memset(text, 'a', LETTERS);
    assert_false(glob_fits(slice_text(pattern), slice_text(text)));
}

static size_t steps_of(const char *pattern, const char *text)
{
    size_t steps = 0;
    (void) glob_fits_counted(slice_text(pattern), slice_text(text), &steps);
    return steps;
}

// Whoever bounds the time of comparing has to know what it took, not what it could have taken.
static void steps_are_those_that_were_taken(void **state)
{
    (void) state;
    assert_int_equal(steps_of("trade:x:BTC", "candle:x:BTC"), 1);
    assert_int_equal(steps_of("abc", "abd"), 3);
    assert_int_equal(steps_of("abc", "abc"), 3);
    assert_int_equal(steps_of("", ""), 0);
    assert_int_equal(steps_of("*", "abc"), 4); // the star, and each byte
    assert_int_equal(steps_of("*c", "abc"), 4);
    assert_in_range(steps_of("*aab", "aaaaaaaa"), 16, 32);
}

// ---- silences -------------------------------------------------------------------------------

static bool add(silences_t *silences, const char *name, const char *const *fields,
                int64_t expires_us, fault_t *fault)
{
    store_rule_t written = { .name = name };
    for (; fields[0]; fields += 2)
        written.fields[written.count++] = (store_field_t){ fields[0], fields[1] };
    return silences_add(silences, &written, expires_us, fault);
}

static const char *find(const silences_t *silences, const char *rule, const char *series)
{
    const char *name = silences_find(silences, slice_text(rule), slice_text(series));
    return name ? name : "";
}

static void rules_and_series_are_patterns(void **state)
{
    (void) state;
    owned(silences_destroy) silences_t *silences = silences_new();
    assert_true(add(silences, "one", (const char *[]){ "rule", "spike-*", NULL }, INT64_MAX, NULL));
    assert_true(add(silences, "two",
                    (const char *[]){ "series", " candle:x:*\t*:BTC ", "rule", "gap", NULL },
                    INT64_MAX, NULL));
    assert_string_equal(find(silences, "spike-1", "candle:z:A"), "one");
    assert_true(silences_concern(silences, slice_text("gap")));
    assert_true(silences_concern(silences, slice_text("spike-1")));
    assert_false(silences_concern(silences, slice_text("spike")));
    assert_string_equal(find(silences, "spike", "candle:z:A"), "");
    assert_string_equal(find(silences, "gap", "candle:x:A"), "two");
    assert_string_equal(find(silences, "gap", "trade:y:BTC"), "two");
    assert_string_equal(find(silences, "gap", "candle:z:A"), "");
    silences_clear(silences);
    assert_string_equal(find(silences, "spike-1", "candle:z:A"), "");
}

static void it_ends_at_until_or_when_the_key_does(void **state)
{
    (void) state;
    enum { SECOND = 1000000 };
    owned(silences_destroy) silences_t *silences = silences_new();
    assert_true(add(silences, "a", (const char *[]){ "rule", "a", "until", "100", NULL },
                    200 * (int64_t) SECOND, NULL));
    assert_true(add(silences, "b",
                    (const char *[]){ "rule", "b", "until", "1970-01-01T01:05:00+01:00", NULL },
                    150 * (int64_t) SECOND, NULL));
    assert_true(add(silences, "c", (const char *[]){ "rule", "c", NULL }, INT64_MAX, NULL));
    assert_true(silences_end_us(silences) == 100 * (int64_t) SECOND);
    assert_false(silences_tick(silences, 100 * (int64_t) SECOND - 1));
    assert_string_equal(find(silences, "a", "x"), "a");
    assert_true(silences_tick(silences, 100 * (int64_t) SECOND));
    assert_string_equal(find(silences, "a", "x"), "");
    assert_string_equal(find(silences, "b", "x"), "b");
    assert_true(silences_end_us(silences) == 150 * (int64_t) SECOND);
    assert_true(silences_tick(silences, 150 * (int64_t) SECOND));
    assert_true(silences_end_us(silences) == INT64_MAX);
    assert_string_equal(find(silences, "c", "x"), "c");
}

static void what_is_taken_tells_what_has_ended(void **state)
{
    (void) state;
    static const char *const rule_a[] = { "rule", "a", NULL }, *const rule_b[] = { "rule", "b",
                                                                                   NULL };
    static const char *const longer[] = { "rule", "a", "until", "99", NULL };
    owned(silences_destroy) silences_t *silences = silences_new(), *from = silences_new();
    add(from, "b", rule_a, INT64_MAX, NULL);
    assert_false(silences_take(silences, from)); // the first
    assert_int_equal(silences_count(from), 0);
    add(from, "a", rule_b, INT64_MAX, NULL);
    add(from, "b", longer, INT64_MAX, NULL);
    add(from, "c", rule_b, INT64_MAX, NULL);
    assert_false(silences_take(silences, from)); // more of them, and one ends later
    assert_string_equal(find(silences, "b", "s"), "a");
    add(from, "b", rule_a, INT64_MAX, NULL);
    add(from, "c", rule_b, INT64_MAX, NULL);
    assert_true(silences_take(silences, from)); // a is gone
    add(from, "b", rule_b, INT64_MAX, NULL);
    add(from, "c", rule_b, INT64_MAX, NULL);
    assert_true(silences_take(silences, from)); // b is over something else
    assert_true(silences_take(silences, from));
    assert_int_equal(silences_count(silences), 0);
}

static void expect_refusal(const char *name, const char *const *fields, const char *why)
{
    owned(silences_destroy) silences_t *silences = silences_new();
    fault_t fault = { 0 };
    assert_false(add(silences, name, fields, INT64_MAX, &fault));
    if (!strstr(fault.text, why))
        fail_msg("%s", fault.text);
    assert_int_equal(silences_count(silences), 0);
}

static void what_is_no_silence_silences_nothing(void **state)
{
    (void) state;
    static char long_pattern[SILENCE_PATTERN_MAX + 2], many[2 * SILENCE_SERIES_MAX + 3];
    memset(long_pattern, 'a', sizeof long_pattern - 1);
    for (size_t i = 0; i < sizeof many - 1; i++)
        many[i] = i % 2 ? ' ' : '*';
    expect_refusal("x", (const char *[]){ NULL }, "neither `rule` nor `series`");
    expect_refusal("x", (const char *[]){ "rule", "", "why", "no", NULL }, "neither");
    expect_refusal("x", (const char *[]){ "series", " ", NULL }, "`series` holds nothing");
    expect_refusal("x", (const char *[]){ "rule", "a", "series", "\t ", NULL }, "holds nothing");
    expect_refusal("x", (const char *[]){ "rule", " ", "series", "a", NULL }, "`rule` is one");
    expect_refusal("x", (const char *[]){ "rule", "a b", NULL }, "`rule` is one");
    expect_refusal("x y", (const char *[]){ "rule", "*", NULL }, "its name");
    expect_refusal("x", (const char *[]){ "rule", "*", "until", "tomorrow", NULL }, "`until`");
    expect_refusal("x", (const char *[]){ "rule", "*", "until", "-5", NULL }, "`until`");
    expect_refusal("x", (const char *[]){ "rule", "*", "until", "123456789012", NULL }, "`until`");
    expect_refusal("x", (const char *[]){ "rule", long_pattern, NULL }, "longer than 512");
    expect_refusal("x", (const char *[]){ "series", long_pattern, NULL }, "longer than 512");
    expect_refusal("x", (const char *[]){ "series", many, NULL }, "more than 64");
}

static void there_are_not_too_many(void **state)
{
    (void) state;
    owned(silences_destroy) silences_t *silences = silences_new();
    fault_t fault = { 0 };
    for (int i = 0; i < SILENCES_MAX; i++)
        assert_true(add(silences, "x", (const char *[]){ "rule", "r", NULL }, INT64_MAX, &fault));
    assert_false(add(silences, "x", (const char *[]){ "rule", "r", NULL }, INT64_MAX, &fault));
    assert_non_null(strstr(fault.text, "too many"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),
        cmocka_unit_test(every_short_pattern_over_every_short_text),
        cmocka_unit_test(a_pattern_of_stars_ends),
        cmocka_unit_test(steps_are_those_that_were_taken),
        cmocka_unit_test(rules_and_series_are_patterns),
        cmocka_unit_test(it_ends_at_until_or_when_the_key_does),
        cmocka_unit_test(what_is_taken_tells_what_has_ended),
        cmocka_unit_test(what_is_no_silence_silences_nothing),
        cmocka_unit_test(there_are_not_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
