/*  judge -- LIKE and the calendar, against a plain matcher and against libc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "actors/rules/judge.h"

static void test_like(void **state)
{
    (void) state;
    static const struct {
        const char *text, *pattern;
        bool matches;
    } cases[] = {
        { "", "", true },
        { "", "%", true },
        { "", "_", false },
        { "a", "_", true },
        { "\xc3\xa9", "_", true },
        { "\xc3\xa9", "__", false },
        { "abc", "a%", true },
        { "abc", "%c", true },
        { "abc", "%b%", true },
        { "abc", "a_c", true },
        { "abc", "abc%%", true },
        { "abc", "abcd", false },
        { "abc", "ab", false },
        { "a%c", "a\\%c", true },
        { "abc", "a\\%c", false },
        { "a_c", "a\\_c", true },
        { "a\\c", "a\\\\c", true },
        { "aXbXc", "%X%X%", true },
        { "aXbc", "%X%X%", false },
        { "abab", "%ab", true },
        { "ABC", "abc", false },
        { "\xe2\x82\xacyz", "%__yz", false },
        { "XBT/USD", "%/USD", true },
        { "a\xf0\x9f\x98\x80z", "a_z", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(like_matches(slice_text(cases[i].text), slice_text(cases[i].pattern)),
                         cases[i].matches);
}

static bool plain_like(const char *text, const char *pattern)
{
    if (!*pattern)
        return !*text;
    if (*pattern == '%')
        return plain_like(text, pattern + 1) || (*text && plain_like(text + 1, pattern));
    if (*pattern == '_')
        return *text && plain_like(text + 1, pattern + 1);
    pattern += *pattern == '\\';
    return *text == *pattern && plain_like(text + 1, pattern + 1);
}

static void test_like_at_random(void **state)
{
    (void) state;
    uint32_t seed = 7;
    int matched = 0;
    for (int i = 0; i < 200000; i++) {
        char text[9] = "", pattern[9] = "";
        for (int k = 0; k < 8; k++) {
            seed = seed * 1664525 + 1013904223;
            if (k < (int) (seed >> 29))
                text[k] = "ab"[seed >> 8 & 1];
            if (k < (int) (seed >> 26 & 7))
                pattern[k] = "ab%_"[seed >> 16 & 3];
        }
        bool wanted = plain_like(text, pattern);
        matched += wanted;
        assert_int_equal(like_matches(slice_text(text), slice_text(pattern)), wanted);
    }
    assert_true(matched > 1000);
}

static int64_t field(int64_t us, field_t which)
{
    int64_t numerator, denominator;
    calendar_field(us, which, &numerator, &denominator);
    return numerator;
}

static void test_calendar(void **state)
{
    (void) state;
    uint64_t seed = 99;
    for (int i = 0; i < 100000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int64_t second = (int64_t) (seed >> 31) - (INT64_C(1) << 32); // years 1834 to 2106
        int64_t us = second * 1000000 + (int64_t) (seed % 1000000);
        struct tm tm;
        time_t at = second;
        char week[16];
        gmtime_r(&at, &tm);
        strftime(week, sizeof week, "%G %V", &tm);
        int isoyear = 0, isoweek = 0;
        assert_int_equal(sscanf(week, "%d %d", &isoyear, &isoweek), 2);
        assert_int_equal(field(us, FIELD_YEAR), tm.tm_year + 1900);
        assert_int_equal(field(us, FIELD_MONTH), tm.tm_mon + 1);
        assert_int_equal(field(us, FIELD_QUARTER), tm.tm_mon / 3 + 1);
        assert_int_equal(field(us, FIELD_DAY), tm.tm_mday);
        assert_int_equal(field(us, FIELD_DOY), tm.tm_yday + 1);
        assert_int_equal(field(us, FIELD_DOW), tm.tm_wday);
        assert_int_equal(field(us, FIELD_ISODOW), tm.tm_wday ? tm.tm_wday : 7);
        assert_int_equal(field(us, FIELD_ISOYEAR), isoyear);
        assert_int_equal(field(us, FIELD_WEEK), isoweek);
        assert_int_equal(field(us, FIELD_HOUR), tm.tm_hour);
        assert_int_equal(field(us, FIELD_MINUTE), tm.tm_min);
        assert_int_equal(field(us, FIELD_SECOND),
                         tm.tm_sec * INT64_C(1000000) + (int64_t) (seed % 1000000));
        assert_int_equal(field(us, FIELD_EPOCH), us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like),
        cmocka_unit_test(test_like_at_random),
        cmocka_unit_test(test_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
