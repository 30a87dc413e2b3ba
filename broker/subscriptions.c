/*  subscriptions -- see subscriptions.h. */
#include "broker/subscriptions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "broker/topics.h"
#include "broker/trust/strangers.h"
#include "proto/owned.h"

enum {
    TAKE_MAX = 1000,                    // frames before news has its turn
    METRICS_ASKED_MAX = 1000,           // topics of metrics that actors are asked for one by one
    LINKS_MAX = 256,                    // connections cut at once; if there are more, soon again
    STUCK_BYTES = TOPICS_BYTES_MAX / 4, // of the evicted: they are many
    STUCK_S = 15,                       // after which they should have gone
};

struct subscriptions {
    bus_t *readers, *actors;
    topics_t *topics;
    strangers_t told;     // whom the log has named lately
    size_t asked, as_all; // topics of metrics: asked for one by one, and with all
    unsigned stuck_s;     // seconds that topics of the evicted are many
    uint64_t taken, refused, evicted;
};

static void s_ask(subscriptions_t *self, char what, slice_t topic)
{
    uint8_t frame[1 + BUS_TOPIC_BYTES_MAX];
    frame[0] = (uint8_t) what;
    if (topic.size > 0)
        memcpy(frame + 1, topic.data, topic.size);
    bus_send(self->actors, slice_of(frame, 1 + topic.size), 0);
}

static void s_ask_always(subscriptions_t *self)
{
    s_ask(self, 1, slice_text("alert/"));
    s_ask(self, 1, slice_text("staged/"));
    s_ask(self, 1, slice_text("health/"));
}

// Of the topics that are not asked for always, those that a metric can have.
static topic_way_t s_way(const subscriptions_t *self, slice_t topic)
{
    static const char metrics[] = "metric/";
    size_t common = topic.size < sizeof metrics - 1 ? topic.size : sizeof metrics - 1;
    if (common > 0 && memcmp(topic.data, metrics, common) != 0)
        return TOPIC_NOT_ASKED;
    return self->asked < METRICS_ASKED_MAX ? TOPIC_ASKED_ITSELF : TOPIC_ASKED_AS_ALL;
}

static void s_ask_for(subscriptions_t *self, slice_t topic, topic_way_t way)
{
    switch (way) {
    case TOPIC_NOT_ASKED:
        break;
    case TOPIC_ASKED_ITSELF:
        self->asked++;
        s_ask(self, 1, topic);
        break;
    case TOPIC_ASKED_AS_ALL:
        if (self->as_all++ == 0)
            s_ask(self, 1, slice_text("metric/"));
        break;
    }
}

static void s_ask_no_more(subscriptions_t *self, slice_t topic, topic_way_t way)
{
    switch (way) {
    case TOPIC_NOT_ASKED:
        break;
    case TOPIC_ASKED_ITSELF:
        self->asked--;
        s_ask(self, 0, topic);
        break;
    case TOPIC_ASKED_AS_ALL:
        if (--self->as_all == 0)
            s_ask(self, 0, slice_text("metric/"));
        break;
    }
}

subscriptions_t *subscriptions_new(bus_t *readers, bus_t *actors, fault_t *fault)
{
    owned(subscriptions_destroy) subscriptions_t *self = calloc(1, sizeof *self);
    uint8_t secret[TOPICS_SECRET_BYTES];
    if (!life_random(secret, sizeof secret)) {
        fault_set(fault, "the kernel gives no random bytes");
        return NULL;
    }
    if (self)
        self->topics = topics_new(secret);
    if (!self || !self->topics) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->readers = readers;
    self->actors = actors;
    s_ask_always(self);
    subscriptions_t *given = self;
    self = NULL;
    return given;
}

void subscriptions_destroy(subscriptions_t **self_p)
{
    subscriptions_t *self = *self_p;
    if (!self)
        return;
    topics_destroy(&self->topics);
    free(self);
    *self_p = NULL;
}

void subscriptions_renew(subscriptions_t *self)
{
    topics_clear(self->topics);
    self->asked = self->as_all = 0;
    s_ask_always(self);
}

