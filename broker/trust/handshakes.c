/*  handshakes -- see handshakes.h. */
#include "broker/trust/handshakes.h"

#include <stdio.h>
#include <string.h>

enum { ALMOST_MS = 500 }; // a timer's end may be read so much sooner than its beginning was

const char *handshake_fault_text(handshake_fault_t fault)
{
    switch (fault) {
    case HANDSHAKE_LEFT:
        return "it left before the end";
    case HANDSHAKE_LATE:
        return "not complete after 5 s";
    case HANDSHAKE_FOREIGN:
        return "it does not speak ZMTP 3: no peer, or a client older than libzmq 4";
    case HANDSHAKE_MECHANISM:
        return "keys on one side only: set `keys` on both, or on none";
    case HANDSHAKE_SEALED:
        return "it was meant for the holder of another key: give it this actor's public key";
    case HANDSHAKE_GARBLED:
        return "it spoke ZMTP 3, and then what is none";
    }
    return "?";
}

static handshake_t *s_find(handshakes_t *self, int number)
{
    for (unsigned i = self->count; i-- > 0;)
        if (!self->items[i].ended && self->items[i].number == number)
            return &self->items[i];
    return NULL;
}

static void s_remove(handshakes_t *self, handshake_t *item)
{
    self->open -= !item->ended;
    size_t after = (size_t) (self->items + self->count - (item + 1));
    memmove(item, item + 1, after * sizeof *item);
    self->count--;
}

static void s_tell(handshakes_t *self, handshake_t *item, handshake_fault_t fault)
{
    self->tell(self->context, item->peer, fault);
    s_remove(self, item);
}

// ---- deciding ----------------------------------------------------------------------------------

static bool s_is_due(const handshakes_t *self, const handshake_t *item, int64_t now_ms)
{
    return item->ended && (self->settled == 0 || self->open == 0 ||
                           now_ms - item->ended_ms >= HANDSHAKES_DECIDED_MS);
}

static unsigned s_count_due(const handshakes_t *self, int64_t now_ms)
{
    unsigned due = 0;
    for (unsigned i = 0; i < self->count; i++)
        due += s_is_due(self, &self->items[i], now_ms);
    return due;
}

// Whoever was there the longest is the likeliest peer: strangers of this kind are cut off at once.
static handshake_t *s_likeliest_peer(handshakes_t *self, int64_t now_ms)
{
    handshake_t *found = NULL;
    for (unsigned i = 0; i < self->count; i++) {
        handshake_t *item = &self->items[i];
        if (s_is_due(self, item, now_ms) &&
            (!found || item->ended_ms - item->since_ms > found->ended_ms - found->since_ms))
            found = item;
    }
    return found;
}

static void s_decide(handshakes_t *self, int64_t now_ms)
{
    if (self->settled < self->count && self->open < self->count) {
        unsigned due = s_count_due(self, now_ms), others = self->count - due;
        unsigned peers = self->settled > others ? self->settled - others : 0;
        for (unsigned i = 0; i < peers; i++) {
            s_remove(self, s_likeliest_peer(self, now_ms));
            due--;
        }
        // From the oldest one on; what is due stays so, as only what has ended is taken out.
        for (unsigned i = 0; due > 0;)
            if (s_is_due(self, &self->items[i], now_ms)) {
                s_tell(self, &self->items[i], HANDSHAKE_FOREIGN);
                due--;
            } else
                i++;
        self->settled -= peers;
    }
    if (self->settled >= self->count) // all that are left are no failures
        self->settled = self->count = self->open = 0;
}

void handshakes_tick(handshakes_t *self, int64_t now_ms)
{
    for (unsigned i = 0; i < self->count && self->settled > 0;)
        if (!self->items[i].ended && now_ms - self->items[i].since_ms >= HANDSHAKES_DECIDED_MS) {
            s_remove(self, &self->items[i]);
            self->settled--;
        } else
            i++;
    s_decide(self, now_ms);
}

bool handshakes_waits(const handshakes_t *self)
{
    return self->settled > 0;
}

// ---- events ------------------------------------------------------------------------------------

// The oldest that has ended is told as a stranger, as most are in such a crowd; or the oldest of
// all is forgotten, and told as unknown when it fails.
static void s_make_room(handshakes_t *self)
{
    for (unsigned i = 0; i < self->count; i++)
        if (self->items[i].ended) {
            s_tell(self, &self->items[i], HANDSHAKE_FOREIGN);
            return;
        }
    s_remove(self, &self->items[0]);
    self->settled -= self->settled > 0;
}

void handshakes_accepted(handshakes_t *self, int number, const char *peer, int64_t now_ms)
{
    if (self->count == HANDSHAKES_MAX)
        s_make_room(self);
    handshake_t *item = &self->items[self->count++];
    *item = (handshake_t){ .number = number, .since_ms = now_ms };
    snprintf(item->peer, sizeof item->peer, "%s", peer);
    self->open++;
}

void handshakes_settled(handshakes_t *self)
{
    if (++self->settled >= self->count)
        self->settled = self->count = self->open = 0;
}

void handshakes_failed(handshakes_t *self, handshake_fault_t fault)
{
    if (!self->failing)
        self->fault = fault;
    self->failing = true;
}

void handshakes_ended(handshakes_t *self, int number, int64_t now_ms)
{
    handshake_t *item = s_find(self, number);
    if (self->failing) {
        bool late = item && now_ms - item->since_ms >= HANDSHAKES_MS - ALMOST_MS;
        handshake_fault_t fault =
            self->fault == HANDSHAKE_LEFT && late ? HANDSHAKE_LATE : self->fault;
        self->failing = false;
        if (item)
            s_tell(self, item, fault);
        else
            self->tell(self->context, "unknown", fault);
    } else if (item) {
        item->ended = true;
        item->ended_ms = now_ms;
        self->open--;
    }
    s_decide(self, now_ms);
}
