/*  time_format -- a strptime of our own. Pure. */
#include "actors/prep/time_format.h"

#include <string.h>

#define DIRECTIVES "YymdejHIpMSfbBhaAzZDFTRsnt%"

enum { EPOCH_DIGITS_MAX = 12, CENTURY_PIVOT = 69 }; // as POSIX: 69..99 are 19xx

// What is read so far; some fields make sense only together.
typedef struct {
    const uint8_t *at, *end;
    calendar_t *date;
    int64_t *epoch_s;
    int day_of_year; // 0 = not given
    int half_day;    // 0 = %p not given, 1 = AM, 2 = PM
} reading_t;

// A directive that stands for several others, or NULL.
static const char *s_composite(uint8_t directive)
{
    switch (directive) {
    case 'D':
        return "%m/%d/%y";
    case 'F':
        return "%Y-%m-%d";
    case 'T':
        return "%H:%M:%S";
    case 'R':
        return "%H:%M";
    default:
        return NULL;
    }
}

bool time_format_check(slice_t format, fault_t *fault)
{
    bool dated = false;
    if (format.size > TIME_FORMAT_MAX)
        return fault_set(fault, "a time format of more than %d bytes", TIME_FORMAT_MAX);
    for (size_t i = 0; i < format.size; i++) {
        if (format.data[i] != '%')
            continue;
        if (++i == format.size)
            return fault_set(fault, "a time format ends in %%");
        uint8_t directive = format.data[i];
        if (directive == 0 || !strchr(DIRECTIVES, directive))
            return fault_set(fault, "a time format knows no %%%c",
                             directive < 32 ? '?' : directive);
        dated |= strchr("YyDFs", directive) != NULL;
    }
    return dated || fault_set(fault, "a time format without a year");
}

static void s_skip_space(reading_t *self)
{
    while (self->at < self->end && strchr(" \t\n\r\v\f", *self->at) && *self->at)
        self->at++;
}

static bool s_number(reading_t *self, int digits, int least, int most, int *value)
{
    *value = calendar_digits(&self->at, self->end, digits);
    return *value >= least && *value <= most;
}

// One of `count` English names, long or by its first three letters; its number, or -1.
static int s_name(reading_t *self, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        size_t size = strlen(names[i]), left = (size_t) (self->end - self->at);
        const char *text = (const char *) self->at;
        if (left >= size && strncasecmp(text, names[i], size) == 0) {
            self->at += size;
            return i;
        }
        if (left >= 3 && strncasecmp(text, names[i], 3) == 0) {
            self->at += 3;
            return i;
        }
    }
    return -1;
}

static bool s_month_name(reading_t *self)
{
    static const char *const MONTHS[] = { "January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December" };
    self->date->month = s_name(self, MONTHS, 12) + 1;
    return self->date->month > 0;
}

static bool s_day_name(reading_t *self)
{
    static const char *const DAYS[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday" };
    return s_name(self, DAYS, 7) >= 0; // redundant, so believed
}

static bool s_half_day(reading_t *self)
{
    if (self->end - self->at < 2 || (self->at[1] | 32) != 'm')
        return false;
    self->half_day = (self->at[0] | 32) == 'a' ? 1 : (self->at[0] | 32) == 'p' ? 2 : 0;
    self->at += 2;
    return self->half_day != 0;
}

static bool s_zone_name(reading_t *self)
{
    static const char *const ZONES[] = { "UTC", "GMT", "Z" };
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(ZONES[i]);
        if ((size_t) (self->end - self->at) >= size && memcmp(self->at, ZONES[i], size) == 0) {
            self->at += size;
            return true;
        }
    }
    return false;
}

static bool s_epoch(reading_t *self)
{
    const uint8_t *start = self->at;
    int64_t value = 0;
    for (; self->at < self->end && *self->at >= '0' && *self->at <= '9'; self->at++) {
        if (self->at - start == EPOCH_DIGITS_MAX)
            return false;
        value = value * 10 + (*self->at - '0');
    }
    *self->epoch_s = value;
    return self->at > start;
}

static bool s_directive(reading_t *self, uint8_t directive)
{
    calendar_t *date = self->date;
    switch (directive) {
    case 'Y':
        return s_number(self, 4, 1, 9999, &date->year);
    case 'y':
        if (!s_number(self, 2, 0, 99, &date->year))
            return false;
        date->year += date->year < CENTURY_PIVOT ? 2000 : 1900;
        return true;
    case 'm':
        return s_number(self, 2, 1, 12, &date->month);
    case 'e':
        s_skip_space(self);
        return s_number(self, 2, 1, 31, &date->day);
    case 'd':
        return s_number(self, 2, 1, 31, &date->day);
    case 'j':
        return s_number(self, 3, 1, 366, &self->day_of_year);
    case 'H':
        return s_number(self, 2, 0, 23, &date->hour);
    case 'I':
        return s_number(self, 2, 1, 12, &date->hour);
    case 'M':
        return s_number(self, 2, 0, 59, &date->minute);
    case 'S':
        return s_number(self, 2, 0, 60, &date->second);
    case 'f':
        date->micros = calendar_fraction(&self->at, self->end);
        return date->micros >= 0;
    case 'b':
    case 'B':
    case 'h':
        return s_month_name(self);
    case 'a':
    case 'A':
        return s_day_name(self);
    case 'p':
        return s_half_day(self);
    case 'z':
        return calendar_zone(&self->at, self->end, &date->offset_s);
    case 'Z':
        return s_zone_name(self);
    case 's':
        return s_epoch(self);
    default: // 'n', 't': space; time_format_check lets no other in
        s_skip_space(self);
        return true;
    }
}

static bool s_read(reading_t *self, slice_t format)
{
    for (size_t i = 0; i < format.size; i++) {
        uint8_t byte = format.data[i];
        if (byte == ' ') {
            s_skip_space(self);
            continue;
        }
        bool literal = byte != '%' || format.data[i + 1] == '%';
        i += byte == '%';
        if (literal) {
            if (self->at == self->end || *self->at++ != byte)
                return false;
            continue;
        }
        const char *parts = s_composite(format.data[i]);
        if (parts ? !s_read(self, slice_text(parts)) : !s_directive(self, format.data[i]))
            return false;
    }
    return true;
}

static void s_settle(reading_t *self)
{
    calendar_t *date = self->date;
    if (self->half_day)
        date->hour = date->hour % 12 + (self->half_day == 2 ? 12 : 0);
    if (self->day_of_year == 0)
        return;
    static const int BEFORE[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    bool leap = calendar_leap(date->year);
    int day = self->day_of_year;
    date->month = 12;
    while (date->month > 1 && day <= BEFORE[date->month - 1] + (leap && date->month > 2))
        date->month--;
    date->day = day - BEFORE[date->month - 1] - (leap && date->month > 2);
}

bool time_format_read(slice_t format, slice_t text, calendar_t *date, int64_t *epoch_s)
{
    *date = (calendar_t){ .year = 1970, .month = 1, .day = 1 };
    reading_t self = {
        .at = text.data, .end = text.data + text.size, .date = date, .epoch_s = epoch_s
    };
    if (!s_read(&self, format) || self.at != self.end)
        return false;
    s_settle(&self);
    return true;
}
