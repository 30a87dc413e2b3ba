/*  store_outbox -- the outbox as the notifier reads it: role, positions, taking.
 *
 *  Every group has its own token, because the guard must stand in the slot of what it guards. The
 *  lease of group 0 decides who is the notifier; the tokens of the other groups follow it by force,
 *  so a claim that was interrupted half-way is mended by the next one.
 */
#include <assert.h>
#include <stdio.h>

#include "broker/store_link.h"
#include "proto/owned.h"

// ---- the role ------------------------------------------------------------------------------

store_status_t store_outbox_claim(store_t *self, const char *owner, int lease_ms, store_id_t *token)
{
    if (!link_open(self))
        return STORE_DOWN;
    store_id_t fresh = store_id_new();
    for (unsigned group = 0; group < GROUPS; group++) {
        store_status_t status =
            link_claim(self, keys_notifier(&self->keys, group), owner, lease_ms, fresh, group > 0);
        if (status != STORE_OK)
            return status;
    }
    *token = fresh;
    return STORE_OK;
}

store_status_t store_outbox_renew(store_t *self, store_id_t token, int lease_ms)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "renew", 1);
    command_key(self, keys_notifier(&self->keys, 0));
    command_i64(self, lease_ms);
    command_id(self, token);
    return link_ask_verdict(self);
}

// Group 0 last: until then nobody else begins.
store_status_t store_outbox_release(store_t *self, store_id_t token)
{
    if (!link_open(self))
        return STORE_DOWN;
    store_status_t status = STORE_OK;
    for (unsigned group = GROUPS; group-- > 0 && status != STORE_DOWN;) {
        command_call(self, "release", 1);
        command_key(self, keys_notifier(&self->keys, group));
        command_id(self, token);
        status = link_ask_verdict(self);
    }
    return status;
}

// ---- reading -------------------------------------------------------------------------------

void store_outbox_rewind(store_t *self)
{
    self->outbox.epoch = 0;
}

// Nothing positional survives a reconnect: after a roll-back of Redis the same ids may name
// other entries. What waits is all that there is, so every connection begins at the beginning.
static void begin_again(store_t *self)
{
    for (unsigned group = 0; group < GROUPS; group++)
        strcpy(self->outbox.position[group], "0-0");
    self->outbox.epoch = self->epoch;
}

static bool set_timeout(store_t *self, int64_t wait_ms)
{
    struct timeval wait = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };
    if (redisSetTimeout(self->context, wait) == REDIS_OK)
        return true;
    return link_close(self, self->context->errstr), false;
}

store_status_t store_outbox_send(store_t *self, unsigned count, int block_ms)
{
    assert(count > 0 && block_ms >= 0);
    if (!link_open(self))
        return STORE_DOWN;
    if (self->outbox.epoch != self->epoch)
        begin_again(self);
    command_begin(self, "XREAD");
    command_text(self, "COUNT");
    command_u64(self, count);
    if (block_ms > 0) {
        command_text(self, "BLOCK");
        command_i64(self, block_ms);
    }
    command_text(self, "STREAMS");
    for (unsigned group = 0; group < GROUPS; group++)
        command_key(self, keys_outbox(&self->keys, group));
    for (unsigned group = 0; group < GROUPS; group++)
        command_text(self, self->outbox.position[group]);
    if (!link_push(self) || !link_flush(self) || !set_timeout(self, block_ms + STORE_TIMEOUT_MS))
        return STORE_DOWN;
    self->outbox.under_way = true;
    return STORE_OK;
}

// [id, [field, value, ...]]
static void visit_entry(store_t *self, unsigned group, const redisReply *item,
                        store_entry_visit_t *visit, void *context)
{
    slice_t id = reply_slice(reply_at(item, 0));
    if (id.size == 0 || id.size >= OUTBOX_ID_MAX)
        return;
    char *position = self->outbox.position[group];
    memcpy(position, id.data, id.size);
    position[id.size] = '\0';
    store_entry_t entry = { .group = group, .entry = position };
    const redisReply *fields = reply_at(item, 1);
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        slice_t name = reply_slice(fields->element[i]), value = reply_slice(fields->element[i + 1]);
        if (slice_is(name, "id"))
            entry.id = value;
        else if (slice_is(name, "topic"))
            entry.topic = value;
        else if (slice_is(name, "body"))
            entry.body = value;
    }
    visit(context, &entry);
}

store_status_t store_outbox_receive(store_t *self, store_entry_visit_t *visit, void *context)
{
    if (!self->outbox.under_way)
        return STORE_DOWN; // the connection went since send
    owned(reply_destroy) redisReply *reply = NULL;
    store_status_t status = link_take(self, &reply);
    self->outbox.under_way = false;
    if (status != STORE_OK)
        return status;
    if (!set_timeout(self, STORE_TIMEOUT_MS))
        return STORE_DOWN;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *stream = reply->element[i], *entries = reply_at(stream, 1);
        slice_t key = reply_slice(reply_at(stream, 0));
        for (unsigned group = 0; group < GROUPS; group++) {
            if (!slice_same(key, keys_outbox(&self->keys, group)))
                continue;
            for (size_t k = 0; k < entries->elements; k++)
                visit_entry(self, group, entries->element[k], visit, context);
        }
    }
    return STORE_OK;
}

store_status_t store_outbox_read(store_t *self, unsigned count, int block_ms,
                                 store_entry_visit_t *visit, void *context)
{
    store_status_t status = store_outbox_send(self, count, block_ms);
    return status == STORE_OK ? store_outbox_receive(self, visit, context) : status;
}

// ---- taking --------------------------------------------------------------------------------

store_status_t store_outbox_take(store_t *self, store_id_t token, unsigned group,
                                 const store_taken_t *entries, size_t count)
{
    assert(group < GROUPS);
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "outbox_take", 2);
    command_key(self, keys_notifier(&self->keys, group));
    command_key(self, keys_outbox(&self->keys, group));
    command_id(self, token);
    for (size_t i = 0; i < count; i++) {
        command_text(self, entries[i].entry);
        command_bytes(self, entries[i].id);
    }
    return link_ask_verdict(self);
}

store_status_t store_outbox_length(store_t *self, uint64_t *entries)
{
    if (!link_open(self))
        return STORE_DOWN;
    for (unsigned group = 0; group < GROUPS; group++) {
        command_begin(self, "XLEN");
        command_key(self, keys_outbox(&self->keys, group));
        if (!link_push(self))
            return STORE_DOWN;
    }
    redisReply *replies[GROUPS];
    store_status_t status = link_take_each(self, GROUPS, replies);
    uint64_t sum = 0;
    for (unsigned group = 0; group < GROUPS && status == STORE_OK; group++) {
        sum += replies[group] ? reply_u64(replies[group]) : 0;
        reply_destroy(&replies[group]);
    }
    if (status == STORE_OK)
        *entries = sum;
    return status;
}
