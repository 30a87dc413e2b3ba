/*  event_time, time_format, calendar -- every way to write a time. */
#include <time.h>

#include "actors/prep/event_time.h"
#include "proto/calendar.h"
#include "tests/unit/prep/cmocka_first.h"

enum { BAD = -1, RANGE = -2 }; // in place of microseconds: unreadable, out of range

typedef struct {
    const char *unit, *text;
    int64_t us;
} case_t;

static void reads(const case_t *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        event_time_t unit;
        fault_t fault;
        if (!event_time_compile(&unit, slice_text(table[i].unit), &fault))
            fail_msg("%s: %s", table[i].unit, fault.text);
        int64_t us = -77;
        event_time_result_t result = event_time_read(&unit, slice_text(table[i].text), &us);
        event_time_result_t wanted = table[i].us == BAD     ? EVENT_TIME_UNREADABLE
                                     : table[i].us == RANGE ? EVENT_TIME_OUT_OF_RANGE
                                                            : EVENT_TIME_GOOD;
        if (result != wanted || (wanted == EVENT_TIME_GOOD && us != table[i].us))
            fail_msg("%s '%s': result %d, %lld us", table[i].unit, table[i].text, (int) result,
                     (long long) us);
    }
}

static void counts(void **state)
{
    (void) state;
    static const case_t TABLE[] = {
        { "s", "0", 0 },
        { "s", "1700000000", 1700000000000000 },
        { "s", "1700000000.5", 1700000000500000 },
        { "s", "1700000000.1234567", 1700000000123456 }, // cut, not rounded
        { "s", "1700000000.9999999", 1700000000999999 },
        { "s", "1.7e9", 1700000000000000 },
        { "s", "17E+8", 1700000000000000 },
        { "s", "1700000000.", 1700000000000000 },
        { "s", ".25", 250000 },
        { "s", "9007199254.740991", 9007199254740991 },
        { "s", "9007199254.740992", RANGE },
        { "s", "9007199255", RANGE },
        { "s", "-1", RANGE },
        { "s", "-0", 0 },
        { "s", "-0.0000001", RANGE },
        { "s", "1e40", RANGE },
        { "s", "1e400", RANGE },
        { "s", "99999999999999999999999999999999", RANGE },
        { "s", "00000000000000000000000000000001", 1000000 },
        { "ms", "1679443260000", 1679443260000000 },
        { "ms", "1679443260000.25", 1679443260000250 },
        { "ms", "1.67944326e12", 1679443260000000 },
        { "ms", "9007199254740", 9007199254740000 },
        { "ms", "9007199254741", RANGE },
        { "us", "1679443260000001", 1679443260000001 },
        { "us", "1679443260000001.9", 1679443260000001 },
        { "us", "9007199254740991", 9007199254740991 },
        { "us", "9007199254740992", RANGE },
        { "ns", "1723161254087896568", 1723161254087896 },
        { "ns", "1723161254087896999", 1723161254087896 },
        { "ns", "999", 0 },
        { "ns", "9007199254740991999", 9007199254740991 },
        { "ns", "9007199254740992000", RANGE },
        { "ns", "18446744073709551616", RANGE },
        { "s", "", BAD },
        { "s", ".", BAD },
        { "s", "-", BAD },
        { "s", "+1", BAD },
        { "s", " 1", BAD },
        { "s", "1 ", BAD },
        { "s", "1.2.3", BAD },
        { "s", "0x10", BAD },
        { "s", "1,5", BAD },
        { "s", "1e", BAD },
        { "s", "nan", BAD },
        { "ms", "2023-03-01", BAD },
    };
    reads(TABLE, sizeof TABLE / sizeof TABLE[0]);
}

