/*  push_feed -- see push_feed.h. */
#include "actors/collector/push_feed.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "actors/collector/push_numbers.h"
#include "broker/trust/certificate.h"
#include "proto/owned.h"
#include "proto/push.h"
#include "proto/wire.h"

typedef struct {
    char endpoint[BUS_ENDPOINT_MAX]; // as configured
    bus_t *bus;
} inlet_t;

typedef struct {
    const source_t *source;
    size_t inlet;
} feed_t;

// A client of whom something became durable, or who should be told again, or asked.
typedef struct {
    const source_t *source;
    uint8_t client_size;
    char client[PUSH_NAME_MAX];
} news_t;

struct push_feed {
    size_t inlet_count, inlet_next; // the one to look at next: no client starves another
    inlet_t inlets[PUSH_FEED_ENDPOINTS_MAX];
    size_t feed_count;
    feed_t *feeds;
    size_t news_count;
    news_t news[PUSH_FEED_NEWS_MAX];
    push_numbers_t numbers;
    bool holding; // `held` was given out and is not done yet
    pushed_t held;
    uint64_t refused[PUSH_REFUSALS];
    char last_refusal[FAULT_TEXT_MAX + 64];
};

const char *push_refusal_text(push_refusal_t refusal)
{
    switch (refusal) {
    case PUSH_REFUSED_MALFORMED:
        return "malformed";
    case PUSH_REFUSED_SOURCE:
        return "unknown_source";
    case PUSH_REFUSED_REPEATED:
        return "repeated";
    case PUSH_REFUSED_EARLY:
        return "early";
    case PUSH_REFUSED_CLIENT:
        return "foreign";
    case PUSH_REFUSALS:
        break;
    }
    return "?";
}

push_feed_t *push_feed_new(void)
{
    return calloc(1, sizeof(push_feed_t));
}

void push_feed_destroy(push_feed_t **self_p)
{
    push_feed_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->inlet_count; i++)
        bus_destroy(&self->inlets[i].bus);
    free(self->feeds);
    free(self);
    *self_p = NULL;
}

// ---- listening ------------------------------------------------------------------------------

static int s_find_inlet(const inlet_t *inlets, size_t count, const char *endpoint)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(inlets[i].endpoint, endpoint) == 0)
            return (int) i;
    return -1;
}

// The inlet of this endpoint among the new ones: there, kept from before, or bound now.
static int s_open_inlet(push_feed_t *self, inlet_t *inlets, size_t *count, const char *endpoint,
                        fault_t *fault)
{
    int found = s_find_inlet(inlets, *count, endpoint);
    if (found >= 0)
        return found;
    if (*count == PUSH_FEED_ENDPOINTS_MAX || strlen(endpoint) >= BUS_ENDPOINT_MAX) {
        fault_set(fault, "more than %d push endpoints, or one is too long",
                  PUSH_FEED_ENDPOINTS_MAX);
        return -1;
    }
    inlet_t *inlet = &inlets[*count];
    *inlet = (inlet_t){ 0 };
    strcpy(inlet->endpoint, endpoint);
    int kept = s_find_inlet(self->inlets, self->inlet_count, endpoint);
    inlet->bus = kept >= 0 ? self->inlets[kept].bus
                           : bus_bind_bounded(BUS_PULL, DOOR_PUSH, endpoint, PUSH_FEED_QUEUE,
                                              PUSH_FRAME_BYTES_MAX, fault);
    return inlet->bus ? (int) (*count)++ : -1;
}

// Destroy the sockets in `inlets` that are not in `kept`.
static void s_close_others(inlet_t *inlets, size_t count, const inlet_t *kept, size_t kept_count)
{
    for (size_t i = 0; i < count; i++)
        if (s_find_inlet(kept, kept_count, inlets[i].endpoint) < 0)
            bus_destroy(&inlets[i].bus);
}

