/*  store_rules -- what people write about rules and what we answer them; plans; latest values. */
#include <assert.h>
#include <stdlib.h>

#include "broker/store_link.h"
#include "broker/store_people.h"
#include "broker/store_silences.h"
#include "broker/store_views.h"
#include "proto/owned.h"

enum { LATEST_FIELDS_MAX = 512 };

// ---- plans ---------------------------------------------------------------------------------

store_status_t store_plan_put(store_t *self, const char *hash, slice_t snapshot)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "SET");
    command_key(self, keys_plan(&self->keys, hash));
    command_bytes(self, snapshot);
    return link_ask(self, &reply);
}

// What is there stays: it may be what others are told as changes of, which must not go round.
store_status_t store_plan_add(store_t *self, const char *hash, slice_t change)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "SET");
    command_key(self, keys_plan(&self->keys, hash));
    command_bytes(self, change);
    command_text(self, "NX");
    return link_ask(self, &reply);
}

store_status_t store_plan_known(store_t *self, const char *hash, bool *known)
{
    *known = false;
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "EXISTS");
    command_key(self, keys_plan(&self->keys, hash));
    store_status_t status = link_ask(self, &reply);
    if (status == STORE_OK)
        *known = reply_u64(reply) == 1;
    return status;
}

store_status_t store_plan_get(store_t *self, const char *hash, store_bytes_visit_t *visit,
                              void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "GET");
    command_key(self, keys_plan(&self->keys, hash));
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    if (reply->type != REDIS_REPLY_STRING) {
        fault_set(&self->error, "Redis holds no plan %s", hash);
        return STORE_REFUSED;
    }
    visit(context, reply_slice(reply));
    return STORE_OK;
}

// ---- rules ---------------------------------------------------------------------------------

// A kind of hash that is listed by name.
typedef struct {
    slice_t (*pattern)(keys_t *keys);
    bool (*name)(keys_t *keys, slice_t key, slice_t *name);
    slice_t (*key)(keys_t *keys, const char *name);
} listing_t;

static const listing_t rule_listing = { keys_rule_pattern, keys_rule_name, keys_rule };
static const listing_t status_listing = { keys_status_pattern, keys_status_name, keys_status };
static const listing_t silence_listing = { keys_silence_pattern, keys_silence_name, keys_silence };
static const listing_t people_listing = { keys_subscriber_pattern, keys_subscriber_name,
                                          keys_subscriber_of };
static const listing_t latest_listing = { keys_latest_pattern, keys_latest_series, keys_latest_of };
static const listing_t incident_listing = { keys_incident_pattern, keys_incident_name,
                                            keys_incident_of };

store_status_t link_names(store_t *self, slice_t (*pattern)(keys_t *keys),
                          bool (*name_of)(keys_t *keys, slice_t key, slice_t *name),
                          buffer_t *names, size_t *count)
{
    char cursor[STORE_CURSOR_MAX] = "0";
    do {
        owned(reply_destroy) redisReply *reply = NULL;
        store_status_t status = link_scan(self, cursor, pattern(&self->keys), &reply);
        if (status != STORE_OK)
            return status;
        const redisReply *keys = reply_at(reply, 1);
        for (size_t i = 0; i < keys->elements; i++) {
            slice_t name;
            if (!name_of(&self->keys, reply_slice(keys->element[i]), &name) ||
                memchr(name.data, '\0', name.size))
                continue; // no name at all: nothing could be said about it
            buffer_append(names, name.data, name.size);
            buffer_append(names, "", 1);
            ++*count;
        }
    } while (strcmp(cursor, "0") != 0);
    return STORE_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

// Sort, and keep each once.
static size_t settle_names(const char **names, size_t count)
{
    size_t kept = 0;
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0)
            names[kept++] = names[i];
    return kept;
}

static store_status_t visit_names(store_t *self, const listing_t *listing, const char *const *names,
                                  size_t count, store_rule_visit_t *visit, void *context)
{
    redisReply *replies[STORE_CHUNK];
    for (size_t i = 0; i < count; i++) {
        command_begin(self, "HGETALL");
        command_key(self, listing->key(&self->keys, names[i]));
        if (!link_push(self))
            return STORE_DOWN;
    }
    store_status_t status = link_take_each(self, count, replies);
    for (size_t i = 0; i < count && status == STORE_OK; i++) {
        store_rule_t rule = { .name = names[i] };
        if (replies[i])
            rule.count = reply_fields(replies[i], rule.fields);
        // No fields: removed since the scan. An error: a key of another type, which is a rule
        // that says nothing, and whoever checks rules tells so.
        if (rule.count > 0 || !replies[i])
            visit(context, &rule);
        reply_destroy(&replies[i]);
    }
    return status;
}

static void list_free(const char ***list)
{
    free(*list);
}