static void rfc3339(void **state)
{
    (void) state;
    static const case_t TABLE[] = {
        { "rfc3339", "1970-01-01T00:00:00Z", 0 },
        { "rfc3339", "2023-03-01T00:00:00Z", 1677628800000000 },
        { "rfc3339", "2023-03-01t00:00:00z", 1677628800000000 },
        { "rfc3339", "2023-03-01 00:00:00+00:00", 1677628800000000 },
        { "rfc3339", "2023-03-01T01:30:00+01:30", 1677628800000000 },
        { "rfc3339", "2023-02-28T19:00:00-05:00", 1677628800000000 },
        { "rfc3339", "2023-02-28T19:00:00-0500", 1677628800000000 },
        { "rfc3339", "2023-02-28T19:00:00-05", 1677628800000000 },
        { "rfc3339", "2017-11-30T09:08:00", 1512032880000000 }, // no zone: UTC
        { "rfc3339", "2023-03-01T00:00:00.1Z", 1677628800100000 },
        { "rfc3339", "2023-03-01T00:00:00.123456789Z", 1677628800123456 },
        { "rfc3339", "2024-02-29T00:00:00Z", 1709164800000000 },
        { "rfc3339", "2016-12-31T23:59:60Z", 1483228800000000 }, // a leap second
        { "rfc3339", "2255-06-05T23:47:34.740991Z", 9007199254740991 },
        { "rfc3339", "2255-06-05T23:47:34.740992Z", RANGE },
        { "rfc3339", "9999-12-31T23:59:59Z", RANGE },
        { "rfc3339", "1969-12-31T23:59:59Z", RANGE },
        { "rfc3339", "1970-01-01T00:00:00+00:01", RANGE },
        { "rfc3339", "2023-02-29T00:00:00Z", BAD },
        { "rfc3339", "1900-02-29T00:00:00Z", BAD },
        { "rfc3339", "2023-13-01T00:00:00Z", BAD },
        { "rfc3339", "2023-00-01T00:00:00Z", BAD },
        { "rfc3339", "2023-04-31T00:00:00Z", BAD },
        { "rfc3339", "2023-04-30T24:00:00Z", BAD },
        { "rfc3339", "2023-04-30T00:60:00Z", BAD },
        { "rfc3339", "2023-04-30T00:00:61Z", BAD },
        { "rfc3339", "2023-04-30T00:00:00.Z", BAD },
        { "rfc3339", "2023-04-30T00:00:00+24:00", BAD },
        { "rfc3339", "2023-04-30T00:00:00+1:00", BAD },
        { "rfc3339", "2023-04-30T00:00:00Z ", BAD },
        { "rfc3339", "2023-04-30T00:00Z", BAD },
        { "rfc3339", "2023-04-30", BAD },
        { "rfc3339", "23-04-30T00:00:00Z", BAD },
        { "rfc3339", "", BAD },
        { "rfc3339", "1700000000", BAD },
    };
    reads(TABLE, sizeof TABLE / sizeof TABLE[0]);
}

static void formats(void **state)
{
    (void) state;
    static const case_t TABLE[] = {
        { "%Y-%m-%dT%H:%M:%S", "2017-11-30T09:08:00", 1512032880000000 },
        { "%Y-%m-%d %H:%M:%S.%f", "2021-12-31 23:01:00.000250", 1640991660000250 },
        { "%F %T", "2023-03-01 00:00:01", 1677628801000000 },
        { "%D %R", "03/01/23 00:01", 1677628860000000 },
        { "%d/%b/%Y:%H:%M:%S %z", "01/Mar/2023:01:00:00 +0100", 1677628800000000 },
        { "%a, %d %b %Y %H:%M:%S %Z", "Wed, 01 Mar 2023 00:00:00 GMT", 1677628800000000 },
        { "%A %e %B %Y", "wednesday  1 MARCH 2023", 1677628800000000 },
        { "%b %d %Y", "May 05 2023", 1683244800000000 },
        { "%Y-%j", "2024-366", 1735603200000000 },
        { "%Y-%j", "2024-060", 1709164800000000 },
        { "%Y-%j", "2023-060", 1677628800000000 },
        { "%Y-%j", "2023-001", 1672531200000000 },
        { "%Y%m%d", "20230301", 1677628800000000 },
        { "%y%m%d", "690101", RANGE },
        { "%y%m%d", "700101", 0 },
        { "%y%m%d", "680101", 3092601600000000 },
        { "%m/%d/%Y %I:%M:%S %p", "03/01/2023 12:00:00 AM", 1677628800000000 },
        { "%m/%d/%Y %I:%M:%S %p", "03/01/2023 12:00:00 pm", 1677672000000000 },
        { "%m/%d/%Y %I:%M:%S %p", "3/1/2023 1:00:00 PM", 1677675600000000 },
        { "%s", "1700000000", 1700000000000000 },
        { "%s.%f", "1700000000.25", 1700000000250000 },
        { "%Y%%", "2023%", 1672531200000000 },
        { "%Y-%m-%d%t%H", "2023-03-01 \t 5", 1677646800000000 },
        { "%Y-%m-%d", "2023-02-29", BAD },
        { "%Y-%m-%d", "2023-03-01x", BAD },
        { "%Y-%m-%d", "2023-03", BAD },
        { "%Y-%m-%d", "", BAD },
        { "%Y-%j", "2023-000", BAD },
        { "%b %Y", "Mai 2023", BAD },
        { "%Y %p", "2023 XM", BAD },
        { "%Y %Z", "2023 CET", BAD },
        { "%s", "17000000000000", BAD },
        { "%Y%f", "2023", BAD },
    };
    reads(TABLE, sizeof TABLE / sizeof TABLE[0]);
}

