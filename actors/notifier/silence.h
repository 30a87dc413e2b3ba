/*  silence -- which news nobody is to be told of for now: the silences that people wrote. Pure.
 *
 *  A silence is over rules and series, each a pattern of glob.h; of series there may be several,
 *  apart by blanks. It ends at its `until`, or when Redis drops its key, whichever is first.
 */
#pragma once
#include "broker/store.h"
#include "proto/fault.h"

enum {
    SILENCE_PATTERN_MAX = 512,    // bytes of one pattern
    SILENCE_SERIES_MAX = 64,      // patterns of one silence
    SILENCES_MAX = 1000,          // in force at a time
    SILENCES_PATTERNS_MAX = 4000, // of all of them
};

typedef struct silences silences_t;

silences_t *silences_new(void); // NULL: out of memory
void silences_destroy(silences_t **self_p);
void silences_clear(silences_t *self);

// Add one as it stands in Redis, which drops it at expires_us (INT64_MAX = never). False with
// fault: it silences nothing, and why.
bool silences_add(silences_t *self, const store_rule_t *written, int64_t expires_us,
                  fault_t *fault);
// From now on those of `from`, in order of name, are in force, which is left with none. True: one
// that was in force is not, or is over something else.
bool silences_take(silences_t *self, silences_t *from);
size_t silences_count(const silences_t *self);

// It is now_us (Unix time): those that have ended are in force no more. True: some ended just now.
bool silences_tick(silences_t *self, int64_t now_us);
// When the next ends; INT64_MAX = none does.
int64_t silences_end_us(const silences_t *self);

// The name of one in force over this, valid until the next clear or tick; NULL = none.
const char *silences_find(const silences_t *self, slice_t rule, slice_t series);

// Is one in force over some series of this rule?
bool silences_concern(const silences_t *self, slice_t rule);

// RFC 3339, or seconds since 1970, without a zone in UTC. False: neither.
bool silence_time(const char *text, int64_t *us);
