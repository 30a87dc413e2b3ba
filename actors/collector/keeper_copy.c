/*  keeper_copy -- making a copy of Redis: see keeper.h. Runs in the keeper's thread.
 *
 *  In the order that broker/store_held.h asks for, one partition in memory at a time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "actors/collector/keeper_inside.h"
#include "broker/held/copy_writer.h"
#include "broker/held/partition_fields.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

enum {
    TOLD_MS = 10000, // the loop tells once a second
    TOLD_LOOK_MS = 100,
};

typedef struct {
    keeper_t *keeper;
    copy_writer_t *writer;
    unsigned partition; // being copied
    buffer_t body;      // section being made
    bool open;          // it holds something
    copy_kind_t kind;
    copy_list_t list;
    uint64_t log_bytes;
    position_t positions[PARTITIONS];
    store_id_t mark; // in the Redis that is copied
    char large[64];  // the name of a key that does not fit into a section, as far as there is room
    bool failed;     // no memory
} copying_t;

static void s_copying_clear(copying_t *copying)
{
    copy_writer_destroy(&copying->writer);
    buffer_destroy(&copying->body);
    for (unsigned p = 0; p < PARTITIONS; p++)
        position_clear(&copying->positions[p]);
}

// ---- sections -------------------------------------------------------------------------------

static void s_begin(copying_t *copying, copy_kind_t kind, uint64_t number, uint64_t more)
{
    copying->kind = kind;
    copying->open = true;
    copying->list = copy_list_begin(&copying->body, number, more);
}

static void s_end(copying_t *copying)
{
    if (!copying->open)
        return;
    copying->open = false;
    copy_list_end(&copying->list);
    (void) copy_writer_put(copying->writer, copying->kind, &copying->body); // latched
}

// Items of a list that may go on in the next section: there is room for those that belong together.
static void s_go_on(copying_t *copying, copy_kind_t kind, uint64_t number)
{
    if (copying->open && copying->body.size >= COPY_SECTION_BYTES_AIM)
        s_end(copying);
    if (!copying->open)
        s_begin(copying, kind, number, 0);
}

static void s_add(copying_t *copying, slice_t item)
{
    copy_list_add(&copying->list, item);
}

static void s_add_number(copying_t *copying, const char *format, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, format, number);
    s_add(copying, slice_text(text));
}

// ---- partitions -----------------------------------------------------------------------------

static void s_on_fields(void *context, const store_pair_t *fields, size_t count)
{
    copying_t *copying = context;
    s_begin(copying, COPY_PARTITION, copying->partition, 0);
    for (size_t i = 0; i < count; i++) {
        s_add(copying, fields[i].name);
        s_add(copying, fields[i].value);
    }
    copy_list_end(&copying->list);
    copy_items_t items;
    partition_fields_t read;
    copying->failed |=
        copying->body.failed || !copy_items_read(&items, buffer_slice(&copying->body)) ||
        !partition_fields_read(&read, items, &copying->positions[copying->partition]);
    s_end(copying);
}

static void s_on_piece(void *context, slice_t bytes)
{
    copying_t *copying = context;
    s_go_on(copying, COPY_BASE, copying->partition);
    s_add(copying, bytes);
}

static void s_on_delta(void *context, slice_t bytes)
{
    copying_t *copying = context;
    if (copying->open && copying->kind == COPY_BASE)
        s_end(copying);
    s_go_on(copying, COPY_JOURNAL, copying->partition);
    s_add(copying, bytes);
}

static bool s_copy_partitions(copying_t *copying, fault_t *fault)
{
    static const store_held_t visit = { s_on_fields, s_on_piece, s_on_delta };
    keeper_t *self = copying->keeper;
    for (unsigned p = 0; p < PARTITIONS && !keeper_is_stopped(self); p++) {
        copying->partition = p;
        if (!keeper_heard(self, store_held_partition(self->store, p, &visit, copying), fault))
            return false;
        s_end(copying);
    }
    return true;
}

// ---- outboxes and the alert log -------------------------------------------------------------

static void s_on_entry(void *context, const store_entry_t *entry)
{
    copying_t *copying = context;
    s_go_on(copying, COPY_OUTBOX, entry->group);
    s_add(copying, entry->id);
    s_add(copying, entry->topic);
    s_add(copying, entry->body);
}

static bool s_copy_outboxes(copying_t *copying, fault_t *fault)
{
    keeper_t *self = copying->keeper;
    for (unsigned group = 0; group < GROUPS; group++) {
        store_walk_t walk = { .begun = false };
        while (!walk.over && !keeper_is_stopped(self))
            if (!keeper_heard(
                    self, store_held_outbox(self->store, group, &walk, s_on_entry, copying), fault))
                return false;
        s_end(copying);
    }
    return true;
}

static void s_on_logged(void *context, const char *at, const store_logged_t *logged)
{
    (void) at;
    copying_t *copying = context;
    if (!copying->open)
        s_begin(copying, COPY_LOG, 0, 0);
    s_add(copying, logged->id);
    s_add(copying, logged->rule);
    s_add(copying, logged->series);
    char ts[24];
    snprintf(ts, sizeof ts, "%" PRId64, logged->ts_us);
    s_add(copying, slice_text(ts));
    s_add(copying, logged->severity);
    s_add(copying, logged->topic);
    s_add_number(copying, "%" PRIu64, logged->seq);
    s_add(copying, logged->body);
}

static bool s_copy_log(copying_t *copying, fault_t *fault)
{
    keeper_t *self = copying->keeper;
    char before[OUTBOX_ID_MAX] = "";
    size_t count = STORE_HELD_PAGE;
    while (count == STORE_HELD_PAGE && copying->log_bytes < KEEPER_LOG_BYTES &&
           !keeper_is_stopped(self)) {
        if (!keeper_heard(self, store_held_log(self->store, before, s_on_logged, copying, &count),
                          fault))
            return false;
        copying->log_bytes += copying->body.size;
        s_end(copying); // a page is a section: pages come newest first
    }
    return true;
}

static void s_on_known(void *context, slice_t id)
{
    copying_t *copying = context;
    s_go_on(copying, COPY_KNOWN, 0);
    s_add(copying, id);
}

static bool s_copy_known(copying_t *copying, fault_t *fault)
{
    keeper_t *self = copying->keeper;
    store_walk_t walk = { .begun = false };
    while (!walk.over && !keeper_is_stopped(self))
        if (!keeper_heard(self, store_held_known(self->store, &walk, s_on_known, copying), fault))
            return false;
    s_end(copying);
    return true;
}

// ---- everything else ------------------------------------------------------------------------

static void s_on_key(void *context, slice_t inside, store_type_t type, uint64_t expires_ms,
                     const slice_t *content, size_t count)
{
    copying_t *copying = context;
    s_begin(copying, COPY_KEY, (uint64_t) type, expires_ms);
    s_add(copying, inside);
    for (size_t i = 0; i < count; i++)
        s_add(copying, content[i]);
    if (copying->body.size > COPY_SECTION_BYTES_MAX || count >= COPY_ITEMS_MAX)
        snprintf(copying->large, sizeof copying->large, "%.*s", (int) inside.size,
                 (const char *) inside.data);
    s_end(copying);
}

static void s_on_delivery(void *context, slice_t alert_id, slice_t body, const store_pair_t *states,
                          size_t count)
{
    copying_t *copying = context;
    s_begin(copying, COPY_DELIVERY, 0, 0);
    s_add(copying, alert_id);
    s_add(copying, body);
    for (size_t i = 0; i < count; i++) {
        s_add(copying, states[i].name);
        s_add(copying, states[i].value);
    }
    s_end(copying);
}

static bool s_copy_rest(copying_t *copying, fault_t *fault)
{
    keeper_t *self = copying->keeper;
    const store_held_rest_t visit = { copying, s_on_key, s_on_delivery };
    char cursor[32] = "0";
    do {
        if (!keeper_heard(self, store_held_rest(self->store, cursor, &visit), fault))
            return false;
    } while (strcmp(cursor, "0") != 0 && !keeper_is_stopped(self));
    return true;
}

// ---- refused rows ---------------------------------------------------------------------------

static void s_on_refused(void *context, slice_t source, uint64_t total, slice_t reason,
                         const store_refused_t *streams, size_t count)
{
    copying_t *copying = context;
    s_begin(copying, COPY_REFUSED, total, 0);
    s_add(copying, source);
    s_add(copying, reason);
    for (size_t i = 0; i < count; i++) {
        s_add(copying, streams[i].stream);
        s_add(copying, streams[i].floor);
        s_add(copying, streams[i].places);
    }
    s_end(copying);
}

static void s_on_rows(void *context, slice_t source, const store_refused_row_t *rows, size_t count)
{
    copying_t *copying = context;
    s_begin(copying, COPY_ROWS, 0, 0);
    s_add(copying, source);
    for (size_t i = 0; i < count; i++) {
        s_add(copying, rows[i].stream);
        s_add(copying, rows[i].seq);
        s_add(copying, rows[i].row);
        s_add(copying, rows[i].reason);
        s_add(copying, rows[i].snippet);
    }
    s_end(copying);
}

static bool s_copy_refused(copying_t *copying, fault_t *fault)
{
    const store_held_refused_t visit = { copying, s_on_refused, s_on_rows };
    return keeper_heard(copying->keeper, store_held_refused(copying->keeper->store, &visit), fault);
}

// ---- the whole ------------------------------------------------------------------------------

static bool s_has_room(const keeper_t *self, fault_t *fault)
{
    struct statvfs disk;
    uint64_t wanted = KEEPER_SPARE_BYTES;
    if (self->kept_count > 0)
        wanted += self->kept[0].bytes;
    if (statvfs(self->root, &disk) != 0 || (uint64_t) disk.f_bavail * disk.f_frsize >= wanted)
        return true; // what cannot be asked is tried
    return fault_set(fault, "less than %" PRIu64 " MB are free at %s: no copy of Redis is made",
                     wanted >> 20, self->root);
}

// Every log was told since floors were lowered: nothing is on its way any more.
static bool s_are_told(const keeper_t *self)
{
    for (size_t i = 0; i < KEEPER_STREAMS_MAX; i++)
        if (self->told[i] && self->tellings[i] == self->lowered[i])
            return false;
    return true;
}

static bool s_wait_told(keeper_t *self, fault_t *fault)
{
    int64_t until_us = life_mono_us() + TOLD_MS * 1000;
    pthread_mutex_lock(&self->lock);
    bool told = s_are_told(self);
    while (!told && !self->stop && life_mono_us() < until_us) {
        struct timespec next;
        clock_gettime(CLOCK_MONOTONIC, &next);
        next.tv_nsec += TOLD_LOOK_MS * 1000000;
        next.tv_sec += next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        (void) pthread_cond_timedwait(&self->wake, &self->lock, &next);
        told = s_are_told(self);
    }
    pthread_mutex_unlock(&self->lock);
    return told || fault_set(fault, "the log cannot be asked how far it reaches back");
}

// Do all logs reach down to what was read? It stays so: none of ours is trimmed beyond it from now
// on, and what had been accepted before is waited for.
static bool s_is_reached(copying_t *copying, fault_t *fault)
{
    keeper_t *self = copying->keeper;
    keeper_told_t told;
    if (!keeper_lower(self, copying->positions))
        return fault_set(fault, "out of memory");
    if (!s_wait_told(self, fault))
        return false;
    keeper_told(self, &told);
    if (!keeper_told_others(self, &told, fault))
        return false;
    for (size_t i = 0; i < told.position_count; i++)
        for (unsigned p = 0; p < PARTITIONS; p++)
            if (position_is_lost(&copying->positions[p], &told.positions[i]))
                return fault_set(fault, "Redis holds less than the log of %s begins with",
                                 told.positions[i].stream);
    return true;
}

static bool s_is_same(keeper_t *self, store_status_t status, fault_t *fault)
{
    if (status == STORE_STALE)
        return fault_set(fault, "Redis lost what it held while it was copied");
    return keeper_heard(self, status, fault);
}

// Is this still the Redis that we began to copy? One that was emptied or rolled back in between has
// outboxes that are older than partitions that were read before. (A roll-back takes the connection
// with it; emptied, our mark is missing.)
static bool s_is_whole(copying_t *copying, uint64_t epoch, fault_t *fault)
{
    keeper_t *self = copying->keeper;
    if (copying->failed)
        return fault_set(fault, "out of memory, or a partition whose fields are none of ours");
    if (copying->large[0])
        return fault_set(fault, "a key of Redis is too large for a copy: %s", copying->large);
    if (!s_is_same(self, store_held_marked(self->store, self->collector, copying->mark), fault))
        return false;
    if (store_epoch(self->store) != epoch)
        return fault_set(fault, "Redis went away while it was copied");
    return s_is_reached(copying, fault);
}

static bool s_read_all(copying_t *copying, const keeper_seen_t *seen, fault_t *fault)
{
    keeper_t *self = copying->keeper;
    copying->mark = store_id_new();
    if (!s_is_same(self,
                   store_held_begin(self->store, self->collector, seen->id, copying->mark, "-"),
                   fault))
        return false;
    uint64_t epoch = store_epoch(self->store);
    if (!s_copy_partitions(copying, fault) || !s_copy_outboxes(copying, fault) ||
        !s_copy_known(copying, fault) || !s_copy_log(copying, fault) ||
        !s_copy_rest(copying, fault) || !s_copy_refused(copying, fault) ||
        !s_is_whole(copying, epoch, fault))
        return false;
    return !keeper_is_stopped(self) || fault_set(fault, "given up");
}

// Tell this Redis, and other keepers through it. One that lost everything meanwhile is not told,
// and so known by the missing note; the copy is of what it was.
static bool s_tell(copying_t *copying, fault_t *fault)
{
    keeper_t *self = copying->keeper;
    char note[STORE_HELD_NOTE_MAX + 1];
    return keeper_note(self, false, note, fault) &&
           s_is_same(self, store_held_end(self->store, self->collector, copying->mark, note),
                     fault);
}

static bool s_begin_file(copying_t *copying, int64_t *created_us, fault_t *fault)
{
    keeper_t *self = copying->keeper;
    copy_head_t head = { .created_us = life_wall_us() };
    keeper_told_t told;
    keeper_told(self, &told);
    if (!s_has_room(self, fault))
        return false;
    if (!life_random(head.id, sizeof head.id))
        return fault_set(fault, "the kernel has no random bytes");
    if (self->kept_count > 0 && head.created_us <= self->kept[0].created_us)
        head.created_us = self->kept[0].created_us + 1; // the clock went back
    for (size_t i = 0; i < told.count; i++) {
        snprintf(head.logs[i].stream, sizeof head.logs[i].stream, "%s", told.logs[i].stream);
        head.logs[i].mark = told.logs[i].mark;
    }
    head.log_count = told.count;
    *created_us = head.created_us;
    copying->writer = copy_writer_new(self->root, self->namespace, self->collector, &head, fault);
    return copying->writer != NULL;
}

bool keeper_copy(keeper_t *self, const keeper_seen_t *seen, fault_t *fault)
{
    __attribute__((cleanup(s_copying_clear))) copying_t copying = { .keeper = self };
    int64_t created_us = 0;
    return s_begin_file(&copying, &created_us, fault) && s_read_all(&copying, seen, fault) &&
           copy_writer_finish(copying.writer, fault) && keeper_learn(self, created_us, fault) &&
           s_tell(&copying, fault);
}
