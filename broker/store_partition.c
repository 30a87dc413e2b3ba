/*  store_partition -- who owns a partition: claims, leases, tokens. */
#include <assert.h>
#include <stdio.h>
#include <sys/random.h>

#include "broker/store_link.h"
#include "proto/owned.h"

store_id_t store_id_new(void)
{
    store_id_t id;
    // 16 bytes come whole and without waiting once the kernel is up; nothing else is random enough.
    if (getrandom(id.bytes, sizeof id.bytes, 0) != sizeof id.bytes)
        abort();
    return id;
}

store_status_t link_claim(store_t *self, slice_t key, const char *owner, int lease_ms,
                          store_id_t token, bool force)
{
    assert(strlen(owner) <= STORE_NAME_MAX && *owner);
    command_call(self, "claim", 1);
    command_key(self, key);
    command_text(self, owner);
    command_i64(self, lease_ms);
    command_text(self, force ? "force" : "");
    command_id(self, token);
    return link_ask_verdict(self);
}

store_status_t store_claim(store_t *self, unsigned partition, const char *owner, int lease_ms,
                           store_id_t *token)
{
    if (!link_open(self))
        return STORE_DOWN;
    store_id_t fresh = store_id_new();
    store_status_t status =
        link_claim(self, keys_meta(&self->keys, partition), owner, lease_ms, fresh, false);
    if (status == STORE_OK)
        *token = fresh;
    return status;
}

// The partitions of a group, in order.
static size_t members_of(unsigned group, const partitions_t *of, uint8_t members[PARTITIONS])
{
    size_t count = 0;
    for (unsigned partition = group; partition < PARTITIONS; partition += GROUPS)
        if (!of || partitions_has(of, partition))
            members[count++] = (uint8_t) partition;
    return count;
}

// A function that takes a token a partition and answers with a verdict a partition.
typedef struct {
    const char *function;
    const char *owner; // NULL: it takes none, and no lease
    int lease_ms;
    const store_id_t *tokens; // by partition
} leasing_t;

static bool push_group(store_t *self, unsigned group, const leasing_t *leasing,
                       const partitions_t *set)
{
    uint8_t members[PARTITIONS];
    size_t count = members_of(group, set, members);
    command_call(self, leasing->function, (unsigned) count);
    for (size_t i = 0; i < count; i++)
        command_key(self, keys_meta(&self->keys, members[i]));
    if (leasing->owner)
        command_text(self, leasing->owner);
    if (leasing->lease_ms)
        command_i64(self, leasing->lease_ms);
    if (leasing->owner)
        command_text(self, "");
    for (size_t i = 0; i < count; i++)
        command_id(self, leasing->tokens[members[i]]);
    return link_push(self);
}

static store_status_t take_group(store_t *self, unsigned group, partitions_t *set)
{
    uint8_t members[PARTITIONS];
    size_t count = members_of(group, set, members);
    owned(reply_destroy) redisReply *reply = NULL;
    store_status_t status = link_take(self, &reply);
    if (status != STORE_OK)
        return status;
    slice_t verdicts = reply_slice(reply);
    for (size_t i = 0; i < count; i++)
        if (i >= verdicts.size || link_verdict(self, (char) verdicts.data[i]) != STORE_OK)
            partitions_remove(set, members[i]);
    return STORE_OK;
}

// One call a group, all of them in one round trip. OK: *set is left with those that got OK.
static store_status_t ask_groups(store_t *self, const leasing_t *leasing, partitions_t *set)
{
    uint8_t members[PARTITIONS];
    if (!link_open(self))
        return STORE_DOWN;
    partitions_t left = *set;
    for (unsigned group = 0; group < GROUPS; group++)
        if (members_of(group, set, members) > 0 && !push_group(self, group, leasing, set))
            return STORE_DOWN;
    store_status_t worst = STORE_OK;
    for (unsigned group = 0; group < GROUPS; group++) {
        if (members_of(group, set, members) == 0)
            continue;
        store_status_t status = take_group(self, group, &left);
        if (status == STORE_DOWN)
            return STORE_DOWN;
        if (worst == STORE_OK)
            worst = status;
    }
    *set = left;
    return worst;
}

