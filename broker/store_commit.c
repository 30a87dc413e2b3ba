/*  store_commit -- commits out in one batch, their verdicts back; and new bases.
 *
 *  One function call holds the commits of one group (more than one call if they are large), so
 *  that all keys of a call share a slot. All or nothing is per partition, which is what the
 *  guard is about; a call is only the envelope.
 *
 *  The calls of a batch stand in one MULTI, not for its atomicity but for its one fsync: Redis
 *  reads 16 KB of a connection at a time, and with appendfsync always each such turn ends in an
 *  fsync of its own. Measured (256 partitions x 1 KB): 6 ms instead of 11, Redis' CPU 5.4
 *  instead of 7.8 ms, and sending does not have to wait for it (0.5 instead of 3.8 ms).
 */
#include <assert.h>

#include "broker/store_link.h"
#include "proto/owned.h"

enum {
    CALL_BYTES_MAX = 8 << 20,      // of one call, beyond its first commit
    TOGETHER_BYTES_MAX = 16 << 20, // of one MULTI, which holds everybody else up
    CALL_ARGUMENTS_MAX = 400000,   // Redis refuses commands of more than 1,048,576
    COMMIT_ARGUMENTS = 6,          // of a commit without offsets and alerts
};

static size_t arguments_of(const store_commit_t *commit)
{
    return COMMIT_ARGUMENTS + 3 * commit->offset_count + 3 * commit->alert_count;
}

static size_t bytes_of(const store_commit_t *commit)
{
    size_t bytes = commit->delta.size;
    for (size_t i = 0; i < commit->alert_count; i++)
        bytes += commit->alerts[i].body.size;
    return bytes;
}

// Counting sort of the indexes by group; stable.
static void order_by_group(link_batch_t *batch, const store_commit_t *commits, size_t count)
{
    size_t at = 0;
    for (unsigned group = 0; group < GROUPS; group++)
        for (size_t i = 0; i < count; i++)
            if (commits[i].partition % GROUPS == group)
                batch->order[at++] = (uint16_t) i;
    batch->count = count;
}

// Where in `order` the call that begins at `first` ends.
static size_t call_end(const link_batch_t *batch, const store_commit_t *commits, size_t first)
{
    const store_commit_t *start = &commits[batch->order[first]];
    size_t arguments = arguments_of(start), bytes = bytes_of(start), end = first + 1;
    for (; end < batch->count; end++) {
        const store_commit_t *commit = &commits[batch->order[end]];
        arguments += arguments_of(commit);
        bytes += bytes_of(commit);
        if (commit->partition % GROUPS != start->partition % GROUPS || bytes > CALL_BYTES_MAX ||
            arguments > CALL_ARGUMENTS_MAX)
            break;
    }
    return end;
}

static void write_commit(store_t *self, const store_commit_t *commit)
{
    command_id(self, commit->token);
    command_id(self, commit->previous);
    command_id(self, commit->mine);
    command_bytes(self, commit->delta);
    command_u64(self, commit->offset_count);
    command_u64(self, commit->alert_count);
    for (size_t i = 0; i < commit->offset_count; i++) {
        command_key(self, keys_offset_field(&self->keys, commit->offsets[i].stream));
        command_u64(self, commit->offsets[i].seq);
        command_u64(self, commit->offsets[i].sent);
    }
    for (size_t i = 0; i < commit->alert_count; i++) {
        command_bytes(self, commit->alerts[i].id);
        command_bytes(self, commit->alerts[i].topic);
        command_bytes(self, commit->alerts[i].body);
    }
}

static bool push_call(store_t *self, const store_commit_t *commits, size_t first, size_t end)
{
    const uint16_t *order = self->batch.order;
    command_call(self, "commit", (unsigned) (1 + 2 * (end - first)));
    command_key(self, keys_outbox(&self->keys, commits[order[first]].partition % GROUPS));
    for (size_t i = first; i < end; i++) {
        command_key(self, keys_meta(&self->keys, commits[order[i]].partition));
        command_key(self, keys_journal(&self->keys, commits[order[i]].partition));
    }
    command_u64(self, self->limits.outbox_entries);
    for (size_t i = first; i < end; i++)
        write_commit(self, &commits[order[i]]);
    return link_push(self);
}

static bool fits_together(const store_commit_t *commits, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += bytes_of(&commits[i]);
    return bytes <= TOGETHER_BYTES_MAX;
}

static bool push_calls(store_t *self, const store_commit_t *commits)
{
    link_batch_t *batch = &self->batch;
    if (batch->together && !link_push_word(self, "MULTI"))
        return false;
    batch->call_count = 0;
    for (size_t first = 0; first < batch->count; first = batch->call_end[batch->call_count++]) {
        size_t end = call_end(batch, commits, first);
        batch->call_end[batch->call_count] = (uint16_t) end;
        if (!push_call(self, commits, first, end))
            return false;
    }
    return !batch->together || link_push_word(self, "EXEC");
}

