/*  store_secrets -- what the messages of each stream are sealed with: see proto/seal.h. */
#include <assert.h>

#include "broker/store_link.h"
#include "proto/owned.h"

static bool take_secret(const redisReply *reply, seal_secret_t *secret)
{
    slice_t bytes = reply_slice(reply);
    if (bytes.size != sizeof secret->bytes)
        return false;
    memcpy(secret->bytes, bytes.data, sizeof secret->bytes);
    return true;
}

// STORE_OK, and *there says whether there is one: *secret is that one then.
static store_status_t look_up(store_t *self, slice_t stream, seal_secret_t *secret, bool *there)
{
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HGET");
    command_key(self, keys_secrets(&self->keys));
    command_bytes(self, stream);
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    *there = reply->type != REDIS_REPLY_NIL;
    return !*there || take_secret(reply, secret) ? STORE_OK : link_odd(self);
}

static store_status_t propose(store_t *self, slice_t stream, const seal_secret_t *secret)
{
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HSETNX");
    command_key(self, keys_secrets(&self->keys));
    command_bytes(self, stream);
    command_bytes(self, slice_of(secret->bytes, sizeof secret->bytes));
    return link_ask(self, &reply);
}

store_status_t store_secret_agree(store_t *self, slice_t stream, seal_secret_t *secret)
{
    if (!link_open(self))
        return STORE_DOWN;
    // Asked first: a Redis that is full refuses to write, also what would change nothing.
    bool there = false;
    store_status_t status = look_up(self, stream, secret, &there);
    if (status != STORE_OK || there)
        return status;
    status = propose(self, stream, secret);
    if (status == STORE_OK) // or somebody else's, who was faster
        status = look_up(self, stream, secret, &there);
    return status != STORE_OK || there ? status : link_odd(self);
}

store_status_t store_secrets(store_t *self, store_secret_t *items, size_t count)
{
    assert(count > 0 && count <= STORE_SECRETS_MAX);
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HMGET");
    command_key(self, keys_secrets(&self->keys));
    for (size_t i = 0; i < count; i++)
        command_bytes(self, items[i].stream);
    store_status_t status = link_ask(self, &reply);
    for (size_t i = 0; i < count && status == STORE_OK; i++)
        items[i].known = take_secret(reply_at(reply, i), &items[i].secret);
    return status;
}
