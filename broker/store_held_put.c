/*  store_held_put -- positions as they are, and putting a copy back; see store_held.h. */
#include <assert.h>

#include "broker/store_held.h"
#include "broker/store_link.h"
#include "proto/owned.h"

enum { READY_S = 24 * 3600 }; // at most, for all partitions; what a keeper that died leaves goes

// ---- positions -----------------------------------------------------------------------------

static void visit_offsets(const redisReply *meta, unsigned partition, store_position_visit_t *visit,
                          void *context)
{
    for (size_t i = 0; i + 1 < meta->elements; i += 2) {
        store_offset_t offset = { .sent = 0 };
        slice_t of;
        if (!keys_offset_stream(reply_slice(meta->element[i]), &offset.stream))
            continue;
        offset.seq = reply_u64(meta->element[i + 1]);
        for (size_t k = 0; k + 1 < meta->elements; k += 2)
            if (keys_sent_stream(reply_slice(meta->element[k]), &of) &&
                slice_same(of, offset.stream))
                offset.sent = reply_u64(meta->element[k + 1]);
        visit(context, partition, &offset);
    }
}

store_status_t store_held_positions(store_t *self, store_position_visit_t *visit, void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        command_begin(self, "HGETALL");
        command_key(self, keys_meta(&self->keys, p));
        if (!link_push(self))
            return STORE_DOWN;
    }
    redisReply *replies[PARTITIONS];
    store_status_t status = link_take_each(self, PARTITIONS, replies);
    for (unsigned p = 0; p < PARTITIONS && status == STORE_OK; p++) {
        if (replies[p])
            visit_offsets(replies[p], p, visit, context);
        reply_destroy(&replies[p]);
    }
    return status;
}

store_status_t store_held_position(store_t *self, unsigned partition, store_position_visit_t *visit,
                                   void *context, store_id_t *head)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *meta = NULL;
    command_begin(self, "HGETALL");
    command_key(self, keys_meta(&self->keys, partition));
    store_status_t status = link_ask(self, &meta);
    if (status != STORE_OK)
        return status;
    *head = (store_id_t){ 0 };
    for (size_t i = 0; i + 1 < meta->elements; i += 2)
        if (slice_is(reply_slice(meta->element[i]), "head") &&
            !store_id_parse(head, reply_slice(meta->element[i + 1])))
            return link_odd(self);
    visit_offsets(meta, partition, visit, context);
    return STORE_OK;
}

// ---- partitions ----------------------------------------------------------------------------

store_status_t store_held_claim(store_t *self, unsigned partition, const char *owner, int lease_ms,
                                store_id_t *token)
{
    if (!link_open(self))
        return STORE_DOWN;
    *token = store_id_new();
    return link_claim(self, keys_meta(&self->keys, partition), owner, lease_ms, *token, true);
}

store_status_t store_held_put(store_t *self, unsigned partition, store_id_t token, bool first,
                              const slice_t *deltas, size_t count)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "held_put", 2);
    command_key(self, keys_meta(&self->keys, partition));
    command_key(self, keys_restored(&self->keys, partition));
    command_id(self, token);
    command_text(self, first ? "first" : "");
    for (size_t i = 0; i < count; i++)
        command_bytes(self, deltas[i]);
    return link_ask_verdict(self);
}

store_status_t store_held_swap(store_t *self, const store_held_swap_t *swap)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "held_swap", 5);
    command_key(self, keys_meta(&self->keys, swap->partition));
    command_key(self, keys_journal(&self->keys, swap->partition));
    command_key(self, keys_base(&self->keys, swap->partition));
    command_key(self, keys_restored(&self->keys, swap->partition));
    command_key(self, keys_ready(&self->keys, swap->partition % GROUPS));
    command_id(self, swap->token);
    command_id(self, swap->previous);
    command_id(self, swap->mine);
    command_id(self, swap->base);
    command_u64(self, swap->pieces);
    command_u64(self, swap->deltas);
    command_id(self, swap->mark);
    for (size_t i = 0; i < swap->field_count; i++) {
        command_bytes(self, swap->fields[i].name);
        command_bytes(self, swap->fields[i].value);
    }
    return link_ask_verdict(self);
}

// ---- the rest ------------------------------------------------------------------------------

