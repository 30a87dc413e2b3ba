/*  store_subscribers -- who wants to be told, and how. */
#include <assert.h>
#include <stdlib.h>

#include "broker/store_link.h"
#include "proto/owned.h"

// All members of two sets, in order and each once.
static size_t merge_members(redisReply *const replies[2], const char **names)
{
    size_t at[2] = { 0 }, count = 0;
    for (;;) {
        const char *next[2];
        for (int i = 0; i < 2; i++)
            next[i] =
                replies[i] && at[i] < replies[i]->elements ? replies[i]->element[at[i]]->str : NULL;
        if (!next[0] && !next[1])
            return count;
        int order = !next[0] ? 1 : !next[1] ? -1 : strcmp(next[0], next[1]);
        names[count++] = order <= 0 ? next[0] : next[1];
        at[0] += order <= 0;
        at[1] += order >= 0;
    }
}

// As they are now, in this order; as many at a time as may be in flight.
static store_status_t visit_subscribers(store_t *self, const char *const *names, size_t count,
                                        store_subscriber_visit_t *visit, void *context)
{
    redisReply *replies[STORE_CHUNK];
    for (size_t i = 0; i < count; i++) {
        command_begin(self, "HGETALL");
        command_key(self, keys_subscriber(&self->keys, slice_text(names[i])));
        if (!link_push(self))
            return STORE_DOWN;
    }
    store_status_t status = link_take_each(self, count, replies);
    for (size_t i = 0; i < count && status == STORE_OK; i++) {
        store_subscriber_t subscriber = { .name = names[i] };
        if (replies[i]) // a key of another type is as good as none
            subscriber.count = reply_fields(replies[i], subscriber.fields);
        visit(context, &subscriber);
        reply_destroy(&replies[i]);
    }
    return status;
}

static store_status_t visit_all(store_t *self, const char *const *names, size_t count,
                                store_subscriber_visit_t *visit, void *context)
{
    store_status_t status = STORE_OK;
    for (size_t i = 0; i < count && status == STORE_OK; i += STORE_CHUNK) {
        size_t some = count - i < STORE_CHUNK ? count - i : STORE_CHUNK;
        status = visit_subscribers(self, names + i, some, visit, context);
    }
    return status;
}

static store_status_t visit_members(store_t *self, redisReply *const replies[2],
                                    store_subscriber_visit_t *visit, void *context)
{
    size_t most = 0;
    for (int i = 0; i < 2; i++) {
        if (!replies[i])
            continue;
        reply_sort(replies[i]);
        most += replies[i]->elements;
    }
    if (most == 0)
        return STORE_OK;
    const char **names = calloc(most, sizeof *names);
    if (!names)
        return link_close(self, "out of memory"), STORE_DOWN;
    size_t count = merge_members(replies, names);
    store_status_t status = visit_all(self, names, count, visit, context);
    free(names);
    return status;
}

store_status_t store_subscriber(store_t *self, const char *name, store_subscriber_visit_t *visit,
                                void *context)
{
    return link_open(self) ? visit_subscribers(self, &name, 1, visit, context) : STORE_DOWN;
}

static bool is_set(const redisReply *reply)
{
    bool good = reply->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; good && i < reply->elements; i++)
        good = reply->element[i]->type == REDIS_REPLY_STRING;
    return good;
}

store_status_t store_subscribers(store_t *self, slice_t rule, slice_t series, unsigned *unread,
                                 store_subscriber_visit_t *visit, void *context)
{
    *unread = 0;
    if (!link_open(self))
        return STORE_DOWN;
    redisReply *replies[2] = { NULL, NULL };
    command_begin(self, "SMEMBERS");
    command_key(self, keys_subscriptions(&self->keys, rule, slice_of(NULL, 0)));
    bool pushed = link_push(self);
    command_begin(self, "SMEMBERS");
    command_key(self, keys_subscriptions(&self->keys, rule, series));
    if (!pushed || !link_push(self))
        return STORE_DOWN;
    store_status_t status = link_take_each(self, 2, replies);
    for (int i = 0; i < 2 && status == STORE_OK; i++) {
        *unread += !replies[i];
        if (replies[i] && !is_set(replies[i]))
            status = link_odd(self); // nobody is left out for that
    }
    if (status == STORE_OK)
        status = visit_members(self, replies, visit, context);
    reply_destroy(&replies[0]);
    reply_destroy(&replies[1]);
    return status;
}

// ---- kept by somebody else -----------------------------------------------------------------

store_status_t store_subscribers_named(store_t *self, const char *const *names, size_t count,
                                       store_subscriber_visit_t *visit, void *context)
{
    return link_open(self) ? visit_all(self, names, count, visit, context) : STORE_DOWN;
}

store_status_t store_subscription_keys(store_t *self, char cursor[STORE_CURSOR_MAX],
                                       store_key_visit_t *visit, void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    store_status_t status =
        link_scan(self, cursor, keys_subscriptions_pattern(&self->keys), &reply);
    const redisReply *keys = status == STORE_OK ? reply_at(reply, 1) : NULL;
    for (size_t i = 0; keys && i < keys->elements; i++) {
        slice_t name;
        if (keys_subscriptions_name(&self->keys, reply_slice(keys->element[i]), &name))
            visit(context, name);
    }
    return status;
}

static store_status_t visit_set(redisReply *reply, bool lasts, slice_t key,
                                store_members_visit_t *visit, void *context)
{
    if (!reply || !lasts)
        return visit(context, key, NULL, 0), STORE_OK;
    reply_sort(reply);
    slice_t *names = calloc(reply->elements + 1, sizeof *names);
    if (!names)
        return STORE_FULL;
    for (size_t i = 0; i < reply->elements; i++)
        names[i] = reply_slice(reply->element[i]);
    visit(context, key, names, reply->elements);
    free(names);
    return STORE_OK;
}

static bool expires(const redisReply *left)
{
    return !left || left->type != REDIS_REPLY_INTEGER || left->integer >= 0;
}

store_status_t store_subscription_members(store_t *self, const slice_t *keys, size_t count,
                                          store_members_visit_t *visit, void *context)
{
    redisReply *replies[2 * STORE_SETS_MAX];
    assert(count <= STORE_SETS_MAX);
    if (!link_open(self))
        return STORE_DOWN;
    for (size_t i = 0; i < count; i++) {
        command_begin(self, "SMEMBERS");
        command_key(self, keys_subscriptions(&self->keys, keys[i], slice_of(NULL, 0)));
        bool pushed = link_push(self);
        command_begin(self, "PTTL");
        command_key(self, keys_subscriptions(&self->keys, keys[i], slice_of(NULL, 0)));
        if (!pushed || !link_push(self))
            return STORE_DOWN;
    }
    store_status_t status = link_take_each(self, 2 * count, replies);
    for (size_t i = 0; i < count && status == STORE_OK; i++)
        if (replies[2 * i] && !is_set(replies[2 * i]))
            status = link_odd(self);
    for (size_t i = 0; i < count; i++) {
        if (status == STORE_OK)
            status =
                visit_set(replies[2 * i], !expires(replies[2 * i + 1]), keys[i], visit, context);
        reply_destroy(&replies[2 * i]);
        reply_destroy(&replies[2 * i + 1]);
    }
    return status;
}