bool push_feed_listen(push_feed_t *self, const settings_t *settings, fault_t *fault)
{
    static const char scheme[] = "push://";
    inlet_t *inlets = calloc(PUSH_FEED_ENDPOINTS_MAX, sizeof *inlets);
    feed_t *feeds = calloc(settings->source_count + 1, sizeof *feeds);
    size_t inlet_count = 0, feed_count = 0;
    bool good = inlets && feeds;
    if (!good)
        fault_set(fault, "out of memory");
    for (size_t i = 0; good && i < settings->source_count; i++) {
        const source_t *source = &settings->sources[i];
        if (source->kind != SOURCE_PUSH)
            continue;
        const char *endpoint = source->url + sizeof scheme - 1;
        fault_t reason;
        int inlet = s_open_inlet(self, inlets, &inlet_count, endpoint, &reason);
        good = inlet >= 0 || fault_set(fault, "source %s: %s", source->name, reason.text);
        if (good)
            feeds[feed_count++] = (feed_t){ .source = source, .inlet = (size_t) inlet };
    }
    if (good) {
        s_close_others(self->inlets, self->inlet_count, inlets, inlet_count);
        memcpy(self->inlets, inlets, inlet_count * sizeof *inlets);
        self->inlet_count = inlet_count;
        self->inlet_next = 0;
        self->holding = false; // never told durable: it comes again
        self->news_count = 0;  // points to sources of the old settings; clients ask again
        feed_t *old = self->feeds;
        self->feeds = feeds;
        self->feed_count = feed_count;
        feeds = old;
    } else if (inlets) {
        s_close_others(inlets, inlet_count, self->inlets, self->inlet_count);
    }
    free(feeds);
    free(inlets);
    return good;
}

size_t push_feed_sockets(const push_feed_t *self)
{
    return self->inlet_count;
}

void *push_feed_socket(const push_feed_t *self, size_t index)
{
    return bus_socket(self->inlets[index].bus);
}

const char *push_feed_endpoint(const push_feed_t *self, size_t index)
{
    return bus_endpoint(self->inlets[index].bus);
}

// ---- taking ---------------------------------------------------------------------------------

static bool s_refuse(push_feed_t *self, push_refusal_t refusal, const char *reason)
{
    self->refused[refusal]++;
    if (refusal != PUSH_REFUSED_REPEATED)
        snprintf(self->last_refusal, sizeof self->last_refusal, "%s", reason);
    return false;
}

static const source_t *s_find_source(const push_feed_t *self, size_t inlet, slice_t name)
{
    for (size_t i = 0; i < self->feed_count; i++)
        if (self->feeds[i].inlet == inlet && slice_is(name, self->feeds[i].source->name))
            return self->feeds[i].source;
    return NULL;
}

static void s_add_news(push_feed_t *self, const source_t *source, slice_t client)
{
    for (size_t i = self->news_count; i-- > 0;) {
        const news_t *news = &self->news[i];
        if (news->source == source && slice_same(slice_of(news->client, news->client_size), client))
            return;
    }
    assert(self->news_count < PUSH_FEED_NEWS_MAX && client.size <= PUSH_NAME_MAX);
    news_t *news = &self->news[self->news_count++];
    news->source = source;
    news->client_size = (uint8_t) client.size;
    memcpy(news->client, client.data, client.size);
}

static uint64_t s_client_hash(pushed_t *pushed)
{
    const char *source = pushed->source->name;
    return XXH3_64bits_withSeed(pushed->client.data, pushed->client.size,
                                XXH3_64bits(source, strlen(source)));
}

static bool s_accept_number(push_feed_t *self, pushed_t *pushed, places_t *places, int64_t mono_us)
{
    uint64_t known = 0;
    (void) places_find(places, slice_text(pushed->source->name), pushed->client, &known);
    number_t number =
        push_numbers_judge(&self->numbers, s_client_hash(pushed), known, pushed->n, mono_us);
    if (number == NUMBER_NEXT) {
        pushed->missed = pushed->n - known - 1;
        return true;
    }
    s_add_news(self, pushed->source, pushed->client); // it seems not to know where we are
    if (number == NUMBER_REPEATED)
        return s_refuse(self, PUSH_REFUSED_REPEATED, "");
    char reason[PUSH_NAME_MAX + 96];
    snprintf(reason, sizeof reason, "client '%.*s' sent n=%" PRIu64 " where n=%" PRIu64 " is next",
             (int) pushed->client.size, (const char *) pushed->client.data, pushed->n, known + 1);
    return s_refuse(self, PUSH_REFUSED_EARLY, reason);
}

// With keys a client has the name of its key, or that, a dot and more, and speaks for no other: a
// number that was taken in its name would make it forget a frame.
static bool s_is_own_name(push_feed_t *self, size_t inlet, slice_t client)
{
    const char *key = bus_peer(self->inlets[inlet].bus);
    size_t size = key ? strlen(key) : 0;
    if (!key || (client.size >= size && memcmp(client.data, key, size) == 0 &&
                 (client.size == size || client.data[size] == '.')))
        return true;
    char reason[PUSH_NAME_MAX + CERTIFICATE_NAME_MAX + 96];
    snprintf(reason, sizeof reason, "the key of '%s' sent a frame of client '%.*s'", key,
             (int) client.size, (const char *) client.data);
    return s_refuse(self, PUSH_REFUSED_CLIENT, reason);
}

