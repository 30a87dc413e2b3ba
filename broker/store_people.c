/*  store_people -- see store_people.h. */
#include "broker/store_people.h"

#include "broker/store_link.h"
#include "proto/owned.h"

store_status_t store_subscriber_set(store_t *self, const char *name, const store_field_t *fields,
                                    size_t count, char *const *to, size_t to_count)
{
    if (!link_open(self) || !link_push_word(self, "MULTI"))
        return STORE_DOWN;
    for (size_t i = 0; i < count; i++) {
        command_begin(self, "HSET");
        command_key(self, keys_subscriber_of(&self->keys, name));
        command_text(self, fields[i].name);
        command_text(self, fields[i].value);
        if (!link_push(self))
            return STORE_DOWN;
    }
    for (size_t i = 0; i < to_count; i++) {
        command_begin(self, "SADD");
        command_key(self, keys_subscriptions(&self->keys, slice_text(to[i]), slice_text("")));
        command_text(self, name);
        if (!link_push(self))
            return STORE_DOWN;
    }
    return link_push_word(self, "EXEC") ? link_take_all(self, count + to_count + 2) : STORE_DOWN;
}

// Of some keys of subscriptions; *at moves behind them.
static store_status_t unsubscribe(store_t *self, const char *name, const char **at, size_t count,
                                  uint64_t *subscriptions)
{
    redisReply *replies[STORE_CHUNK];
    for (size_t i = 0; i < count; i++) {
        command_begin(self, "SREM");
        command_key(self, keys_subscriptions(&self->keys, slice_text(*at), slice_text("")));
        command_text(self, name);
        *at += strlen(*at) + 1;
        if (!link_push(self))
            return STORE_DOWN;
    }
    store_status_t status = link_take_each(self, count, replies);
    for (size_t i = 0; i < count && status == STORE_OK; i++) {
        *subscriptions += replies[i] ? reply_u64(replies[i]) : 0; // NULL: it is no set
        reply_destroy(&replies[i]);
    }
    return status;
}

store_status_t store_subscriber_remove(store_t *self, const char *name, bool *found,
                                       uint64_t *subscriptions)
{
    *found = false;
    *subscriptions = 0;
    if (!link_open(self))
        return STORE_DOWN;
    owned(buffer_destroy) buffer_t names = { 0 };
    owned(reply_destroy) redisReply *reply = NULL;
    size_t count = 0;
    store_status_t status =
        link_names(self, keys_subscriptions_pattern, keys_subscriptions_name, &names, &count);
    if (status == STORE_OK && names.failed)
        return link_close(self, "out of memory"), STORE_DOWN;
    const char *at = (const char *) names.data;
    for (size_t done = 0; done < count && status == STORE_OK; done += STORE_CHUNK) {
        size_t chunk = count - done < STORE_CHUNK ? count - done : STORE_CHUNK;
        status = unsubscribe(self, name, &at, chunk, subscriptions);
    }
    if (status != STORE_OK)
        return status;
    command_begin(self, "DEL");
    command_key(self, keys_subscriber_of(&self->keys, name));
    status = link_ask(self, &reply);
    *found = status == STORE_OK && reply_u64(reply) == 1;
    return status;
}
