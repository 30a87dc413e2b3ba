/*  lane_in -- the worker's end of a lane: see lane.h. Pure. */
#include <assert.h>
#include <stdlib.h>

#include "broker/lane.h"

enum { HELD_MAX = 1024 }; // messages in the reorder buffer

typedef struct {
    lane_span_t span;
    uint8_t *bytes;
    size_t size;
} held_t;

struct lane_in {
    partitions_t owned;
    uint64_t position[PARTITIONS];
    int64_t heard_us[PARTITIONS]; // when a message last covered it
    int64_t early_us[PARTITIONS]; // since when a gap is open; 0 = none
    int64_t asked_us[PARTITIONS]; // last NEED
    int64_t again_us[PARTITIONS]; // not again within
    size_t held_count, held_bytes;
    held_t held[HELD_MAX]; // in order of span.from
    uint8_t *given;        // bytes of the message released last
};

lane_in_t *lane_in_new(void)
{
    return calloc(1, sizeof(lane_in_t));
}

void lane_in_destroy(lane_in_t **self_p)
{
    lane_in_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->held_count; i++)
        free(self->held[i].bytes);
    free(self->given);
    free(self);
    *self_p = NULL;
}

void lane_in_own(lane_in_t *self, unsigned partition, uint64_t position, int64_t now_us)
{
    assert(partition < PARTITIONS);
    partitions_add(&self->owned, partition);
    self->position[partition] = position;
    // As if it had been quiet for long already: the first question goes out at once.
    self->heard_us[partition] = now_us - (int64_t) LANE_UNREAD_TIMES * LANE_QUIET_US;
    self->asked_us[partition] = now_us - LANE_CALM_US;
    self->again_us[partition] = LANE_AGAIN_US;
    self->early_us[partition] = 0;
}

void lane_in_drop(lane_in_t *self, unsigned partition)
{
    assert(partition < PARTITIONS);
    partitions_remove(&self->owned, partition);
}

uint64_t lane_in_position(const lane_in_t *self, unsigned partition)
{
    return self->position[partition];
}

void lane_in_sort(lane_in_t *self, const lane_span_t *span, int64_t now_us, partitions_t *ready,
                  partitions_t *early)
{
    memset(ready, 0, sizeof *ready);
    memset(early, 0, sizeof *early);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (!partitions_has(&self->owned, p) || !partitions_has(&span->partitions, p))
            continue;
        self->heard_us[p] = now_us;
        if (span->from > self->position[p] + 1) {
            partitions_add(early, p);
            if (self->early_us[p] == 0)
                self->early_us[p] = now_us;
        } else if (span->to > self->position[p]) {
            partitions_add(ready, p);
        }
    }
}

void lane_in_applied(lane_in_t *self, const lane_span_t *span, const partitions_t *partitions)
{
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (!partitions_has(partitions, p) || !partitions_has(&self->owned, p))
            continue;
        assert(span->from <= self->position[p] + 1);
        self->position[p] = span->to;
        self->early_us[p] = 0; // if a later gap remains, the next message says so
    }
}

bool lane_in_hold(lane_in_t *self, const lane_span_t *span, slice_t frame)
{
    if (self->held_count == HELD_MAX || self->held_bytes + frame.size > LANE_HOLD_BYTES_MAX)
        return false;
    uint8_t *copy = malloc(frame.size ? frame.size : 1);
    if (!copy)
        return false;
    memcpy(copy, frame.data, frame.size);
    size_t at = self->held_count;
    while (at > 0 && self->held[at - 1].span.from > span->from)
        at--;
    memmove(&self->held[at + 1], &self->held[at], (self->held_count - at) * sizeof(held_t));
    self->held[at] = (held_t){ .span = *span, .bytes = copy, .size = frame.size };
    self->held_count++;
    self->held_bytes += frame.size;
    return true;
}

static void held_remove(lane_in_t *self, size_t index)
{
    self->held_bytes -= self->held[index].size;
    self->held_count--;
    memmove(&self->held[index], &self->held[index + 1],
            (self->held_count - index) * sizeof(held_t));
}

// Can any of our partitions take it now, and might one need it later?
static void span_use(const lane_in_t *self, const lane_span_t *span, bool *now, bool *later)
{
    *now = *later = false;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (!partitions_has(&self->owned, p) || !partitions_has(&span->partitions, p))
            continue;
        if (span->from > self->position[p] + 1)
            *later = true;
        else if (span->to > self->position[p])
            *now = true;
    }
}

bool lane_in_release(lane_in_t *self, lane_span_t *span, slice_t *frame)
{
    free(self->given);
    self->given = NULL;
    for (size_t i = 0; i < self->held_count;) {
        bool now, later;
        span_use(self, &self->held[i].span, &now, &later);
        if (now) {
            *span = self->held[i].span;
            self->given = self->held[i].bytes;
            *frame = slice_of(self->given, self->held[i].size);
            held_remove(self, i);
            return true;
        }
        if (later) {
            i++;
            continue;
        }
        free(self->held[i].bytes);
        held_remove(self, i);
    }
    return false;
}

// The answer may be on its way behind what others asked for: asking faster than it can come only
// adds to the queue, until everybody works on answers that are too late.
static void note_question(lane_in_t *self, unsigned partition, int64_t now_us)
{
    bool calm = now_us - self->asked_us[partition] >= LANE_CALM_US;
    int64_t longer_us = 2 * self->again_us[partition];
    self->again_us[partition] = calm                            ? LANE_AGAIN_US
                                : longer_us < LANE_AGAIN_US_MAX ? longer_us
                                                                : LANE_AGAIN_US_MAX;
    self->asked_us[partition] = now_us;
}

bool lane_in_needs(lane_in_t *self, int64_t now_us, bool unread, partitions_t *partitions,
                   uint64_t *from)
{
    bool any = false;
    int64_t times = unread ? LANE_UNREAD_TIMES : 1;
    memset(partitions, 0, sizeof *partitions);
    *from = UINT64_MAX;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (!partitions_has(&self->owned, p) || now_us - self->asked_us[p] < self->again_us[p])
            continue;
        bool gap = self->early_us[p] != 0 && now_us - self->early_us[p] >= times * LANE_GAP_US;
        bool quiet = now_us - self->heard_us[p] >= times * LANE_QUIET_US;
        if (!gap && !quiet)
            continue;
        any = true;
        note_question(self, p, now_us);
        partitions_add(partitions, p);
        if (self->position[p] + 1 < *from)
            *from = self->position[p] + 1;
    }
    return any;
}
