/*  redis_stream -- streams of the simulator's Redis. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/redis_inside.h"

// ---- ids -----------------------------------------------------------------------------------

static int id_compare(entry_id_t a, entry_id_t b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return (a.n > b.n) - (a.n < b.n);
}

// "ms-n", or "ms" with what its n is then.
static bool id_parse(const char *text, uint64_t n, entry_id_t *id)
{
    char *end;
    *id = (entry_id_t){ .n = n };
    if (*text < '0' || *text > '9')
        return false;
    id->ms = strtoull(text, &end, 10);
    if (*end == '\0')
        return true;
    if (*end != '-' || end[1] < '0' || end[1] > '9')
        return false;
    id->n = strtoull(end + 1, &end, 10);
    return *end == '\0';
}

static bool id_at(call_t *call, size_t at, uint64_t n, entry_id_t *id)
{
    const char *text = call->words[at]->data;
    if (strcmp(text, "-") == 0)
        return *id = (entry_id_t){ 0, 0 }, true;
    if (strcmp(text, "+") == 0)
        return *id = (entry_id_t){ UINT64_MAX, UINT64_MAX }, true;
    if (id_parse(text, n, id))
        return true;
    return call_error(call, "ERR Invalid stream ID specified as stream command argument"), false;
}

// One end of a range; '(' leaves the entry itself out.
static bool end_at(call_t *call, size_t at, bool upper, entry_id_t *id)
{
    const char *text = call->words[at]->data;
    if (*text != '(')
        return id_at(call, at, upper ? UINT64_MAX : 0, id);
    if (!id_parse(text + 1, upper ? UINT64_MAX : 0, id))
        return call_error(call, "ERR Invalid stream ID specified as stream command argument"),
               false;
    if (upper)
        *id =
            id->n > 0 ? (entry_id_t){ id->ms, id->n - 1 } : (entry_id_t){ id->ms - 1, UINT64_MAX };
    else
        id->n++; // no entry has the last number there is
    return true;
}

static blob_t *id_text(entry_id_t id)
{
    char text[48];
    int size = snprintf(text, sizeof text, "%llu-%llu", (unsigned long long) id.ms,
                        (unsigned long long) id.n);
    return blob_new(text, (size_t) size);
}

static redisReply *answer_id(entry_id_t id)
{
    blob_t *text = id_text(id);
    redisReply *answer = answer_blob(text);
    blob_drop(text);
    return answer;
}

static size_t length_of(const object_t *object)
{
    return object ? object->stream.end - object->stream.first : 0;
}

// The first entry that is not before this id.
static size_t place_of(const object_t *object, entry_id_t id)
{
    size_t low = object->stream.first, high = object->stream.end;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (id_compare(object->stream.entries[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// ---- adding and trimming -------------------------------------------------------------------

void stream_add(object_t *self, entry_id_t id, size_t count, blob_t **fields)
{
    if (self->stream.end == self->stream.room) {
        size_t length = length_of(self), room = 2 * length + 4;
        entry_t *entries = malloc(room * sizeof *entries);
        if (!entries)
            abort();
        if (length > 0)
            memcpy(entries, self->stream.entries + self->stream.first, length * sizeof *entries);
        free(self->stream.entries);
        self->stream.entries = entries;
        self->stream.room = room;
        self->stream.first = 0;
        self->stream.end = length;
    }
    entry_t *entry = &self->stream.entries[self->stream.end++];
    *entry = (entry_t){ .id = id, .count = count, .fields = calloc(count, sizeof(blob_t *)) };
    if (count > 0 && !entry->fields)
        abort();
    for (size_t i = 0; i < count; i++)
        entry->fields[i] = blob_keep(fields[i]);
    self->stream.last = id;
}

static void entry_clear(entry_t *self)
{
    words_clear(&(words_t){ self->count, self->fields });
}

// What MAXLEN and MINID ask for, exactly; "~" may leave more, and then we leave none less.
typedef struct {
    bool by_length, by_id;
    int64_t length;
    entry_id_t id;
} trim_t;

// Read "MAXLEN|MINID [=|~] threshold" at *at, if it stands there. False: answered.
static bool trim_at(call_t *call, size_t *at, trim_t *trim)
{
    *trim = (trim_t){ 0 };
    trim->by_length = *at < call->count && blob_is(call->words[*at], "MAXLEN");
    trim->by_id = *at < call->count && blob_is(call->words[*at], "MINID");
    if (!trim->by_length && !trim->by_id)
        return true;
    ++*at;
    if (*at < call->count && (blob_is(call->words[*at], "=") || blob_is(call->words[*at], "~")))
        ++*at;
    if (*at >= call->count)
        return call_syntax(call), false;
    bool good = trim->by_length ? call_integer_at(call, *at, &trim->length)
                                : id_at(call, *at, 0, &trim->id);
    ++*at;
    return good;
}

static size_t trim(object_t *object, const trim_t *trim)
{
    size_t keep = length_of(object), gone = 0;
    if (trim->by_length && (size_t) trim->length < keep)
        gone = keep - (size_t) trim->length;
    if (trim->by_id)
        gone = place_of(object, trim->id) - object->stream.first;
    for (size_t i = 0; i < gone; i++)
        entry_clear(&object->stream.entries[object->stream.first++]);
    return gone;
}

static bool next_id(call_t *call, const object_t *object, const blob_t *wanted, entry_id_t *id)
{
    entry_id_t last = object ? object->stream.last : (entry_id_t){ 0, 0 };
    if (!blob_is(wanted, "*")) {
        if (!id_parse(wanted->data, 0, id))
            return call_error(call, "ERR Invalid stream ID specified as stream command argument"),
                   false;
        if (id_compare(*id, last) > 0)
            return true;
        return call_error(call, "ERR The ID specified in XADD is equal or smaller than the target "
                                "stream top item"),
               false;
    }
    uint64_t now = (uint64_t) server_now_ms(call->server);
    *id = now > last.ms ? (entry_id_t){ now, 0 } : (entry_id_t){ last.ms, last.n + 1 };
    return true;
}

// key [MAXLEN|MINID ...] id|* (field value)+
static void run_xadd(call_t *call)
{
    object_t *object;
    trim_t limit;
    entry_id_t id;
    size_t at = 2;
    if (!trim_at(call, &at, &limit))
        return;
    if (at + 2 >= call->count || (call->count - at - 1) % 2 != 0)
        return call_error(call, "ERR wrong number of arguments for 'xadd' command");
    if (!space_read(call, call->words[1], STREAM, &object) ||
        !next_id(call, object, call->words[at], &id))
        return;
    space_open(call, call->words[1], STREAM, &object);
    stream_add(object, id, call->count - at - 1, call->words + at + 1);
    trim(object, &limit);
    for (size_t i = 0; i < call->count; i++)
        call_rewrite(call, i == at ? id_text(id) : blob_keep(call->words[i]));
    call->reply = answer_id(id);
    space_changed(call, call->words[1], 't', "xadd");
}

static void run_xtrim(call_t *call)
{
    object_t *object;
    trim_t limit;
    size_t at = 2;
    if (!trim_at(call, &at, &limit) || !space_read(call, call->words[1], STREAM, &object))
        return;
    if (at != call->count || (!limit.by_id && !limit.by_length))
        return call_syntax(call);
    size_t gone = object ? trim(object, &limit) : 0;
    if (gone > 0)
        space_changed(call, call->words[1], 't', "xtrim");
    call_integer(call, (long long) gone);
}

static void run_xdel(call_t *call)
{
    object_t *object;
    long long gone = 0;
    if (!space_read(call, call->words[1], STREAM, &object))
        return;
    for (size_t i = 2; object && i < call->count; i++) {
        entry_id_t id;
        if (!id_at(call, i, 0, &id))
            return;
        size_t place = place_of(object, id);
        entry_t *entry = object->stream.entries + place;
        if (place == object->stream.end || id_compare(entry->id, id) != 0)
            continue;
        entry_clear(entry);
        memmove(entry, entry + 1, (object->stream.end - place - 1) * sizeof *entry);
        object->stream.end--;
        gone++;
    }
    if (gone > 0)
        space_changed(call, call->words[1], 't', "xdel");
    call_integer(call, gone);
}

static void run_xlen(call_t *call)
{
    object_t *object;
    if (space_read(call, call->words[1], STREAM, &object))
        call_integer(call, (long long) length_of(object));
}

// ---- reading -------------------------------------------------------------------------------

static redisReply *answer_entry(const entry_t *entry)
{
    redisReply *answer = answer_array(2);
    answer->element[0] = answer_id(entry->id);
    answer->element[1] = answer_array(entry->count);
    for (size_t i = 0; i < entry->count; i++)
        answer->element[1]->element[i] = answer_blob(entry->fields[i]);
    return answer;
}

// key start end [COUNT n]; of XREVRANGE end comes first
static void range(call_t *call, bool backwards)
{
    object_t *object;
    entry_id_t from, to;
    int64_t most = INT64_MAX;
    if (!end_at(call, backwards ? 3 : 2, false, &from) ||
        !end_at(call, backwards ? 2 : 3, true, &to))
        return;
    if (call->count > 4 && (!blob_is(call->words[4], "COUNT") || !call_integer_at(call, 5, &most)))
        return call->reply ? (void) 0 : call_syntax(call);
    if (!space_read(call, call->words[1], STREAM, &object))
        return;
    call->reply = answer_array(0);
    size_t first = object ? place_of(object, from) : 0, end = first;
    while (object && end < object->stream.end &&
           id_compare(object->stream.entries[end].id, to) <= 0)
        end++;
    for (size_t i = first; i < end && (int64_t) call->reply->elements < most; i++)
        answer_append(call->reply,
                      answer_entry(&object->stream.entries[backwards ? end - 1 - (i - first) : i]));
}

static void run_xrange(call_t *call)
{
    range(call, false);
}

static void run_xrevrange(call_t *call)
{
    range(call, true);
}

typedef struct {
    int64_t most, block_ms; // block_ms -1: does not wait
    size_t keys, streams;   // the first key, how many
} read_t;

static bool read_parse(const words_t *words, read_t *read)
{
    *read = (read_t){ .most = INT64_MAX, .block_ms = -1 };
    for (size_t i = 1; i + 1 < words->count; i++) {
        if (blob_is(words->words[i], "STREAMS")) {
            read->keys = i + 1;
            read->streams = (words->count - i - 1) / 2;
            return (words->count - i - 1) % 2 == 0 && read->streams > 0;
        }
        if (blob_is(words->words[i], "COUNT")) {
            if (!blob_to_integer(words->words[++i], &read->most))
                return false;
        } else if (blob_is(words->words[i], "BLOCK")) {
            if (!blob_to_integer(words->words[++i], &read->block_ms))
                return false;
        } else {
            return false;
        }
    }
    return false;
}

redisReply *stream_read(sim_redis_t *self, const words_t *words)
{
    read_t read;
    read_parse(words, &read);
    redisReply *answer = answer_array(0);
    for (size_t i = 0; i < read.streams; i++) {
        blob_t *key = words->words[read.keys + i];
        item_t *item = space_find(self, key);
        entry_id_t after;
        id_parse(words->words[read.keys + read.streams + i]->data, 0, &after);
        if (!item || item->object->kind != STREAM)
            continue;
        const object_t *object = item->object;
        size_t place = place_of(object, (entry_id_t){ after.ms, after.n + 1 });
        if (place == object->stream.end)
            continue;
        redisReply *entries = answer_array(0);
        for (; place < object->stream.end && (int64_t) entries->elements < read.most; place++)
            answer_append(entries, answer_entry(&object->stream.entries[place]));
        redisReply *stream = answer_array(2);
        stream->element[0] = answer_blob(key);
        stream->element[1] = entries;
        answer_append(answer, stream);
    }
    if (answer->elements > 0)
        return answer;
    freeReplyObject(answer);
    return NULL;
}

static void run_xread(call_t *call)
{
    const words_t words = { call->count, call->words };
    read_t read;
    entry_id_t id;
    object_t *object;
    if (!read_parse(&words, &read))
        return call_syntax(call);
    for (size_t i = 0; i < read.streams; i++)
        if (!space_read(call, call->words[read.keys + i], STREAM, &object) ||
            !id_at(call, read.keys + read.streams + i, 0, &id))
            return;
    call->reply = stream_read(call->server, &words);
    if (call->reply)
        return;
    if (read.block_ms < 0 || call->in_script || call->in_multi || !call->link)
        call->reply = answer_nil();
    else
        link_block(call->server, call->link, call->count, call->words, read.block_ms);
}

const command_t stream_commands[] = {
    { "XADD", 5, WRITES | GROWS, run_xadd },
    { "XDEL", 3, WRITES, run_xdel },
    { "XLEN", 2, 0, run_xlen },
    { "XRANGE", 4, 0, run_xrange },
    { "XREAD", 4, 0, run_xread },
    { "XREVRANGE", 4, 0, run_xrevrange },
    { "XTRIM", 4, WRITES, run_xtrim },
    { 0 },
};
