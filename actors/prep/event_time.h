/*  event_time -- the time of a row, from a number or a text, in the unit that was configured.
 *
 *  Pure, exact and without locale: what is finer than a microsecond is cut off. Units: s, ms,
 *  us, ns (integers or decimals), rfc3339, or a strptime format as time_format.h knows it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "proto/fault.h"
#include "proto/rows.h"
#include "proto/slice.h"

// The last time that a block of rows holds: in the year 2255.
#define EVENT_TIME_MAX_US ROWS_TS_MAX

typedef enum {
    EVENT_TIME_S,
    EVENT_TIME_MS,
    EVENT_TIME_US,
    EVENT_TIME_NS,
    EVENT_TIME_RFC3339,
    EVENT_TIME_FORMAT,
} event_time_unit_t;

typedef struct {
    event_time_unit_t unit;
    slice_t format;  // EVENT_TIME_FORMAT: as it was configured (not copied)
    int64_t from_us; // s to ns: what they count from, 0 = 1970
} event_time_t;

// Understand a unit; its text must outlive *self.
bool event_time_compile(event_time_t *self, slice_t unit, fault_t *fault);

// Count s to ns from this moment, a date or a time of RFC 3339, instead of 1970. After compiling.
bool event_time_from(event_time_t *self, slice_t text, fault_t *fault);

typedef enum {
    EVENT_TIME_GOOD,
    EVENT_TIME_UNREADABLE,
    EVENT_TIME_OUT_OF_RANGE, // before 1970 or after EVENT_TIME_MAX_US
} event_time_result_t;

event_time_result_t event_time_read(const event_time_t *self, slice_t text, int64_t *us);

// Units s to ns only: a count that is an integer already.
event_time_result_t event_time_scale(event_time_unit_t unit, int64_t count, int64_t *us);
