/*  quiet -- the hours of the day in which a subscriber is left in peace. Pure.
 *
 *  "22:00-07:00 Europe/Berlin": local time of day from, and until, by the minute.
 */
#pragma once
#include "actors/notifier/zone.h"

typedef struct {
    int from_min, to_min; // of the local day, 0 to 1439
    char zone[ZONE_NAME_MAX + 1];
} quiet_t;

// False with fault: it is not of this form. The zone is not looked for.
bool quiet_parse(quiet_t *self, const char *text, fault_t *fault);

// When it is no longer quiet (Unix time), by the clock on the wall there, whatever that does
// meanwhile; `unix_s` itself if it is not quiet then.
int64_t quiet_end_s(const quiet_t *self, const zone_t *zone, int64_t unix_s);

// Is the severity one of the list, words apart by blanks or commas? NULL: none is.
bool quiet_excepts(const char *list, slice_t severity);