store_status_t store_held_outbox_put(store_t *self, unsigned group, const char *after,
                                     const store_alert_t *entries, size_t count)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "held_outbox", 2);
    command_key(self, keys_outbox(&self->keys, group));
    command_key(self, keys_alerts_seen(&self->keys));
    command_u64(self, self->limits.outbox_entries);
    command_text(self, after);
    for (size_t i = 0; i < count; i++) {
        command_bytes(self, entries[i].id);
        command_bytes(self, entries[i].topic);
        command_bytes(self, entries[i].body);
    }
    return link_ask_verdict(self);
}

static bool push_ready(store_t *self, const store_id_t *mark)
{
    for (unsigned group = 0; group < GROUPS; group++) {
        command_begin(self, mark ? "SET" : "DEL");
        command_key(self, keys_ready(&self->keys, group));
        if (mark) {
            command_id(self, *mark);
            command_text(self, "EX");
            command_u64(self, READY_S);
        }
        if (!link_push(self))
            return false;
    }
    return true;
}

store_status_t store_held_ready(store_t *self, store_id_t mark)
{
    if (!link_open(self) || !push_ready(self, &mark))
        return STORE_DOWN;
    return link_take_all(self, GROUPS);
}

store_status_t store_held_ready_over(store_t *self)
{
    if (!link_open(self) || !push_ready(self, NULL))
        return STORE_DOWN;
    return link_take_all(self, GROUPS);
}

store_status_t store_held_known_put(store_t *self, const slice_t *ids, size_t count)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "held_known", 1);
    command_key(self, keys_alerts_seen(&self->keys));
    command_u64(self, self->limits.alert_log_entries);
    for (size_t i = 0; i < count; i++)
        command_bytes(self, ids[i]);
    return link_ask_verdict(self);
}

store_status_t store_held_delivery_put(store_t *self, slice_t alert_id, slice_t body,
                                       const store_pair_t *states, size_t count)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "held_delivery", 3);
    command_key(self, keys_delivery(&self->keys, alert_id));
    command_key(self, keys_delivery_due(&self->keys));
    command_key(self, keys_delivery_body(&self->keys, alert_id));
    command_bytes(self, alert_id);
    command_bytes(self, body);
    command_u64(self, DELIVERY_KEPT_S);
    command_u64(self, self->limits.deliveries);
    command_u64(self, self->limits.deliveries_each);
    for (size_t i = 0; i < count; i++) {
        command_bytes(self, states[i].name);
        command_bytes(self, states[i].value);
    }
    return link_ask_verdict(self);
}

store_status_t store_held_key_put(store_t *self, slice_t inside, store_type_t type,
                                  uint64_t expires_ms, const slice_t *content, size_t count)
{
    static const char *const types[] = { "string", "hash", "set" };
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "held_key", 1);
    command_key(self, keys_outside(&self->keys, inside));
    command_text(self, types[type]);
    command_u64(self, expires_ms);
    for (size_t i = 0; i < count; i++)
        command_bytes(self, content[i]);
    return link_ask_verdict(self);
}

// ---- which copies there are ----------------------------------------------------------------

static void call_notes(store_t *self, const char *function, const char *collector)
{
    command_call(self, function, 2);
    command_key(self, keys_held(&self->keys));
    command_key(self, keys_held_mark(&self->keys));
    command_text(self, collector);
}

store_status_t store_held_begin(store_t *self, const char *collector, const char *id,
                                store_id_t mark, const char *first)
{
    assert(strlen(id) <= STORE_HELD_ID_MAX);
    if (!link_open(self))
        return STORE_DOWN;
    call_notes(self, "held_begin", collector);
    command_text(self, id);
    command_id(self, mark);
    command_text(self, first ? first : "");
    return link_ask_verdict(self);
}

store_status_t store_held_marked(store_t *self, const char *collector, store_id_t mark)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_look(self, "held_marked", 1);
    command_key(self, keys_held_mark(&self->keys));
    command_text(self, collector);
    command_id(self, mark);
    return link_ask_verdict(self);
}

store_status_t store_held_end(store_t *self, const char *collector, store_id_t mark,
                              const char *note)
{
    assert(strlen(note) <= STORE_HELD_NOTE_MAX);
    if (!link_open(self))
        return STORE_DOWN;
    call_notes(self, "held_end", collector);
    command_id(self, mark);
    command_text(self, note);
    return link_ask_verdict(self);
}

store_status_t store_held_notes(store_t *self, store_note_visit_t *visit, void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HGETALL");
    command_key(self, keys_held(&self->keys));
    store_status_t status = link_ask(self, &reply);
    for (size_t i = 0; status == STORE_OK && i + 1 < reply->elements; i += 2)
        visit(context, reply_slice(reply->element[i]), reply_slice(reply->element[i + 1]));
    return status;
}
