/*  ids -- a set of alert ids: what an outbox has already, so that nothing is put there twice.
 *
 *  Pure. As large as an outbox may become: about 50 bytes an id.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/slice.h"

typedef struct {
    buffer_t text;       // the ids, one behind the other
    size_t count, slots; // slots: a power of two, or 0
    struct ids_slot {
        uint64_t at;
        uint32_t size; // 0 = free
    } * table;
} ids_t;

void ids_clear(ids_t *self);
bool ids_add(ids_t *self, slice_t id); // false: no memory, or no id (empty, 4 GB)
bool ids_has(const ids_t *self, slice_t id);