store_status_t store_commit_send(store_t *self, const store_commit_t *commits, size_t count)
{
    link_batch_t *batch = &self->batch;
    assert(!batch->under_way && count > 0 && count <= PARTITIONS);
    for (size_t i = 0; i < count; i++)
        assert(commits[i].offset_count <= STORE_OFFSETS_MAX &&
               commits[i].alert_count <= STORE_ALERTS_MAX);
    if (!link_open(self))
        return STORE_DOWN;
    order_by_group(batch, commits, count);
    batch->together = fits_together(commits, count);
    if (!push_calls(self, commits))
        return STORE_DOWN;
    batch->under_way = link_flush(self);
    batch->answered = batch->down = false;
    return batch->under_way ? STORE_OK : STORE_DOWN;
}

// The answer of one call: a verdict a commit; or NULL and one status for all of them.
static void note_call(store_t *self, size_t call, const redisReply *reply, store_status_t status)
{
    link_batch_t *batch = &self->batch;
    size_t first = call > 0 ? batch->call_end[call - 1] : 0, end = batch->call_end[call];
    slice_t verdicts = reply ? reply_slice(reply) : slice_of(NULL, 0);
    if (status == STORE_OK && verdicts.size != end - first)
        status = link_odd(self);
    for (size_t i = first; i < end; i++)
        batch->status[batch->order[i]] =
            status == STORE_OK ? link_verdict(self, (char) verdicts.data[i - first]) : status;
}

// Answers one by one. False = DOWN.
static bool take_calls(store_t *self)
{
    for (size_t call = 0; call < self->batch.call_count; call++) {
        owned(reply_destroy) redisReply *reply = NULL;
        store_status_t status = link_take(self, &reply);
        if (status == STORE_DOWN)
            return false;
        note_call(self, call, reply, status);
    }
    return true;
}

// "OK" for MULTI, "QUEUED" for each call, then all answers in that of EXEC; or, if a call could
// not even be queued, an error there that says less than the one here. False = DOWN.
static bool take_together(store_t *self)
{
    size_t calls = self->batch.call_count;
    store_status_t queued = link_take_all(self, 1 + calls);
    if (queued == STORE_DOWN)
        return false;
    fault_t why = self->error;
    owned(reply_destroy) redisReply *answers = NULL;
    store_status_t status = link_take(self, &answers);
    if (status == STORE_DOWN)
        return false;
    if (queued != STORE_OK)
        self->error = why;
    status = queued != STORE_OK ? queued : status;
    if (status == STORE_OK && (answers->type != REDIS_REPLY_ARRAY || answers->elements != calls))
        status = link_odd(self);
    for (size_t call = 0; call < calls; call++) {
        const redisReply *answer = status == STORE_OK ? answers->element[call] : NULL;
        store_status_t judged = answer ? link_judge(self, answer) : status;
        if (judged == STORE_DOWN)
            return false;
        note_call(self, call, judged == STORE_OK ? answer : NULL, judged);
    }
    return true;
}

void link_batch_settle(store_t *self)
{
    link_batch_t *batch = &self->batch;
    if (!batch->under_way || batch->answered)
        return;
    if (!batch->down)
        batch->down = !(batch->together ? take_together(self) : take_calls(self));
    batch->answered = true;
}

bool store_commit_answered(const store_t *self)
{
    return self->batch.under_way && (self->batch.answered || self->batch.down);
}

store_status_t store_commit_take(store_t *self, store_status_t *status, size_t count)
{
    link_batch_t *batch = &self->batch;
    assert(batch->under_way && count == batch->count);
    link_batch_settle(self);
    batch->under_way = false;
    if (batch->down)
        return STORE_DOWN;
    memcpy(status, batch->status, count * sizeof *status);
    return STORE_OK;
}

// ---- bases ---------------------------------------------------------------------------------

static void command_piece(store_t *self, store_id_t base, unsigned piece)
{
    char field[STORE_ID_TEXT + 16];
    command_bytes(self, link_piece(field, base, piece));
}

store_status_t store_base_put(store_t *self, unsigned partition, store_id_t token, store_id_t base,
                              unsigned piece, slice_t bytes)
{
    assert(bytes.size <= BASE_PIECE_BYTES && piece < BASE_PIECES_MAX);
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "base_put", 2);
    command_key(self, keys_meta(&self->keys, partition));
    command_key(self, keys_base(&self->keys, partition));
    command_id(self, token);
    command_piece(self, base, piece);
    command_bytes(self, bytes);
    return link_ask_verdict(self);
}

store_status_t store_base_swap(store_t *self, unsigned partition, store_id_t token,
                               store_id_t previous, store_id_t mine, store_id_t base,
                               unsigned pieces, uint64_t drop)
{
    assert(pieces <= BASE_PIECES_MAX);
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "base_swap", 3);
    command_key(self, keys_meta(&self->keys, partition));
    command_key(self, keys_journal(&self->keys, partition));
    command_key(self, keys_base(&self->keys, partition));
    command_id(self, token);
    command_id(self, previous);
    command_id(self, mine);
    command_id(self, base);
    command_u64(self, pieces);
    command_u64(self, drop);
    return link_ask_verdict(self);
}
