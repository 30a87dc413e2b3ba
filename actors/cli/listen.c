/*  listen -- see listen.h. */
#include "actors/cli/listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "actors/cli/alert_line.h"
#include "actors/cli/fresh.h"
#include "broker/peers.h"
#include "broker/runtime/life.h"
#include "proto/json.h"
#include "proto/owned.h"

enum {
    QUEUE = 100000,
    TURN_MS = 200,
    FOLLOW_US = 1000 * 1000,      // between two looks at the registry
    SILENCE_US = 3 * 1000 * 1000, // without a sign of life, of which there is one a second
};

static void see_broker(void *context, const store_actor_t *actor)
{
    char *found = context;
    const char *endpoint = store_actor_field(actor, "alerts");
    if (endpoint)
        snprintf(found, BUS_ENDPOINT_MAX, "%s", endpoint);
}

bool listen_endpoint(store_t *store, char endpoint[BUS_ENDPOINT_MAX], fault_t *fault)
{
    endpoint[0] = '\0';
    if (store_actors(store, "broker", see_broker, endpoint) != STORE_OK)
        return fault_set(fault, "%s", store_error(store));
    return endpoint[0] != '\0' || fault_set(fault, "none is in the registry");
}

// Metrics have no line for people: they are printed as JSON.
static bool print_one(listen_t *self, slice_t body, char last[ALERT_LINE_ID])
{
    owned(buffer_destroy) buffer_t line = { 0 };
    alert_line_t made = self->json ? ALERT_LINE_NONE : alert_line(body, self->colour, last, &line);
    if (made == ALERT_LINE_SILENT)
        return false;
    bool good = made != ALERT_LINE_NONE;
    if (!good) {
        buffer_clear(&line);
        good = json_from_wire(&line, body);
    }
    good = good && !line.failed;
    if (good)
        printf("%s\n", buffer_string(&line));
    self->alerts += good && made == ALERT_LINE_ALERT;
    fflush(stdout);
    return good;
}

typedef struct {
    listen_t *self;
    store_t *store;
    bus_t *news;
    peers_t *brokers;
    fresh_t *fresh;
    unsigned links;      // to brokers
    int64_t followed_us; // the registry
    int64_t heard_us;    // any broker; or begun to listen
    bool silent;
    uint64_t printed;
    char last[ALERT_LINE_ID]; // of the last entry with a line
} hearing_t;

static bool has_enough(const hearing_t *hearing)
{
    return hearing->self->most > 0 && hearing->printed >= hearing->self->most;
}

static void take_news(hearing_t *hearing)
{
    slice_t topic, body;
    while (!has_enough(hearing) && bus_take_news(hearing->news, &topic, &body)) {
        hearing->heard_us = life_mono_us();
        if (hearing->silent)
            fprintf(stderr, "%s\n",
                    hearing->links == 1 ? "the broker is heard again" : "a broker is heard again");
        hearing->silent = false;
        size_t size = strlen(hearing->self->prefix);
        if (topic.size >= size && memcmp(topic.data, hearing->self->prefix, size) == 0 &&
            fresh_take(hearing->fresh, topic, body))
            hearing->printed += print_one(hearing->self, body, hearing->last);
    }
}

// Some may be gone, started, or started again on another port.
static void follow(hearing_t *hearing)
{
    fault_t fault = { 0 };
    (void) bus_renew_all(&fault); // keys may have changed; only who listens can lose a socket
    unsigned before = hearing->links, added = peers_follow(hearing->brokers, hearing->store);
    hearing->followed_us = life_mono_us();
    hearing->links = peers_count(hearing->brokers);
    if (added == 0 && hearing->links == before)
        return;
    if (hearing->links == 0)
        fprintf(stderr, "no broker is in the registry; waiting for one\n");
    else
        fprintf(stderr, "listening to %u broker%s now\n", hearing->links,
                hearing->links == 1 ? "" : "s");
}

static void notice_silence(hearing_t *hearing)
{
    if (hearing->silent || life_mono_us() - hearing->heard_us <= SILENCE_US)
        return;
    hearing->silent = true;
    fprintf(stderr, "%s silent; looking for others in the registry\n",
            hearing->links == 1 ? "the broker is" : "all brokers are");
}

static void hear(hearing_t *hearing)
{
    listen_t *self = hearing->self;
    while (life_mono_us() < self->until_us && !has_enough(hearing)) {
        zmq_pollitem_t wait[] = {
            { .fd = self->signals, .events = ZMQ_POLLIN },
            { .socket = bus_socket(hearing->news), .events = ZMQ_POLLIN },
        };
        if (zmq_poll(wait, 2, TURN_MS) == -1 && errno != EINTR)
            break;
        if (wait[0].revents && life_take_signal(self->signals) != LIFE_GO_ON)
            break; // SIGHUP, too: the terminal was closed
        take_news(hearing);
        if (life_mono_us() - hearing->followed_us > FOLLOW_US)
            follow(hearing);
        notice_silence(hearing);
        if (ferror(stdout))
            break; // `tail | head`: nobody reads any more
        if (self->watch_pid > 0 && waitpid(self->watch_pid, NULL, WNOHANG) == self->watch_pid) {
            self->child_ended = true;
            break;
        }
    }
}

int64_t listen_print(listen_t *self, store_t *store, fault_t *fault)
{
    owned(bus_destroy) bus_t *news = bus_connect(BUS_SUB, DOOR_ALERTS, NULL, QUEUE, fault);
    if (!news)
        return -1;
    owned(peers_destroy) peers_t *brokers = peers_new(news, "broker", "alerts");
    owned(fresh_destroy) fresh_t *fresh = fresh_new();
    if (!brokers || !fresh) {
        fault_set(fault, "out of memory");
        return -1;
    }
    bus_subscribe(news, self->prefix);
    bus_subscribe(news, "hugz/");
    hearing_t hearing = { .self = self,
                          .store = store,
                          .news = news,
                          .brokers = brokers,
                          .fresh = fresh,
                          .links = peers_follow(brokers, store),
                          .followed_us = life_mono_us(),
                          .heard_us = life_mono_us() };
    if (hearing.links == 0) {
        fault_set(fault, "no broker of the registry can be connected to");
        return -1;
    }
    hear(&hearing);
    return (int64_t) hearing.printed;
}
