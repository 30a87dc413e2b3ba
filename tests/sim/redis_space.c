/*  redis_space -- the key space of the simulator's Redis: finding, expiry, events, and the commands
 *  that any key can be given.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/redis_inside.h"

// ---- finding and changing ------------------------------------------------------------------

int64_t server_now_ms(const sim_redis_t *self)
{
    return self->depth > 0 ? self->frozen_ms : self->world->wall_us(self->world->context) / 1000;
}

void space_set_expiry(sim_redis_t *self, object_t *object, int64_t expires_ms)
{
    object->expires_ms = expires_ms;
    if (expires_ms != 0 && expires_ms < self->expires_first_ms)
        self->expires_first_ms = expires_ms;
}

void space_delete(sim_redis_t *self, item_t *key)
{
    object_destroy(&key->object);
    dict_remove(&self->keys, key);
}

void space_clear(sim_redis_t *self)
{
    for (size_t i = 0; i < self->keys.used; i++)
        if (self->keys.items[i])
            object_destroy(&self->keys.items[i]->object);
    dict_clear(&self->keys);
    self->expires_first_ms = INT64_MAX;
}

static void tell(sim_redis_t *self, const blob_t *key, char class, const char *event)
{
    if (self->replaying || !strchr(self->events, 'K') ||
        !(strchr(self->events, class) || strchr(self->events, 'A')))
        return;
    static const char prefix[] = "__keyspace@0__:";
    size_t size = sizeof prefix - 1 + key->size;
    char *text = malloc(size);
    if (!text)
        abort();
    memcpy(text, prefix, sizeof prefix - 1);
    memcpy(text + sizeof prefix - 1, key->data, key->size);
    links_publish(self, text, size, event);
    free(text);
}

static void expire(sim_redis_t *self, item_t *key)
{
    blob_t *name = blob_keep(key->name);
    blob_t *words[2] = { blob_text("DEL"), name };
    space_delete(self, key);
    aof_effect(self, 2, words);
    tell(self, name, 'x', "expired");
    blob_drop(words[0]);
    blob_drop(name);
}

static bool is_over(const sim_redis_t *self, const object_t *object)
{
    return object->expires_ms != 0 && !self->replaying && server_now_ms(self) >= object->expires_ms;
}

item_t *space_find(sim_redis_t *self, blob_t *key)
{
    item_t *item = dict_find(&self->keys, key);
    if (!item || !is_over(self, item->object))
        return item;
    expire(self, item);
    return NULL;
}

void space_expire_due(sim_redis_t *self)
{
    if (server_now_ms(self) < self->expires_first_ms)
        return;
    int64_t first_ms = INT64_MAX;
    aof_begin(self);
    for (size_t i = 0; i < self->keys.used; i++) {
        if (!self->keys.items[i])
            continue;
        int64_t expires_ms = self->keys.items[i]->object->expires_ms;
        if (is_over(self, self->keys.items[i]->object))
            expire(self, self->keys.items[i]);
        else if (expires_ms != 0 && expires_ms < first_ms)
            first_ms = expires_ms;
    }
    aof_end(self);
    self->expires_first_ms = first_ms;
}

bool space_read(call_t *call, blob_t *key, kind_t kind, object_t **object)
{
    item_t *item = space_find(call->server, key);
    *object = item ? item->object : NULL;
    if (!item || item->object->kind == kind)
        return true;
    call_error(call, "WRONGTYPE Operation against a key holding the wrong kind of value");
    return false;
}

void space_put(sim_redis_t *self, blob_t *key, object_t *object)
{
    item_t *item = dict_find(&self->keys, key);
    if (item) {
        object_destroy(&item->object);
    } else {
        item = dict_add(&self->keys, key);
        item->serial = ++self->serial;
    }
    item->object = object;
    space_set_expiry(self, object, object->expires_ms);
}

bool space_open(call_t *call, blob_t *key, kind_t kind, object_t **object)
{
    if (!space_read(call, key, kind, object))
        return false;
    if (!*object) {
        *object = object_new(kind);
        space_put(call->server, key, *object);
    }
    return true;
}

static bool is_empty(const object_t *object)
{
    switch (object->kind) {
    case TEXT:
    case STREAM:
        return false;
    case LIST:
        return object->list.first == object->list.end;
    case SET:
    case HASH:
        return object->dict.live == 0;
    case ZSET:
        return object->zset.dict.live == 0;
    }
    abort();
}

void space_changed(call_t *call, blob_t *key, char class, const char *event)
{
    call->changed = true;
    tell(call->server, key, class, event);
    item_t *item = dict_find(&call->server->keys, key);
    if (item && is_empty(item->object)) {
        space_delete(call->server, item);
        tell(call->server, key, 'g', "del");
    }
}

bool range_of(int64_t start, int64_t end, size_t length, size_t *first, size_t *count)
{
    int64_t size = (int64_t) length;
    start = start < 0 ? start + size : start;
    end = end < 0 ? end + size : end;
    start = start < 0 ? 0 : start;
    end = end >= size ? size - 1 : end;
    *first = (size_t) start;
    *count = start > end ? 0 : (size_t) (end - start + 1);
    return *count > 0;
}

// ---- commands ------------------------------------------------------------------------------

static void run_del(call_t *call)
{
    long long gone = 0;
    for (size_t i = 1; i < call->count; i++) {
        item_t *item = space_find(call->server, call->words[i]);
        if (!item)
            continue;
        space_delete(call->server, item);
        space_changed(call, call->words[i], 'g', "del");
        gone++;
    }
    call_integer(call, gone);
}

static void run_exists(call_t *call)
{
    long long count = 0;
    for (size_t i = 1; i < call->count; i++)
        count += space_find(call->server, call->words[i]) != NULL;
    call_integer(call, count);
}

static void run_type(call_t *call)
{
    item_t *item = space_find(call->server, call->words[1]);
    call->reply = answer_status(item ? kind_name(item->object->kind) : "none");
}

// What comes again from the log must not depend on the time: as PEXPIREAT.
static void expire_at(call_t *call, int64_t at_ms)
{
    item_t *item = space_find(call->server, call->words[1]);
    if (!item)
        return call_integer(call, 0);
    if (call->count > 3)
        abort(); // NX, XX, GT, LT: nobody uses them
    if (at_ms <= server_now_ms(call->server) && !call->server->replaying) {
        space_delete(call->server, item);
        call_rewrite(call, blob_text("DEL"));
        call_rewrite(call, blob_keep(call->words[1]));
        space_changed(call, call->words[1], 'g', "del");
        return call_integer(call, 1);
    }
    space_set_expiry(call->server, item->object, at_ms);
    call_rewrite(call, blob_text("PEXPIREAT"));
    call_rewrite(call, blob_keep(call->words[1]));
    call_rewrite(call, blob_integer(at_ms));
    space_changed(call, call->words[1], 'g', "expire");
    call_integer(call, 1);
}

static void run_expire(call_t *call)
{
    int64_t number;
    if (!call_integer_at(call, 2, &number))
        return;
    bool ms = call->words[0]->data[0] == 'P' || call->words[0]->data[0] == 'p';
    bool at = (call->words[0]->data[call->words[0]->size - 1] | 32) == 't';
    int64_t ms_number = ms ? number : number * 1000;
    expire_at(call, at ? ms_number : server_now_ms(call->server) + ms_number);
}

static void run_persist(call_t *call)
{
    item_t *item = space_find(call->server, call->words[1]);
    bool had = item && item->object->expires_ms != 0;
    if (had) {
        space_set_expiry(call->server, item->object, 0);
        space_changed(call, call->words[1], 'g', "persist");
    }
    call_integer(call, had);
}

static void run_ttl(call_t *call)
{
    item_t *item = space_find(call->server, call->words[1]);
    bool ms = (call->words[0]->data[0] | 32) == 'p';
    if (!item || item->object->expires_ms == 0)
        return call_integer(call, item ? -1 : -2);
    int64_t left = item->object->expires_ms - server_now_ms(call->server);
    call_integer(call, ms ? left : (left + 500) / 1000);
}

static void run_rename(call_t *call)
{
    sim_redis_t *self = call->server;
    item_t *from = space_find(self, call->words[1]);
    if (!from)
        return call_error(call, "ERR no such key");
    object_t *object = from->object;
    dict_remove(&self->keys, from); // not what it holds
    space_put(self, call->words[2], object);
    space_changed(call, call->words[1], 'g', "rename_from");
    space_changed(call, call->words[2], 'g', "rename_to");
    call_ok(call);
}

static void run_expire_time(call_t *call)
{
    const item_t *item = space_find(call->server, call->words[1]);
    if (!item || item->object->expires_ms == 0)
        return call_integer(call, item ? -1 : -2);
    call_integer(call, item->object->expires_ms);
}

static void run_keys(call_t *call)
{
    sim_redis_t *self = call->server;
    call->reply = answer_array(0);
    space_expire_due(self);
    for (size_t i = 0; i < self->keys.used; i++) {
        item_t *item = dict_at(&self->keys, self->order_seed, i);
        if (item && blob_matches(call->words[1], item->name->data, item->name->size))
            answer_append(call->reply, answer_blob(item->name));
    }
}

// SCAN cursor [MATCH pattern] [COUNT n]: the cursor is the serial of the last key that was seen.
// Who is there all the time is found; with a seed of order the last one is found again.
static void run_scan(call_t *call)
{
    sim_redis_t *self = call->server;
    int64_t cursor, most = 10;
    blob_t *pattern = NULL;
    if (!call_integer_at(call, 1, &cursor))
        return;
    for (size_t i = 2; i + 1 < call->count; i += 2) {
        if (blob_is(call->words[i], "MATCH"))
            pattern = call->words[i + 1];
        else if (!blob_is(call->words[i], "COUNT"))
            return call_syntax(call);
        else if (!call_integer_at(call, i + 1, &most))
            return;
    }
    space_expire_due(self);
    redisReply *found = answer_array(0);
    uint64_t last = 0;
    int64_t seen = 0;
    size_t i = 0;
    for (; i < self->keys.used && seen < most; i++) {
        item_t *item = self->keys.items[i];
        if (!item || item->serial <= (uint64_t) cursor)
            continue;
        if (!pattern || blob_matches(pattern, item->name->data, item->name->size))
            answer_append(found, answer_blob(item->name));
        last = item->serial;
        seen++;
    }
    while (i < self->keys.used && !self->keys.items[i])
        i++;
    if (i == self->keys.used)
        last = 0;
    else if (self->order_seed != 0 && seen > 1)
        last--;
    call->reply = answer_array(2);
    blob_t *next = blob_integer((int64_t) last);
    call->reply->element[0] = answer_blob(next);
    call->reply->element[1] = found;
    blob_drop(next);
}

static void run_dbsize(call_t *call)
{
    space_expire_due(call->server);
    call_integer(call, (long long) call->server->keys.live);
}

static void run_flush(call_t *call)
{
    space_clear(call->server);
    call->changed = true;
    call_ok(call);
}

static void run_dump(call_t *call)
{
    item_t *item = space_find(call->server, call->words[1]);
    blob_t *bytes = NULL;
    if (item)
        object_dump(item->object, &bytes);
    call->reply = answer_blob(bytes);
    blob_drop(bytes);
}

static void restore(call_t *call, const blob_t *bytes, blob_t *key, int64_t at_ms, bool replace)
{
    item_t *item = space_find(call->server, key);
    if (item && !replace)
        return call_error(call, "BUSYKEY Target key name already exists.");
    object_t *object = object_restore(bytes);
    if (!object)
        return call_error(call, "ERR DUMP payload version or checksum are wrong");
    object->expires_ms = at_ms;
    space_put(call->server, key, object);
    space_changed(call, key, 'g', "restore");
    call_ok(call);
}

static void run_restore(call_t *call)
{
    int64_t ms;
    bool replace = false, absolute = false;
    if (!call_integer_at(call, 2, &ms))
        return;
    for (size_t i = 4; i < call->count; i++) {
        if (blob_is(call->words[i], "REPLACE"))
            replace = true;
        else if (blob_is(call->words[i], "ABSTTL"))
            absolute = true;
        else
            return call_syntax(call);
    }
    if (ms > 0 && !absolute)
        ms += server_now_ms(call->server);
    restore(call, call->words[3], call->words[1], ms, replace);
    if (!call->changed)
        return;
    for (size_t i = 0; i < 4; i++)
        call_rewrite(call, i == 2 ? blob_integer(ms) : blob_keep(call->words[i]));
    call_rewrite(call, blob_text("REPLACE"));
    call_rewrite(call, blob_text("ABSTTL"));
}

static void run_copy(call_t *call)
{
    item_t *item = space_find(call->server, call->words[1]);
    bool replace = call->count > 3 && blob_is(call->words[3], "REPLACE");
    if (blob_same(call->words[1], call->words[2]))
        return call_error(call, "ERR source and destination objects are the same");
    if (!item || (space_find(call->server, call->words[2]) && !replace))
        return call_integer(call, 0);
    blob_t *bytes;
    object_dump(item->object, &bytes);
    restore(call, bytes, call->words[2], item->object->expires_ms, true);
    blob_drop(bytes);
    freeReplyObject(call->reply);
    call_integer(call, 1);
}

const command_t key_commands[] = {
    { "COPY", 3, WRITES | GROWS, run_copy },
    { "DBSIZE", 1, 0, run_dbsize },
    { "DEL", 2, WRITES, run_del },
    { "DUMP", 2, 0, run_dump },
    { "EXISTS", 2, 0, run_exists },
    { "EXPIRE", 3, WRITES, run_expire },
    { "EXPIREAT", 3, WRITES, run_expire },
    { "FLUSHALL", 1, WRITES, run_flush },
    { "FLUSHDB", 1, WRITES, run_flush },
    { "KEYS", 2, 0, run_keys },
    { "PERSIST", 2, WRITES, run_persist },
    { "PEXPIRE", 3, WRITES, run_expire },
    { "PEXPIREAT", 3, WRITES, run_expire },
    { "PEXPIRETIME", 2, 0, run_expire_time },
    { "PTTL", 2, 0, run_ttl },
    { "RENAME", 3, WRITES, run_rename },
    { "RESTORE", 4, WRITES | GROWS, run_restore },
    { "SCAN", 2, 0, run_scan },
    { "TTL", 2, 0, run_ttl },
    { "TYPE", 2, 0, run_type },
    { "UNLINK", 2, WRITES, run_del },
    { 0 },
};
