/*  quiet -- see quiet.h. */
#include "actors/notifier/quiet.h"

#include <string.h>

#include "proto/calendar.h"

enum { MINUTE_S = 60, DAY_MIN = 24 * 60, STEPS_MAX = 2 * DAY_MIN };

static bool take_clock(const uint8_t **at, const uint8_t *end, int *minutes)
{
    int hour = calendar_digits(at, end, 2);
    if (hour < 0 || hour > 23 || *at == end || **at != ':')
        return false;
    ++*at;
    const uint8_t *from = *at;
    int minute = calendar_digits(at, end, 2);
    *minutes = hour * 60 + minute;
    return *at - from == 2 && minute <= 59;
}

bool quiet_parse(quiet_t *self, const char *text, fault_t *fault)
{
    const uint8_t *at = (const uint8_t *) text, *end = at + strlen(text);
    quiet_t read;
    bool good = take_clock(&at, end, &read.from_min) && at < end && *at++ == '-' &&
                take_clock(&at, end, &read.to_min) && (at == end || *at == ' ') &&
                read.from_min != read.to_min;
    while (good && at < end && *at == ' ')
        at++;
    size_t size = (size_t) (end - at);
    if (!good || size > ZONE_NAME_MAX)
        return fault_set(fault, "`quiet` is not of the form 22:00-07:00 Europe/Berlin");
    memcpy(read.zone, at, size);
    read.zone[size] = '\0';
    *self = read;
    return true;
}

static bool is_quiet(const quiet_t *self, const zone_t *zone, int64_t unix_s)
{
    int64_t minute = (unix_s + zone_offset_s(zone, unix_s)) / MINUTE_S;
    int of_day = (int) ((minute % DAY_MIN + DAY_MIN) % DAY_MIN);
    return self->from_min < self->to_min ? of_day >= self->from_min && of_day < self->to_min
                                         : of_day >= self->from_min || of_day < self->to_min;
}

// Minute by minute, because the clock there may jump over any of them, or show it twice.
int64_t quiet_end_s(const quiet_t *self, const zone_t *zone, int64_t unix_s)
{
    int64_t at = unix_s;
    for (int i = 0; i < STEPS_MAX && is_quiet(self, zone, at); i++)
        at = at / MINUTE_S * MINUTE_S + MINUTE_S;
    return at;
}

bool quiet_excepts(const char *list, slice_t severity)
{
    static const char apart[] = " ,";
    for (const char *at = list ? list : ""; *at;) {
        at += strspn(at, apart);
        size_t size = strcspn(at, apart);
        if (size > 0 && size == severity.size && memcmp(at, severity.data, size) == 0)
            return true;
        at += size;
    }
    return false;
}
