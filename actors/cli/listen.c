/*  listen -- see listen.h. */
#include "actors/cli/listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "actors/cli/alert_line.h"
#include "broker/runtime/life.h"
#include "proto/json.h"
#include "proto/owned.h"

enum {
    QUEUE = 100000,
    TURN_MS = 200,
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
static bool print_one(const listen_t *self, slice_t body)
{
    owned(buffer_destroy) buffer_t line = { 0 };
    bool good = !self->json && alert_line(body, self->colour, &line);
    if (!good) {
        buffer_clear(&line);
        good = json_from_wire(&line, body);
    }
    good = good && !line.failed;
    if (good)
        printf("%s\n", buffer_string(&line));
    fflush(stdout);
    return good;
}

typedef struct {
    listen_t *self;
    store_t *store;
    bus_t *news;
    char endpoint[BUS_ENDPOINT_MAX];
    int64_t heard_us; // or looked for
    bool silent;
    uint64_t printed;
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
            fprintf(stderr, "the broker is heard again\n");
        hearing->silent = false;
        size_t size = strlen(hearing->self->prefix);
        if (topic.size >= size && memcmp(topic.data, hearing->self->prefix, size) == 0)
            hearing->printed += print_one(hearing->self, body);
    }
}

// Perhaps it was started again on another port. Told once, looked for again and again.
static void look_again(hearing_t *hearing)
{
    char endpoint[BUS_ENDPOINT_MAX];
    fault_t fault;
    bool found = listen_endpoint(hearing->store, endpoint, &fault);
    if (!hearing->silent)
        fprintf(stderr, "the broker at %s is silent; looking for it in the registry\n",
                hearing->endpoint);
    hearing->silent = true;
    hearing->heard_us = life_mono_us();
    if (!found || strcmp(endpoint, hearing->endpoint) == 0 ||
        !bus_add(hearing->news, endpoint, &fault))
        return;
    bus_remove(hearing->news, hearing->endpoint);
    memcpy(hearing->endpoint, endpoint, sizeof endpoint);
    fprintf(stderr, "the broker is at %s now\n", endpoint);
}

int64_t listen_print(listen_t *self, store_t *store, const char *endpoint, fault_t *fault)
{
    owned(bus_destroy) bus_t *news = bus_connect(BUS_SUB, DOOR_ALERTS, endpoint, QUEUE, fault);
    if (!news)
        return -1;
    bus_subscribe(news, self->prefix);
    bus_subscribe(news, "hugz/");
    hearing_t hearing = { .self = self, .store = store, .news = news, .heard_us = life_mono_us() };
    snprintf(hearing.endpoint, sizeof hearing.endpoint, "%s", endpoint);
    while (life_mono_us() < self->until_us && !has_enough(&hearing)) {
        zmq_pollitem_t wait[] = {
            { .fd = self->signals, .events = ZMQ_POLLIN },
            { .socket = bus_socket(news), .events = ZMQ_POLLIN },
        };
        if (zmq_poll(wait, 2, TURN_MS) == -1 && errno != EINTR)
            break;
        if (wait[0].revents && life_take_signal(self->signals) != LIFE_GO_ON)
            break; // SIGHUP, too: the terminal was closed
        take_news(&hearing);
        if (life_mono_us() - hearing.heard_us > SILENCE_US)
            look_again(&hearing);
        if (ferror(stdout))
            break; // `tail | head`: nobody reads any more
        if (self->watch_pid > 0 && waitpid(self->watch_pid, NULL, WNOHANG) == self->watch_pid) {
            self->child_ended = true;
            break;
        }
    }
    return (int64_t) hearing.printed;
}
