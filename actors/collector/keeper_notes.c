/*  keeper_notes -- what collectors tell each other through Redis of their copies and logs, and how
 *  far a log may be trimmed therefore: see keeper.h. Runs in the keeper's thread, except for
 *  keeper_publish, which both call.
 *
 *  A note is `<id of the newest copy> <when, us>`, then ` <stream>=<record>` for what both copies
 *  have of it; or ` settling` as long as this Redis, which had lost everything, has not been copied
 *  since: the notes of others may be missing.
 */
#include "actors/collector/keeper_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/runtime/life.h"
#include "proto/owned.h"

enum {
    // A collector that has made no copy for so long has gone for good, and one whose clock is so
    // far ahead has a wrong one: nobody waits for them.
    OTHERS_STALE_S = 24 * 3600,
};

static const char settling[] = " settling";

// ---- floors ---------------------------------------------------------------------------------

// What both copies have. Nothing while there is only one, which a flipped bit could take.
static bool s_floors(const keeper_t *self, position_t *floors)
{
    if (self->kept_count < KEEPER_COPIES)
        return true;
    for (size_t i = 0; i < self->kept[0].floors.count; i++) {
        const position_offset_t *a = &self->kept[0].floors.offsets[i];
        const position_offset_t *b = position_find(&self->kept[1].floors, a->stream);
        uint64_t lowest = b && b->seq < a->seq ? b->seq : a->seq;
        if (b && !position_add(floors, slice_text(a->stream), lowest, 0))
            return false;
    }
    return true;
}

// With the lock held. From now on the loop accepts nothing above; what it accepted before, its next
// telling says.
static void s_replace_floors(keeper_t *self, position_t *floors)
{
    bool lowered = false;
    for (size_t i = 0; i < self->floors.count; i++) {
        const position_offset_t *before = &self->floors.offsets[i];
        const position_offset_t *after = position_find(floors, before->stream);
        lowered |= !after || after->seq < before->seq;
    }
    if (lowered)
        memcpy(self->lowered, self->tellings, sizeof self->lowered);
    position_clear(&self->floors);
    self->floors = *floors;
    *floors = (position_t){ 0 };
}

void keeper_publish(keeper_t *self, position_t *floors)
{
    position_t none = { 0 };
    pthread_mutex_lock(&self->lock);
    s_replace_floors(self, floors ? floors : &none);
    self->created_us = self->kept_count > 0 ? self->kept[0].created_us : 0;
    self->bytes = 0;
    for (size_t i = 0; i < self->kept_count; i++)
        self->bytes += self->kept[i].bytes;
    pthread_mutex_unlock(&self->lock);
}

bool keeper_lower(keeper_t *self, const position_t positions[PARTITIONS])
{
    position_t floors = { 0 };
    bool good = true;
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; good && i < self->floors.count; i++) {
        const position_offset_t *now = &self->floors.offsets[i];
        uint64_t floor = position_floor(positions, now->stream);
        good =
            position_add(&floors, slice_text(now->stream), floor < now->seq ? floor : now->seq, 0);
    }
    if (good)
        s_replace_floors(self, &floors);
    pthread_mutex_unlock(&self->lock);
    position_clear(&floors);
    return good;
}

// ---- notes ----------------------------------------------------------------------------------

// What a note does not name, or is not read as that, is 0.
static uint64_t s_floor_in(const char *note, const char *stream)
{
    size_t size = strlen(stream);
    for (const char *at = note; (at = strchr(at, ' '));) {
        at++;
        if (strncmp(at, stream, size) == 0 && at[size] == '=')
            return strtoull(at + size + 1, NULL, 10);
    }
    return 0;
}

