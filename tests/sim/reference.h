/*  reference -- what must come out: one thread folds the staged log in order, as it becomes
 *  durable, and remembers the state at every position, every alert, and every row that is refused.
 *
 *  It reads the log once, when it is promised; what happens to the files later changes nothing.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/transform/fold.h"
#include "broker/store.h"

enum { REFERENCE_STREAMS_MAX = 4, REFERENCE_SOURCES_MAX = 8 };

void reference_begin(const char *root, const char *namespace);

// The stream is durable up to this record. opened = it was just opened: what was never promised may
// be damaged, as a host that died left it.
void reference_follow(const char *stream, uint64_t durable, bool opened);
uint64_t reference_durable(slice_t stream);         // 0 = nothing
uint64_t reference_last_of_interest(size_t stream); // the last payload or plan
size_t reference_streams(void);
const char *reference_stream(size_t index);

// What partition `partition` must be at these positions: bytes of the base (canonical).
void reference_state(unsigned partition, const store_offset_t *offsets, size_t count,
                     buffer_t *out);
// What store_load has given must be that. `what` goes into the message.
void reference_check(unsigned partition, slice_t state, const store_offset_t *offsets, size_t count,
                     const char *what);
ruleset_t *reference_plan(void *context, plan_hash_t hash); // a fold_find_plan_t

typedef struct {
    char id[33];
    char *topic, *rule, *body; // body: JSON without `at` and `stamps`
    bool news;                 // subscribers are told of it
    bool seen;                 // somebody has found it
} reference_alert_t;
size_t reference_alerts(void);
reference_alert_t *reference_alert_at(size_t index);
reference_alert_t *reference_alert(const char *id); // NULL: there is none
void reference_strip(char *json);                   // takes `at` and `stamps` out of a body

size_t reference_sources(void); // that anything was staged of
const char *reference_source(size_t index);
// Payloads of a source, one after the other.
slice_t reference_payloads(const char *source);
uint64_t reference_refused(const char *source); // rows quarantined
