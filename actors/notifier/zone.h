/*  zone -- how far local time is from UTC, by the time zone database of the system.
 *
 *  Reads files of RFC 8536 (TZif, version 2 or later) and the rule at their end, which says what
 *  holds for ever after; libc could only do so for one zone at a time, through the environment.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "proto/fault.h"
#include "proto/slice.h"

enum { ZONE_NAME_MAX = 64 }; // bytes

typedef struct zone zone_t;

// "Europe/Berlin" of the database; "+02:00", "UTC" or "" without one. NULL with fault.
zone_t *zone_load(const char *name, fault_t *fault);
// The same of the bytes of a file. Pure.
zone_t *zone_parse(slice_t file, fault_t *fault);
void zone_destroy(zone_t **self_p);

// Seconds that local time is ahead of UTC at this Unix time.
int zone_offset_s(const zone_t *self, int64_t unix_s);

// Some zones, each read once.
typedef struct zones zones_t;
zones_t *zones_new(void); // NULL: out of memory
void zones_destroy(zones_t **self_p);
// Valid until the next call. NULL with fault.
const zone_t *zones_get(zones_t *self, const char *name, fault_t *fault);
