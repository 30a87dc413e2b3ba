/*  refusals -- see refusals.h. */
#include "actors/prep/refusals.h"

#include <stdio.h>
#include <stdlib.h>

enum { HELD_MAX = 4096, BATCH_MAX = 256 };

typedef struct {
    char source[STAGE_SOURCE_NAME_MAX + 1], stream[65];
    char reason[MAPPING_REASON_MAX + 1];
    uint8_t snippet[MAPPING_SNIPPET_MAX];
    size_t snippet_size;
    uint64_t seq;
    uint32_t row;
} held_t;

struct refusals {
    size_t count;
    bool lost; // some could not be written
    held_t held[HELD_MAX];
};

refusals_t *refusals_new(void)
{
    return calloc(1, sizeof(refusals_t));
}

void refusals_destroy(refusals_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

static void copy_text(char *to, size_t room, slice_t text)
{
    size_t size = text.size < room - 1 ? text.size : room - 1;
    memcpy(to, text.data, size);
    to[size] = '\0';
}

// One call for each run of one source.
static void write_held(refusals_t *self, store_t *store)
{
    for (size_t done = 0; done < self->count && !self->lost;) {
        store_quarantine_t items[BATCH_MAX];
        const char *source = self->held[done].source;
        size_t count = 0;
        while (count < BATCH_MAX && done + count < self->count &&
               strcmp(self->held[done + count].source, source) == 0) {
            const held_t *held = &self->held[done + count];
            items[count++] = (store_quarantine_t){
                .stream = slice_text(held->stream),
                .seq = held->seq,
                .row = held->row,
                .reason = held->reason,
                .snippet = slice_of(held->snippet, held->snippet_size),
            };
        }
        self->lost = store_quarantine_add(store, source, items, count) != STORE_OK;
        done += count;
    }
    self->count = 0;
}

void refusals_add(refusals_t *self, store_t *store, slice_t source, slice_t stream, uint64_t seq,
                  const quarantine_t *quarantine)
{
    if (self->count == HELD_MAX)
        write_held(self, store);
    held_t *held = &self->held[self->count++];
    copy_text(held->source, sizeof held->source, source);
    copy_text(held->stream, sizeof held->stream, stream);
    snprintf(held->reason, sizeof held->reason, "%s", quarantine->reason);
    held->snippet_size = quarantine->snippet.size < MAPPING_SNIPPET_MAX ? quarantine->snippet.size
                                                                        : MAPPING_SNIPPET_MAX;
    if (held->snippet_size > 0)
        memcpy(held->snippet, quarantine->snippet.data, held->snippet_size);
    held->seq = seq;
    held->row = quarantine->row;
}

bool refusals_flush(refusals_t *self, store_t *store)
{
    write_held(self, store);
    bool whole = !self->lost;
    self->lost = false;
    return whole;
}
