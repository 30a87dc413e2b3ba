/*  zone_rule -- see zone_rule.h. */
#include "actors/notifier/zone_rule.h"

#include <time.h>

#include "proto/calendar.h"

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 24 * HOUR_S, HOURS_MAX = 167, WEEK_DAYS = 7 };

typedef struct {
    const uint8_t *at, *end;
} cursor_t;

static bool take(cursor_t *cursor, char c)
{
    if (cursor->at == cursor->end || *cursor->at != (uint8_t) c)
        return false;
    cursor->at++;
    return true;
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// A name: three letters or more, or anything in < >.
static bool take_name(cursor_t *cursor)
{
    enum { LETTERS_MIN = 3 };
    const uint8_t *from = cursor->at;
    if (take(cursor, '<')) {
        while (cursor->at < cursor->end && *cursor->at != '>')
            cursor->at++;
        return take(cursor, '>');
    }
    while (cursor->at < cursor->end && is_letter(*cursor->at))
        cursor->at++;
    return cursor->at - from >= LETTERS_MIN;
}

static bool take_number(cursor_t *cursor, int digits, int most, int *number)
{
    *number = calendar_digits(&cursor->at, cursor->end, digits);
    return *number >= 0 && *number <= most;
}

// "[+-]h[hh][:mm[:ss]]"
static bool take_time(cursor_t *cursor, int *seconds)
{
    int hours, minutes = 0, rest = 0;
    bool negative = take(cursor, '-');
    if (!negative)
        take(cursor, '+');
    if (!take_number(cursor, 3, HOURS_MAX, &hours))
        return false;
    if (take(cursor, ':') && !take_number(cursor, 2, 59, &minutes))
        return false;
    if (take(cursor, ':') && !take_number(cursor, 2, 59, &rest))
        return false;
    *seconds = (hours * HOUR_S + minutes * MINUTE_S + rest) * (negative ? -1 : 1);
    return true;
}

static bool take_day(cursor_t *cursor, zone_day_t *day)
{
    *day = (zone_day_t){ .at_s = 2 * HOUR_S };
    bool good;
    if (take(cursor, 'M')) {
        day->kind = ZONE_DAY_MONTH;
        good = take_number(cursor, 2, 12, &day->month) && take(cursor, '.') &&
               take_number(cursor, 1, 5, &day->week) && take(cursor, '.') &&
               take_number(cursor, 1, WEEK_DAYS - 1, &day->day) && day->month > 0 && day->week > 0;
    } else {
        day->kind = take(cursor, 'J') ? ZONE_DAY_JULIAN : ZONE_DAY_NUMBER;
        good = take_number(cursor, 3, 365, &day->day) &&
               (day->kind == ZONE_DAY_NUMBER || day->day > 0);
    }
    return good && (!take(cursor, '/') || take_time(cursor, &day->at_s));
}

bool zone_rule_parse(zone_rule_t *self, slice_t text)
{
    cursor_t cursor = { text.data, text.data + text.size };
    zone_rule_t rule = { .has_summer = false };
    if (!take_name(&cursor) || !take_time(&cursor, &rule.standard_s))
        return false;
    rule.standard_s = -rule.standard_s; // POSIX counts to the west
    if (cursor.at < cursor.end) {
        rule.has_summer = true;
        rule.summer_s = rule.standard_s + HOUR_S;
        if (!take_name(&cursor))
            return false;
        if (cursor.at < cursor.end && *cursor.at != ',') {
            if (!take_time(&cursor, &rule.summer_s))
                return false;
            rule.summer_s = -rule.summer_s;
        }
        if (!take(&cursor, ',') || !take_day(&cursor, &rule.begins) || !take(&cursor, ',') ||
            !take_day(&cursor, &rule.ends))
            return false;
    }
    *self = rule;
    return cursor.at == cursor.end;
}

// ---- when it is -----------------------------------------------------------------------------

// Unix time of midnight, as if in UTC.
static int64_t midnight_s(int year, int month, int day)
{
    const calendar_t date = { .year = year, .month = month, .day = day };
    int64_t us = 0;
    return calendar_us(&date, &us) ? us / 1000000 : 0;
}

static int week_day(int64_t midnight)
{
    enum { EPOCH_DAY = 4 }; // a Thursday
    return (int) (((midnight / DAY_S + EPOCH_DAY) % WEEK_DAYS + WEEK_DAYS) % WEEK_DAYS);
}

// The w-th such day of the week, the last for 5.
static int64_t month_day_s(const zone_day_t *day, int year)
{
    int64_t first = midnight_s(year, day->month, 1);
    int64_t next =
        day->month == 12 ? midnight_s(year + 1, 1, 1) : midnight_s(year, day->month + 1, 1);
    int ahead = (day->day - week_day(first) + WEEK_DAYS) % WEEK_DAYS;
    int64_t at = first + (int64_t) (ahead + WEEK_DAYS * (day->week - 1)) * DAY_S;
    return at < next ? at : at - WEEK_DAYS * DAY_S;
}

// Local time at which it happens, as if in UTC.
static int64_t day_s(const zone_day_t *day, int year)
{
    enum { FEBRUARY_END = 59 };
    int64_t at = 0;
    switch (day->kind) {
    case ZONE_DAY_MONTH:
        at = month_day_s(day, year);
        break;
    case ZONE_DAY_JULIAN: // 29 February is never counted
        at = midnight_s(year, 1, 1) +
             (int64_t) (day->day - 1 + (day->day > FEBRUARY_END && calendar_leap(year))) * DAY_S;
        break;
    case ZONE_DAY_NUMBER:
        at = midnight_s(year, 1, 1) + (int64_t) day->day * DAY_S;
        break;
    }
    return at + day->at_s;
}

int zone_rule_offset_s(const zone_rule_t *self, int64_t unix_s)
{
    enum { YEAR_ZERO = 1900, YEAR_MAX = 9998 };
    struct tm utc;
    time_t local = (time_t) (unix_s + self->standard_s);
    if (!self->has_summer || !gmtime_r(&local, &utc) || utc.tm_year + YEAR_ZERO < 1 ||
        utc.tm_year + YEAR_ZERO > YEAR_MAX)
        return self->standard_s;
    int year = utc.tm_year + YEAR_ZERO;
    int64_t begins = day_s(&self->begins, year) - self->standard_s;
    int64_t ends = day_s(&self->ends, year) - self->summer_s;
    bool summer =
        begins < ends ? unix_s >= begins && unix_s < ends : unix_s >= begins || unix_s < ends;
    return summer ? self->summer_s : self->standard_s;
}
