/*  keeper_restore -- putting a copy back into a Redis that lost something: see keeper.h. Runs in
 *  the keeper's thread.
 *
 *  First what a copied partition counts as done: the alert log, deliveries that wait, outboxes.
 *  Then the partitions, each by itself: claimed over whoever owns it, judged again, written where
 * nobody sees it, and swapped in. Whoever owned it is fenced and reads it again. Whatever is killed
 *  in between, the next try begins anew and changes nothing that is done.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/collector/keeper_inside.h"
#include "broker/held/partition_fields.h"
#include "proto/owned.h"

enum {
    ITEMS_PER_CALL = 1000,
    IDS_PER_CALL = 10000,
    DELTAS_PER_CALL = 256,
    FIELDS_MAX = 4096,
};

typedef struct {
    keeper_t *keeper;
    copy_reader_t *copy;
    const keeper_told_t *told;
    bool emptied;
    unsigned restored, stuck;
    uint64_t keys;
    fault_t *fault;
} restoring_t;

static bool s_heard(restoring_t *restoring, store_status_t status)
{
    return keeper_heard(restoring->keeper, status, restoring->fault);
}

static bool s_is_bad(restoring_t *restoring)
{
    return fault_set(restoring->fault, "a section of the copy of Redis changed, or no memory");
}

// ---- sections -------------------------------------------------------------------------------

static int64_t s_number(slice_t text)
{
    char number[24] = "";
    memcpy(number, text.data, text.size < sizeof number - 1 ? text.size : sizeof number - 1);
    return strtoll(number, NULL, 10);
}

static bool s_next(copy_items_t *items, slice_t *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!copy_items_next(items, &to[i]))
            return false;
    return true;
}

static bool s_put_log(restoring_t *restoring, copy_items_t items)
{
    store_logged_t *logged = calloc(ITEMS_PER_CALL, sizeof *logged);
    bool good = logged != NULL || s_is_bad(restoring);
    while (good && items.count > 0) {
        size_t count = 0;
        slice_t v[COPY_LOG_ITEMS];
        while (count < ITEMS_PER_CALL && s_next(&items, v, COPY_LOG_ITEMS))
            logged[count++] = (store_logged_t){
                v[0], v[1], v[2], v[4], v[5], s_number(v[3]), (uint64_t) s_number(v[6]), v[7], false
            };
        good = count > 0 ? s_heard(restoring,
                                   store_alert_log_put(restoring->keeper->store, logged, count))
                         : s_is_bad(restoring);
    }
    free(logged);
    return good;
}

// Newest first, while the section has them in order.
static bool s_put_known(restoring_t *restoring, copy_items_t items)
{
    size_t count = items.count;
    slice_t *ids = calloc(count + 1, sizeof *ids);
    bool good = ids && s_next(&items, ids, count);
    for (size_t i = 0; good && i < count / 2; i++) {
        slice_t low = ids[i];
        ids[i] = ids[count - 1 - i];
        ids[count - 1 - i] = low;
    }
    good = good || s_is_bad(restoring);
    for (size_t at = 0; good && at < count; at += IDS_PER_CALL) {
        size_t some = count - at < IDS_PER_CALL ? count - at : IDS_PER_CALL;
        good = s_heard(restoring, store_held_known_put(restoring->keeper->store, ids + at, some));
    }
    free(ids);
    return good;
}

static bool s_put_delivery(restoring_t *restoring, copy_items_t items)
{
    slice_t head[2];
    store_pair_t *states = calloc(items.count / 2 + 1, sizeof *states);
    bool good = states && s_next(&items, head, 2);
    size_t count = items.count / 2;
    for (size_t i = 0; good && i < count; i++)
        good = s_next(&items, &states[i].name, 1) && s_next(&items, &states[i].value, 1);
    good = good ? s_heard(restoring, store_held_delivery_put(restoring->keeper->store, head[0],
                                                             head[1], states, count))
                : s_is_bad(restoring);
    free(states);
    return good;
}

static bool s_put_outbox(restoring_t *restoring, copy_items_t items)
{
    store_alert_t alerts[STORE_HELD_PAGE];
    unsigned group = (unsigned) items.number;
    while (items.count > 0) {
        size_t count = 0;
        slice_t v[COPY_OUTBOX_ITEMS];
        while (count < STORE_HELD_PAGE && s_next(&items, v, COPY_OUTBOX_ITEMS))
            alerts[count++] = (store_alert_t){ v[0], v[1], v[2] };
        if (count == 0 || group >= GROUPS)
            return s_is_bad(restoring);
        if (!s_heard(restoring,
                     store_held_outbox_put(restoring->keeper->store, group, alerts, count)))
            return false;
    }
    return true;
}

// Plans always: a copied partition may name any of them. What people wrote only if all is lost: a
// Redis that is merely older is right about what it has.
static bool s_put_key(restoring_t *restoring, copy_items_t items)
{
    static const char plans[] = "{plan}:";
    slice_t inside;
    size_t count = items.count - 1;
    slice_t *content = calloc(count + 1, sizeof *content);
    bool good = content && s_next(&items, &inside, 1) && s_next(&items, content, count) &&
                copy_items_good(&items) && items.number <= STORE_SET;
    bool plan =
        good && inside.size > strlen(plans) && memcmp(inside.data, plans, strlen(plans)) == 0;
    if (!good) {
        s_is_bad(restoring);
    } else if (plan || restoring->emptied) {
        store_status_t status =
            store_held_key_put(restoring->keeper->store, inside, (store_type_t) items.number,
                               items.more, content, count);
        restoring->keys += !plan && status == STORE_OK;
        good = status == STORE_DUP || s_heard(restoring, status);
    }
    free(content);
    return good;
}

static bool s_put(restoring_t *restoring, copy_kind_t kind, copy_items_t items)
{
    switch (kind) {
    case COPY_LOG:
        return s_put_log(restoring, items);
    case COPY_KNOWN:
        return s_put_known(restoring, items);
    case COPY_DELIVERY:
        return s_put_delivery(restoring, items);
    case COPY_OUTBOX:
        return s_put_outbox(restoring, items);
    case COPY_KEY:
        return s_put_key(restoring, items);
    case COPY_HEAD:
    case COPY_PARTITION:
    case COPY_BASE:
    case COPY_JOURNAL:
    case COPY_END:
        break;
    }
    return true;
}

// All sections of a kind, the last first: so the alert log grows in order, and its ids downwards.
static bool s_put_all(restoring_t *restoring, copy_kind_t kind)
{
    for (size_t i = copy_reader_count(restoring->copy); i-- > 0;) {
        slice_t body;
        copy_items_t items;
        if (copy_reader_kind(restoring->copy, i) != kind)
            continue;
        if (keeper_is_stopped(restoring->keeper))
            return fault_set(restoring->fault, "given up");
        if (!copy_reader_body(restoring->copy, i, &body, restoring->fault))
            return false;
        if (!copy_items_read(&items, body))
            return s_is_bad(restoring);
        if (!s_put(restoring, kind, items))
            return false;
    }
    return true;
}

// ---- one partition --------------------------------------------------------------------------

static void s_on_position(void *context, unsigned partition, const store_offset_t *offset)
{
    (void) partition; // of one
    position_t *position = context;
    (void) position_add(position, offset->stream, offset->seq, offset->sent);
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
            if (!s_heard(restoring, store_base_put(store, swap->partition, swap->token, swap->base,
                                                   swap->pieces++, item)))
                return false;
        while (kind == COPY_JOURNAL && items.count > 0) {
            size_t count = 0;
            while (count < DELTAS_PER_CALL && copy_items_next(&items, &deltas[count]))
                count++;
            if (count == 0)
                return s_is_bad(restoring);
            if (!s_heard(restoring, store_held_put(store, swap->partition, swap->token,
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
        good = s_next(&items, &fields[i].name, 1) && s_next(&items, &fields[i].value, 1);
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
    store_held_swap_t swap = { .partition = partition, .base = store_id_new() };
    if (!s_heard(restoring, store_held_claim(store, partition, restoring->keeper->owner,
                                             KEEPER_LEASE_MS, &swap.token)))
        return false;
    // Nobody commits to it now: judged again, as it is.
    position_t have = { 0 };
    bool good = s_heard(
        restoring, store_held_position(store, partition, s_on_position, &have, &swap.previous));
    const position_t *copied = &copy_reader_positions(restoring->copy)[partition];
    if (good && position_judge(&have, copied, restoring->told->positions, restoring->told->count,
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

static bool s_is_any_lost(const having_t *having, const keeper_told_t *told)
{
    for (unsigned p = 0; p < PARTITIONS; p++)
        for (size_t i = 0; i < told->count; i++)
            if (position_is_lost(&having->positions[p], &told->positions[i]))
                return true;
    return false;
}

static bool s_restore_partitions(restoring_t *restoring, const having_t *having)
{
    for (unsigned p = 0; p < PARTITIONS; p++) {
        switch (position_judge(&having->positions[p], &copy_reader_positions(restoring->copy)[p],
                               restoring->told->positions, restoring->told->count,
                               restoring->emptied)) {
        case POSITION_LEAVE:
            break;
        case POSITION_STUCK:
            restoring->stuck++;
            break;
        case POSITION_RESTORE:
            if (keeper_is_stopped(restoring->keeper))
                return fault_set(restoring->fault, "given up");
            if (!s_restore(restoring, p))
                return false;
            break;
        }
    }
    return true;
}

static void s_say(restoring_t *restoring, keeper_state_t state)
{
    keeper_t *self = restoring->keeper;
    if (restoring->restored > 0 || state.emptied)
        keeper_add_note(self, LOG_WARNING,
                        state.emptied ? "Redis was empty: filled from the copy beside the stage"
                                      : "Redis held less than the log: partitions put back",
                        "partitions=%u subscribers_and_subscriptions=%" PRIu64 " copy=%" PRId64
                        " next=\"the rest is read again from the log\"",
                        restoring->restored, restoring->keys,
                        copy_reader_head(restoring->copy)->created_us);
    if (restoring->stuck > 0 && !self->stuck)
        keeper_add_note(
            self, LOG_ERROR, "partitions cannot be put back",
            "partitions=%u reason=\"neither Redis nor the copy beside the stage reaches to "
            "where the log begins\" next=\"put back an older copy of the stage, or a newer "
            "one of Redis\"",
            restoring->stuck);
    self->stuck = restoring->stuck > 0;
}

// A log from which nothing is missing can rebuild everything by itself.
static bool s_is_trimmed(const keeper_told_t *told)
{
    for (size_t i = 0; i < told->count; i++)
        if (told->positions[i].first > 1)
            return true;
    return false;
}

bool keeper_restore(keeper_t *self, const keeper_told_t *told, keeper_state_t state, fault_t *fault)
{
    if (!state.emptied && !s_is_trimmed(told))
        return true;
    __attribute__((cleanup(s_having_clear))) having_t having = { 0 };
    if (!keeper_heard(self, store_held_positions(self->store, s_on_any, &having), fault))
        return false;
    if (having.failed)
        return fault_set(fault, "out of memory, or a position of what is no stream");
    if (!state.emptied && !s_is_any_lost(&having, told))
        return self->stuck = false, true;
    owned(copy_reader_destroy) copy_reader_t *copy = keeper_open(self, told, fault);
    if (!copy)
        return false;
    restoring_t restoring = { .keeper = self, .copy = copy, .told = told, .fault = fault };
    restoring.emptied = state.emptied;
    if (!s_put_all(&restoring, COPY_KEY))
        return false;
    if ((state.emptied || state.behind) &&
        (!s_put_all(&restoring, COPY_LOG) || !s_put_all(&restoring, COPY_KNOWN) ||
         !s_put_all(&restoring, COPY_DELIVERY) || !s_put_all(&restoring, COPY_OUTBOX)))
        return false;
    if (!s_restore_partitions(&restoring, &having))
        return false;
    s_say(&restoring, state);
    return restoring.stuck == 0 ||
           fault_set(fault, "%u partitions can be put back from no copy", restoring.stuck);
}
