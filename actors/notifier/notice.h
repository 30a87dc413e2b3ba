/*  notice -- what there is to tell, read from an outbox body for whoever writes it out. Pure.
 *
 *  The slices point into the body. Numbers and maps stay msgpack until they are written. Whatever
 *  is missing is empty, but for id, kind, rule, series and ts, which every entry has.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "proto/buffer.h"
#include "proto/series.h"
#include "proto/wire.h"

enum {
    NOTICE_KIND_MAX = 32,      // bytes
    NOTICE_TIME_TEXT = 40,     // "2023-11-14T22:13:20.000001Z" and NUL, whatever the year
    NOTICE_TEXT_MAX = 1 << 16, // bytes of `when` and `note`
};

typedef struct notice_group notice_group_t;

typedef struct {
    slice_t body; // all of it
    // Those that are told with it in one letter; NULL = it is alone.
    const notice_group_t *group;
    slice_t id, kind, rule, severity, series, when, note;
    int64_t ts_us;
    int64_t since_us; // when what it is about began; -1 = not said
    uint64_t changes; // of an incident that flaps: how often it began and ended since; else 0
    unsigned key_count;
    slice_t key_names[SERIES_KEYS_MAX], key_values[SERIES_KEYS_MAX];
    slice_t columns;          // msgpack: a map of numbers; or empty
    slice_t evidence;         // msgpack: an array of maps; or empty
    slice_t threshold, ratio; // msgpack: a number; or empty
    slice_t rules;        // msgpack: an array of names, of what is about our own illness; or empty
    uint64_t rules_total; // how many there are, named or not
} notice_t;

struct notice_group {
    uint64_t count;        // of all in the letter
    size_t shown;          // of these are known here
    const notice_t *items; // of no group; the first is the one whose letter it is
};

// False: not a map, or one of the fields that every entry has is missing or odd.
bool notice_read(notice_t *self, slice_t body);

// Is it over: resolved, taken back or restored?
bool notice_is_over(const notice_t *self);
bool notice_is_of_silence(const notice_t *self); // nodata, or data again

// The part of the key, decoded; empty if the series has none of that name.
slice_t notice_key(const notice_t *self, slice_t name);
// The number in msgpack; empty: there is no such column, or it is NULL.
slice_t notice_column(const notice_t *self, slice_t name);

// Is it about our own illness?
bool notice_is_own(const notice_t *self);

// Members of a map of msgpack, one after the other: begin with wire_reader and wire_read_map.
bool notice_next(wire_reader_t *map, slice_t *name, slice_t *value);

// A number in msgpack as text; "" for an empty slice or no number.
void notice_number(buffer_t *out, slice_t number);

// "2023-11-14T22:13:20Z", with up to six decimals if there are microseconds.
void notice_time(int64_t us, char text[NOTICE_TIME_TEXT]);
