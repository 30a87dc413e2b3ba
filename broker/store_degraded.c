/*  store_degraded -- see store_degraded.h. */
#include "broker/store_degraded.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/store_link.h"
#include "proto/owned.h"

enum { TOLD_COUNT = 100 }; // about so many subscribers in one answer

store_status_t store_degraded(store_t *self, store_degraded_visit_t *visit, void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HGETALL");
    command_key(self, keys_degraded(&self->keys));
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    store_field_t fields[STORE_FIELDS_MAX];
    size_t count = reply_fields(reply, fields);
    for (size_t i = 0; i < count; i++)
        visit(context, fields[i].name, fields[i].value);
    return STORE_OK;
}

store_status_t store_degraded_note(store_t *self, const char *cause, const char *had,
                                   const char *note)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "degraded_note", 2);
    command_key(self, keys_degraded(&self->keys));
    command_key(self, keys_degraded_told(&self->keys, cause));
    command_text(self, cause);
    command_text(self, had);
    command_text(self, note);
    return link_ask_verdict(self);
}

store_status_t store_degraded_told_put(store_t *self, const char *cause,
                                       const store_field_t *subscribers, size_t count)
{
    assert(count > 0);
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HSET");
    command_key(self, keys_degraded_told(&self->keys, cause));
    for (size_t i = 0; i < count; i++) {
        command_text(self, subscribers[i].name);
        command_text(self, subscribers[i].value);
    }
    return link_ask(self, &reply);
}

// ---- pages ---------------------------------------------------------------------------------

store_status_t store_degraded_told(store_t *self, const char *cause, store_cursor_t *cursor,
                                   store_degraded_visit_t *visit, void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    store_status_t status =
        link_hscan(self, cursor->text, keys_degraded_told(&self->keys, cause), TOLD_COUNT, &reply);
    if (status != STORE_OK)
        return status;
    const redisReply *items = reply_at(reply, 1);
    for (size_t i = 0; i + 1 < items->elements; i += 2)
        if (items->element[i]->str && items->element[i + 1]->str)
            visit(context, items->element[i]->str, items->element[i + 1]->str);
    return STORE_OK;
}

// Names of rules hold no ':', series do.
static bool read_rule(store_t *self, slice_t key, slice_t *rule)
{
    if (!keys_subscriptions_name(&self->keys, key, rule))
        return false;
    const uint8_t *colon = memchr(rule->data, ':', rule->size);
    if (colon)
        rule->size = (size_t) (colon - rule->data);
    return rule->size > 0;
}

// Members of some keys. What one of them holds may be a set of people or anything else.
static store_status_t visit_keys(store_t *self, redisReply *const *keys, const slice_t *rules,
                                 size_t count, const store_subscribed_t *visit, void *context)
{
    redisReply *replies[STORE_CHUNK];
    for (size_t i = 0; i < count; i++) {
        command_begin(self, "SMEMBERS");
        command_key(self, reply_slice(keys[i]));
        if (!link_push(self))
            return STORE_DOWN;
    }
    store_status_t status = link_take_each(self, count, replies);
    for (size_t i = 0; i < count && status == STORE_OK; i++) {
        for (size_t k = 0; replies[i] && k < replies[i]->elements; k++) {
            slice_t name = reply_slice(replies[i]->element[k]);
            if (name.size > 0 && !memchr(name.data, '\0', name.size))
                visit->subscriber(context, rules[i], replies[i]->element[k]->str);
        }
        reply_destroy(&replies[i]);
    }
    return status;
}

store_status_t store_subscribed(store_t *self, store_cursor_t *cursor,
                                const store_subscribed_t *visit, void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    store_status_t status =
        link_scan(self, cursor->text, keys_subscriptions_pattern(&self->keys), &reply);
    if (status != STORE_OK)
        return status;
    const redisReply *found = reply_at(reply, 1);
    redisReply *keys[STORE_CHUNK];
    slice_t rules[STORE_CHUNK];
    size_t count = 0;
    for (size_t i = 0; i < found->elements && status == STORE_OK; i++) {
        if (read_rule(self, reply_slice(found->element[i]), &rules[count]) &&
            visit->wants(context, rules[count]))
            keys[count++] = found->element[i];
        if (count == STORE_CHUNK || (count > 0 && i + 1 == found->elements)) {
            status = visit_keys(self, keys, rules, count, visit, context);
            count = 0;
        }
    }
    return status;
}
