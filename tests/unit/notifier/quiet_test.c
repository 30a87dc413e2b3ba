/*  quiet_test -- quiet hours by the clock on the wall, where it jumps too; zones and their files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "actors/notifier/quiet.h"
#include "actors/notifier/zone_rule.h"
#include "proto/calendar.h"
#include "proto/owned.h"

static const char berlin_rule[] = "CET-1CEST,M3.5.0,M10.5.0/3";

static int64_t at(const char *text)
{
    calendar_t date;
    int64_t us;
    assert_true(calendar_rfc3339(slice_text(text), &date));
    assert_true(calendar_us(&date, &us));
    return us / 1000000;
}

static void expect_end(const char *hours, const char *zone_name, const char *now, const char *end)
{
    quiet_t quiet;
    fault_t fault = { 0 };
    char text[128];
    snprintf(text, sizeof text, "%s %s", hours, zone_name);
    assert_true(quiet_parse(&quiet, text, &fault));
    owned(zone_destroy) zone_t *zone = zone_load(quiet.zone, &fault);
    if (!zone)
        fail_msg("%s", fault.text);
    if (quiet_end_s(&quiet, zone, at(now)) != at(end))
        fail_msg("%s at %s: %lld, not %s", text, now,
                 (long long) quiet_end_s(&quiet, zone, at(now)), end);
}

static void it_is_quiet_over_midnight_and_within_a_day(void **state)
{
    (void) state;
    expect_end("22:00-07:00", "", "2026-01-10T21:59:59Z", "2026-01-10T21:59:59Z");
    expect_end("22:00-07:00", "UTC", "2026-01-10T22:00:00Z", "2026-01-11T07:00:00Z");
    expect_end("22:00-07:00", "Z", "2026-01-11T06:59:59Z", "2026-01-11T07:00:00Z");
    expect_end("22:00-07:00", "", "2026-01-11T07:00:00Z", "2026-01-11T07:00:00Z");
    expect_end("12:30-13:15", "+05:30", "2026-01-11T07:00:01Z", "2026-01-11T07:45:00Z");
    expect_end("12:30-13:15", "+05:30", "2026-01-11T06:59:59Z", "2026-01-11T06:59:59Z");
    expect_end("00:00-23:59", "-03:00", "2026-01-11T03:00:00Z", "2026-01-12T02:59:00Z");
    expect_end("22:00-07:00", "Europe/Berlin", "2026-01-10T21:00:00Z", "2026-01-11T06:00:00Z");
    expect_end("22:00-07:00", "Europe/Berlin", "2026-07-10T20:00:00Z", "2026-07-11T05:00:00Z");
}

// Where the clock goes from 2 to 3, or from 3 to 2, the night is shorter or longer.
static void the_clock_may_jump(void **state)
{
    (void) state;
    const char *zone = "Europe/Berlin";
    expect_end("22:00-07:00", zone, "2026-03-28T21:00:00Z", "2026-03-29T05:00:00Z");
    expect_end("22:00-07:00", zone, "2026-10-24T20:00:00Z", "2026-10-25T06:00:00Z");
    // There is no 2:30 that night: it ends when the clock jumps over it.
    expect_end("22:00-02:30", zone, "2026-03-28T21:00:00Z", "2026-03-29T01:00:00Z");
    // There are two: it ends at the first, and the hour that comes again is quiet again.
    expect_end("22:00-02:30", zone, "2026-10-24T20:00:00Z", "2026-10-25T00:30:00Z");
    expect_end("22:00-02:30", zone, "2026-10-25T00:45:00Z", "2026-10-25T00:45:00Z");
    expect_end("22:00-02:30", zone, "2026-10-25T01:10:00Z", "2026-10-25T01:30:00Z");
    // It begins in an hour that there is not.
    expect_end("02:30-04:00", zone, "2026-03-29T00:59:59Z", "2026-03-29T00:59:59Z");
    expect_end("02:30-04:00", zone, "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z");
    // Half an hour, in the south; and after the last change that the file lists.
    expect_end("22:00-07:00", "Australia/Lord_Howe", "2026-04-04T12:00:00Z",
               "2026-04-04T20:30:00Z");
    expect_end("22:00-07:00", zone, "2060-07-10T20:00:00Z", "2060-07-11T05:00:00Z");
    expect_end("22:00-07:00", zone, "2060-01-10T21:00:00Z", "2060-01-11T06:00:00Z");
}

// Against libc, which knows one zone at a time.
static void every_zone_is_as_libc_has_it(void **state)
{
    (void) state;
    static const char *const names[] = {
        "Europe/Berlin",     "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
        "Africa/Casablanca", "Pacific/Apia",     "America/Sao_Paulo",   "Europe/Dublin",
        "Asia/Kolkata",      "Antarctica/Troll", "America/Nuuk",        "Etc/GMT+5",
    };
    enum { STEP_S = 7 * 3600 + 1234 };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fault_t fault = { 0 };
        owned(zone_destroy) zone_t *zone = zone_load(names[i], &fault);
        if (!zone)
            fail_msg("%s: %s", names[i], fault.text);
        setenv("TZ", names[i], 1);
        tzset();
        for (int64_t t = at("1975-01-01T00:00:00Z"); t < at("2055-01-01T00:00:00Z"); t += STEP_S) {
            struct tm local;
            time_t moment = (time_t) t;
            localtime_r(&moment, &local);
            if (zone_offset_s(zone, t) != local.tm_gmtoff)
                fail_msg("%s at %lld: %d, not %ld", names[i], (long long) t, zone_offset_s(zone, t),
                         local.tm_gmtoff);
        }
    }
    unsetenv("TZ");
    tzset();
}

static void rules_of_posix(void **state)
{
    (void) state;
    zone_rule_t rule;
    static const struct {
        const char *text, *when;
        int offset_s;
    } cases[] = {
        { "UTC0", "2026-07-01T00:00:00Z", 0 },
        { "<+0530>-5:30", "2026-07-01T00:00:00Z", 19800 },
        { berlin_rule, "2026-03-29T00:59:59Z", 3600 },
        { berlin_rule, "2026-03-29T01:00:00Z", 7200 },
        { berlin_rule, "2026-10-25T00:59:59Z", 7200 },
        { berlin_rule, "2026-10-25T01:00:00Z", 3600 },
        { "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01T00:00:00Z", 39600 },
        { "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01T00:00:00Z", 0 }, // as Dublin has it
        { "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T00:00:00Z", 3600 },
        { "AAA-1BBB,J60/0,J300/0", "2024-02-29T22:59:59Z", 3600 },
        { "AAA-1BBB,59/0,299/0", "2023-02-28T23:00:00Z", 7200 },
        { "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3600 }, // as Nuuk has it
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!zone_rule_parse(&rule, slice_text(cases[i].text)))
            fail_msg("%s", cases[i].text);
        if (zone_rule_offset_s(&rule, at(cases[i].when)) != cases[i].offset_s)
            fail_msg("%s at %s: %d", cases[i].text, cases[i].when,
                     zone_rule_offset_s(&rule, at(cases[i].when)));
    }
    static const char *const odd[] = {
        "",
        "CET",
        "CET-",
        "CET-1CEST",
        "CET-1CEST,",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M3.5.0,M10.5",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/3x",
        "<CET-1",
        "CET-168",
        "CET-1:60",
        "CET-1CEST,J0,J5",
        "CET-1CEST,J366,J5",
        "CET-1 ",
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        if (zone_rule_parse(&rule, slice_text(odd[i])))
            fail_msg("'%s' is taken", odd[i]);
}

// ---- files ----------------------------------------------------------------------------------

enum { FILE_SIZE_MAX = 8192 };

static size_t read_berlin(uint8_t file[FILE_SIZE_MAX])
{
    FILE *in = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    assert_non_null(in);
    size_t size = fread(file, 1, FILE_SIZE_MAX, in);
    fclose(in);
    assert_in_range(size, 100, FILE_SIZE_MAX - 1);
    return size;
}

// Cut anywhere, and with any byte of it changed, it is refused or means something; sanitized, this
// tells whether it is read within its bounds.
static void a_broken_file_is_refused(void **state)
{
    (void) state;
    uint8_t whole[FILE_SIZE_MAX];
    size_t size = read_berlin(whole);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *part = malloc(cut + 1);
        assert_non_null(part);
        memcpy(part, whole, cut);
        owned(zone_destroy) zone_t *zone = zone_parse(slice_of(part, cut), NULL);
        assert_null(zone);
        free(part);
    }
    for (size_t i = 0; i < size; i++) {
        static const uint8_t bytes[] = { 0, 1, 0x7f, 0x80, 0xff };
        for (size_t b = 0; b < sizeof bytes; b++) {
            uint8_t *copy = malloc(size);
            assert_non_null(copy);
            memcpy(copy, whole, size);
            copy[i] = bytes[b];
            owned(zone_destroy) zone_t *zone = zone_parse(slice_of(copy, size), NULL);
            if (zone)
                assert_in_range(zone_offset_s(zone, 1700000000) + 26 * 3600, 0, 52 * 3600);
            free(copy);
        }
    }
}

static void zones_are_named_and_remembered(void **state)
{
    (void) state;
    static const char *const odd[] = { "Nowhere/At_All", "../../../etc/passwd",
                                       "/etc/passwd",    "Europe",
                                       "Europe/",        "Europe/Berlin x",
                                       "+25:00",         "tzdata.zi",
                                       "zone.tab" };
    owned(zones_destroy) zones_t *zones = zones_new();
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        fault_t fault = { 0 };
        if (zones_get(zones, odd[i], &fault))
            fail_msg("%s is taken", odd[i]);
        assert_non_null(strstr(fault.text, "time zone"));
    }
    const zone_t *berlin = zones_get(zones, "Europe/Berlin", NULL);
    assert_non_null(berlin);
    assert_ptr_equal(zones_get(zones, "Europe/Berlin", NULL), berlin);
    for (int i = 0; i < 100; i++) { // more than it remembers
        char name[16];
        snprintf(name, sizeof name, "+%02d:%02d", i % 12, i / 12);
        const zone_t *zone = zones_get(zones, name, NULL);
        assert_non_null(zone);
        assert_int_equal(zone_offset_s(zone, 0), i % 12 * 3600 + i / 12 * 60);
    }
}

static void what_is_no_quiet_hours_is_refused(void **state)
{
    (void) state;
    static const char *const odd[] = {
        "",           "22:00", "22:00-", "24:00-07:00",  "22:00-07:60",  "22:00-22:00",
        "22:0-07:00", "22-7",  "a",      "22:00 -07:00", "22:00-07:00x", "-1:00-07:00"
    };
    quiet_t quiet;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        fault_t fault = { 0 };
        if (quiet_parse(&quiet, odd[i], &fault))
            fail_msg("'%s' is taken", odd[i]);
        assert_non_null(strstr(fault.text, "`quiet` is not of the form"));
    }
    assert_true(quiet_parse(&quiet, "7:00-9:30   Asia/Tokyo", NULL));
    assert_int_equal(quiet.from_min, 420);
    assert_int_equal(quiet.to_min, 570);
    assert_string_equal(quiet.zone, "Asia/Tokyo");
}

static void some_severities_pass(void **state)
{
    (void) state;
    assert_true(quiet_excepts("critical", slice_text("critical")));
    assert_true(quiet_excepts("error, critical", slice_text("critical")));
    assert_false(quiet_excepts("criticals", slice_text("critical")));
    assert_false(quiet_excepts("critical", slice_text("")));
    assert_false(quiet_excepts("", slice_text("")));
    assert_false(quiet_excepts(NULL, slice_text("critical")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_quiet_over_midnight_and_within_a_day),
        cmocka_unit_test(the_clock_may_jump),
        cmocka_unit_test(every_zone_is_as_libc_has_it),
        cmocka_unit_test(rules_of_posix),
        cmocka_unit_test(a_broken_file_is_refused),
        cmocka_unit_test(zones_are_named_and_remembered),
        cmocka_unit_test(what_is_no_quiet_hours_is_refused),
        cmocka_unit_test(some_severities_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
