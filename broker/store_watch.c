/*  store_watch -- a second connection that hears of changed rules, silences or subscriptions.
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

enum { EVENTS_MAX = 64 }; // bytes of a setting of events, NUL included; Redis knows 14 letters

// K keyspace channel, g DEL and RENAME, h hash commands, x expired; s commands of sets, $ SET,
// which makes another type of any key.
//
// Redis has one setting for all, which is read and then written, by nobody in one step. So each of
// ours asks for what any of ours needs: two that do so at once write the same.
static const char events_of_all[] = "Kghsx$";
static const struct {
    const char *events;
    slice_t (*pattern)(keys_t *keys, int database);
} watched[] = {
    [STORE_WATCH_RULES] = { "Kghx", keys_rule_events },
    [STORE_WATCH_SILENCES] = { "Kghx", keys_silence_events },
    [STORE_WATCH_SUBSCRIPTIONS] = { "Kgsx$", keys_subscriptions_events },
};

struct store_watch {
    link_place_t place;
    keys_t keys;
    store_watched_t what;
    redisContext *context; // NULL = not connected
    bool live;             // notifications are on
    int64_t retry_at_ms;
    int retry_ms;
};

store_watch_t *store_watch_new(const char *url, const char *password, const char *namespace,
                               store_watched_t what, fault_t *fault)
{
    owned(store_watch_destroy) store_watch_t *self = calloc(1, sizeof *self);
    if (!self)
        return fault_set(fault, "out of memory"), NULL;
    if (!keys_init(&self->keys, namespace))
        return fault_set(fault, "namespace '%s': want [a-z][a-z0-9_]*", namespace), NULL;
    if (!link_place_parse(&self->place, url, password, fault))
        return NULL;
    self->what = what;
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

int store_watch_descriptor(const store_watch_t *self)
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

static bool holds_all(const char *events, const char *needed)
{
    while (*needed && holds(events, *needed))
        needed++;
    return !*needed;
}

// What is set, and what of ours is missing there. False: that is more than Redis has letters for.
static bool join_events(const char *set, char wanted[EVENTS_MAX])
{
    size_t end = strlen(set);
    if (end + sizeof events_of_all > EVENTS_MAX)
        return false;
    memcpy(wanted, set, end);
    for (const char *event = events_of_all; *event; event++)
        if (!holds(set, *event))
            wanted[end++] = *event;
    wanted[end] = '\0';
    return true;
}

// Add what is missing and leave what others have set. Somebody else may write what he read before
// us, so what counts is what is set afterwards. True: we hear of all that we watch.
static bool switch_on(store_watch_t *self)
{
    owned(reply_destroy) redisReply *before = ask_events(self);
    char wanted[EVENTS_MAX];
    if (!before)
        return false;
    const char *needed = watched[self->what].events;
    if (holds_all(before->element[1]->str, events_of_all) ||
        !join_events(before->element[1]->str, wanted))
        return holds_all(before->element[1]->str, needed);
    owned(reply_destroy) redisReply *set =
        redisCommand(self->context, "CONFIG SET notify-keyspace-events %s", wanted);
    owned(reply_destroy) redisReply *after = set ? ask_events(self) : NULL;
    return after && holds_all(after->element[1]->str, needed);
}

static bool subscribe(store_watch_t *self)
{
    slice_t pattern = watched[self->what].pattern(&self->keys, self->place.database);
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

typedef struct {
    store_watch_visit_t *visit; // or NULL
    void *context;
} listener_t;

// Of a message [pmessage, pattern, channel, event]: the channel is the pattern, but for what its
// star stands for.
static void tell_key(store_watch_t *self, const redisReply *message, const listener_t *listener)
{
    slice_t channel = reply_slice(reply_at(message, 2));
    size_t before = watched[self->what].pattern(&self->keys, self->place.database).size - 1;
    if (!listener->visit || channel.size < before)
        return;
    slice_t key = slice_of(channel.data + before, channel.size - before);
    listener->visit(listener->context, &key);
}

// What is heard may be anything from now on.
static bool lose(store_watch_t *self, const listener_t *listener)
{
    watch_close(self);
    if (listener->visit)
        listener->visit(listener->context, NULL);
    return true;
}

// Read what is there without waiting. True: at least one event.
static bool hear(store_watch_t *self, const listener_t *listener)
{
    bool heard = false;
    struct pollfd arrived = { .fd = self->context->fd, .events = POLLIN };
    while (poll(&arrived, 1, 0) == 1) {
        void *event = NULL;
        if (redisBufferRead(self->context) != REDIS_OK)
            return lose(self, listener);
        do {
            redisReply *reply = event;
            heard = heard || reply;
            // Somebody has switched them on; of subscriptions perhaps not all that are needed.
            self->live |= reply != NULL && self->what != STORE_WATCH_SUBSCRIPTIONS;
            if (reply)
                tell_key(self, reply, listener);
            reply_destroy(&reply);
            event = NULL;
            if (redisGetReplyFromReader(self->context, &event) != REDIS_OK)
                return lose(self, listener);
        } while (event);
    }
    return heard;
}

bool store_watch_take_keys(store_watch_t *self, bool *live, store_watch_visit_t *visit,
                           void *context)
{
    const listener_t listener = { visit, context };
    bool changed = false, blind = self->what == STORE_WATCH_SUBSCRIPTIONS && self->place.user;
    if (self->context) {
        changed = hear(self, &listener);
    } else if (!blind && link_clock_ms() >= self->retry_at_ms) {
        changed = watch_open(self);
        if (changed && visit)
            visit(context, NULL);
    }
    *live = self->live;
    return changed;
}

bool store_watch_take(store_watch_t *self, bool *live)
{
    return store_watch_take_keys(self, live, NULL, NULL);
}

void store_watch_renew(store_watch_t *self)
{
    if (self->context)
        watch_close(self);
    self->retry_at_ms = 0;
}
