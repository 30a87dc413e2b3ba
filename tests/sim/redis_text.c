/*  redis_text -- strings, sets and lists of the simulator's Redis. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/redis_inside.h"

// ---- strings -------------------------------------------------------------------------------

static void run_get(call_t *call)
{
    object_t *object;
    if (space_read(call, call->words[1], TEXT, &object))
        call->reply = answer_blob(object ? object->text : NULL);
}

static void put_text(call_t *call, blob_t *value, int64_t expires_ms)
{
    object_t *object = object_new(TEXT);
    object->text = blob_keep(value);
    object->expires_ms = expires_ms;
    space_put(call->server, call->words[1], object);
    space_changed(call, call->words[1], '$', "set");
}

// SET key value [NX|XX] [EX s|PX ms|PXAT ms]
static void run_set(call_t *call)
{
    int64_t expires_ms = 0;
    bool absent = false, present = false;
    for (size_t i = 3; i < call->count; i++) {
        const blob_t *word = call->words[i];
        int64_t number;
        if (blob_is(word, "NX")) {
            absent = true;
        } else if (blob_is(word, "XX")) {
            present = true;
        } else if (blob_is(word, "EX") || blob_is(word, "PX") || blob_is(word, "PXAT")) {
            if (!call_integer_at(call, ++i, &number))
                return;
            expires_ms = blob_is(word, "EX") ? number * 1000 : number;
            if (!blob_is(word, "PXAT"))
                expires_ms += server_now_ms(call->server);
        } else {
            return call_syntax(call);
        }
    }
    bool there = space_find(call->server, call->words[1]) != NULL;
    if ((absent && there) || (present && !there)) {
        call->reply = answer_nil();
        return;
    }
    for (size_t i = 0; i < 3; i++)
        call_rewrite(call, blob_keep(call->words[i]));
    if (expires_ms != 0) {
        call_rewrite(call, blob_text("PXAT"));
        call_rewrite(call, blob_integer(expires_ms));
    }
    put_text(call, call->words[2], expires_ms);
    call_ok(call);
}

static void add(call_t *call, int64_t by)
{
    object_t *object;
    int64_t number = 0;
    if (!space_read(call, call->words[1], TEXT, &object))
        return;
    if (object && !blob_to_integer(object->text, &number))
        return call_error(call, "ERR value is not an integer or out of range");
    if (__builtin_add_overflow(number, by, &number))
        return call_error(call, "ERR increment or decrement would overflow");
    blob_t *value = blob_integer(number);
    put_text(call, value, object ? object->expires_ms : 0);
    blob_drop(value);
    call_integer(call, number);
}

static void run_incr(call_t *call)
{
    add(call, 1);
}

static void run_decr(call_t *call)
{
    add(call, -1);
}

static void run_incrby(call_t *call)
{
    int64_t by;
    if (call_integer_at(call, 2, &by))
        add(call, by);
}

static void run_strlen(call_t *call)
{
    object_t *object;
    if (space_read(call, call->words[1], TEXT, &object))
        call_integer(call, object ? (long long) object->text->size : 0);
}

const command_t text_commands[] = {
    { "DECR", 2, WRITES | GROWS, run_decr },
    { "GET", 2, 0, run_get },
    { "INCR", 2, WRITES | GROWS, run_incr },
    { "INCRBY", 3, WRITES | GROWS, run_incrby },
    { "SET", 3, WRITES | GROWS, run_set },
    { "STRLEN", 2, 0, run_strlen },
    { 0 },
};

// ---- sets ----------------------------------------------------------------------------------

static void run_sadd(call_t *call)
{
    object_t *object;
    long long added = 0;
    if (!space_open(call, call->words[1], SET, &object))
        return;
    for (size_t i = 2; i < call->count; i++)
        if (!dict_find(&object->dict, call->words[i])) {
            dict_add(&object->dict, call->words[i]);
            added++;
        }
    if (added > 0)
        space_changed(call, call->words[1], 's', "sadd");
    call_integer(call, added);
}

static void run_srem(call_t *call)
{
    object_t *object;
    long long gone = 0;
    if (!space_read(call, call->words[1], SET, &object))
        return;
    for (size_t i = 2; object && i < call->count; i++) {
        item_t *item = dict_find(&object->dict, call->words[i]);
        if (item) {
            dict_remove(&object->dict, item);
            gone++;
        }
    }
    if (gone > 0)
        space_changed(call, call->words[1], 's', "srem");
    call_integer(call, gone);
}

static void run_smembers(call_t *call)
{
    object_t *object;
    if (!space_read(call, call->words[1], SET, &object))
        return;
    call->reply = answer_array(0);
    for (size_t i = 0; object && i < object->dict.used; i++) {
        item_t *item = dict_at(&object->dict, call->server->order_seed, i);
        if (item)
            answer_append(call->reply, answer_blob(item->name));
    }
}

static void run_scard(call_t *call)
{
    object_t *object;
    if (space_read(call, call->words[1], SET, &object))
        call_integer(call, object ? (long long) object->dict.live : 0);
}

static void run_sismember(call_t *call)
{
    object_t *object;
    if (space_read(call, call->words[1], SET, &object))
        call_integer(call, object && dict_find(&object->dict, call->words[2]));
}

const command_t set_commands[] = {
    { "SADD", 3, WRITES | GROWS, run_sadd }, { "SCARD", 2, 0, run_scard },
    { "SISMEMBER", 3, 0, run_sismember },    { "SMEMBERS", 2, 0, run_smembers },
    { "SREM", 3, WRITES, run_srem },         { 0 },
};

// ---- lists ---------------------------------------------------------------------------------

void list_push(object_t *self, blob_t *item)
{
    if (self->list.end == self->list.room) {
        size_t length = self->list.end - self->list.first, room = 2 * length + 4;
        blob_t **items = malloc(room * sizeof *items);
        if (!items)
            abort();
        if (length > 0)
            memcpy(items, self->list.items + self->list.first, length * sizeof *items);
        free(self->list.items);
        self->list.items = items;
        self->list.room = room;
        self->list.first = 0;
        self->list.end = length;
    }
    self->list.items[self->list.end++] = blob_keep(item);
}

static void run_rpush(call_t *call)
{
    object_t *object;
    if (!space_open(call, call->words[1], LIST, &object))
        return;
    for (size_t i = 2; i < call->count; i++)
        list_push(object, call->words[i]);
    call_integer(call, (long long) (object->list.end - object->list.first));
    space_changed(call, call->words[1], 'l', "rpush");
}

static void drop_first(object_t *object, size_t count)
{
    while (count-- > 0)
        blob_drop(object->list.items[object->list.first++]);
}

static void drop_last(object_t *object, size_t count)
{
    while (count-- > 0)
        blob_drop(object->list.items[--object->list.end]);
}

static void run_lpop(call_t *call)
{
    object_t *object;
    if (call->count > 2)
        abort(); // a count: nobody uses it
    if (!space_read(call, call->words[1], LIST, &object))
        return;
    call->reply = answer_blob(object ? object->list.items[object->list.first] : NULL);
    if (!object)
        return;
    drop_first(object, 1);
    space_changed(call, call->words[1], 'l', "lpop");
}

static void run_llen(call_t *call)
{
    object_t *object;
    if (space_read(call, call->words[1], LIST, &object))
        call_integer(call, object ? (long long) (object->list.end - object->list.first) : 0);
}

static void run_lrange(call_t *call)
{
    object_t *object;
    int64_t start, end;
    size_t first, count;
    if (!call_integer_at(call, 2, &start) || !call_integer_at(call, 3, &end) ||
        !space_read(call, call->words[1], LIST, &object))
        return;
    if (!object || !range_of(start, end, object->list.end - object->list.first, &first, &count))
        count = 0;
    call->reply = answer_array(count);
    for (size_t i = 0; i < count; i++)
        call->reply->element[i] = answer_blob(object->list.items[object->list.first + first + i]);
}

static void run_ltrim(call_t *call)
{
    object_t *object;
    int64_t start, end;
    size_t first, count;
    if (!call_integer_at(call, 2, &start) || !call_integer_at(call, 3, &end) ||
        !space_read(call, call->words[1], LIST, &object))
        return;
    call_ok(call);
    if (!object)
        return;
    size_t length = object->list.end - object->list.first;
    if (!range_of(start, end, length, &first, &count))
        first = length; // nothing is kept
    drop_first(object, first);
    drop_last(object, length - first - count);
    space_changed(call, call->words[1], 'l', "ltrim");
}

const command_t list_commands[] = {
    { "LLEN", 2, 0, run_llen },
    { "LPOP", 2, WRITES, run_lpop },
    { "LRANGE", 4, 0, run_lrange },
    { "LTRIM", 4, WRITES, run_ltrim },
    { "RPUSH", 3, WRITES | GROWS, run_rpush },
    { 0 },
};