// On whose account: by key; without keys each connection is somebody.
static void s_name(subscriptions_t *self, int link, char name[TOPICS_NAME_MAX + 1])
{
    const char *peer = bus_peer(self->readers);
    if (peer)
        snprintf(name, TOPICS_NAME_MAX + 1, "%s", peer);
    else
        snprintf(name, TOPICS_NAME_MAX + 1, "connection-%d", link);
}

static void s_tell(subscriptions_t *self, const char *owner, size_t links, size_t bytes)
{
    uint64_t times;
    if (strangers_tell(&self->told, owner, life_mono_us() / 1000, &times))
        log_event(LOG_WARNING,
                  "readers ask for more topics than there is room for: cut off who has the most; "
                  "he should subscribe to fewer, or to `alert/`; if he means harm, revoke his key "
                  "(`tidewire keys revoke`)",
                  "peer=%s connections=%zu bytes=%zu limit=%d times=%" PRIu64, log_quote(owner),
                  links, bytes, TOPICS_BYTES_MAX, times);
}

void subscriptions_cut_off(subscriptions_t *self, const char *address, uint64_t bytes)
{
    uint64_t times;
    self->evicted++;
    if (strangers_tell(&self->told, address, life_mono_us() / 1000, &times))
        log_event(LOG_WARNING,
                  "a reader sent topics without end: cut off; he should subscribe to fewer, or to "
                  "`alert/`; if he means harm, revoke his key (`tidewire keys revoke`)",
                  "peer=%s bytes=%" PRIu64 " limit=%d times=%" PRIu64, log_quote(address), bytes,
                  TOPICS_BYTES_MAX, times);
}

static void s_make_room(subscriptions_t *self)
{
    char owner[TOPICS_NAME_MAX + 1];
    int links[LINKS_MAX];
    size_t bytes, count = topics_evict(self->topics, owner, links, LINKS_MAX, &bytes);
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        bus_cut(self->readers, links[i]);
    self->evicted++;
    s_tell(self, owner, count, bytes);
}

// False: no room. Then this connection goes, too, with what is not counted; a reader who means
// well comes again by himself, and finds room.
static bool s_subscribe(subscriptions_t *self, slice_t topic)
{
    int link = bus_peer_link(self->readers);
    if (topic.size > BUS_TOPIC_BYTES_MAX) {
        self->refused++;
        bus_cut(self->readers, link);
        return true;
    }
    char owner[TOPICS_NAME_MAX + 1];
    s_name(self, link, owner);
    topic_way_t way = s_way(self, topic);
    if (!topics_add(self->topics, topic, owner, link, way)) {
        bus_cut(self->readers, link);
        return false;
    }
    self->taken++;
    s_ask_for(self, topic, way);
    return true;
}

static void s_cancel(subscriptions_t *self, slice_t topic)
{
    topic_way_t way;
    if (topics_remove(self->topics, topic, &way))
        s_ask_no_more(self, topic, way);
}

void subscriptions_take(subscriptions_t *self)
{
    slice_t frame;
    bool room = true;
    for (int i = 0; i < TAKE_MAX && bus_take(self->readers, &frame); i++) {
        slice_t topic = slice_of(frame.data + 1, frame.size - 1);
        if (frame.size == 0 || frame.data[0] > 1)
            self->refused++;
        else if (frame.data[0] == 0)
            s_cancel(self, topic);
        else if (!s_subscribe(self, topic))
            room = false;
    }
    // What the evicted held is on its way out; until it is gone nobody else has to go for it.
    if (!room && topics_evicted_bytes(self->topics) < STUCK_BYTES)
        s_make_room(self);
}

bool subscriptions_tick(subscriptions_t *self)
{
    bool stuck = topics_evicted_bytes(self->topics) >= STUCK_BYTES;
    self->stuck_s = stuck ? self->stuck_s + 1 : 0;
    if (self->stuck_s < STUCK_S)
        return true;
    log_event(
        LOG_ERROR,
        "topics of readers who were cut off are kept by others who cannot be told: the broker "
        "begins anew",
        "bytes=%zu", topics_evicted_bytes(self->topics));
    return false;
}

subscriptions_count_t subscriptions_count(const subscriptions_t *self)
{
    return (subscriptions_count_t){ .taken = self->taken,
                                    .refused = self->refused,
                                    .evicted = self->evicted,
                                    .bytes = topics_bytes(self->topics) };
}