// May this frame be staged? Fills in the rest of *pushed.
static bool s_accept(push_feed_t *self, size_t inlet, push_feed_places_t *places, void *context,
                     int64_t mono_us, pushed_t *pushed)
{
    push_t head;
    fault_t fault;
    if (!push_peek(&head, pushed->frame, &fault))
        return s_refuse(self, PUSH_REFUSED_MALFORMED, fault.text);
    pushed->source = s_find_source(self, inlet, head.source);
    if (!pushed->source) {
        char reason[PUSH_NAME_MAX + 64];
        snprintf(reason, sizeof reason, "no push source '%.*s' on this endpoint",
                 (int) head.source.size, (const char *) head.source.data);
        return s_refuse(self, PUSH_REFUSED_SOURCE, reason);
    }
    if (!s_is_own_name(self, inlet, head.client))
        return false;
    bool fits __attribute__((unused)) = place_make(&pushed->place, head.client, head.n);
    assert(fits); // push.h has it shorter than a place's subject
    pushed->client = head.client;
    pushed->n = head.n;
    if (pushed->n == 0) { // a question
        s_add_news(self, pushed->source, pushed->client);
        return false;
    }
    return s_accept_number(self, pushed, places(context, pushed->source), mono_us);
}

// Take frames from all sockets in turn until one can be staged.
static bool s_take(push_feed_t *self, push_feed_places_t *places, void *context, int64_t mono_us)
{
    for (size_t empty = 0; empty < self->inlet_count;) {
        if (self->news_count == PUSH_FEED_NEWS_MAX)
            return false;
        size_t inlet = self->inlet_next;
        self->inlet_next = (inlet + 1) % self->inlet_count;
        if (!bus_take(self->inlets[inlet].bus, &self->held.frame)) {
            empty++;
            continue;
        }
        empty = 0;
        if (s_accept(self, inlet, places, context, mono_us, &self->held))
            return true;
    }
    return false;
}

bool push_feed_take(push_feed_t *self, push_feed_places_t *places, void *context, int64_t mono_us,
                    pushed_t *pushed)
{
    if (!self->holding)
        self->holding = s_take(self, places, context, mono_us);
    if (self->holding)
        *pushed = self->held;
    return self->holding;
}

bool push_feed_done(push_feed_t *self, places_t *places)
{
    assert(self->holding);
    const pushed_t *pushed = &self->held;
    if (!places_note(places, slice_text(pushed->source->name), pushed->client, pushed->n))
        return false;
    s_add_news(self, pushed->source, pushed->client);
    self->holding = false;
    return true;
}

bool push_feed_has_news(const push_feed_t *self)
{
    return self->news_count > 0;
}

void push_feed_publish(push_feed_t *self, bus_t *news, push_feed_places_t *places, void *context)
{
    owned(buffer_destroy) buffer_t topic = { 0 }, body = { 0 };
    for (size_t i = 0; news && i < self->news_count; i++) {
        const news_t *item = &self->news[i];
        slice_t client = slice_of(item->client, item->client_size);
        uint64_t n = 0; // of a client of whom nothing is durable
        (void) places_find(places(context, item->source), slice_text(item->source->name), client,
                           &n);
        buffer_clear(&topic);
        buffer_printf(&topic, "staged/%s/%.*s", item->source->name, (int) client.size,
                      (const char *) client.data);
        buffer_clear(&body);
        wire_map(&body, 2);
        wire_string(&body, "v");
        wire_u64(&body, PUSH_VERSION);
        wire_string(&body, "n");
        wire_u64(&body, n);
        if (!topic.failed && !body.failed)
            bus_publish(news, buffer_slice(&topic), buffer_slice(&body));
    }
    self->news_count = 0;
}

uint64_t push_feed_gaps(const push_feed_t *self)
{
    return self->numbers.taken;
}

uint64_t push_feed_refused(const push_feed_t *self, push_refusal_t refusal)
{
    return self->refused[refusal];
}

const char *push_feed_last_refusal(const push_feed_t *self)
{
    return self->last_refusal;
}
