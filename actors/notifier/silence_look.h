/*  silence_look -- one look at the silences of Redis: what people wrote, and an answer to each.
 *
 *  A look goes a few hundred keys at a time: in a Redis of very many keys it takes a while, and
 *  alerts wait for none of it. What cannot be answered is in force all the same.
 *
 *  Not a process: the silencer calls silence_look_step.
 */
#pragma once
#include "actors/notifier/silence.h"
#include "proto/fault.h"

typedef struct silence_look silence_look_t;

// Those beyond, in order of name, are neither in force nor told so.
enum { SILENCES_ANSWERED_MAX = 2 * SILENCES_MAX };

typedef struct {
    size_t written;    // silences that there are
    size_t unanswered; // of these, and of answers to nobody: Redis refused to have it said
    fault_t error;     // of the newest of them
} silence_look_count_t;

// NULL with fault.
silence_look_t *silence_look_new(store_t *store, fault_t *fault);
void silence_look_destroy(silence_look_t **self_p);

void silence_look_begin(silence_look_t *self);
// *done: all are read and answered. Not OK: they could not be read (store_error says why); begin
// anew.
store_status_t silence_look_step(silence_look_t *self, bool *done);
// What was found, once it is done.
silences_t *silence_look_found(silence_look_t *self);
silence_look_count_t silence_look_count(const silence_look_t *self);
