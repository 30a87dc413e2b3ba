/*  worker_bases -- the state of a partition in place of a journal grown long: see worker.h.
 *
 *  A base is the state as a commit has made it. It is written in pieces, a few at a time, since
 *  it may be large, and Redis syncs each: meanwhile rows flow, commits go on and leases are
 *  renewed. Nobody sees the pieces until the swap, which stands between two commits, is a link of
 *  the chain like them, and drops just the deltas up to that commit.
 *
 *  Whoever reads a journal compiles the plans that it names, one after the other. So plans count by
 *  their size with the bytes of a journal, and a base is due sooner where they are large.
 */
#include <stdlib.h>

#include "actors/transform/worker.h"
#include "broker/runtime/fault_point.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"

enum {
    BASES_MAX = PARTITIONS, // under way
    BASES_LEAST = 4,        // of any size: each costs as much memory as its state
    BASES_BYTES = 4 << 20,  // as long as there are no more bytes of them, others are begun
    WRITE_US = 20000,       // before anything else has its turn
};

worker_limits_t worker_limits = { .base_bytes_least = 256 * 1024,
                                  .piece_bytes = BASE_PIECE_BYTES,
                                  .alerts_per_batch = WORKER_ALERTS_PER_BATCH,
                                  .idle_commit_us = WORKER_IDLE_COMMIT_US };

typedef struct {
    unsigned partition;
    store_id_t token;       // under which it was made: whoever holds another, reads from Redis
    store_id_t head;        // of its commit
    bool taken;             // that commit was
    store_id_t base;        // its name
    size_t written;         // bytes of it
    unsigned pieces;        // so far
    size_t journal_bytes;   // up to its commit, with it
    size_t plan_bytes;      // up to its commit
    uint64_t journal_count; // the same in deltas
    buffer_t bytes;
} base_t;

struct worker_bases {
    size_t count;
    base_t bases[BASES_MAX];
};

worker_bases_t *worker_bases_new(void)
{
    return calloc(1, sizeof(worker_bases_t));
}

void worker_bases_destroy(worker_bases_t **self_p)
{
    for (size_t i = 0; *self_p && i < (*self_p)->count; i++)
        buffer_destroy(&(*self_p)->bases[i].bytes);
    free(*self_p);
    *self_p = NULL;
}

static bool has_room(const worker_bases_t *self)
{
    size_t bytes = 0;
    for (size_t i = 0; i < self->count; i++)
        bytes += self->bases[i].bytes.size;
    return self->count < BASES_LEAST || (self->count < BASES_MAX && bytes < BASES_BYTES);
}

static bool wants_base(const worker_t *self, unsigned partition)
{
    const holding_t *holding = &self->holdings[partition];
    for (size_t i = 0; i < self->bases->count; i++)
        if (self->bases->bases[i].partition == partition)
            return false;
    // Spread by partition, so that bases are not all written in the same second.
    size_t least = worker_limits.base_bytes_least;
    least = holding->base_bytes > least ? holding->base_bytes : least;
    return holding->journal_bytes + holding->plan_bytes >= least + least / 16 * (partition % 16);
}

void worker_base_make(worker_t *self, const store_commit_t *commit)
{
    worker_bases_t *bases = self->bases;
    const holding_t *holding = &self->holdings[commit->partition];
    if (!has_room(bases) || !wants_base(self, commit->partition))
        return;
    base_t fresh = { .partition = commit->partition,
                     .token = holding->token,
                     .head = commit->mine,
                     .base = store_id_new(),
                     .journal_bytes = holding->journal_bytes + commit->delta.size,
                     .plan_bytes = holding->plan_bytes,
                     .journal_count = holding->journal_count + (commit->delta.size > 0) };
    if (fold_base(self->fold, commit->partition, &fresh.bytes) && !fresh.bytes.failed)
        bases->bases[bases->count++] = fresh;
    else
        buffer_destroy(&fresh.bytes); // no memory now: the journal goes on growing
}

void worker_base_taken(worker_t *self, const store_commit_t *commit)
{
    for (size_t i = 0; i < self->bases->count; i++) {
        base_t *base = &self->bases->bases[i];
        base->taken |= memcmp(&base->head, &commit->mine, sizeof base->head) == 0;
    }
}

// If the partition was dropped, it may be ours again, but not as it was.
static bool is_of_use(const worker_t *self, const base_t *base)
{
    const holding_t *holding = &self->holdings[base->partition];
    return holding->state != HOLDING_NONE &&
           memcmp(&holding->token, &base->token, sizeof base->token) == 0;
}

static void drop(worker_bases_t *self, size_t index)
{
    buffer_destroy(&self->bases[index].bytes);
    self->bases[index] = self->bases[--self->count];
}

static bool is_written(const base_t *base)
{
    return base->pieces > 0 && base->written == base->bytes.size;
}

static bool put_piece(worker_t *self, base_t *base)
{
    size_t size = base->bytes.size - base->written;
    if (size > worker_limits.piece_bytes)
        size = worker_limits.piece_bytes;
    if (store_base_put(self->store, base->partition, base->token, base->base, base->pieces,
                       slice_of(base->bytes.data + base->written, size)) != STORE_OK)
        return false;
    FAULT_POINT("base.piece");
    base->written += size;
    base->pieces++;
    return true;
}

bool worker_write_bases(worker_t *self)
{
    worker_bases_t *bases = self->bases;
    int64_t until_us = life_mono_us() + WRITE_US;
    for (size_t i = bases->count; i-- > 0;) {
        base_t *base = &bases->bases[i];
        bool good = is_of_use(self, base);
        while (good && base->taken && !is_written(base)) {
            if (life_mono_us() > until_us)
                return false;
            good = put_piece(self, base);
            if (!good) // nobody has seen any of it; another will be due with the next commit
                log_event(LOG_WARNING, "a piece of a base was not taken", "partition=%u reason=%s",
                          base->partition, log_quote(store_error(self->store)));
        }
        if (!good)
            drop(bases, i);
    }
    return true;
}

static void swap(worker_t *self, const base_t *base)
{
    holding_t *holding = &self->holdings[base->partition];
    store_id_t mine = store_id_new();
    FAULT_POINT("base.written");
    store_status_t status =
        store_base_swap(self->store, base->partition, holding->token, holding->head, mine,
                        base->base, base->pieces, base->journal_count);
    FAULT_POINT("base.swapped");
    if (status == STORE_OK || status == STORE_DUP) {
        holding->head = mine;
        holding->base_bytes = base->bytes.size;
        holding->journal_bytes -= base->journal_bytes;
        holding->journal_count -= base->journal_count;
        holding->plan_bytes -= base->plan_bytes;
        return;
    }
    // Whether the swap happened is not known, or we are not who we think: read it again.
    log_event(LOG_WARNING, "base checkpoint failed: partition starts again from Redis",
              "partition=%u reason=%s", base->partition, log_quote(store_error(self->store)));
    worker_forget(self, base->partition);
}

void worker_swap_bases(worker_t *self)
{
    worker_bases_t *bases = self->bases;
    int64_t until_us = life_mono_us() + WRITE_US;
    for (size_t i = bases->count; i-- > 0 && life_mono_us() <= until_us;) {
        base_t *base = &bases->bases[i];
        if (!is_of_use(self, base) || !base->taken || !is_written(base))
            continue;
        swap(self, base);
        drop(bases, i);
    }
}
