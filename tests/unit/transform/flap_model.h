/*  flap_model -- what flap.h promises, for tests: it keeps every change, and counts them anew. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FLAP_MODEL_MAX = 4096 };

typedef struct {
    bool flaps;
    int64_t since;
    size_t count; // of changes since it flapped last
    int64_t changes[FLAP_MODEL_MAX];
} flap_model_t;

// Has nothing changed since then?
static inline bool flap_model_quiet(const flap_model_t *self, int64_t since)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->changes[i] > since)
            return false;
    return true;
}

static inline void flap_model_change(flap_model_t *self, int64_t ts)
{
    int64_t last = self->count > 0 ? self->changes[self->count - 1] : ts;
    if (self->count == FLAP_MODEL_MAX)
        abort();
    self->changes[self->count++] = ts > last ? ts : last;
}

// Are there so many in less than that, up to the last?
static inline bool flap_model_begins(const flap_model_t *self, uint32_t most, int64_t span)
{
    size_t near = 0;
    for (size_t i = 0; i < self->count; i++)
        near += self->changes[self->count - 1] - self->changes[i] < span;
    return most > 0 && near >= most;
}

// would: the kind of what would be told, or NULL; so is what is told. fires: the incident does by
// now. *over: this says that it flaps no more.
static inline const char *flap_model_tell(flap_model_t *self, uint32_t most, int64_t span,
                                          const char *would, int64_t ts, bool decides, bool fires,
                                          bool *over)
{
    bool changes = would && strcmp(would, "still") != 0;
    *over = self->flaps && decides && flap_model_quiet(self, ts - span);
    if (*over)
        self->flaps = false, self->count = 0;
    if (changes)
        flap_model_change(self, ts);
    if (*over)
        return fires ? "firing" : "resolved";
    if (self->flaps || !would)
        return NULL;
    if (!changes || !flap_model_begins(self, most, span))
        return would;
    self->flaps = true;
    self->since = self->changes[self->count - most];
    return "flapping";
}

// What began last never did.
static inline void flap_model_retract(flap_model_t *self)
{
    self->count -= self->count > 0;
}
