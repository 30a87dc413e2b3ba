/*  store_load -- all of one partition, for its new owner.
 *
 *  It is read in several steps, so the head is read first and last: it is the random id of the
 *  last commit, hence the same head twice means that nothing changed in between. Only then is
 *  anything handed on.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "broker/store_link.h"
#include "proto/owned.h"

enum {
    PIECES_PER_READ = 16, // 4 MB
    DELTAS_PER_READ = 256,
    LOAD_TRIES = 3,   // a head that keeps moving has an owner: it is not ours to load
    MOVING_TRIES = 8, // a base or an owner that keeps changing: read again at another time
};

void link_snapshot_destroy(link_snapshot_t *self)
{
    reply_destroy(&self->meta);
    buffer_destroy(&self->whole);
    buffer_destroy(&self->journal);
}

static store_status_t refuse(store_t *self, unsigned partition, const char *what, uint64_t have,
                             uint64_t want)
{
    fault_set(&self->error, "partition %u: %s (%" PRIu64 " of %" PRIu64 ")", partition, what, have,
              want);
    return STORE_REFUSED;
}

slice_t link_piece(char text[STORE_ID_TEXT + 16], store_id_t base, unsigned piece)
{
    store_id_print(base, text);
    int more = snprintf(text + STORE_ID_TEXT, 16, ":%u", piece);
    return slice_of(text, STORE_ID_TEXT + (size_t) more);
}

static store_status_t read_meta(store_t *self, unsigned partition, link_snapshot_t *to)
{
    reply_destroy(&to->meta);
    command_begin(self, "HGETALL");
    command_key(self, keys_meta(&self->keys, partition));
    store_status_t status = link_ask(self, &to->meta);
    if (status != STORE_OK)
        return status;
    to->head_text = to->base_text = to->token_text = slice_of(NULL, 0);
    to->pieces = to->deltas = 0;
    for (size_t i = 0; i + 1 < to->meta->elements; i += 2) {
        slice_t name = reply_slice(to->meta->element[i]);
        const redisReply *value = to->meta->element[i + 1];
        if (slice_is(name, "head"))
            to->head_text = reply_slice(value);
        else if (slice_is(name, "base"))
            to->base_text = reply_slice(value);
        else if (slice_is(name, "token"))
            to->token_text = reply_slice(value);
        else if (slice_is(name, "nb"))
            to->pieces = reply_u64(value);
        else if (slice_is(name, "jn"))
            to->deltas = reply_u64(value);
    }
    if (!store_id_parse(&to->head, to->head_text) || !store_id_parse(&to->base, to->base_text) ||
        to->pieces > BASE_PIECES_MAX)
        return refuse(self, partition, "its head or base is not one we wrote", 0, 1);
    return STORE_OK;
}

static store_status_t read_base(store_t *self, unsigned partition, link_snapshot_t *to)
{
    buffer_clear(&to->whole);
    for (unsigned piece = 0; piece < to->pieces;) {
        unsigned end = piece + PIECES_PER_READ;
        end = end > to->pieces ? (unsigned) to->pieces : end;
        command_begin(self, "HMGET");
        command_key(self, keys_base(&self->keys, partition));
        for (unsigned i = piece; i < end; i++) {
            char field[STORE_ID_TEXT + 16];
            command_bytes(self, link_piece(field, to->base, i));
        }
        owned(reply_destroy) redisReply *reply = NULL;
        store_status_t status = link_ask(self, &reply);
        if (status != STORE_OK)
            return status;
        for (size_t i = 0; i < reply->elements; i++, piece++) {
            if (reply->element[i]->type != REDIS_REPLY_STRING)
                return refuse(self, partition, "pieces of its base are missing", piece, to->pieces);
            buffer_append(&to->whole, reply->element[i]->str, reply->element[i]->len);
        }
    }
    return STORE_OK;
}

// One more than there should be: a journal that is too long is as wrong as one too short. If
// somebody may commit meanwhile, it is none.
static store_status_t read_journal(store_t *self, unsigned partition, bool moving,
                                   link_snapshot_t *to)
{
    buffer_clear(&to->journal);
    uint64_t have = 0, end = moving ? to->deltas : to->deltas + 1;
    while (have < end) {
        uint64_t last = have + DELTAS_PER_READ - 1;
        command_begin(self, "LRANGE");
        command_key(self, keys_journal(&self->keys, partition));
        command_u64(self, have);
        command_u64(self, last < end ? last : end - 1);
        owned(reply_destroy) redisReply *reply = NULL;
        store_status_t status = link_ask(self, &reply);
        if (status != STORE_OK)
            return status;
        if (reply->elements == 0)
            break;
        for (size_t i = 0; i < reply->elements; i++) {
            slice_t delta = reply_slice(reply->element[i]);
            uint64_t size = delta.size;
            buffer_append(&to->journal, &size, sizeof size);
            buffer_append(&to->journal, delta.data, delta.size);
        }
        have += reply->elements;
    }
    if (have != to->deltas)
        return refuse(self, partition, "its journal has not the deltas it should have", have,
                      to->deltas);
    return STORE_OK;
}

// OK, or STALE if somebody committed meanwhile.
static store_status_t read_all(store_t *self, unsigned partition, link_snapshot_t *to)
{
    store_status_t status = read_meta(self, partition, to);
    if (status != STORE_OK)
        return status;
    status = read_base(self, partition, to);
    if (status == STORE_OK)
        status = read_journal(self, partition, false, to);
    if (status == STORE_DOWN || status == STORE_FULL)
        return status;
    // What does not fit together may have moved while we read.
    owned(reply_destroy) redisReply *again = NULL;
    fault_t why = self->error;
    command_begin(self, "HGET");
    command_key(self, keys_meta(&self->keys, partition));
    command_text(self, "head");
    store_status_t asked = link_ask(self, &again);
    if (asked != STORE_OK)
        return asked;
    if (!slice_same(reply_slice(again), to->head_text))
        return STORE_STALE;
    self->error = why;
    return status;
}

// A commit only adds to the journal, and its first deltas belong to the base that was read as long
// as that is the base: a new one, and a copy that is put back, have ids of their own. A partition
// without base may have been put back or derived anew by a new owner, whose token tells.
static store_status_t read_moving(store_t *self, unsigned partition, link_snapshot_t *to)
{
    store_status_t status = read_meta(self, partition, to);
    if (status == STORE_OK)
        status = read_base(self, partition, to);
    if (status == STORE_OK)
        status = read_journal(self, partition, true, to);
    if (status == STORE_DOWN || status == STORE_FULL)
        return status;
    owned(reply_destroy) redisReply *again = NULL;
    fault_t why = self->error;
    command_begin(self, "HMGET");
    command_key(self, keys_meta(&self->keys, partition));
    command_text(self, "base");
    command_text(self, "token");
    store_status_t asked = link_ask(self, &again);
    if (asked != STORE_OK)
        return asked;
    if (again->elements != 2 || !slice_same(reply_slice(again->element[0]), to->base_text) ||
        !slice_same(reply_slice(again->element[1]), to->token_text))
        return STORE_STALE;
    self->error = why;
    return status;
}

store_status_t link_snapshot_read(store_t *self, unsigned partition, link_snapshot_t *to)
{
    store_status_t status = STORE_STALE;
    for (int try = 0; try < MOVING_TRIES && status == STORE_STALE; try++)
        status = read_moving(self, partition, to);
    if (status == STORE_STALE)
        return refuse(self, partition, "its base and owner change all the time", 0, 1);
    if (status == STORE_OK && (to->whole.failed || to->journal.failed))
        status = refuse(self, partition, "too large to read", 0, 1);
    return status;
}

static uint64_t sent_of(const link_snapshot_t *from, slice_t stream)
{
    slice_t of;
    for (size_t i = 0; i + 1 < from->meta->elements; i += 2)
        if (keys_sent_stream(reply_slice(from->meta->element[i]), &of) && slice_same(of, stream))
            return reply_u64(from->meta->element[i + 1]);
    return 0;
}

static store_status_t hand_on(store_t *self, unsigned partition, const link_snapshot_t *from,
                              const store_load_t *load, void *context)
{
    for (size_t i = 0; i + 1 < from->meta->elements; i += 2) {
        store_offset_t offset;
        if (!keys_offset_stream(reply_slice(from->meta->element[i]), &offset.stream))
            continue;
        offset.seq = reply_u64(from->meta->element[i + 1]);
        offset.sent = sent_of(from, offset.stream);
        load->offset(context, &offset);
    }
    if (from->pieces > 0 && !load->base(context, buffer_slice(&from->whole)))
        return refuse(self, partition, "its base cannot be read", 0, from->pieces);
    uint64_t index = 0;
    for (size_t at = 0; at < from->journal.size; index++) {
        uint64_t size;
        memcpy(&size, from->journal.data + at, sizeof size);
        at += sizeof size;
        if (!load->delta(context, slice_of(from->journal.data + at, size)))
            return refuse(self, partition, "a delta cannot be read", index, from->deltas);
        at += size;
    }
    return STORE_OK;
}

store_status_t store_load(store_t *self, unsigned partition, const store_load_t *load,
                          void *context, store_id_t *head, size_t *base_bytes,
                          size_t *journal_bytes, uint64_t *journal_count)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(link_snapshot_destroy) link_snapshot_t snapshot = { 0 };
    store_status_t status = STORE_STALE;
    for (int try = 0; try < LOAD_TRIES && status == STORE_STALE; try++)
        status = read_all(self, partition, &snapshot);
    if (status == STORE_STALE)
        return refuse(self, partition, "somebody else commits to it", 0, 1);
    if (status == STORE_OK && (snapshot.whole.failed || snapshot.journal.failed))
        status = refuse(self, partition, "too large to load", 0, 1);
    if (status == STORE_OK)
        status = hand_on(self, partition, &snapshot, load, context);
    if (status != STORE_OK)
        return status;
    *head = snapshot.head;
    *base_bytes = snapshot.whole.size;
    *journal_bytes = snapshot.journal.size - snapshot.deltas * sizeof(uint64_t);
    *journal_count = snapshot.deltas;
    return STORE_OK;
}