store_status_t store_claim_all(store_t *self, const char *owner, int lease_ms,
                               store_id_t tokens[PARTITIONS], partitions_t *wanted)
{
    assert(strlen(owner) <= STORE_NAME_MAX && *owner);
    for (unsigned partition = 0; partition < PARTITIONS; partition++)
        if (partitions_has(wanted, partition))
            tokens[partition] = store_id_new();
    const leasing_t claim = {
        .function = "claim", .owner = owner, .lease_ms = lease_ms, .tokens = tokens
    };
    return ask_groups(self, &claim, wanted);
}

store_status_t store_renew(store_t *self, int lease_ms, const store_id_t tokens[PARTITIONS],
                           partitions_t *held)
{
    const leasing_t renew = { .function = "renew", .lease_ms = lease_ms, .tokens = tokens };
    return ask_groups(self, &renew, held);
}

store_status_t store_release_all(store_t *self, const store_id_t tokens[PARTITIONS],
                                 const partitions_t *held)
{
    const leasing_t release = { .function = "release", .tokens = tokens };
    partitions_t set = *held;
    return ask_groups(self, &release, &set);
}

store_status_t store_release(store_t *self, unsigned partition, store_id_t token)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "release", 1);
    command_key(self, keys_meta(&self->keys, partition));
    command_id(self, token);
    return link_ask_verdict(self);
}

static store_status_t take_owners(store_t *self, unsigned group, char owners[PARTITIONS][64])
{
    owned(reply_destroy) redisReply *reply = NULL;
    store_status_t status = link_take(self, &reply);
    if (status != STORE_OK)
        return status;
    uint8_t members[PARTITIONS];
    size_t count = members_of(group, NULL, members);
    for (size_t i = 0; i < count; i++) {
        slice_t name = slice_of(NULL, 0);
        if (reply->type == REDIS_REPLY_ARRAY && i < reply->elements)
            name = reply_slice(reply->element[i]);
        snprintf(owners[members[i]], STORE_NAME_MAX + 1, "%.*s", (int) name.size,
                 name.data ? (const char *) name.data : "");
    }
    return STORE_OK;
}

store_status_t store_owners(store_t *self, char owners[PARTITIONS][64])
{
    if (!link_open(self))
        return STORE_DOWN;
    uint8_t members[PARTITIONS];
    for (unsigned group = 0; group < GROUPS; group++) {
        size_t count = members_of(group, NULL, members);
        command_look(self, "owners", (unsigned) count);
        for (size_t i = 0; i < count; i++)
            command_key(self, keys_meta(&self->keys, members[i]));
        if (!link_push(self))
            return STORE_DOWN;
    }
    store_status_t worst = STORE_OK;
    for (unsigned group = 0; group < GROUPS && worst != STORE_DOWN; group++) {
        store_status_t status = take_owners(self, group, owners);
        if (worst == STORE_OK || status == STORE_DOWN)
            worst = status;
    }
    return worst;
}

store_status_t store_committed(store_t *self, slice_t stream, uint64_t *lowest)
{
    if (!link_open(self))
        return STORE_DOWN;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        command_begin(self, "HGET");
        command_key(self, keys_meta(&self->keys, p));
        command_key(self, keys_offset_field(&self->keys, stream));
        if (!link_push(self))
            return STORE_DOWN;
    }
    redisReply *replies[PARTITIONS];
    store_status_t status = link_take_each(self, PARTITIONS, replies);
    *lowest = UINT64_MAX;
    for (unsigned p = 0; p < PARTITIONS && status == STORE_OK; p++) {
        uint64_t seq = replies[p] ? reply_u64(replies[p]) : 0;
        *lowest = seq < *lowest ? seq : *lowest;
        reply_destroy(&replies[p]);
    }
    return status;
}
