/*  keeper_put -- putting back what stands in no partition: see keeper.h. Runs in the keeper's
 *  thread. Whatever is there already stays as it is, so that all of this may be repeated.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/collector/keeper_inside.h"
#include "broker/held/ids.h"
#include "proto/owned.h"

enum {
    ITEMS_PER_CALL = 1000,
    IDS_PER_CALL = 10000,
};

typedef struct {
    keeper_t *keeper;
    copy_reader_t *copy;
    bool emptied;
    uint64_t *people;
    unsigned group; // whose outbox was read last
    store_walk_t walk;
    ids_t there;
    bool failed; // no memory
    fault_t *fault;
} putting_t;

static void s_putting_clear(putting_t *putting)
{
    ids_clear(&putting->there);
}

static bool s_heard(putting_t *putting, store_status_t status)
{
    return keeper_heard(putting->keeper, status, putting->fault);
}

static bool s_is_bad(putting_t *putting)
{
    return fault_set(putting->fault, "a section of the copy of Redis changed, or no memory");
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

static bool s_put_log(putting_t *putting, copy_items_t items)
{
    store_logged_t *logged = calloc(ITEMS_PER_CALL, sizeof *logged);
    bool good = logged != NULL || s_is_bad(putting);
    while (good && items.count > 0) {
        size_t count = 0;
        slice_t v[COPY_LOG_ITEMS];
        while (count < ITEMS_PER_CALL && s_next(&items, v, COPY_LOG_ITEMS))
            logged[count++] = (store_logged_t){
                v[0], v[1], v[2], v[4], v[5], s_number(v[3]), (uint64_t) s_number(v[6]), v[7], false
            };
        good = count > 0
                   ? s_heard(putting, store_alert_log_put(putting->keeper->store, logged, count))
                   : s_is_bad(putting);
    }
    free(logged);
    return good;
}

// Newest first, while the section has them in order.
static bool s_put_known(putting_t *putting, copy_items_t items)
{
    size_t count = items.count;
    slice_t *ids = calloc(count + 1, sizeof *ids);
    bool good = ids && s_next(&items, ids, count);
    for (size_t i = 0; good && i < count / 2; i++) {
        slice_t low = ids[i];
        ids[i] = ids[count - 1 - i];
        ids[count - 1 - i] = low;
    }
    good = good || s_is_bad(putting);
    for (size_t at = 0; good && at < count; at += IDS_PER_CALL) {
        size_t some = count - at < IDS_PER_CALL ? count - at : IDS_PER_CALL;
        good = s_heard(putting, store_held_known_put(putting->keeper->store, ids + at, some));
    }
    free(ids);
    return good;
}

static bool s_put_delivery(putting_t *putting, copy_items_t items)
{
    slice_t head[2];
    store_pair_t *states = calloc(items.count / 2 + 1, sizeof *states);
    bool good = states && s_next(&items, head, 2);
    size_t count = items.count / 2;
    for (size_t i = 0; good && i < count; i++)
        good = s_next(&items, &states[i].name, 1) && s_next(&items, &states[i].value, 1);
    good = good ? s_heard(putting, store_held_delivery_put(putting->keeper->store, head[0], head[1],
                                                           states, count))
                : s_is_bad(putting);
    free(states);
    return good;
}

static void s_on_entry(void *context, const store_entry_t *entry)
{
    putting_t *putting = context;
    putting->failed |= entry->id.size > 0 && !ids_add(&putting->there, entry->id);
}

// Which alerts has the outbox by now? What stood there at the last call is known already.
static bool s_read_outbox(putting_t *putting, unsigned group)
{
    if (putting->group != group) {
        ids_clear(&putting->there);
        putting->group = group;
        putting->walk = (store_walk_t){ .begun = false };
    }
    putting->walk.begun = putting->walk.over = false; // on from where it ended
    while (!putting->walk.over)
        if (!s_heard(putting, store_held_outbox(putting->keeper->store, group, &putting->walk,
                                                s_on_entry, putting)))
            return false;
    return !putting->failed || fault_set(putting->fault, "out of memory");
}

static bool s_put_outbox(putting_t *putting, copy_items_t items)
{
    store_alert_t alerts[STORE_HELD_PAGE];
    if (items.number >= GROUPS)
        return s_is_bad(putting);
    unsigned group = (unsigned) items.number;
    while (items.count > 0) {
        size_t count = 0, left = STORE_HELD_PAGE;
        slice_t v[COPY_OUTBOX_ITEMS];
        if (!s_read_outbox(putting, group))
            return false;
        while (left > 0 && s_next(&items, v, COPY_OUTBOX_ITEMS)) {
            left--;
            if (!ids_has(&putting->there, v[0]))
                alerts[count++] = (store_alert_t){ v[0], v[1], v[2] };
        }
        if (left == STORE_HELD_PAGE)
            return s_is_bad(putting);
        if (count > 0 &&
            !s_heard(putting, store_held_outbox_put(putting->keeper->store, group,
                                                    putting->walk.after, alerts, count)))
            return false;
    }
    return true;
}

// Plans always: a copied partition may name any of them. What people wrote only if all is lost: a
// Redis that is merely older is right about what it has.
static bool s_put_key(putting_t *putting, copy_items_t items)
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
        s_is_bad(putting);
    } else if (plan || putting->emptied) {
        store_status_t status =
            store_held_key_put(putting->keeper->store, inside, (store_type_t) items.number,
                               items.more, content, count);
        *putting->people += !plan && status == STORE_OK;
        good = status == STORE_DUP || s_heard(putting, status);
    }
    free(content);
    return good;
}

static bool s_put_refused(putting_t *putting, copy_items_t items)
{
    slice_t head[2], v[COPY_REFUSED_ITEMS];
    uint64_t total = items.number;
    size_t count = 0;
    store_refused_t *streams = calloc(items.count / COPY_REFUSED_ITEMS + 1, sizeof *streams);
    bool good = streams && s_next(&items, head, 2);
    while (good && items.count > 0 && (good = s_next(&items, v, COPY_REFUSED_ITEMS)))
        streams[count++] = (store_refused_t){ v[0], v[1], v[2] };
    good = good ? s_heard(putting, store_held_refused_put(putting->keeper->store, head[0], total,
                                                          head[1], streams, count))
                : s_is_bad(putting);
    free(streams);
    return good;
}

static bool s_put_rows(putting_t *putting, copy_items_t items)
{
    slice_t source, v[COPY_ROW_ITEMS];
    size_t count = 0;
    store_refused_row_t *rows = calloc(items.count / COPY_ROW_ITEMS + 1, sizeof *rows);
    bool good = rows && s_next(&items, &source, 1);
    while (good && items.count > 0 && (good = s_next(&items, v, COPY_ROW_ITEMS)))
        rows[count++] = (store_refused_row_t){ v[0], v[1], v[2], v[3], v[4] };
    good = good ? s_heard(putting,
                          store_held_refused_rows_put(putting->keeper->store, source, rows, count))
                : s_is_bad(putting);
    free(rows);
    return good;
}

static bool s_put(putting_t *putting, copy_kind_t kind, copy_items_t items)
{
    switch (kind) {
    case COPY_LOG:
        return s_put_log(putting, items);
    case COPY_KNOWN:
        return s_put_known(putting, items);
    case COPY_DELIVERY:
        return s_put_delivery(putting, items);
    case COPY_OUTBOX:
        return s_put_outbox(putting, items);
    case COPY_KEY:
        return s_put_key(putting, items);
    case COPY_REFUSED:
        return s_put_refused(putting, items);
    case COPY_ROWS:
        return s_put_rows(putting, items);
    case COPY_HEAD:
    case COPY_PARTITION:
    case COPY_BASE:
    case COPY_JOURNAL:
    case COPY_END:
        break;
    }
    return true;
}

// All sections of a kind. Of the alert log the last first: so it grows in order, and its ids
// downwards.
static bool s_put_all(putting_t *putting, copy_kind_t kind)
{
    bool back = kind == COPY_LOG || kind == COPY_KNOWN;
    size_t sections = copy_reader_count(putting->copy);
    for (size_t n = 0; n < sections; n++) {
        size_t i = back ? sections - 1 - n : n;
        slice_t body;
        copy_items_t items;
        if (copy_reader_kind(putting->copy, i) != kind)
            continue;
        if (keeper_is_stopped(putting->keeper))
            return fault_set(putting->fault, "given up");
        if (!copy_reader_body(putting->copy, i, &body, putting->fault))
            return false;
        if (!copy_items_read(&items, body))
            return s_is_bad(putting);
        if (!s_put(putting, kind, items))
            return false;
    }
    return true;
}

bool keeper_put(keeper_t *self, copy_reader_t *copy, bool emptied, uint64_t *people, fault_t *fault)
{
    __attribute__((cleanup(s_putting_clear))) putting_t putting = {
        .keeper = self, .copy = copy, .emptied = emptied, .people = people, .fault = fault
    };
    putting.group = GROUPS; // none yet
    return s_put_all(&putting, COPY_KEY) && s_put_all(&putting, COPY_LOG) &&
           s_put_all(&putting, COPY_KNOWN) && s_put_all(&putting, COPY_DELIVERY) &&
           s_put_all(&putting, COPY_REFUSED) && s_put_all(&putting, COPY_ROWS) &&
           s_put_all(&putting, COPY_OUTBOX);
}
