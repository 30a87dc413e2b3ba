/*  redis_dump -- objects of the simulator's Redis as bytes (DUMP, RESTORE), and as one number.
 *
 *  kind, 8 bytes of checksum, then 8-byte sizes and bytes. Not the format of a real server: only
 *  we read it.
 */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "proto/buffer.h"
#include "proto/owned.h"
#include "tests/sim/redis_inside.h"

enum { HEAD = 9 };

static void put_number(buffer_t *to, uint64_t number)
{
    buffer_append(to, &number, sizeof number);
}

static void put_blob(buffer_t *to, const blob_t *blob)
{
    put_number(to, blob->size);
    buffer_append(to, blob->data, blob->size);
}

static void put_dict(buffer_t *to, const dict_t *dict, bool texts)
{
    put_number(to, dict->live);
    for (size_t i = 0; i < dict->used; i++) {
        if (!dict->items[i])
            continue;
        put_blob(to, dict->items[i]->name);
        if (texts)
            put_blob(to, dict->items[i]->text);
    }
}

static void put_stream(buffer_t *to, const object_t *self)
{
    put_number(to, self->stream.last.ms);
    put_number(to, self->stream.last.n);
    put_number(to, self->stream.end - self->stream.first);
    for (size_t i = self->stream.first; i < self->stream.end; i++) {
        const entry_t *entry = &self->stream.entries[i];
        put_number(to, entry->id.ms);
        put_number(to, entry->id.n);
        put_number(to, entry->count);
        for (size_t k = 0; k < entry->count; k++)
            put_blob(to, entry->fields[k]);
    }
}

static void put_object(buffer_t *to, const object_t *self)
{
    switch (self->kind) {
    case TEXT:
        return put_blob(to, self->text);
    case LIST:
        put_number(to, self->list.end - self->list.first);
        for (size_t i = self->list.first; i < self->list.end; i++)
            put_blob(to, self->list.items[i]);
        return;
    case SET:
    case HASH:
        return put_dict(to, &self->dict, self->kind == HASH);
    case ZSET:
        put_number(to, self->zset.dict.live);
        for (size_t i = 0; i < self->zset.dict.live; i++) {
            put_blob(to, self->zset.sorted[i]->name);
            buffer_append(to, &self->zset.sorted[i]->score, sizeof(double));
        }
        return;
    case STREAM:
        return put_stream(to, self);
    }
}

void object_dump(const object_t *self, blob_t **to)
{
    owned(buffer_destroy) buffer_t bytes = { 0 };
    const uint8_t kind = (uint8_t) self->kind;
    buffer_append(&bytes, &kind, 1);
    buffer_extend(&bytes, HEAD - 1);
    put_object(&bytes, self);
    if (bytes.failed)
        abort();
    uint64_t sum = XXH3_64bits(bytes.data + HEAD, bytes.size - HEAD) + kind;
    memcpy(bytes.data + 1, &sum, sizeof sum);
    *to = blob_new(bytes.data, bytes.size);
}

// Fields and members in any order, hence the sum over them.
uint64_t object_digest(const object_t *self)
{
    uint64_t sum = (uint64_t) self->kind;
    if (self->kind == HASH || self->kind == SET) {
        for (size_t i = 0; i < self->dict.used; i++) {
            const item_t *item = self->dict.items[i];
            if (!item)
                continue;
            uint64_t name = XXH3_64bits(item->name->data, item->name->size);
            if (self->kind == HASH)
                name = XXH3_64bits_withSeed(item->text->data, item->text->size, name);
            sum += name;
        }
        return sum;
    }
    owned(buffer_destroy) buffer_t bytes = { 0 };
    put_object(&bytes, self);
    return XXH3_64bits(bytes.data, bytes.size) + sum;
}

// ---- and back ------------------------------------------------------------------------------

static uint64_t take_number(slice_t *from)
{
    uint64_t number;
    memcpy(&number, from->data, sizeof number);
    *from = slice_of(from->data + sizeof number, from->size - sizeof number);
    return number;
}

// The checksum has said that these are bytes of ours, so sizes are not doubted again.
static blob_t *take_blob(slice_t *from)
{
    size_t size = take_number(from);
    blob_t *blob = blob_new(from->data, size);
    *from = slice_of(from->data + size, from->size - size);
    return blob;
}

static void take_member(object_t *self, slice_t *from)
{
    blob_t *name = take_blob(from);
    blob_t *text = NULL;
    double score;
    switch (self->kind) {
    case LIST:
        list_push(self, name);
        break;
    case SET:
        dict_add(&self->dict, name);
        break;
    case HASH:
        text = take_blob(from);
        hash_set(self, name, text);
        break;
    case ZSET:
        memcpy(&score, from->data, sizeof score);
        *from = slice_of(from->data + sizeof score, from->size - sizeof score);
        zset_set(self, name, score);
        break;
    case TEXT:
    case STREAM:
        abort();
    }
    blob_drop(name);
    blob_drop(text);
}

static void take_entry(object_t *self, slice_t *from)
{
    entry_id_t id;
    id.ms = take_number(from);
    id.n = take_number(from);
    words_t fields = { 0 };
    for (uint64_t left = take_number(from); left > 0; left--)
        words_add(&fields, take_blob(from));
    stream_add(self, id, fields.count, fields.words);
    words_clear(&fields);
}

object_t *object_restore(const blob_t *from)
{
    uint64_t sum;
    if (from->size < HEAD || (uint8_t) from->data[0] > STREAM)
        return NULL;
    memcpy(&sum, from->data + 1, sizeof sum);
    slice_t rest = slice_of(from->data + HEAD, from->size - HEAD);
    if (XXH3_64bits(rest.data, rest.size) + (uint8_t) from->data[0] != sum)
        return NULL;
    object_t *self = object_new((kind_t) from->data[0]);
    if (self->kind == TEXT) {
        self->text = take_blob(&rest);
        return self;
    }
    entry_id_t last = { 0 };
    if (self->kind == STREAM) {
        last.ms = take_number(&rest);
        last.n = take_number(&rest);
    }
    for (uint64_t left = take_number(&rest); left > 0; left--) {
        if (self->kind == STREAM)
            take_entry(self, &rest);
        else
            take_member(self, &rest);
    }
    if (self->kind == STREAM)
        self->stream.last = last;
    return self;
}
