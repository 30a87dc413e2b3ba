/*  store_quarantine -- refused rows: each counted once, the newest kept with their reasons. */
#include <inttypes.h>
#include <stdio.h>

#include "broker/store_link.h"
#include "proto/owned.h"

enum { ITEMS_PER_CALL = 500 };

// The place of a row within its stream; texts compare as the places do.
static void command_place(store_t *self, const store_quarantine_t *item)
{
    char place[48];
    snprintf(place, sizeof place, "%020" PRIu64 ":%010" PRIu32, item->seq, item->row);
    command_text(self, place);
}

static void command_row(store_t *self, uint32_t row)
{
    if (row == UINT32_MAX)
        command_text(self, "all");
    else
        command_u64(self, row);
}

static void command_snippet(store_t *self, slice_t snippet)
{
    if (snippet.size > QUARANTINE_SNIPPET_MAX)
        snippet.size = QUARANTINE_SNIPPET_MAX;
    command_bytes(self, snippet);
}

// One call: items of one stream, because what is remembered is per stream.
static bool push_items(store_t *self, slice_t source, const store_quarantine_t *items, size_t count)
{
    slice_t stream = items->stream;
    command_call(self, "quarantine", 4);
    command_key(self, keys_quarantine(&self->keys, source));
    command_key(self, keys_quarantine_log(&self->keys, source));
    command_key(self, keys_quarantine_seen(&self->keys, source, stream));
    command_key(self, keys_quarantine_sources(&self->keys));
    command_bytes(self, source);
    command_u64(self, self->limits.quarantine_entries);
    command_u64(self, self->limits.quarantine_ids);
    command_key(self, keys_floor_field(&self->keys, stream));
    command_bytes(self, stream);
    for (size_t i = 0; i < count; i++) {
        command_place(self, &items[i]);
        command_u64(self, items[i].seq);
        command_row(self, items[i].row);
        command_text(self, items[i].reason);
        command_snippet(self, items[i].snippet);
    }
    return link_push(self);
}

store_status_t store_quarantine_add(store_t *self, const char *source,
                                    const store_quarantine_t *items, size_t count)
{
    if (!link_open(self))
        return STORE_DOWN;
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && end - first < ITEMS_PER_CALL; end++)
            if (!slice_same(items[end].stream, items[first].stream))
                break;
        if (!push_items(self, slice_text(source), items + first, end - first))
            return STORE_DOWN;
        store_status_t status = link_take_all(self, 1);
        if (status != STORE_OK)
            return status;
    }
    return STORE_OK;
}

static store_status_t visit_source(store_t *self, const redisReply *source,
                                   store_quarantine_visit_t *visit, void *context)
{
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HMGET");
    command_key(self, keys_quarantine(&self->keys, reply_slice(source)));
    command_text(self, "total");
    command_text(self, "reason");
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    const redisReply *total = reply_at(reply, 0), *reason = reply_at(reply, 1);
    if (total->str && reason->str)
        visit(context, source->str, reply_u64(total), reason->str);
    return STORE_OK;
}

store_status_t store_quarantine_summary(store_t *self, store_quarantine_visit_t *visit,
                                        void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *sources = NULL;
    command_begin(self, "SMEMBERS");
    command_key(self, keys_quarantine_sources(&self->keys));
    store_status_t status = link_ask(self, &sources);
    if (status != STORE_OK)
        return status;
    reply_sort(sources);
    for (size_t i = 0; i < sources->elements && status == STORE_OK; i++)
        status = visit_source(self, sources->element[i], visit, context);
    return status;
}
