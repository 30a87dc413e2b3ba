/*  calendar -- dates to microseconds, and the pieces of times as text. Pure. */
#include "proto/calendar.h"

enum {
    OFFSET_HOURS_MAX = 23,
    DAYS_TO_1970 = 719468, // from 0000-03-01
    DAYS_IN_ERA = 146097,  // 400 years
    SECONDS_A_DAY = 86400,
    MICROS_A_SECOND = 1000000,
};

bool calendar_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int s_days_in_month(int year, int month)
{
    static const int DAYS[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return month == 2 && calendar_leap(year) ? 29 : DAYS[month - 1];
}

// Days since 1970-01-01. The year is counted from March, so that the leap day is its last.
static int64_t s_days(int year, int month, int day)
{
    int from_march = month > 2 ? month - 3 : month + 9;
    int y = month > 2 ? year : year - 1;
    int era = y / 400, year_of_era = y % 400;
    int day_of_year = (153 * from_march + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t) era * DAYS_IN_ERA + day_of_era - DAYS_TO_1970;
}

bool calendar_us(const calendar_t *self, int64_t *us)
{
    if (self->year < 1 || self->year > 9999 || self->month < 1 || self->month > 12)
        return false;
    if (self->day < 1 || self->day > s_days_in_month(self->year, self->month))
        return false;
    if (self->hour < 0 || self->hour > 23 || self->minute < 0 || self->minute > 59 ||
        self->second < 0 || self->second > 60)
        return false;
    int64_t seconds = s_days(self->year, self->month, self->day) * SECONDS_A_DAY +
                      self->hour * 3600 + self->minute * 60 + self->second - self->offset_s;
    *us = seconds * MICROS_A_SECOND + self->micros;
    return true;
}

int calendar_digits(const uint8_t **at, const uint8_t *end, int digits)
{
    int value = 0, taken = 0;
    for (; taken < digits && *at < end && **at >= '0' && **at <= '9'; taken++)
        value = value * 10 + (*(*at)++ - '0');
    return taken ? value : -1;
}

int calendar_fraction(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *start = *at;
    int micros = 0, weight = MICROS_A_SECOND;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
        weight /= 10;
        micros += (**at - '0') * weight;
    }
    return *at > start ? micros : -1;
}

// Exactly `count` digits; -1 if they are not there.
static int s_exactly(const uint8_t **at, const uint8_t *end, int count)
{
    const uint8_t *start = *at;
    int value = calendar_digits(at, end, count);
    return *at - start == count ? value : -1;
}

static bool s_take(const uint8_t **at, const uint8_t *end, char byte)
{
    if (*at == end || **at != (uint8_t) byte)
        return false;
    (*at)++;
    return true;
}

bool calendar_zone(const uint8_t **at, const uint8_t *end, int *offset_s)
{
    if (s_take(at, end, 'Z') || s_take(at, end, 'z')) {
        *offset_s = 0;
        return true;
    }
    bool west = s_take(at, end, '-');
    if (!west && !s_take(at, end, '+'))
        return false;
    int hours = s_exactly(at, end, 2), minutes = 0;
    if (s_take(at, end, ':') || (*at < end && **at >= '0' && **at <= '9'))
        minutes = s_exactly(at, end, 2);
    if (hours < 0 || hours > OFFSET_HOURS_MAX || minutes < 0 || minutes > 59)
        return false;
    *offset_s = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

bool calendar_rfc3339(slice_t text, calendar_t *date)
{
    const uint8_t *at = text.data, *end = at + text.size;
    *date = (calendar_t){ .year = s_exactly(&at, end, 4) };
    if (!s_take(&at, end, '-'))
        return false;
    date->month = s_exactly(&at, end, 2);
    if (!s_take(&at, end, '-'))
        return false;
    date->day = s_exactly(&at, end, 2);
    if (!s_take(&at, end, 'T') && !s_take(&at, end, 't') && !s_take(&at, end, ' '))
        return false;
    date->hour = s_exactly(&at, end, 2);
    if (!s_take(&at, end, ':'))
        return false;
    date->minute = s_exactly(&at, end, 2);
    if (!s_take(&at, end, ':'))
        return false;
    date->second = s_exactly(&at, end, 2);
    if (s_take(&at, end, '.') && (date->micros = calendar_fraction(&at, end)) < 0)
        return false;
    return at == end || (calendar_zone(&at, end, &date->offset_s) && at == end);
}
