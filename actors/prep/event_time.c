/*  event_time -- units of time and what they make of a text. Pure. */
#include "actors/prep/event_time.h"

#include <assert.h>

#include "actors/prep/time_format.h"
#include "proto/calendar.h"
#include "proto/decimal.h"

bool event_time_compile(event_time_t *self, slice_t unit, fault_t *fault)
{
    static const struct {
        const char *name;
        event_time_unit_t unit;
    } UNITS[] = {
        { "s", EVENT_TIME_S },   { "ms", EVENT_TIME_MS },           { "us", EVENT_TIME_US },
        { "ns", EVENT_TIME_NS }, { "rfc3339", EVENT_TIME_RFC3339 },
    };
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        if (slice_is(unit, UNITS[i].name)) {
            *self = (event_time_t){ .unit = UNITS[i].unit };
            return true;
        }
    }
    if (unit.size == 0 || !memchr(unit.data, '%', unit.size))
        return fault_set(fault, "time unit '%.*s' is none of s, ms, us, ns, rfc3339, or a format",
                         (int) (unit.size < 40 ? unit.size : 40), (const char *) unit.data);
    *self = (event_time_t){ .unit = EVENT_TIME_FORMAT, .format = unit };
    return time_format_check(unit, fault);
}

bool event_time_from(event_time_t *self, slice_t text, fault_t *fault)
{
    calendar_t date;
    int64_t us = -1;
    char midnight[32];
    enum { DATE_BYTES = 10 }; // 2013-10-07
    if (self->unit > EVENT_TIME_NS)
        return fault_set(fault, "time: from: only with unit s, ms, us or ns");
    if (text.size == DATE_BYTES) {
        memcpy(midnight, text.data, DATE_BYTES);
        memcpy(midnight + DATE_BYTES, "T00:00:00Z", DATE_BYTES);
        text = slice_of(midnight, 2 * DATE_BYTES);
    }
    if (!calendar_rfc3339(text, &date) || !calendar_us(&date, &us) || us < 0 ||
        us > EVENT_TIME_MAX_US)
        return fault_set(fault, "time: from: expected a date, or a time such as "
                                "2013-10-07T04:00:00Z");
    self->from_us = us;
    return true;
}

// How many microseconds the unit has, as a power of ten; ns has 10^-3.
static int s_exponent(event_time_unit_t unit)
{
    switch (unit) {
    case EVENT_TIME_S:
        return 6;
    case EVENT_TIME_MS:
        return 3;
    case EVENT_TIME_US:
        return 0;
    case EVENT_TIME_NS:
        return -3;
    case EVENT_TIME_RFC3339:
    case EVENT_TIME_FORMAT:
        break;
    }
    assert(false);
    return 0;
}

static event_time_result_t s_in_range(int64_t us, int64_t *out)
{
    if (us < 0 || us > EVENT_TIME_MAX_US)
        return EVENT_TIME_OUT_OF_RANGE;
    *out = us;
    return EVENT_TIME_GOOD;
}

event_time_result_t event_time_scale(event_time_unit_t unit, int64_t count, int64_t *us)
{
    static const int64_t FACTORS[] = {
        [EVENT_TIME_S] = 1000000, [EVENT_TIME_MS] = 1000, [EVENT_TIME_US] = 1, [EVENT_TIME_NS] = 1
    };
    assert(unit <= EVENT_TIME_NS);
    if (count < 0 || __builtin_mul_overflow(count, FACTORS[unit], &count))
        return EVENT_TIME_OUT_OF_RANGE;
    return s_in_range(unit == EVENT_TIME_NS ? count / 1000 : count, us);
}

