/*  amendments -- which mappings hold for records that were staged under others.
 *
 *  Pure. A replay is a control record RECORD_RESET in the log: from some time of receipt on, the
 *  records before it (of one source, or of all) become rows as the plan in it says. The log thus
 *  tells itself how it is to be read, now and after any loss. Rules and derived columns stay as
 *  they were staged: an alert that a mended mapping should have given is one of its own time.
 */
#pragma once
#include "broker/stage/stage.h"
#include "proto/plan.h"

enum {
    AMENDMENTS_MAX = 256,            // of one stream; each holds its mappings
    AMENDMENTS_REPLAYS_MAX = 240,    // of these, by people: the rest is for logs that were replaced
    AMENDMENTS_BYTES_MAX = 64 << 20, // of the mappings of all
};

typedef struct amendments amendments_t;

amendments_t *amendments_new(void);
void amendments_destroy(amendments_t **self_p);

// Append the payload of a RECORD_RESET; its source is the one that is meant, empty = all, its
// place the id of the request. The edition begins at record `begin`, the first of the log. False:
// out of memory.
bool amendments_encode(const plan_t *plan, int64_t from_us, uint64_t edition, uint64_t begin,
                       buffer_t *out);

// A name for the mappings of a plan, as hex digits: two plans of the same name read payloads
// alike. False: out of memory.
enum { AMENDMENTS_MAPPINGS_TEXT = 33 };
bool amendments_mappings(const plan_t *plan, char text[AMENDMENTS_MAPPINGS_TEXT]);

// Such a record stands in the log; in order of seq. One that cannot be read amends nothing.
// False: out of memory, or AMENDMENTS_MAX reached.
bool amendments_note(amendments_t *self, const record_t *reset);
// That record again, its payload in the (empty) buffer. False: out of memory.
bool amendments_record(const amendments_t *self, size_t index, record_t *reset, buffer_t *payload);

// Of the newest; 0 = none (also NULL).
uint64_t amendments_edition(const amendments_t *self);
// The record that the newest begins at; 1 = where every log began (also NULL).
uint64_t amendments_begin(const amendments_t *self);
size_t amendments_bytes(const amendments_t *self); // of the mappings of all
uint64_t amendments_seq(const amendments_t *self); // of the newest; 0 = none
size_t amendments_count(const amendments_t *self);
slice_t amendments_request(const amendments_t *self); // id that the newest answered; empty = none

// How a payload becomes rows: as the newest amendment says that is for it, else as `staged`.
slice_t amendments_definition(const amendments_t *self, const record_t *record, slice_t staged);
