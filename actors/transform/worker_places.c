/*  worker_places -- which streams have a place in memory: see worker.h.
 *
 *  Redis remembers the position of every stream that ever was; here is room for those that are told
 *  now. A stream that nobody has told for a minute gives its place to one that is; its position and
 *  state stay in Redis as they are. When it is told again, partitions are read again.
 */
#include "actors/transform/worker.h"

#include <stdlib.h>

#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "proto/edition.h"

enum { ANSWER_QUEUE = 256 };

bool worker_stream_is_over(const worker_t *self, slice_t name)
{
    for (size_t i = 0; i < self->stream_count; i++)
        if (edition_supersedes(slice_text(self->streams[i].name), name))
            return true;
    return false;
}

// The one that nobody has told for the longest time, if that is long enough.
static worker_stream_t *longest_dead(worker_t *self, int64_t now_us)
{
    worker_stream_t *found = &self->streams[0];
    for (size_t i = 1; i < self->stream_count; i++)
        if (self->streams[i].seen_us < found->seen_us)
            found = &self->streams[i];
    return now_us - found->seen_us >= WORKER_DEAD_US ? found : NULL;
}

// A place for one more; those of streams that are over, or (`told`: for one that is told) dead, are
// used again, but not while a commit under way names them.
static worker_stream_t *new_place(worker_t *self, bool told)
{
    if (self->stream_count < WORKER_STREAMS_MAX)
        return &self->streams[self->stream_count++];
    worker_stream_t *place = NULL;
    if (worker_committing(self))
        return NULL;
    for (size_t i = 0; i < self->stream_count && !place; i++)
        if (self->streams[i].superseded)
            place = &self->streams[i];
    if (!place && told) {
        place = longest_dead(self, life_mono_us());
        self->displaced |= place != NULL;
    }
    if (place) {
        bus_destroy(&place->ack);
        lane_in_destroy(&place->lane);
    }
    return place;
}

// A stream is told anew under this name: nothing of its earlier editions counts any more.
static void supersede(worker_t *self, slice_t name)
{
    for (size_t i = 0; i < self->stream_count; i++) {
        worker_stream_t *old = &self->streams[i];
        if (old->superseded || !edition_supersedes(name, slice_text(old->name)))
            continue;
        old->superseded = true;
        bus_destroy(&old->ack);
        old->ack_endpoint[0] = '\0';
        for (unsigned p = 0; p < PARTITIONS; p++)
            lane_in_drop(old->lane, p);
    }
    for (unsigned p = 0; p < PARTITIONS; p++)
        if (self->holdings[p].state == HOLDING_OURS && !fold_supersede(self->fold, p, name))
            worker_forget(self, p); // no memory: read again
}

// Partitions held may have state of the stream that has a place now, or of the one that lost it.
static void read_again(worker_t *self)
{
    for (unsigned p = 0; p < PARTITIONS; p++)
        if (self->holdings[p].state == HOLDING_OURS || self->holdings[p].state == HOLDING_LEAVING)
            worker_forget(self, p);
    self->displaced = false; // until a partition is read that says otherwise
}

worker_stream_t *worker_stream_known(worker_t *self, slice_t name)
{
    for (size_t i = 0; i < self->stream_count; i++)
        if (!self->streams[i].superseded && slice_is(name, self->streams[i].name))
            return &self->streams[i];
    return NULL;
}

static worker_stream_t *add_stream(worker_t *self, slice_t name, bool told, bool *no_place)
{
    *no_place = false;
    if (name.size == 0 || name.size >= sizeof self->streams[0].name ||
        worker_stream_is_over(self, name))
        return NULL;
    lane_in_t *lane = lane_in_new();
    worker_stream_t *stream = lane ? new_place(self, told) : NULL;
    if (!stream) {
        *no_place = lane != NULL;
        lane_in_destroy(&lane);
        return NULL;
    }
    int64_t now_us = life_mono_us();
    *stream = (worker_stream_t){ .number = ++self->stream_numbers,
                                 .lane = lane,
                                 .seen_us = told ? now_us : now_us - WORKER_DEAD_US };
    memcpy(stream->name, name.data, name.size);
    supersede(self, name);
    if (told && self->displaced)
        read_again(self);
    // Partitions held already have nothing of it yet: its first record is next.
    for (unsigned p = 0; p < PARTITIONS; p++)
        if (self->holdings[p].state == HOLDING_OURS)
            lane_in_own(stream->lane, p, 0, now_us);
    return stream;
}

worker_stream_t *worker_stream(worker_t *self, slice_t name)
{
    bool no_place;
    worker_stream_t *known = worker_stream_known(self, name);
    return known ? known : add_stream(self, name, true, &no_place);
}

worker_stream_t *worker_stream_of_past(worker_t *self, slice_t name, bool *no_place)
{
    *no_place = false;
    worker_stream_t *known = worker_stream_known(self, name);
    if (!known)
        known = add_stream(self, name, false, no_place);
    self->displaced |= *no_place;
    return known;
}

// One too many. The registry is asked every second; the log is told once, and status all the time.
static void ignore_stream(worker_t *self, const store_actor_t *actor, const char *name)
{
    if (worker_stream_is_over(self, slice_text(name)) || worker_committing(self))
        return; // no stream of ours, or perhaps next time
    if (self->ignored++ == 0 && !self->ignoring)
        log_event(
            LOG_ERROR,
            "a stream is ignored, none of its rows is judged: more than 64 are told at a time; "
            "let sources share a stream, or start fewer collectors",
            "stream=%s collector=%s", name, actor->name);
}

static void meet_collector(void *context, const store_actor_t *actor)
{
    worker_t *self = context;
    const char *name = store_actor_field(actor, "stream");
    const char *endpoint = store_actor_field(actor, "ack");
    if (!name || !endpoint || strlen(endpoint) >= BUS_ENDPOINT_MAX)
        return;
    worker_stream_t *stream = worker_stream(self, slice_text(name));
    if (!stream) {
        ignore_stream(self, actor, name);
        return;
    }
    stream->seen_us = life_mono_us();
    const char *head = store_actor_field(actor, "last_seq");
    stream->head = head ? strtoull(head, NULL, 10) : 0;
    if (strcmp(stream->ack_endpoint, endpoint) == 0)
        return;
    bus_destroy(&stream->ack);
    fault_t fault;
    stream->ack = bus_connect(BUS_PUSH, DOOR_ACK, endpoint, ANSWER_QUEUE, &fault);
    if (!stream->ack) {
        log_event(LOG_WARNING, "cannot answer a collector", "stream=%s reason=%s", name,
                  log_quote(fault.text));
        return;
    }
    strcpy(stream->ack_endpoint, endpoint);
    stream->mark_count = 0; // marks of its earlier life mean nothing to it
    log_event(LOG_INFO, "following stream", "stream=%s endpoint=%s", name, endpoint);
}

uint64_t worker_behind(const worker_t *self)
{
    uint64_t most = 0;
    for (size_t i = 0; i < self->stream_count; i++) {
        const worker_stream_t *stream = &self->streams[i];
        for (unsigned p = 0; p < PARTITIONS && !stream->superseded; p++) {
            uint64_t position = lane_in_position(stream->lane, p);
            if (self->holdings[p].state == HOLDING_OURS && stream->head > position + most)
                most = stream->head - position;
        }
    }
    return most;
}

void worker_meet_collectors(worker_t *self, int64_t now_us)
{
    (void) now_us;
    self->ignoring = self->ignored > 0;
    self->ignored = 0;
    (void) store_actors(self->store, "collector", meet_collector, self); // Redis away: next time
}
