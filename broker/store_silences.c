/*  store_silences -- see store_silences.h. */
#include "broker/store_silences.h"

#include <assert.h>

#include "broker/store_link.h"
#include "proto/owned.h"

store_status_t store_silence_scan(store_t *self, char cursor[STORE_CURSOR_MAX],
                                  store_silence_name_visit_t *visit, void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    store_status_t status = link_scan(self, cursor, keys_silences_pattern(&self->keys), &reply);
    if (status != STORE_OK)
        return status;
    const redisReply *found = reply_at(reply, 1);
    for (size_t i = 0; i < found->elements; i++) {
        slice_t key = reply_slice(found->element[i]), name;
        bool is_answer = keys_silence_status_name(&self->keys, key, &name);
        bool is_one = is_answer || keys_silence_name(&self->keys, key, &name);
        if (is_one && !memchr(name.data, '\0', name.size))
            visit(context, name, is_answer);
    }
    return STORE_OK;
}

store_status_t store_silence_read(store_t *self, const char *name, store_silence_visit_t *visit,
                                  void *context)
{
    enum { FIELDS, EXPIRES, ASKED };
    redisReply *replies[ASKED];
    if (!link_open(self))
        return STORE_DOWN;
    command_begin(self, "HGETALL");
    command_key(self, keys_silence(&self->keys, name));
    if (!link_push(self))
        return STORE_DOWN;
    command_begin(self, "PEXPIRETIME");
    command_key(self, keys_silence(&self->keys, name));
    if (!link_push(self))
        return STORE_DOWN;
    store_status_t status = link_take_each(self, ASKED, replies);
    if (status != STORE_OK)
        return status;
    store_rule_t written = { .name = name };
    if (replies[FIELDS])
        written.count = reply_fields(replies[FIELDS], written.fields);
    bool odd = !replies[EXPIRES] || replies[EXPIRES]->type != REDIS_REPLY_INTEGER;
    if (!odd && replies[EXPIRES]->integer != STORE_EXPIRES_GONE)
        visit(context, &written, replies[EXPIRES]->integer);
    reply_destroy(&replies[FIELDS]);
    reply_destroy(&replies[EXPIRES]);
    return odd ? link_odd(self) : STORE_OK;
}

store_status_t store_silence_expires(store_t *self, const char *name, int64_t *at_ms)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "PEXPIRETIME");
    command_key(self, keys_silence(&self->keys, name));
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    if (reply->type != REDIS_REPLY_INTEGER)
        return link_odd(self);
    *at_ms = reply->integer;
    return STORE_OK;
}

store_status_t store_silence_set(store_t *self, const char *name, const store_field_t *fields,
                                 size_t count)
{
    assert(count > 0);
    if (!link_open(self) || !link_push_word(self, "MULTI"))
        return STORE_DOWN;
    command_begin(self, "DEL");
    command_key(self, keys_silence(&self->keys, name));
    if (!link_push(self))
        return STORE_DOWN;
    command_begin(self, "HSET");
    command_key(self, keys_silence(&self->keys, name));
    for (size_t i = 0; i < count; i++) {
        command_text(self, fields[i].name);
        command_text(self, fields[i].value);
    }
    return link_push(self) && link_push_word(self, "EXEC") ? link_take_all(self, 4) : STORE_DOWN;
}

static store_status_t remove_key(store_t *self, slice_t key, bool *found)
{
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "DEL");
    command_key(self, key);
    store_status_t status = link_ask(self, &reply);
    *found = status == STORE_OK && reply_u64(reply) == 1;
    return status;
}

store_status_t store_silence_remove(store_t *self, const char *name, bool *found)
{
    return link_open(self) ? remove_key(self, keys_silence(&self->keys, name), found) : STORE_DOWN;
}

static store_status_t put_status(store_t *self, const char *name, const char *state,
                                 const char *error)
{
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HSET");
    command_key(self, keys_silence_status(&self->keys, name));
    command_text(self, "state");
    command_text(self, state);
    command_text(self, "error");
    command_text(self, error);
    return link_ask(self, &reply);
}

