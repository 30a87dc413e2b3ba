/*  calendar -- extract(field FROM ts): the proleptic Gregorian calendar in UTC. Pure. */
#include "actors/rules/judge.h"

static const int64_t day_us = INT64_C(86400000000);

typedef struct {
    int64_t year;
    int month, day; // from 1
} date_t;

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

// Days since 1970-01-01 to a date, counting years from March so that leap days come last.
static date_t date_of(int64_t days)
{
    days += 719468; // since 0000-03-01
    int64_t era = floor_div(days, 146097);
    int64_t in_era = days - era * 146097;
    int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * in_year + 2) / 153;
    return (date_t){ .year = era * 400 + year + (month >= 10),
                     .month = (int) (month < 10 ? month + 3 : month - 9),
                     .day = (int) (in_year - (153 * month + 2) / 5 + 1) };
}

static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400), in_era = year - era * 400;
    int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static int64_t isodow_of(int64_t days)
{
    return days + 3 - 7 * floor_div(days + 3, 7) + 1; // 1970-01-01 was a Thursday
}

// The ISO week belongs to the year of its Thursday.
static int64_t thursday_of(int64_t days)
{
    return days - isodow_of(days) + 4;
}

static int64_t date_field(int64_t days, field_t field)
{
    date_t date = date_of(days);
    int64_t thursday = thursday_of(days);
    switch ((int) field) {
    case FIELD_YEAR:
        return date.year;
    case FIELD_QUARTER:
        return (date.month - 1) / 3 + 1;
    case FIELD_MONTH:
        return date.month;
    case FIELD_DAY:
        return date.day;
    case FIELD_DOY:
        return days - days_of(date.year, 1, 1) + 1;
    case FIELD_DOW:
        return isodow_of(days) % 7;
    case FIELD_ISODOW:
        return isodow_of(days);
    case FIELD_ISOYEAR:
        return date_of(thursday).year;
    default: // FIELD_WEEK
        return (thursday - days_of(date_of(thursday).year, 1, 1)) / 7 + 1;
    }
}

void calendar_field(int64_t us, field_t field, int64_t *numerator, int64_t *denominator)
{
    int64_t days = floor_div(us, day_us);
    int64_t in_day = us - days * day_us;
    int64_t in_minute = in_day % 60000000;
    *denominator = 1;
    switch (field) {
    case FIELD_HOUR:
        *numerator = in_day / INT64_C(3600000000);
        return;
    case FIELD_MINUTE:
        *numerator = in_day / 60000000 % 60;
        return;
    case FIELD_SECOND:
        *numerator = in_minute;
        *denominator = 1000000;
        return;
    case FIELD_MILLISECONDS:
        *numerator = in_minute;
        *denominator = 1000;
        return;
    case FIELD_MICROSECONDS:
        *numerator = in_minute;
        return;
    case FIELD_EPOCH:
        *numerator = us;
        *denominator = 1000000;
        return;
    case FIELD_YEAR:
    case FIELD_ISOYEAR:
    case FIELD_QUARTER:
    case FIELD_MONTH:
    case FIELD_WEEK:
    case FIELD_DAY:
    case FIELD_DOW:
    case FIELD_ISODOW:
    case FIELD_DOY:
        *numerator = date_field(days, field);
        return;
    }
}
