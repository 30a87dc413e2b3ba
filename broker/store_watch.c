/*  store_watch -- a second connection that hears of changed rules.
 *
 *  Keyspace notifications are a convenience that may be off, forbidden or lost; whoever needs
 *  to know for sure asks again from time to time as well. So everything that may have hidden a
 *  change, a reconnect above all, counts as one.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/store_link.h"
#include "proto/owned.h"

// K keyspace channel, g DEL and RENAME, h hash commands, x expired.
static const char EVENTS_NEEDED[] = "Kghx";

struct store_watch {
    link_place_t place;
    keys_t keys;
    redisContext *context; // NULL = not connected
    bool live;             // notifications are on
    int64_t retry_at_ms;
    int retry_ms;
};

store_watch_t *store_watch_new(const char *url, const char *password, const char *namespace,
                               fault_t *fault)
{
    owned(store_watch_destroy) store_watch_t *self = calloc(1, sizeof *self);
    if (!self)
        return fault_set(fault, "out of memory"), NULL;
    if (!keys_init(&self->keys, namespace))
        return fault_set(fault, "namespace '%s': want [a-z][a-z0-9_]*", namespace), NULL;
    if (!link_place_parse(&self->place, url, password, fault))
        return NULL;
    self->retry_ms = LINK_RETRY_MIN_MS;
    store_watch_t *made = self;
    self = NULL;
    return made;
}

void store_watch_destroy(store_watch_t **self_p)
{
    store_watch_t *self = *self_p;
    if (!self)
        return;
    if (self->context)
        redisFree(self->context);
    link_place_clear(&self->place);
    keys_clear(&self->keys);
    free(self);
    *self_p = NULL;
}

int store_watch_descriptor(store_watch_t *self)
{
    return self->context ? self->context->fd : -1;
}

static void watch_close(store_watch_t *self)
{
    if (self->context)
        redisFree(self->context);
    self->context = NULL;
    self->live = false;
    self->retry_at_ms = link_clock_ms() + self->retry_ms;
    self->retry_ms =
        self->retry_ms * 2 > LINK_RETRY_MAX_MS ? LINK_RETRY_MAX_MS : self->retry_ms * 2;
}

// The events set now. NULL: CONFIG is forbidden here, or the connection is gone.
static redisReply *ask_events(store_watch_t *self)
{
    redisReply *reply = redisCommand(self->context, "CONFIG GET notify-keyspace-events");
    if (reply && reply_at(reply, 1)->str)
        return reply;
    reply_destroy(&reply);
    return NULL;
}

static bool holds(const char *events, char event)
{
    // A stands for all events of keys, though not for the channels K and E.
    return strchr(events, event) || (event != 'K' && strchr(events, 'A'));
}

// Add what is missing and leave what others have set.
static bool switch_on(store_watch_t *self)
{
    owned(reply_destroy) redisReply *now = ask_events(self);
    if (!now)
        return false;
    char wanted[64];
    int size = snprintf(wanted, sizeof wanted, "%s", now->element[1]->str);
    if (size < 0 || (size_t) size + sizeof EVENTS_NEEDED > sizeof wanted)
        return false;
    size_t before = (size_t) size, end = before;
    for (const char *event = EVENTS_NEEDED; *event; event++)
        if (!holds(now->element[1]->str, *event))
            wanted[end++] = *event;
    wanted[end] = '\0';
    if (end == before)
        return true;
    owned(reply_destroy) redisReply *set =
        redisCommand(self->context, "CONFIG SET notify-keyspace-events %s", wanted);
    return set && set->type == REDIS_REPLY_STATUS;
}

static bool subscribe(store_watch_t *self)
{
    slice_t pattern = keys_rule_events(&self->keys, self->place.database);
    owned(reply_destroy) redisReply *reply =
        redisCommand(self->context, "PSUBSCRIBE %b", pattern.data, pattern.size);
    return reply && reply->type == REDIS_REPLY_ARRAY;
}

static bool watch_open(store_watch_t *self)
{
    self->context = link_dial(&self->place, NULL);
    // A user of its own may do what it needs, and CONFIG is not of it.
    if (self->context && !self->place.user)
        self->live = switch_on(self);
    // Subscribed even if we may not switch events on: somebody else may do so, or has.
    if (!self->context || !subscribe(self)) {
        watch_close(self);
        return false;
    }
    self->retry_ms = LINK_RETRY_MIN_MS;
    return true;
}

// Read what is there without waiting. True: at least one event.
static bool hear(store_watch_t *self)
{
    bool heard = false;
    struct pollfd arrived = { .fd = self->context->fd, .events = POLLIN };
    while (poll(&arrived, 1, 0) == 1) {
        void *event = NULL;
        if (redisBufferRead(self->context) != REDIS_OK)
            return watch_close(self), true;
        do {
            redisReply *reply = event;
            heard = heard || reply;
            self->live |= reply != NULL; // somebody has switched them on
            reply_destroy(&reply);
            event = NULL;
            if (redisGetReplyFromReader(self->context, &event) != REDIS_OK)
                return watch_close(self), true;
        } while (event);
    }
    return heard;
}

bool store_watch_take(store_watch_t *self, bool *live)
{
    bool changed = false;
    if (self->context)
        changed = hear(self);
    else if (link_clock_ms() >= self->retry_at_ms)
        changed = watch_open(self);
    *live = self->live;
    return changed;
}