store_status_t store_silence_status(store_t *self, const char *name, const char *state,
                                    const char *error)
{
    if (!link_open(self))
        return STORE_DOWN;
    store_status_t status = put_status(self, name, state, error);
    if (status != STORE_REFUSED || !link_wrong_type(self))
        return status;
    status = store_silence_status_remove(self, name);
    return status == STORE_OK ? put_status(self, name, state, error) : status;
}

store_status_t store_silence_status_remove(store_t *self, const char *name)
{
    bool found;
    return link_open(self) ? remove_key(self, keys_silence_status(&self->keys, name), &found)
                           : STORE_DOWN;
}

// ---- deliveries ----------------------------------------------------------------------------

#define SILENT_MARK "~" // which no name of a rule has

static void put_keys(store_t *self)
{
    command_key(self, keys_delivery(&self->keys, slice_text("")));
    command_key(self, keys_delivery_due(&self->keys));
    command_key(self, keys_delivery_body(&self->keys, slice_text("")));
}

store_status_t store_delivery_silence(store_t *self, const store_silenced_t *news, bool planned,
                                      const store_told_t *recipients, size_t count)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "delivery_silence", planned ? 3 : 4);
    put_keys(self);
    if (!planned)
        command_key(self, keys_alerts_seen(&self->keys));
    owned(buffer_destroy) buffer_t incident = { 0 };
    // That a series is silent, or is back, has nothing to do with what fires on it.
    bool silent = slice_is(news->kind, "nodata") || slice_is(news->kind, "data");
    buffer_text(&incident, silent ? SILENT_MARK : "");
    buffer_append(&incident, news->rule.data, news->rule.size);
    buffer_text(&incident, ":");
    buffer_append(&incident, news->series.data, news->series.size);
    if (incident.failed)
        return link_close(self, "out of memory"), STORE_DOWN;
    command_bytes(self, news->alert_id);
    command_bytes(self, news->body);
    command_u64(self, DELIVERY_KEPT_S);
    command_u64(self, self->limits.deliveries);
    command_bytes(self, buffer_slice(&incident));
    command_bytes(self, news->kind);
    command_u64(self, news->seq);
    command_text(self, news->silence);
    for (size_t i = 0; i < count; i++)
        if (!recipients[i].refusal[0])
            command_text(self, recipients[i].name);
    store_status_t status = link_ask_verdict(self);
    return status == STORE_DUP ? STORE_OK : status;
}

// "<recipient> <rule>:<series>", perhaps with a mark before the rule.
static bool split(slice_t member, store_waiting_t *waiting)
{
    const uint8_t *space = memchr(member.data, ' ', member.size);
    if (!space)
        return false;
    slice_t incident = slice_of(space + 1, member.size - (size_t) (space - member.data) - 1);
    if (incident.size > 0 && incident.data[0] == SILENT_MARK[0])
        incident = slice_of(incident.data + 1, incident.size - 1);
    const uint8_t *colon = memchr(incident.data, ':', incident.size);
    if (!colon)
        return false;
    size_t rule = (size_t) (colon - incident.data);
    *waiting = (store_waiting_t){ member, slice_of(incident.data, rule),
                                  slice_of(colon + 1, incident.size - rule - 1) };
    return true;
}

store_status_t store_delivery_silenced(store_t *self, unsigned most, int64_t age_ms,
                                       store_waiting_visit_t *is_silenced, void *context,
                                       uint64_t *looked, uint64_t *told)
{
    *looked = *told = 0;
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *members = NULL, *number = NULL;
    command_look(self, "delivery_silenced", 1);
    command_key(self, keys_delivery_due(&self->keys));
    command_u64(self, most);
    command_i64(self, age_ms);
    store_status_t status = link_ask(self, &members);
    if (status != STORE_OK || members->elements == 0)
        return status;
    command_call(self, "delivery_unsilence", 3);
    put_keys(self);
    command_u64(self, DELIVERY_KEPT_S);
    for (size_t i = 0; i < members->elements; i++) {
        store_waiting_t waiting;
        slice_t member = reply_slice(members->element[i]);
        bool still = split(member, &waiting) && is_silenced(context, &waiting);
        command_bytes(self, member);
        command_text(self, still ? "1" : "0");
    }
    status = link_ask(self, &number);
    if (status != STORE_OK)
        return status;
    *looked = members->elements;
    *told = reply_u64(number);
    return STORE_OK;
}
