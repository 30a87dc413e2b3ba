/*  roster -- who subscribes to what, as far as it is known here. Pure.
 *
 *  What was read of Redis, kept in as little memory as a million subscriptions need: each name
 *  stands once, however many sets it is in. A set that changed since it was read is in doubt until
 *  it was read again; whoever asks about it is told so, never what it was.
 */
#pragma once
#include <stdbool.h>

#include "proto/slice.h"

typedef struct roster roster_t;

roster_t *roster_new(void); // knows that there is no subscription at all
void roster_destroy(roster_t **self_p);
void roster_clear(roster_t *self); // the same again

// A set is named by what follows `subs:` in its key: "<rule>" or "<rule>:<series>".
//
// Its members are these (copied), each given once. False: out of memory, and it is in doubt.
bool roster_set(roster_t *self, slice_t key, const slice_t *names, size_t count);
// It may have changed. False: out of memory; then nothing is certain any more.
bool roster_doubt(roster_t *self, slice_t key);
// It is none that can be kept: in doubt until it changes, but not to be read again before.
void roster_foreign(roster_t *self, slice_t key);

// Sets in doubt, oldest first, at most so many: to be read, each is given once for each time that
// it was put in doubt. Valid until the next call of another verb for that key.
size_t roster_doubts(roster_t *self, slice_t *keys, size_t most);
bool roster_has_doubts(const roster_t *self); // that are still to be given

// Everybody who wants alerts of this rule on this series, each once, in order of name. False: in
// doubt, or out of memory. Valid until the next call of any verb.
typedef struct {
    const char *const *names;
    size_t count;
} roster_names_t;
bool roster_names(roster_t *self, slice_t rule, slice_t series, roster_names_t *names);

typedef struct {
    size_t sets, members; // members of all sets
    size_t names;         // each once
} roster_count_t;
roster_count_t roster_count(const roster_t *self);
