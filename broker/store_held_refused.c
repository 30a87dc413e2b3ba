/*  store_held_refused -- refused rows in a copy of Redis, and back; see store_held.h. */
#include <stdlib.h>

#include "broker/store_held.h"
#include "broker/store_link.h"
#include "proto/owned.h"

enum { TRIES = 5 }; // a stream may come meanwhile; there are few of them

// ---- reading -------------------------------------------------------------------------------

// The streams of these counters. The last one that fits is the last.
static size_t streams_of(const redisReply *fields, store_refused_t *streams)
{
    size_t count = 0;
    for (size_t i = 0; fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2) {
        store_refused_t refused = { .floor = reply_slice(fields->element[i + 1]) };
        if (count < STORE_REFUSED_STREAMS_MAX &&
            keys_floor_stream(reply_slice(fields->element[i]), &refused.stream))
            streams[count++] = refused;
    }
    return count;
}

static const redisReply *field_of(const redisReply *fields, const char *name)
{
    for (size_t i = 0; fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2)
        if (slice_is(reply_slice(fields->element[i]), name))
            return fields->element[i + 1];
    return reply_at(fields, SIZE_MAX); // nil
}

static bool are_same(const store_refused_t *a, const store_refused_t *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!slice_same(a[i].stream, b[i].stream))
            return false;
    return true;
}

// One behind the other, in `text`; where they begin is known when all are there.
static void join(const redisReply *places, buffer_t *text, store_refused_t *to)
{
    size_t before = text->size;
    for (size_t i = 0; places->type == REDIS_REPLY_ARRAY && i < places->elements; i++) {
        slice_t place = reply_slice(places->element[i]);
        if (place.size == STORE_PLACE_BYTES)
            buffer_append(text, place.data, place.size);
    }
    to->places = slice_of(NULL, text->size - before);
}

// Counters and places of one moment: *answer has both, of the streams that are found in it.
static store_status_t read_counts(store_t *self, slice_t source, store_refused_t *streams,
                                  size_t *count, redisReply **answer)
{
    owned(reply_destroy) redisReply *fields = NULL;
    command_begin(self, "HGETALL");
    command_key(self, keys_quarantine(&self->keys, source));
    store_status_t status = link_ask(self, &fields);
    if (status != STORE_OK)
        return status;
    store_refused_t *asked = calloc(STORE_REFUSED_STREAMS_MAX, sizeof *asked);
    if (!asked)
        return link_close(self, "out of memory"), STORE_DOWN;
    size_t asked_count = streams_of(fields, asked);
    command_look(self, "held_refused", 1 + (unsigned) asked_count);
    command_key(self, keys_quarantine(&self->keys, source));
    for (size_t i = 0; i < asked_count; i++)
        command_key(self, keys_quarantine_seen(&self->keys, source, asked[i].stream));
    status = link_ask(self, answer);
    if (status == STORE_OK) {
        *count = streams_of(reply_at(*answer, 0), streams);
        if (*count != asked_count || !are_same(streams, asked, asked_count))
            reply_destroy(answer); // one more came meanwhile
    }
    free(asked);
    return status;
}

static store_status_t visit_counts(store_t *self, slice_t source, store_refused_t *streams,
                                   const store_held_refused_t *visit)
{
    owned(reply_destroy) redisReply *answer = NULL;
    owned(buffer_destroy) buffer_t text = { 0 };
    size_t count = 0;
    for (int i = 0; i < TRIES && !answer; i++) {
        store_status_t status = read_counts(self, source, streams, &count, &answer);
        if (status != STORE_OK)
            return status;
    }
    if (!answer)
        return link_odd(self);
    for (size_t i = 0; i < count; i++)
        join(reply_at(answer, 1 + i), &text, &streams[i]);
    if (text.failed)
        return link_close(self, "out of memory"), STORE_DOWN;
    for (size_t i = 0, at = 0; i < count; at += streams[i++].places.size)
        streams[i].places.data = text.data + at;
    const redisReply *fields = reply_at(answer, 0);
    visit->counts(visit->context, source, reply_u64(field_of(fields, "total")),
                  reply_slice(field_of(fields, "reason")), streams, count);
    return STORE_OK;
}

static store_status_t visit_rows(store_t *self, slice_t source, const store_held_refused_t *visit)
{
    owned(reply_destroy) redisReply *log = NULL;
    command_begin(self, "XRANGE");
    command_key(self, keys_quarantine_log(&self->keys, source));
    command_text(self, "-");
    command_text(self, "+");
    store_status_t status = link_ask(self, &log);
    if (status != STORE_OK || log->type != REDIS_REPLY_ARRAY || log->elements == 0)
        return status;
    store_refused_row_t *rows = calloc(log->elements, sizeof *rows);
    if (!rows)
        return link_close(self, "out of memory"), STORE_DOWN;
    for (size_t i = 0; i < log->elements; i++) {
        const redisReply *fields = reply_at(log->element[i], 1);
        rows[i] = (store_refused_row_t){ reply_slice(field_of(fields, "stream")),
                                         reply_slice(field_of(fields, "seq")),
                                         reply_slice(field_of(fields, "row")),
                                         reply_slice(field_of(fields, "reason")),
                                         reply_slice(field_of(fields, "snippet")) };
    }
    visit->rows(visit->context, source, rows, log->elements);
    free(rows);
    return STORE_OK;
}

store_status_t store_held_refused(store_t *self, const store_held_refused_t *visit)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *sources = NULL;
    command_begin(self, "SMEMBERS");
    command_key(self, keys_quarantine_sources(&self->keys));
    store_status_t status = link_ask(self, &sources);
    if (status != STORE_OK)
        return status;
    store_refused_t *streams = calloc(STORE_REFUSED_STREAMS_MAX, sizeof *streams);
    if (!streams)
        return link_close(self, "out of memory"), STORE_DOWN;
    reply_sort(sources);
    for (size_t i = 0; i < sources->elements && status == STORE_OK; i++) {
        slice_t source = reply_slice(sources->element[i]);
        status = visit_counts(self, source, streams, visit);
        if (status == STORE_OK)
            status = visit_rows(self, source, visit);
    }
    free(streams);
    return status;
}

// ---- putting back --------------------------------------------------------------------------

store_status_t store_held_refused_put(store_t *self, slice_t source, uint64_t total, slice_t reason,
                                      const store_refused_t *streams, size_t count)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "held_refuse", 3);
    command_key(self, keys_quarantine(&self->keys, source));
    command_key(self, keys_quarantine_sources(&self->keys));
    command_key(self, keys_quarantine_seen(&self->keys, source, slice_text("")));
    command_bytes(self, source);
    command_u64(self, total);
    command_bytes(self, reason);
    command_u64(self, self->limits.quarantine_ids);
    for (size_t i = 0; i < count; i++) {
        command_bytes(self, streams[i].stream);
        command_bytes(self, streams[i].floor);
        command_bytes(self, streams[i].places);
    }
    return link_ask_verdict(self);
}

store_status_t store_held_refused_rows_put(store_t *self, slice_t source,
                                           const store_refused_row_t *rows, size_t count)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "held_refused_log", 1);
    command_key(self, keys_quarantine_log(&self->keys, source));
    for (size_t i = 0; i < count; i++) {
        command_bytes(self, rows[i].stream);
        command_bytes(self, rows[i].seq);
        command_bytes(self, rows[i].row);
        command_bytes(self, rows[i].reason);
        command_bytes(self, rows[i].snippet);
    }
    return link_ask_verdict(self);
}