static void bad_units_are_refused(void **state)
{
    (void) state;
    static const char *const UNITS[] = { "",      "sec", "MS",  "%Q%Y", "%Y%",
                                         "%H:%M", "rfc", "%EY", "%c%Y", "iso8601" };
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        event_time_t unit;
        fault_t fault = { 0 };
        assert_false(event_time_compile(&unit, slice_text(UNITS[i]), &fault));
        assert_true(strlen(fault.text) > 0);
    }
}

// Against the C library, over the whole range and then some.
static void dates_agree_with_timegm(void **state)
{
    (void) state;
    uint64_t random = 20231114;
    for (int i = 0; i < 200000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        time_t seconds = (time_t) (random >> 30) - (time_t) (1ll << 32);
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        if (tm.tm_year + 1900 < 1 || tm.tm_year + 1900 > 9999)
            continue;
        calendar_t date = { .year = tm.tm_year + 1900,
                            .month = tm.tm_mon + 1,
                            .day = tm.tm_mday,
                            .hour = tm.tm_hour,
                            .minute = tm.tm_min,
                            .second = tm.tm_sec,
                            .micros = (int) (random % 1000000) };
        int64_t us;
        assert_true(calendar_us(&date, &us));
        assert_int_equal(us, (int64_t) seconds * 1000000 + date.micros);
        char text[64];
        if (seconds < 0)
            continue;
        // The same by way of a text, and of the day of the year.
        assert_true(strftime(text, sizeof text, "%Y-%j %T", &tm) > 0);
        event_time_t unit;
        assert_true(event_time_compile(&unit, slice_text("%Y-%j %T"), NULL));
        event_time_result_t result = event_time_read(&unit, slice_text(text), &us);
        if (us / 1000000 < EVENT_TIME_MAX_US / 1000000 && result == EVENT_TIME_GOOD)
            assert_int_equal(us, (int64_t) seconds * 1000000);
        else
            assert_true((int64_t) seconds * 1000000 > EVENT_TIME_MAX_US);
    }
}

static void integers_scale_as_their_text_does(void **state)
{
    (void) state;
    static const char *const UNITS[] = { "s", "ms", "us", "ns" };
    uint64_t random = 42;
    for (int i = 0; i < 100000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t count = (int64_t) (random >> (random % 50)) - 10;
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long) count);
        event_time_t unit;
        int64_t a = 0, b = 0;
        assert_true(event_time_compile(&unit, slice_text(UNITS[i % 4]), NULL));
        event_time_result_t by_text = event_time_read(&unit, slice_text(text), &a);
        assert_int_equal(event_time_scale(unit.unit, count, &b), by_text);
        assert_int_equal(a, b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(rfc3339),
        cmocka_unit_test(formats),
        cmocka_unit_test(bad_units_are_refused),
        cmocka_unit_test(dates_agree_with_timegm),
        cmocka_unit_test(integers_scale_as_their_text_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
