/*  keeper_restore -- putting a copy back into a Redis that lost something: see keeper.h. Runs in
 *  the keeper's thread.
 *
 *  One decision for the whole: as soon as one partition needs the copy, all that a copied partition
 *  counts as done is put back first (keeper_put.c). Then the partitions, each by itself: claimed
 *  over whoever owns it, judged again, written where nobody sees it, and swapped in, if Redis is
 *  still the one into which the rest was put. Whoever owned it is fenced and reads it again.
 *  Whatever is killed in between, the next try begins anew and changes nothing that is done. One
 *  that fails is repeated at longer and longer intervals.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/collector/keeper_inside.h"
#include "broker/held/partition_fields.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

enum {
    DELTAS_PER_CALL = 256,
    FIELDS_MAX = 4096,
    AGAIN_LEAST_MS = 1000, // until a restore that failed is tried again; then twice as long
    AGAIN_MOST_MS = 30000,
};

typedef struct {
    keeper_t *keeper;
    copy_reader_t *copy;
    const keeper_told_t *told;
    bool emptied;
    store_id_t mark; // in this Redis, as long as it is the same
    unsigned restored, stuck;
    uint64_t people;    // keys of theirs
    int64_t renewed_us; // when the lease of the partition began
    fault_t *fault;
} restoring_t;

static bool s_heard(restoring_t *restoring, store_status_t status)
{
    return keeper_heard(restoring->keeper, status, restoring->fault);
}

// Of verbs that are answered STALE when Redis is not the one that it was at the beginning.
static bool s_is_same(restoring_t *restoring, store_status_t status)
{
    if (status == STORE_STALE)
        return fault_set(restoring->fault, "Redis lost what it held while a copy was put back");
    return s_heard(restoring, status);
}

static bool s_is_bad(restoring_t *restoring)
{
    return fault_set(restoring->fault, "a section of the copy of Redis changed, or no memory");
}

// ---- one partition --------------------------------------------------------------------------

static void s_on_position(void *context, unsigned partition, const store_offset_t *offset)
{
    (void) partition; // of one
    position_t *position = context;
    (void) position_add(position, offset->stream, offset->seq, offset->sent);
}

// A large one takes longer than a lease runs.
static bool s_renew(restoring_t *restoring, const store_held_swap_t *swap)
{
    store_id_t tokens[PARTITIONS];
    partitions_t one = { 0 };
    int64_t now_us = life_mono_us();
    if (now_us - restoring->renewed_us < KEEPER_LEASE_MS * 1000 / 4)
        return true;
    restoring->renewed_us = now_us;
    tokens[swap->partition] = swap->token;
    partitions_add(&one, swap->partition);
    return s_heard(restoring, store_renew(restoring->keeper->store, KEEPER_LEASE_MS, tokens, &one));
}

// Pieces and deltas, where nobody sees them.
static bool s_write(restoring_t *restoring, store_held_swap_t *swap, size_t section)
{
    store_t *store = restoring->keeper->store;
    for (;; section++) {
        copy_kind_t kind = copy_reader_kind(restoring->copy, section);
        slice_t body, item, deltas[DELTAS_PER_CALL];
        copy_items_t items;
        if (kind != COPY_BASE && kind != COPY_JOURNAL)
            return true;
        if (!copy_reader_body(restoring->copy, section, &body, restoring->fault))
            return false;
        if (!copy_items_read(&items, body))
            return s_is_bad(restoring);
        while (kind == COPY_BASE && copy_items_next(&items, &item))
            if (!s_renew(restoring, swap) ||
                !s_heard(restoring, store_base_put(store, swap->partition, swap->token, swap->base,
                                                   swap->pieces++, item)))
                return false;
        while (kind == COPY_JOURNAL && items.count > 0) {
            size_t count = 0;
            while (count < DELTAS_PER_CALL && copy_items_next(&items, &deltas[count]))
                count++;
            if (count == 0)
                return s_is_bad(restoring);
            if (!s_renew(restoring, swap) ||
                !s_heard(restoring, store_held_put(store, swap->partition, swap->token,
                                                   swap->deltas == 0, deltas, count)))
                return false;
            swap->deltas += count;
        }
    }
}

// The partition is ours: write the copy and swap it in.
static bool s_swap(restoring_t *restoring, store_held_swap_t *swap)
{
    size_t section = copy_reader_partition(restoring->copy, swap->partition);
    if (!s_write(restoring, swap, section + 1))
        return false;
    slice_t body;
    copy_items_t items;
    if (!copy_reader_body(restoring->copy, section, &body, restoring->fault))
        return false;
    if (!copy_items_read(&items, body) || items.count > 2 * FIELDS_MAX)
        return s_is_bad(restoring);
    size_t count = items.count / 2;
    store_pair_t *fields = calloc(count + 1, sizeof *fields);
    bool good = fields != NULL;
    for (size_t i = 0; good && i < count; i++)
        good =
            copy_items_next(&items, &fields[i].name) && copy_items_next(&items, &fields[i].value);
    swap->fields = fields;
    swap->field_count = count;
    swap->mine = store_id_new();
    good = good ? s_heard(restoring, store_held_swap(restoring->keeper->store, swap))
                : s_is_bad(restoring);
    free(fields);
    return good;
}

// False: not now.
static bool s_restore(restoring_t *restoring, unsigned partition)
{
    store_t *store = restoring->keeper->store;
    store_held_swap_t swap = { .partition = partition,
                               .base = store_id_new(),
                               .mark = restoring->mark };
    restoring->renewed_us = life_mono_us();
    if (!s_heard(restoring, store_held_claim(store, partition, restoring->keeper->owner,
                                             KEEPER_LEASE_MS, &swap.token)))
        return false;
    // Nobody commits to it now: judged again, as it is.
    position_t have = { 0 };
    bool good = s_heard(
        restoring, store_held_position(store, partition, s_on_position, &have, &swap.previous));
    const position_t *copied = &copy_reader_positions(restoring->copy)[partition];
    if (good &&
        position_judge(&have, copied, restoring->told->positions, restoring->told->position_count,
                       restoring->emptied) == POSITION_RESTORE) {
        good = s_swap(restoring, &swap);
        restoring->restored += good;
    }
    position_clear(&have);
    (void) store_release(store, partition, swap.token); // else the lease runs out
    return good;
}

// ---- all of them ----------------------------------------------------------------------------

typedef struct {
    position_t positions[PARTITIONS];
    bool failed;
} having_t;

static void s_having_clear(having_t *having)
{
    for (unsigned p = 0; p < PARTITIONS; p++)
        position_clear(&having->positions[p]);
}

static void s_on_any(void *context, unsigned partition, const store_offset_t *offset)
{
    having_t *having = context;
    having->failed |=
        !position_add(&having->positions[partition], offset->stream, offset->seq, offset->sent);
}

static unsigned s_lost(const having_t *having, const keeper_told_t *told)
{
    unsigned lost = 0;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        bool any = false;
        for (size_t i = 0; i < told->count; i++)
            any |= position_is_lost(&having->positions[p], &told->positions[i]);
        lost += any;
    }
    return lost;
}

static position_verdict_t s_judge(const restoring_t *restoring, const having_t *having, unsigned p)
{
    return position_judge(&having->positions[p], &copy_reader_positions(restoring->copy)[p],
                          restoring->told->positions, restoring->told->position_count,
                          restoring->emptied);
}

static unsigned s_count(const restoring_t *restoring, const having_t *having,
                        position_verdict_t verdict)
{
    unsigned count = 0;
    for (unsigned p = 0; p < PARTITIONS; p++)
        count += s_judge(restoring, having, p) == verdict;
    return count;
}

static bool s_restore_partitions(restoring_t *restoring, const having_t *having)
{
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (s_judge(restoring, having, p) != POSITION_RESTORE)
            continue;
        if (keeper_is_stopped(restoring->keeper))
            return fault_set(restoring->fault, "given up");
        if (!s_restore(restoring, p))
            return false;
    }
    return true;
}

// The newest copy that helps every partition, or most of them: one of a Redis that had been rolled
// back may lie lower than an older one, and the log begin in between. False: there is none.
static bool s_choose(restoring_t *restoring, const having_t *having)
{
    keeper_t *self = restoring->keeper;
    copy_reader_t *best = NULL;
    for (size_t i = 0; i < self->kept_count && (!best || restoring->stuck > 0);) {
        restoring->copy = keeper_open(self, i);
        if (!restoring->copy)
            continue; // and not kept any more
        unsigned stuck = s_count(restoring, having, POSITION_STUCK);
        bool better = !best || stuck < restoring->stuck;
        copy_reader_destroy(better ? &best : &restoring->copy);
        if (better) {
            best = restoring->copy;
            restoring->stuck = stuck;
        }
        i++;
    }
    restoring->copy = best;
    return best != NULL;
}

// ---- saying it ------------------------------------------------------------------------------

// Once, as long as nothing changes.
static void s_say_stuck(keeper_t *self, unsigned stuck, const char *reason)
{
    pthread_mutex_lock(&self->lock);
    bool news = stuck > 0 && stuck != self->stuck;
    self->stuck = stuck;
    pthread_mutex_unlock(&self->lock);
    if (news)
        keeper_add_note(self, LOG_ERROR, "partitions cannot be put back",
                        "partitions=%u reason=\"%s\" next=\"put back an older copy of the stage, "
                        "or a newer one of Redis; until then nothing is removed from the log\"",
                        stuck, reason);
}

static void s_say(const restoring_t *restoring)
{
    keeper_t *self = restoring->keeper;
    if (restoring->restored > 0 || restoring->emptied)
        keeper_add_note(
            self, LOG_WARNING,
            restoring->emptied ? "Redis was empty: filled from the copy beside the stage"
                               : "Redis held less than the log: partitions put back",
            "partitions=%u subscribers_and_subscriptions=%" PRIu64 " copy=%" PRId64
            " next=\"the rest is read again from the log\"",
            restoring->restored, restoring->people, copy_reader_head(restoring->copy)->created_us);
    s_say_stuck(self, restoring->stuck,
                "neither Redis nor the copy beside the stage reaches to where the log begins");
}

// ---- all of it ------------------------------------------------------------------------------

static bool s_begin(restoring_t *restoring, const keeper_seen_t *seen)
{
    keeper_t *self = restoring->keeper;
    restoring->mark = store_id_new();
    return s_is_same(
        restoring, store_held_begin(self->store, self->collector, seen->id, restoring->mark, NULL));
}

static bool s_end(restoring_t *restoring)
{
    keeper_t *self = restoring->keeper;
    char note[STORE_HELD_NOTE_MAX + 1];
    return keeper_note(self, true, note, restoring->fault) &&
           s_is_same(restoring,
                     store_held_end(self->store, self->collector, restoring->mark, note));
}

// What is put back in partitions must not outlive the rest: should Redis lose that now, being
// emptied or rolled back, it loses what lets partitions follow, too.
static bool s_put_back(restoring_t *restoring, const having_t *having, const keeper_seen_t *seen)
{
    keeper_t *self = restoring->keeper;
    if (!s_begin(restoring, seen))
        return false;
    uint64_t epoch = store_epoch(self->store);
    if (!keeper_put(self, restoring->copy, restoring->emptied, &restoring->people,
                    restoring->fault) ||
        !s_heard(restoring, store_held_ready(self->store, restoring->mark)) ||
        !s_is_same(restoring, store_held_marked(self->store, self->collector, restoring->mark)))
        return false;
    if (store_epoch(self->store) != epoch)
        return fault_set(restoring->fault, "Redis went away while a copy was put back");
    return s_restore_partitions(restoring, having) &&
           s_heard(restoring, store_held_ready_over(self->store)) && s_end(restoring);
}

// No copy can be used. What the log has, can be had from there; what else is gone has to be said.
static bool s_do_without(restoring_t *restoring, const having_t *having, const keeper_seen_t *seen)
{
    keeper_t *self = restoring->keeper;
    unsigned lost = s_lost(having, restoring->told);
    self->listed = false; // one that could not be read may be read next time
    s_say_stuck(self, lost, "no copy of Redis can be used");
    if (lost > 0)
        return fault_set(restoring->fault,
                         "%u partitions are lost: the log begins later than they are, and no copy "
                         "of Redis can be used",
                         lost);
    if (!s_begin(restoring, seen) || !s_end(restoring))
        return false;
    keeper_add_note(
        self, LOG_ERROR, "Redis was empty, and no copy of it can be used",
        "gone=\"subscribers, subscriptions, silences, alerts and deliveries that waited, "
        "the alert log\" next=\"write subscribers and subscriptions again; the rest is "
        "computed again from the log\"");
    return true;
}

// A log from which nothing is missing can rebuild everything by itself.
static bool s_is_trimmed(const keeper_told_t *told)
{
    for (size_t i = 0; i < told->count; i++)
        if (told->positions[i].first > 1)
            return true;
    return false;
}

static bool s_try(restoring_t *restoring, const having_t *having, const keeper_seen_t *seen)
{
    if (!s_choose(restoring, having))
        return s_do_without(restoring, having, seen);
    bool needed = restoring->emptied || s_count(restoring, having, POSITION_RESTORE) > 0;
    if (needed && !s_put_back(restoring, having, seen))
        return false;
    s_say(restoring);
    return restoring->stuck == 0 ||
           fault_set(restoring->fault, "%u partitions can be put back from no copy",
                     restoring->stuck);
}

static void s_back_off(keeper_t *self, const fault_t *fault)
{
    int64_t wait_us = 2 * self->restore_wait_us;
    wait_us = wait_us < AGAIN_LEAST_MS * 1000 ? AGAIN_LEAST_MS * 1000 : wait_us;
    self->restore_wait_us = wait_us > AGAIN_MOST_MS * 1000 ? AGAIN_MOST_MS * 1000 : wait_us;
    self->restore_us = life_mono_us() + self->restore_wait_us;
    self->restore_fault = *fault;
}

static bool s_restore_all(keeper_t *self, keeper_told_t *told, const having_t *having,
                          const keeper_seen_t *seen, fault_t *fault)
{
    keeper_publish(self, NULL); // nothing more is trimmed until it is back
    if (life_mono_us() < self->restore_us) {
        *fault = self->restore_fault;
        return false;
    }
    restoring_t restoring = {
        .keeper = self, .told = told, .emptied = seen->emptied, .fault = fault
    };
    bool good = keeper_told_others(self, told, fault) && s_try(&restoring, having, seen);
    copy_reader_destroy(&restoring.copy);
    if (good)
        self->restore_us = self->restore_wait_us = 0;
    else if (!self->down) // for which the connection backs off itself
        s_back_off(self, fault);
    return good;
}

keeper_verdict_t keeper_restore(keeper_t *self, keeper_told_t *told, const keeper_seen_t *seen,
                                fault_t *fault)
{
    if (!seen->emptied && !s_is_trimmed(told))
        return KEEPER_WHOLE;
    __attribute__((cleanup(s_having_clear))) having_t having = { 0 };
    if (!keeper_heard(self, store_held_positions(self->store, s_on_any, &having), fault))
        return KEEPER_WAITS;
    if (having.failed) {
        fault_set(fault, "out of memory, or a position of what is no stream");
        return KEEPER_WAITS;
    }
    if (!seen->emptied && s_lost(&having, told) == 0) {
        s_say_stuck(self, 0, "");
        self->restore_us = self->restore_wait_us = 0;
        return KEEPER_WHOLE;
    }
    return s_restore_all(self, told, &having, seen, fault) ? KEEPER_RESTORED : KEEPER_WAITS;
}
