/*  batch -- entries of the outbox, copied out of Redis' reply: stamped, and as JSON. Pure. */
#pragma once
#include "actors/notifier/bulletin.h"
#include "broker/store.h"
#include "proto/buffer.h"

enum {
    BATCH_READ_MAX = 32, // entries of each group at a time
    BATCH_MAX = BATCH_READ_MAX * GROUPS,
    BATCH_ENTRY_ID_MAX = 48, // "<ms>-<n>" and NUL
};

// A piece of `bytes`: an offset, because the buffer moves as it grows.
typedef struct {
    size_t at, size;
} piece_t;

typedef struct {
    char entry[BATCH_ENTRY_ID_MAX];
    unsigned group;
    piece_t id, topic, body, json;
    bool good; // an alert: can be published, planned and logged
} item_t;

typedef struct {
    item_t items[BATCH_MAX];
    size_t count;
    buffer_t bytes;   // of all items; failed: some entry is not whole, read all again
    buffer_t stamped; // the body at hand
} batch_t;

void batch_destroy(batch_t *self);
void batch_clear(batch_t *self);

// Copy one entry. at_us: when it goes out.
void batch_add(batch_t *self, const store_entry_t *entry, int64_t at_us);

static inline slice_t batch_piece(const batch_t *self, piece_t piece)
{
    return slice_of(self->bytes.data + piece.at, piece.size);
}

// again[i] for each item: is it an alert, and does an earlier one of the batch have the same id?
void batch_repeats(const batch_t *self, bool again[BATCH_MAX]);

// The entries of one group, in order; they point into the batch. Returns how many.
size_t batch_of_group(const batch_t *self, unsigned group, store_taken_t entries[BATCH_MAX]);
