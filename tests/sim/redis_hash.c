/*  redis_hash -- hashes of the simulator's Redis. */
#include <stdlib.h>

#include "tests/sim/redis_inside.h"

// True: the field is new.
static bool put(object_t *object, blob_t *field, blob_t *value)
{
    item_t *item = dict_find(&object->dict, field);
    bool fresh = !item;
    if (fresh)
        item = dict_add(&object->dict, field);
    blob_keep(value); // before the old one goes: it may be the same
    blob_drop(item->text);
    item->text = value;
    return fresh;
}

void hash_set(object_t *self, blob_t *field, blob_t *value)
{
    put(self, field, value);
}

static void run_hset(call_t *call)
{
    object_t *object;
    long long fresh = 0;
    if (call->count % 2 != 0)
        return call_error(call, "ERR wrong number of arguments for 'hset' command");
    if (!space_open(call, call->words[1], HASH, &object))
        return;
    for (size_t i = 2; i < call->count; i += 2)
        fresh += put(object, call->words[i], call->words[i + 1]);
    space_changed(call, call->words[1], 'h', "hset");
    call_integer(call, fresh);
}

static void run_hsetnx(call_t *call)
{
    object_t *object;
    if (!space_read(call, call->words[1], HASH, &object))
        return;
    if (object && dict_find(&object->dict, call->words[2]))
        return call_integer(call, 0);
    space_open(call, call->words[1], HASH, &object);
    put(object, call->words[2], call->words[3]);
    space_changed(call, call->words[1], 'h', "hset");
    call_integer(call, 1);
}

static blob_t *field_of(const object_t *object, blob_t *field)
{
    item_t *item = object ? dict_find(&object->dict, field) : NULL;
    return item ? item->text : NULL;
}

static void run_hget(call_t *call)
{
    object_t *object;
    if (space_read(call, call->words[1], HASH, &object))
        call->reply = answer_blob(field_of(object, call->words[2]));
}

static void run_hmget(call_t *call)
{
    object_t *object;
    if (!space_read(call, call->words[1], HASH, &object))
        return;
    call->reply = answer_array(call->count - 2);
    for (size_t i = 2; i < call->count; i++)
        call->reply->element[i - 2] = answer_blob(field_of(object, call->words[i]));
}

static void list(call_t *call, bool fields, bool values)
{
    object_t *object;
    if (!space_read(call, call->words[1], HASH, &object))
        return;
    call->reply = answer_array(0);
    for (size_t i = 0; object && i < object->dict.used; i++) {
        item_t *item = dict_at(&object->dict, call->server->order_seed, i);
        if (item && fields)
            answer_append(call->reply, answer_blob(item->name));
        if (item && values)
            answer_append(call->reply, answer_blob(item->text));
    }
}

static void run_hgetall(call_t *call)
{
    list(call, true, true);
}

static void run_hkeys(call_t *call)
{
    list(call, true, false);
}

static void run_hvals(call_t *call)
{
    list(call, false, true);
}

static void run_hdel(call_t *call)
{
    object_t *object;
    long long gone = 0;
    if (!space_read(call, call->words[1], HASH, &object))
        return;
    for (size_t i = 2; object && i < call->count; i++) {
        item_t *item = dict_find(&object->dict, call->words[i]);
        if (!item)
            continue;
        blob_drop(item->text);
        dict_remove(&object->dict, item);
        gone++;
    }
    if (gone > 0)
        space_changed(call, call->words[1], 'h', "hdel");
    call_integer(call, gone);
}

static void run_hlen(call_t *call)
{
    object_t *object;
    if (space_read(call, call->words[1], HASH, &object))
        call_integer(call, object ? (long long) object->dict.live : 0);
}

static void run_hexists(call_t *call)
{
    object_t *object;
    if (space_read(call, call->words[1], HASH, &object))
        call_integer(call, field_of(object, call->words[2]) != NULL);
}

static void run_hstrlen(call_t *call)
{
    object_t *object;
    if (!space_read(call, call->words[1], HASH, &object))
        return;
    const blob_t *value = field_of(object, call->words[2]);
    call_integer(call, value ? (long long) value->size : 0);
}

static void run_hincrby(call_t *call)
{
    object_t *object;
    int64_t by, number = 0;
    if (!call_integer_at(call, 3, &by) || !space_read(call, call->words[1], HASH, &object))
        return;
    const blob_t *old = field_of(object, call->words[2]);
    if (old && !blob_to_integer(old, &number))
        return call_error(call, "ERR hash value is not an integer");
    if (__builtin_add_overflow(number, by, &number))
        return call_error(call, "ERR increment or decrement would overflow");
    space_open(call, call->words[1], HASH, &object);
    blob_t *value = blob_integer(number);
    put(object, call->words[2], value);
    blob_drop(value);
    space_changed(call, call->words[1], 'h', "hincrby");
    call_integer(call, number);
}

const command_t hash_commands[] = {
    { "HDEL", 3, WRITES, run_hdel },
    { "HEXISTS", 3, 0, run_hexists },
    { "HGET", 3, 0, run_hget },
    { "HGETALL", 2, 0, run_hgetall },
    { "HINCRBY", 4, WRITES | GROWS, run_hincrby },
    { "HKEYS", 2, 0, run_hkeys },
    { "HLEN", 2, 0, run_hlen },
    { "HMGET", 3, 0, run_hmget },
    { "HSET", 4, WRITES | GROWS, run_hset },
    { "HSETNX", 4, WRITES | GROWS, run_hsetnx },
    { "HSTRLEN", 3, 0, run_hstrlen },
    { "HVALS", 2, 0, run_hvals },
    { 0 },
};
