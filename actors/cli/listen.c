/*  listen -- see listen.h. */
#include "actors/cli/listen.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

#include "actors/cli/alert_line.h"
#include "broker/bus.h"
#include "broker/runtime/life.h"
#include "proto/json.h"
#include "proto/owned.h"

enum { QUEUE = 100000, TURN_MS = 200 };

typedef struct {
    char *endpoint;
    size_t size;
} found_t;

static void see_broker(void *context, const store_actor_t *actor)
{
    found_t *found = context;
    const char *endpoint = store_actor_field(actor, "alerts");
    if (endpoint)
        snprintf(found->endpoint, found->size, "%s", endpoint);
}

bool listen_endpoint(store_t *store, char *endpoint, size_t size)
{
    found_t found = { endpoint, size };
    endpoint[0] = '\0';
    return store_actors(store, "broker", see_broker, &found) == STORE_OK && endpoint[0] != '\0';
}

static void print_one(const listen_t *self, slice_t body)
{
    buffer_t line = { 0 };
    bool good = self->json ? json_from_wire(&line, body) : alert_line(body, self->colour, &line);
    if (good && !line.failed)
        printf("%s\n", buffer_string(&line));
    buffer_destroy(&line);
    fflush(stdout);
}

int64_t listen_print(listen_t *self, const char *endpoint, fault_t *fault)
{
    owned(bus_destroy) bus_t *news = bus_connect(BUS_SUB, endpoint, QUEUE, fault);
    if (!news)
        return -1;
    bus_subscribe(news, self->prefix);
    uint64_t printed = 0;
    while (life_mono_us() < self->until_us && (self->most == 0 || printed < self->most)) {
        zmq_pollitem_t wait[] = {
            { .fd = self->signals, .events = ZMQ_POLLIN },
            { .socket = bus_socket(news), .events = ZMQ_POLLIN },
        };
        if (zmq_poll(wait, 2, TURN_MS) == -1 && errno != EINTR)
            break;
        if (wait[0].revents && life_take_signal(self->signals) == LIFE_DRAIN)
            break;
        slice_t topic, body;
        while ((self->most == 0 || printed < self->most) && bus_take_news(news, &topic, &body)) {
            print_one(self, body);
            printed++;
        }
        if (ferror(stdout))
            break; // `tail | head`: nobody reads any more
        if (self->watch_pid > 0 && waitpid(self->watch_pid, NULL, WNOHANG) == self->watch_pid) {
            self->child_ended = true;
            break;
        }
    }
    return (int64_t) printed;
}
