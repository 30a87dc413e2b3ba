/*  time_format -- dates as a strptime format says, without strptime's locale and globals.
 *
 *  Pure. Directives:
 *
 *      %Y %y %m %d %e %j %H %I %p %M %S %f %b %B %h %a %A %z %Z %D %F %T %R %s %n %t %%
 *
 *  Ours beyond C: %f is a fraction of a second of any length, cut to microseconds; %z also reads
 *  Z and +01:00; %Z reads UTC, GMT or Z. Names of months and days are English, in any case. No
 *  zone means UTC. What a format leaves out is 1970-01-01 00:00:00. Space in a format stands for
 *  any amount of space, none too.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "proto/calendar.h"
#include "proto/fault.h"
#include "proto/slice.h"

enum { TIME_FORMAT_MAX = 64 }; // bytes

// Is every directive known, and do they make a date (or %s)?
bool time_format_check(slice_t format, fault_t *fault);

// The whole text by the format. With %s, *epoch_s is set instead of a date (micros still are).
bool time_format_read(slice_t format, slice_t text, calendar_t *date, int64_t *epoch_s);