static void s_on_note(void *context, slice_t collector, slice_t bytes)
{
    keeper_seen_t *seen = context;
    const keeper_t *self = seen->keeper;
    char note[STORE_HELD_NOTE_MAX + 1], id[STORE_HELD_ID_MAX + 1] = "";
    long long created_us = 0;
    if (bytes.size >= sizeof note)
        bytes.size = sizeof note - 1;
    if (bytes.size > 0)
        memcpy(note, bytes.data, bytes.size);
    note[bytes.size] = '\0';
    int read = sscanf(note, "%32s %lld", id, &created_us);
    if (slice_is(collector, self->collector)) {
        strcpy(seen->id, id);
        seen->settling = strstr(note, settling) != NULL;
        return;
    }
    if (read != 2 || llabs(life_wall_us() - created_us) > (int64_t) OTHERS_STALE_S * 1000000)
        return; // it has no copy
    for (size_t i = 0; i < seen->floors.count; i++) {
        position_offset_t *floor = &seen->floors.offsets[i];
        uint64_t theirs = s_floor_in(note, floor->stream);
        floor->seq = theirs < floor->seq ? theirs : floor->seq;
    }
}

bool keeper_look(keeper_t *self, keeper_seen_t *seen, fault_t *fault)
{
    *seen = (keeper_seen_t){ .keeper = self };
    if (!s_floors(self, &seen->floors))
        return fault_set(fault, "out of memory");
    if (!keeper_heard(self, store_held_notes(self->store, s_on_note, seen), fault))
        return false;
    seen->emptied = self->had && !seen->id[0];
    if (seen->emptied || seen->settling)
        position_clear(&seen->floors);
    return true;
}

void keeper_seen_clear(keeper_seen_t *seen)
{
    position_clear(&seen->floors);
}

bool keeper_note(const keeper_t *self, bool settles, char note[STORE_HELD_NOTE_MAX + 1],
                 fault_t *fault)
{
    position_t floors = { 0 };
    bool good = settles || s_floors(self, &floors);
    const kept_t *newest = &self->kept[0];
    size_t used = (size_t) snprintf(
        note, STORE_HELD_NOTE_MAX + 1, "%s %" PRId64 "%s", self->kept_count > 0 ? newest->id : "-",
        self->kept_count > 0 ? newest->created_us : 0, settles ? settling : "");
    for (size_t i = 0; i < floors.count; i++) {
        char text[EDITION_NAME_MAX + 32];
        int size = snprintf(text, sizeof text, " %s=%" PRIu64, floors.offsets[i].stream,
                            floors.offsets[i].seq);
        if (used + (size_t) size <= STORE_HELD_NOTE_MAX) { // else nobody trims it
            memcpy(note + used, text, (size_t) size + 1);
            used += (size_t) size;
        }
    }
    position_clear(&floors);
    return good || fault_set(fault, "out of memory");
}

// ---- logs -----------------------------------------------------------------------------------

static uint64_t s_number(const store_actor_t *actor, const char *field)
{
    const char *text = store_actor_field(actor, field);
    return text ? strtoull(text, NULL, 10) : 0;
}

static void s_on_collector(void *context, const store_actor_t *actor)
{
    keeper_told_t *told = context;
    const char *stream = store_actor_field(actor, "stream");
    uint64_t first = s_number(actor, "first_seq"), begin = s_number(actor, "begin_seq");
    if (!stream || strlen(stream) > EDITION_NAME_MAX || first == 0 || begin == 0 ||
        told->position_count == KEEPER_LOGS_MAX)
        return; // one that says nothing of it
    for (size_t i = 0; i < told->count; i++) {
        slice_t name;
        uint64_t edition;
        edition_split(slice_text(stream), &name, &edition);
        if (slice_is(name, told->logs[i].stream))
            return; // ours, and nobody knows better
    }
    position_log_t *log = &told->positions[told->position_count++];
    *log = (position_log_t){ .first = first, .begin = begin };
    strcpy(log->stream, stream);
}

bool keeper_told_others(keeper_t *self, keeper_told_t *told, fault_t *fault)
{
    return keeper_heard(self, store_actors(self->store, "collector", s_on_collector, told), fault);
}
