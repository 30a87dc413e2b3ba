/*  store_held_copy -- reading what a copy of Redis is made of; see store_held.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/store_held.h"
#include "broker/store_link.h"
#include "proto/owned.h"

enum {
    FIELDS_MAX = 4096, // of the meta key of a partition
};

// ---- partitions ----------------------------------------------------------------------------

// Who owned it, and where its base stood, is nothing that could be put back.
static bool is_kept_field(slice_t name)
{
    static const char *const others[] = { "token", "owner", "lease", "base", "nb", "" };
    for (size_t i = 0; *others[i]; i++)
        if (slice_is(name, others[i]))
            return false;
    return true;
}

static store_status_t visit_fields(store_t *self, const link_snapshot_t *from, const char *pieces,
                                   const store_held_t *visit, void *context)
{
    static const size_t most = FIELDS_MAX;
    store_pair_t *fields = calloc(from->meta->elements / 2 + 1, sizeof *fields);
    size_t count = 0;
    if (!fields || from->meta->elements / 2 > most) {
        free(fields);
        fault_set(&self->error, "a partition with too many fields");
        return STORE_REFUSED;
    }
    for (size_t i = 0; i + 1 < from->meta->elements; i += 2) {
        slice_t name = reply_slice(from->meta->element[i]);
        if (is_kept_field(name))
            fields[count++] = (store_pair_t){ name, reply_slice(from->meta->element[i + 1]) };
    }
    fields[count++] = (store_pair_t){ slice_text("nb"), slice_text(pieces) };
    visit->fields(context, fields, count);
    free(fields);
    return STORE_OK;
}

store_status_t store_held_partition(store_t *self, unsigned partition, const store_held_t *visit,
                                    void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(link_snapshot_destroy) link_snapshot_t from = { 0 };
    store_status_t status = link_snapshot_read(self, partition, &from);
    if (status != STORE_OK)
        return status;
    char pieces[24];
    size_t whole = from.whole.size;
    snprintf(pieces, sizeof pieces, "%zu", (whole + BASE_PIECE_BYTES - 1) / BASE_PIECE_BYTES);
    status = visit_fields(self, &from, pieces, visit, context);
    if (status != STORE_OK)
        return status;
    for (size_t at = 0; at < whole; at += BASE_PIECE_BYTES) {
        size_t size = whole - at < BASE_PIECE_BYTES ? whole - at : BASE_PIECE_BYTES;
        visit->piece(context, slice_of(from.whole.data + at, size));
    }
    for (size_t at = 0; at < from.journal.size;) {
        uint64_t size;
        memcpy(&size, from.journal.data + at, sizeof size);
        at += sizeof size;
        visit->delta(context, slice_of(from.journal.data + at, size));
        at += size;
    }
    return STORE_OK;
}

// ---- outboxes and the alert log ------------------------------------------------------------

// [id, [field, value, ...]]: its id, and the value of each named field ("" where there is none).
static bool read_entry(const redisReply *item, const char *const *names, slice_t *values,
                       char id[OUTBOX_ID_MAX])
{
    if (item->type != REDIS_REPLY_ARRAY || item->elements != 2 ||
        reply_slice(item->element[0]).size >= OUTBOX_ID_MAX)
        return false;
    snprintf(id, OUTBOX_ID_MAX, "%s", item->element[0]->str);
    const redisReply *fields = item->element[1];
    for (size_t n = 0; names[n]; n++) {
        values[n] = slice_text("");
        for (size_t i = 0; i + 1 < fields->elements; i += 2)
            if (slice_is(reply_slice(fields->element[i]), names[n]))
                values[n] = reply_slice(fields->element[i + 1]);
    }
    return true;
}

static store_status_t ask_page(store_t *self, const char *verb, slice_t key, const char *from,
                               const char *to, redisReply **reply)
{
    char exclusive[OUTBOX_ID_MAX + 1];
    snprintf(exclusive, sizeof exclusive, "(%s", from);
    bool up = strcmp(verb, "XRANGE") == 0;
    command_begin(self, verb);
    command_key(self, key);
    command_text(self, *from ? exclusive : up ? "-" : "+");
    command_text(self, to);
    command_text(self, "COUNT");
    command_u64(self, STORE_HELD_PAGE);
    return link_ask(self, reply);
}

// What is there now: what is taken away meanwhile is taken from the front.
static store_status_t begin_walk(store_t *self, store_walk_t *walk, const char *verb, slice_t key)
{
    owned(reply_destroy) redisReply *reply = NULL;
    if (walk->begun)
        return STORE_OK;
    command_begin(self, verb);
    command_key(self, key);
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    walk->begun = true;
    walk->left = reply_u64(reply);
    return STORE_OK;
}

static void end_walk(store_walk_t *walk, size_t came, size_t page)
{
    walk->left -= came < walk->left ? came : walk->left;
    walk->over = came < page || walk->left == 0;
}

store_status_t store_held_outbox(store_t *self, unsigned group, store_walk_t *walk,
                                 store_entry_visit_t *visit, void *context)
{
    static const char *const names[] = { "id", "topic", "body", NULL };
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    store_status_t status = begin_walk(self, walk, "XLEN", keys_outbox(&self->keys, group));
    if (status == STORE_OK)
        status =
            ask_page(self, "XRANGE", keys_outbox(&self->keys, group), walk->after, "+", &reply);
    if (status == STORE_OK)
        end_walk(walk, reply->elements, STORE_HELD_PAGE);
    for (size_t i = 0; status == STORE_OK && i < reply->elements; i++) {
        slice_t values[3];
        if (!read_entry(reply->element[i], names, values, walk->after))
            return link_odd(self);
        store_entry_t entry = { group, walk->after, values[0], values[1], values[2] };
        visit(context, &entry);
    }
    return status;
}

static int64_t read_i64(slice_t text)
{
    char number[24] = "";
    memcpy(number, text.data, text.size < sizeof number - 1 ? text.size : sizeof number - 1);
    return strtoll(number, NULL, 10);
}

store_status_t store_held_log(store_t *self, char before[OUTBOX_ID_MAX],
                              store_logged_visit_t *visit, void *context, size_t *count)
{
    static const char *const names[] = { "id",   "rule", "series", "severity", "topic",
                                         "body", "ts",   "seq",    NULL };
    *count = 0;
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    store_status_t status =
        ask_page(self, "XREVRANGE", keys_alerts(&self->keys), before, "-", &reply);
    for (size_t i = status == STORE_OK ? reply->elements : 0; i-- > 0;) {
        char id[OUTBOX_ID_MAX];
        slice_t v[8];
        if (!read_entry(reply->element[i], names, v, id))
            return link_odd(self);
        if (*count == 0)
            strcpy(before, id); // the oldest comes last in the answer
        store_logged_t logged = { .id = v[0], .rule = v[1], .series = v[2], .severity = v[3] };
        logged.topic = v[4];
        logged.body = v[5];
        logged.ts_us = read_i64(v[6]);
        logged.seq = (uint64_t) read_i64(v[7]);
        visit(context, id, &logged);
        ++*count;
    }
    return status;
}

// From this entry on.
static store_status_t ask_from(store_t *self, const char *from, redisReply **reply)
{
    command_begin(self, "XRANGE");
    command_key(self, keys_alerts(&self->keys));
    command_text(self, *from ? from : "-");
    command_text(self, "+");
    command_text(self, "COUNT");
    command_u64(self, STORE_HELD_PAGE + (*from != '\0'));
    return link_ask(self, reply);
}

store_status_t store_held_log_after(store_t *self, char after[OUTBOX_ID_MAX], bool *known,
                                    store_log_visit_t *visit, void *context, size_t *count)
{
    static const char *const names[] = { "id",   "rule", "series", "severity", "topic",
                                         "body", "ts",   "seq",    "kind",     NULL };
    *count = 0;
    *known = true;
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    store_status_t status = ask_from(self, after, &reply);
    if (status == STORE_OK && *after)
        *known = slice_is(reply_slice(reply_at(reply_at(reply, 0), 0)), after);
    for (size_t i = *after != '\0'; status == STORE_OK && *known && i < reply->elements; i++) {
        slice_t v[9];
        if (!read_entry(reply->element[i], names, v, after))
            return link_odd(self);
        const store_logged_t logged = { .id = v[0],
                                        .rule = v[1],
                                        .series = v[2],
                                        .severity = v[3],
                                        .topic = v[4],
                                        .body = v[5],
                                        .ts_us = read_i64(v[6]),
                                        .seq = (uint64_t) read_i64(v[7]) };
        visit(context, after, v[8], &logged);
        ++*count;
    }
    return status;
}

store_status_t store_held_known(store_t *self, store_walk_t *walk, store_bytes_visit_t *visit,
                                void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    char least[sizeof walk->after + 1];
    store_status_t status = begin_walk(self, walk, "ZCARD", keys_alerts_seen(&self->keys));
    if (status != STORE_OK)
        return status;
    snprintf(least, sizeof least, "(%s", walk->after);
    command_begin(self, "ZRANGEBYSCORE");
    command_key(self, keys_alerts_seen(&self->keys));
    command_text(self, walk->after[0] ? least : "-inf");
    command_text(self, "+inf");
    command_text(self, "WITHSCORES");
    command_text(self, "LIMIT");
    command_text(self, "0");
    command_u64(self, STORE_HELD_IDS);
    status = link_ask(self, &reply);
    if (status == STORE_OK)
        end_walk(walk, reply->elements / 2, STORE_HELD_IDS);
    for (size_t i = 0; status == STORE_OK && i + 1 < reply->elements; i += 2) {
        slice_t score = reply_slice(reply->element[i + 1]);
        if (score.size == 0 || score.size >= sizeof walk->after)
            return link_odd(self);
        snprintf(walk->after, sizeof walk->after, "%s", reply->element[i + 1]->str);
        visit(context, reply_slice(reply->element[i]));
    }
    return status;
}

// ---- everything else -----------------------------------------------------------------------

static const char *const type_names[] = { "string", "hash", "set" };
static const char *const type_verbs[] = { "GET", "HGETALL", "SMEMBERS" };

// What of an answer is text: the whole of it, or its elements.
static slice_t *contents(const redisReply *reply, size_t *count)
{
    bool one = reply->type == REDIS_REPLY_STRING;
    *count = one ? 1 : reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    slice_t *items = calloc(*count + 1, sizeof *items);
    for (size_t i = 0; items && i < *count; i++)
        items[i] = reply_slice(one ? reply : reply->element[i]);
    return items;
}

static store_status_t visit_key(store_t *self, slice_t key, const store_held_rest_t *visit)
{
    owned(reply_destroy) redisReply *type = NULL, *expires = NULL, *content = NULL;
    command_begin(self, "TYPE");
    command_key(self, key);
    store_status_t status = link_ask(self, &type);
    command_begin(self, "PEXPIRETIME");
    command_key(self, key);
    if (status == STORE_OK)
        status = link_ask(self, &expires);
    for (int t = 0; status == STORE_OK && t < 3; t++) {
        if (!slice_is(reply_slice(type), type_names[t]))
            continue;
        command_begin(self, type_verbs[t]);
        command_key(self, key);
        status = link_ask(self, &content);
        if (status == STORE_REFUSED)
            return STORE_OK; // it is of another type by now: nothing that counts
        if (status != STORE_OK)
            return status;
        size_t count;
        slice_t *items = contents(content, &count);
        slice_t inside;
        if (!items)
            return link_close(self, "out of memory"), STORE_DOWN;
        if (count > 0 && keys_inside(&self->keys, key, &inside))
            visit->key(visit->context, inside, (store_type_t) t, reply_u64(expires), items, count);
        free(items);
    }
    return status;
}

static store_status_t visit_delivery(store_t *self, slice_t id, const store_held_rest_t *visit)
{
    owned(reply_destroy) redisReply *body = NULL, *states = NULL;
    command_begin(self, "GET");
    command_key(self, keys_delivery_body(&self->keys, id));
    store_status_t status = link_ask(self, &body);
    command_begin(self, "HGETALL");
    command_key(self, keys_delivery(&self->keys, id));
    if (status == STORE_OK)
        status = link_ask(self, &states);
    if (status != STORE_OK || body->type != REDIS_REPLY_STRING)
        return status; // settled meanwhile
    store_pair_t *pairs = calloc(states->elements / 2 + 1, sizeof *pairs);
    size_t count = 0;
    if (!pairs)
        return link_close(self, "out of memory"), STORE_DOWN;
    for (size_t i = 0; i + 1 < states->elements; i += 2)
        pairs[count++] =
            (store_pair_t){ reply_slice(states->element[i]), reply_slice(states->element[i + 1]) };
    if (count > 0)
        visit->delivery(visit->context, id, reply_slice(body), pairs, count);
    free(pairs);
    return STORE_OK;
}

store_status_t store_held_rest(store_t *self, char cursor[STORE_CURSOR_MAX],
                               const store_held_rest_t *visit)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    store_status_t status = link_scan(self, cursor, keys_all_pattern(&self->keys), &reply);
    if (status != STORE_OK)
        return status;
    const redisReply *keys = reply_at(reply, 1);
    for (size_t i = 0; i < keys->elements && status == STORE_OK; i++) {
        slice_t key = reply_slice(keys->element[i]), name;
        switch (keys_kept(&self->keys, key, &name)) {
        case KEYS_PASSED_OVER:
            break;
        case KEYS_KEPT:
            status = visit_key(self, key, visit);
            break;
        case KEYS_DELIVERY:
            status = visit_delivery(self, name, visit);
            break;
        }
    }
    return status;
}
