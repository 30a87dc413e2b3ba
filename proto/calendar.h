/*  calendar -- dates and times of day of the proleptic Gregorian calendar, in UTC.
 *
 *  Pure: no locale, no time zone data, no libc time. Leap seconds count as the second after.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "proto/slice.h"

typedef struct {
    int year, month, day;     // 1..9999, 1..12, 1..31
    int hour, minute, second; // 0..23, 0..59, 0..60
    int micros;               // 0..999,999
    int offset_s;             // of the local time from UTC, east is positive
} calendar_t;

// Microseconds since 1970. False: no such date or time of day.
bool calendar_us(const calendar_t *self, int64_t *us);

bool calendar_leap(int year);

// "2023-03-01T00:00:00.123Z" and its like: 'T', 't' or a space between; a fraction of any
// length, cut to microseconds; Z, z, +01:00, +0100, +01 or nothing, which means UTC.
bool calendar_rfc3339(slice_t text, calendar_t *date);

// At most `digits` digits at *at; -1 if there is none. *at moves on.
int calendar_digits(const uint8_t **at, const uint8_t *end, int digits);
// Digits of a fraction of a second, cut to microseconds; -1 if there is none.
int calendar_fraction(const uint8_t **at, const uint8_t *end);
// Z or an offset. False: neither.
bool calendar_zone(const uint8_t **at, const uint8_t *end, int *offset_s);