static store_status_t visit_listing(store_t *self, const listing_t *listing,
                                    store_rule_visit_t *visit, void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(buffer_destroy) buffer_t text = { 0 };
    size_t count = 0;
    store_status_t status = link_names(self, listing->pattern, listing->name, &text, &count);
    if (status != STORE_OK || count == 0)
        return status;
    owned(list_free) const char **names = calloc(count, sizeof *names);
    if (!names || text.failed)
        return link_close(self, "out of memory"), STORE_DOWN;
    const char *name = (const char *) text.data;
    for (size_t i = 0; i < count; i++, name += strlen(name) + 1)
        names[i] = name;
    count = settle_names(names, count);
    for (size_t i = 0; i < count && status == STORE_OK; i += STORE_CHUNK) {
        size_t chunk = count - i < STORE_CHUNK ? count - i : STORE_CHUNK;
        status = visit_names(self, listing, names + i, chunk, visit, context);
    }
    return status;
}

store_status_t store_rules(store_t *self, store_rule_visit_t *visit, void *context)
{
    return visit_listing(self, &rule_listing, visit, context);
}

store_status_t store_rule_statuses(store_t *self, store_rule_visit_t *visit, void *context)
{
    return visit_listing(self, &status_listing, visit, context);
}

store_status_t store_silences(store_t *self, store_rule_visit_t *visit, void *context)
{
    return visit_listing(self, &silence_listing, visit, context);
}

store_status_t store_latest(store_t *self, store_rule_visit_t *visit, void *context)
{
    return visit_listing(self, &latest_listing, visit, context);
}

store_status_t store_incidents(store_t *self, store_rule_visit_t *visit, void *context)
{
    return visit_listing(self, &incident_listing, visit, context);
}

store_status_t store_people(store_t *self, store_rule_visit_t *visit, void *context)
{
    return visit_listing(self, &people_listing, visit, context);
}

// Replaces: what a person would do by DEL and HSET, seen by nobody half-way.
store_status_t store_rule_set(store_t *self, const char *name, const store_field_t *fields,
                              size_t count)
{
    assert(count > 0);
    if (!link_open(self) || !link_push_word(self, "MULTI"))
        return STORE_DOWN;
    command_begin(self, "DEL");
    command_key(self, keys_rule(&self->keys, name));
    if (!link_push(self))
        return STORE_DOWN;
    command_begin(self, "HSET");
    command_key(self, keys_rule(&self->keys, name));
    for (size_t i = 0; i < count; i++) {
        command_text(self, fields[i].name);
        command_text(self, fields[i].value);
    }
    return link_push(self) && link_push_word(self, "EXEC") ? link_take_all(self, 4) : STORE_DOWN;
}

store_status_t store_rule_remove(store_t *self, const char *name)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "DEL");
    command_key(self, keys_rule(&self->keys, name));
    return link_ask(self, &reply);
}

static void command_status(store_t *self, const char *verb, const char *name)
{
    command_begin(self, verb);
    command_key(self, keys_status(&self->keys, name));
}

// Commands of the same rule stand next to each other; *pushed counts them.
static bool push_verdict(store_t *self, const void *items, size_t index, size_t *pushed)
{
    const store_verdict_t *item = (const store_verdict_t *) items + index;
    if (!item->state) {
        ++*pushed;
        command_status(self, "DEL", item->name);
        return link_push(self);
    }
    command_status(self, "HSET", item->name);
    command_text(self, "state");
    command_text(self, item->state);
    command_text(self, "by");
    command_text(self, item->by);
    command_text(self, "cost");
    command_u64(self, item->cost);
    ++*pushed;
    if (item->error) {
        command_text(self, "error");
        command_text(self, item->error);
        return link_push(self);
    }
    if (!link_push(self))
        return false;
    command_status(self, "HDEL", item->name);
    command_text(self, "error");
    ++*pushed;
    return link_push(self);
}

store_status_t store_rule_verdicts(store_t *self, const store_verdict_t *items, size_t count)
{
    return link_put_all(self, items, count, push_verdict);
}

// ---- latest values -------------------------------------------------------------------------

static bool push_latest(store_t *self, const void *items, size_t index, size_t *pushed)
{
    const store_latest_t *item = (const store_latest_t *) items + index;
    assert(item->count <= LATEST_FIELDS_MAX);
    ++*pushed;
    command_call(self, "latest", 1);
    command_key(self, keys_latest(&self->keys, item->series));
    command_i64(self, item->ts_us);
    for (size_t i = 0; i < item->count; i++) {
        if (!item->fields[i].value)
            continue; // NULL is a field that is not there
        command_text(self, item->fields[i].name);
        command_text(self, item->fields[i].value);
    }
    return link_push(self);
}

store_status_t store_latest_put(store_t *self, const store_latest_t *items, size_t count)
{
    return link_put_all(self, items, count, push_latest);
}
