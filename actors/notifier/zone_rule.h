/*  zone_rule -- daylight saving as POSIX writes it into TZ: "CET-1CEST,M3.5.0,M10.5.0/3". Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "proto/slice.h"

typedef struct {
    enum { ZONE_DAY_MONTH, ZONE_DAY_JULIAN, ZONE_DAY_NUMBER } kind; // Mm.w.d, Jn, n
    int month, week, day;
    int at_s; // local time of that day, -167 h to 167 h
} zone_day_t;

typedef struct {
    int standard_s, summer_s; // ahead of UTC
    bool has_summer;
    zone_day_t begins, ends; // summer time
} zone_rule_t;

bool zone_rule_parse(zone_rule_t *self, slice_t text);
int zone_rule_offset_s(const zone_rule_t *self, int64_t unix_s);
