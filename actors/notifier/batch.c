/*  batch -- see batch.h. */
#include "actors/notifier/batch.h"

#include "proto/alert.h"
#include "proto/json.h"

void batch_destroy(batch_t *self)
{
    buffer_destroy(&self->bytes);
    buffer_destroy(&self->stamped);
    self->count = 0;
}

void batch_clear(batch_t *self)
{
    buffer_clear(&self->bytes);
    self->count = 0;
}

static piece_t keep(buffer_t *bytes, slice_t what)
{
    piece_t piece = { .at = bytes->size, .size = what.size };
    buffer_append(bytes, what.data, what.size);
    return piece;
}

void batch_add(batch_t *self, const store_entry_t *entry, int64_t at_us)
{
    if (self->count == BATCH_MAX || strlen(entry->entry) >= BATCH_ENTRY_ID_MAX ||
        entry->group >= GROUPS) {
        self->bytes.failed = true; // not what was asked for
        return;
    }
    item_t *item = &self->items[self->count++];
    *item = (item_t){ .group = entry->group };
    strcpy(item->entry, entry->entry);
    item->id = keep(&self->bytes, entry->id);
    item->topic = keep(&self->bytes, entry->topic);

    buffer_t *body = &self->stamped;
    buffer_clear(body);
    buffer_append(body, entry->body.data, entry->body.size);
    alert_id_t id;
    bulletin_t bulletin;
    bool good = !body->failed && alert_id_parse(&id, entry->id) &&
                bulletin_read(&bulletin, buffer_slice(body)) &&
                alert_stamp(body->data, body->size, at_us);
    item->body = keep(&self->bytes, buffer_slice(body));
    item->json.at = self->bytes.size;
    item->good = good && json_from_wire(&self->bytes, buffer_slice(body));
    item->json.size = self->bytes.size - item->json.at;
    self->bytes.failed |= body->failed;
}

void batch_repeats(const batch_t *self, bool again[BATCH_MAX])
{
    enum { SLOTS = 4 * BATCH_MAX };
    uint16_t slots[SLOTS] = { 0 }; // index + 1 of the first item of an id
    for (size_t i = 0; i < self->count; i++) {
        slice_t id = batch_piece(self, self->items[i].id);
        again[i] = false;
        if (!self->items[i].good)
            continue;
        uint64_t hash = 0; // ids are hex digits of a digest: any of them do
        memcpy(&hash, id.data, id.size < sizeof hash ? id.size : sizeof hash);
        hash *= UINT64_C(0x9e3779b97f4a7c15);
        size_t at = (size_t) (hash >> 32) % SLOTS;
        while (slots[at] && !slice_same(batch_piece(self, self->items[slots[at] - 1].id), id))
            at = (at + 1) % SLOTS;
        again[i] = slots[at] > 0;
        if (!slots[at])
            slots[at] = (uint16_t) (i + 1);
    }
}

size_t batch_of_group(const batch_t *self, unsigned group, store_taken_t entries[BATCH_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        if (self->items[i].group == group)
            entries[count++] = (store_taken_t){ .entry = self->items[i].entry,
                                                .id = batch_piece(self, self->items[i].id) };
    return count;
}