// "1.7e9" and its like: rare, so by way of a decimal.
static event_time_result_t s_read_scientific(event_time_unit_t unit, slice_t text, int64_t *us)
{
    decimal_t value;
    decimal_result_t result = decimal_parse(&value, (const char *) text.data, text.size);
    if (result == DECIMAL_NOT_A_NUMBER)
        return EVENT_TIME_UNREADABLE;
    if (result == DECIMAL_OUT_OF_RANGE || value.mantissa < 0)
        return EVENT_TIME_OUT_OF_RANGE;
    int exponent = value.exponent + s_exponent(unit);
    int64_t count = value.mantissa;
    for (; exponent < 0 && count; exponent++)
        count /= 10;
    for (; exponent > 0 && count; exponent--)
        if (__builtin_mul_overflow(count, 10, &count))
            return EVENT_TIME_OUT_OF_RANGE;
    return s_in_range(count, us);
}

// The usual case: digits only, few enough not to overflow.
static bool s_read_integer(slice_t text, int64_t *count)
{
    int64_t value = 0;
    if (text.size == 0 || text.size > DECIMAL_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned) text.data[i] - '0';
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    *count = value;
    return true;
}

// Digits with a point somewhere: as many digits as make microseconds count, the rest is cut.
// Longer than a decimal keeps, because nanoseconds have 19 digits.
static event_time_result_t s_read_count(event_time_unit_t unit, slice_t text, int64_t *us)
{
    const uint8_t *at = text.data, *end = at + text.size;
    bool negative = at < end && *at == '-';
    at += negative;
    uint64_t count = 0;
    bool digits = false, point = false, overflow = false, nonzero = false;
    int wanted = s_exponent(unit); // digits after the point that still count
    for (; at < end; at++) {
        if (*at == '.' && !point) {
            point = true;
            continue;
        }
        if (*at == 'e' || *at == 'E')
            return s_read_scientific(unit, text, us);
        if (*at < '0' || *at > '9')
            return EVENT_TIME_UNREADABLE;
        digits = true;
        nonzero |= *at != '0';
        if (point && wanted <= 0)
            continue;
        wanted -= point;
        overflow |= __builtin_mul_overflow(count, 10, &count);
        overflow |= __builtin_add_overflow(count, (uint64_t) (*at - '0'), &count);
    }
    if (!digits)
        return EVENT_TIME_UNREADABLE;
    for (; wanted > 0; wanted--)
        overflow |= __builtin_mul_overflow(count, 10, &count);
    if (unit == EVENT_TIME_NS)
        count /= 1000;
    if (overflow || (negative && nonzero) || count > (uint64_t) EVENT_TIME_MAX_US)
        return EVENT_TIME_OUT_OF_RANGE;
    *us = (int64_t) count;
    return EVENT_TIME_GOOD;
}

static event_time_result_t s_read_date(const calendar_t *date, int64_t *us)
{
    int64_t at;
    if (!calendar_us(date, &at))
        return EVENT_TIME_UNREADABLE;
    return s_in_range(at, us);
}

static event_time_result_t s_read_format(slice_t format, slice_t text, int64_t *us)
{
    calendar_t date;
    int64_t epoch_s = -1;
    if (!time_format_read(format, text, &date, &epoch_s))
        return EVENT_TIME_UNREADABLE;
    if (epoch_s < 0)
        return s_read_date(&date, us);
    int64_t at;
    event_time_result_t result = event_time_scale(EVENT_TIME_S, epoch_s, &at);
    return result == EVENT_TIME_GOOD ? s_in_range(at + date.micros, us) : result;
}

event_time_result_t event_time_read(const event_time_t *self, slice_t text, int64_t *us)
{
    calendar_t date;
    int64_t count;
    switch (self->unit) {
    case EVENT_TIME_S:
    case EVENT_TIME_MS:
    case EVENT_TIME_US:
    case EVENT_TIME_NS: {
        event_time_result_t result = s_read_integer(text, &count)
                                         ? event_time_scale(self->unit, count, us)
                                         : s_read_count(self->unit, text, us);
        return result == EVENT_TIME_GOOD ? s_in_range(*us + self->from_us, us) : result;
    }
    case EVENT_TIME_RFC3339:
        return calendar_rfc3339(text, &date) ? s_read_date(&date, us) : EVENT_TIME_UNREADABLE;
    case EVENT_TIME_FORMAT:
        return s_read_format(self->format, text, us);
    }
    assert(false);
    return EVENT_TIME_UNREADABLE;
}
