/*  broker -- see broker.h. The PROGRAM: one thread, one wait.
 *
 *  A reader that is slower than its queue loses news, never anybody else: readers notice by
 *  `seq` and `prev` of an alert and read <namespace>:alerts.
 */
#include "broker/broker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/announce.h"
#include "broker/bus.h"
#include "broker/last_port.h"
#include "broker/runtime/fault_point.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "broker/runtime/options.h"
#include "broker/runtime/settings.h"
#include "broker/sentry.h"
#include "broker/site.h"
#include "broker/subscriptions.h"
#include "broker/topics.h"
#include "broker/trust/guard.h"
#include "broker/trust/lookout.h"
#include "proto/metric.h"
#include "proto/owned.h"
#include "proto/wire.h"

enum {
    ACTOR_QUEUE = 10000,   // messages from, and subscriptions to, each actor
    READER_QUEUE = 50000,  // messages for each reader; beyond, it loses news
    FORWARD_MAX = 1000,    // news before subscriptions have their turn
    HUGZ_US = 1000 * 1000, // pause between signs of life
};

typedef struct {
    const options_t *options;
    int signals;
    bus_t *actors;  // XSUB, bound to a free port
    bus_t *readers; // XPUB, bound to listen.alerts
    announce_t *announce;
    metrics_t *metrics;             // or NULL
    bool heard, unheard;            // what was logged last of the registry
    subscriptions_t *subscriptions; // of readers
    sentry_t *sentry;               // over calls that take in what readers send
    uint64_t forwarded, refused;
} broker_t;

static void broker_destroy(broker_t *self)
{
    announce_destroy(&self->announce);
    sentry_destroy(&self->sentry);
    subscriptions_destroy(&self->subscriptions);
    metrics_destroy(&self->metrics);
    bus_destroy(&self->readers);
    bus_destroy(&self->actors);
    if (self->signals >= 0)
        close(self->signals);
}

// The port that readers know from before, if it is still free.
static bus_t *bind_readers(const broker_t *self, const char *wanted, fault_t *fault)
{
    char known[BUS_ENDPOINT_MAX];
    bus_t *readers = NULL;
    if (last_port_endpoint(self->options->dir, self->options->name, wanted, known))
        readers = bus_bind(BUS_XPUB, DOOR_ALERTS, known, READER_QUEUE, fault);
    if (!readers)
        readers = bus_bind(BUS_XPUB, DOOR_ALERTS, wanted, READER_QUEUE, fault);
    fault_t reason;
    if (readers &&
        !last_port_keep(self->options->dir, self->options->name, bus_endpoint(readers), &reason))
        log_event(LOG_WARNING, "after a restart readers may not find the alert socket", "reason=%s",
                  log_quote(reason.text));
    return readers;
}

static bool open_links(broker_t *self, const settings_t *settings, fault_t *fault)
{
    self->actors = bus_bind(BUS_XSUB, DOOR_NEWS, settings->listen_actors, ACTOR_QUEUE, fault);
    if (!self->actors)
        return false;
    self->readers = bind_readers(self, settings->listen_alerts, fault);
    if (self->readers) {
        // CURVE puts around a short topic as much again.
        uint64_t bytes_max = guard_on() ? 2 * TOPICS_BYTES_MAX : TOPICS_BYTES_MAX;
        self->subscriptions = subscriptions_new(self->readers, self->actors, fault);
        self->sentry = sentry_new(bus_endpoint(self->readers), bytes_max, fault);
        return self->subscriptions && self->sentry;
    }
    fault_t reason = *fault;
    return fault_set(fault,
                     "%.300s; set listen.alerts in %.100s to another port, or to "
                     "tcp://127.0.0.1:* for a free one",
                     reason.text, settings->path);
}

static bool open_registry(broker_t *self, const settings_t *settings, fault_t *fault)
{
    store_t *store = site_store(settings, self->options->dir, REDIS_BROKER, fault);
    if (store)
        self->announce = announce_new(store, "broker", self->options->name, fault);
    return self->announce != NULL;
}

static void advertise(broker_t *self)
{
    char pid[24], forwarded[24], subscriptions[24], refused[24], evicted[24], topics[24],
        failed[24];
    subscriptions_count_t count = subscriptions_count(self->subscriptions);
    snprintf(pid, sizeof pid, "%ld", (long) getpid());
    snprintf(forwarded, sizeof forwarded, "%" PRIu64, self->forwarded);
    snprintf(subscriptions, sizeof subscriptions, "%" PRIu64, count.taken);
    snprintf(refused, sizeof refused, "%" PRIu64, self->refused + count.refused);
    snprintf(evicted, sizeof evicted, "%" PRIu64, count.evicted);
    snprintf(topics, sizeof topics, "%" PRIu64, count.bytes);
    snprintf(failed, sizeof failed, "%" PRIu64, lookout_count());
    const store_field_t fields[] = {
        { "in", bus_endpoint(self->actors) },
        { "alerts", bus_endpoint(self->readers) },
        { "pid", pid },
        { "forwarded", forwarded },
        { "subscriptions", subscriptions },
        { "refused", refused },
        { "evicted", evicted },
        { "topic_bytes", topics },
        { "handshakes_failed", failed },
        { "metrics", self->metrics ? metrics_address(self->metrics) : "" },
    };
    enum { FIELDS = sizeof fields / sizeof fields[0] };
    announce_set(self->announce, fields, FIELDS);
    fault_t reason;
    metrics_begin(self->metrics);
    metrics_add(self->metrics, NULL, fields, FIELDS);
    metrics_end(self->metrics, announce_heard(self->announce, &reason));
}

static void tell_log(broker_t *self)
{
    fault_t reason;
    bool heard = announce_heard(self->announce, &reason);
    bool unheard = !heard && reason.text[0];
    if (heard && !self->heard)
        log_event(LOG_INFO, "registered", "in=%s alerts=%s", bus_endpoint(self->actors),
                  bus_endpoint(self->readers));
    if (unheard && !self->unheard)
        log_event(LOG_WARNING, "cannot tell the registry, news go on", "error=%s",
                  log_quote(reason.text));
    self->heard = heard;
    self->unheard = unheard;
}

// Once a second: a sign of life to the readers, fresh figures to the registry.
static void tick(broker_t *self)
{
    owned(buffer_destroy) buffer_t body = { 0 };
    hugz_encode(life_wall_us(), &body);
    if (!body.failed)
        bus_publish(self->readers, slice_text("hugz/"), buffer_slice(&body));
    advertise(self);
    tell_log(self);
}

static bool is_prefix(slice_t bytes, const char *prefix)
{
    size_t size = strlen(prefix);
    return bytes.size >= size && memcmp(bytes.data, prefix, size) == 0;
}

// Is it news of ours: a topic that the world may hear, and one whole msgpack map?
static bool is_news(slice_t topic, slice_t body)
{
    if (!is_prefix(topic, "alert/") && !is_prefix(topic, "health/") &&
        !is_prefix(topic, "metric/") && !is_prefix(topic, "staged/"))
        return false;
    wire_reader_t reader = wire_reader(body);
    return wire_peek(&reader) == WIRE_MAP && wire_skip(&reader, NULL) && wire_done(&reader);
}

// With keys: may the actor that sent it say so?
static bool may_say(broker_t *self, slice_t topic)
{
    role_t role;
    const char *name = bus_peer_role(self->actors);
    return !name || (role_parse(name, &role) && door_may_publish(role, topic));
}

// Whatever can reach our socket may send anything: only news is passed on, the rest is counted.
static void forward_news(broker_t *self)
{
    slice_t topic, body;
    for (int i = 0; i < FORWARD_MAX && bus_take_news(self->actors, &topic, &body); i++) {
        if (!is_news(topic, body) || !may_say(self, topic)) {
            self->refused++;
            continue;
        }
        FAULT_POINT("news.received");
        bus_publish(self->readers, topic, body);
        self->forwarded++;
    }
}

static void begin_turn(broker_t *self)
{
    char name[SENTRY_NAME_MAX + 1];
    uint64_t bytes;
    if (sentry_turn(self->sentry, name, &bytes))
        subscriptions_cut_off(self->subscriptions, name, bytes);
}

static int broker_run(broker_t *self)
{
    int64_t tick_us = life_mono_us();
    for (;;) {
        begin_turn(self);
        int64_t now_us = life_mono_us();
        if (now_us >= tick_us) {
            bus_renewal_t renewal = site_renew(self->heard);
            if (renewal == BUS_LOST)
                return EXIT_FAILED;
            if (renewal == BUS_RENEWED)
                subscriptions_renew(self->subscriptions);
            if (!subscriptions_tick(self->subscriptions))
                return EXIT_FAILED;
            tick(self);
            tick_us = now_us + HUGZ_US;
        }
        zmq_pollitem_t wait[] = {
            { .fd = self->signals, .events = ZMQ_POLLIN },
            { .socket = bus_socket(self->readers), .events = ZMQ_POLLIN },
            { .socket = bus_socket(self->actors), .events = ZMQ_POLLIN },
        };
        if (zmq_poll(wait, 3, (tick_us - now_us) / 1000 + 1) == -1 && errno != EINTR) {
            log_event(LOG_ERROR, "cannot wait", "error=%s", log_quote(zmq_strerror(errno)));
            return EXIT_FAILED;
        }
        if (wait[0].revents & ZMQ_POLLIN) {
            switch (life_take_signal(self->signals)) {
            case LIFE_DRAIN:
                forward_news(self); // what has already arrived
                log_event(LOG_INFO, "stopped", "forwarded=%" PRIu64, self->forwarded);
                return EXIT_OK;
            case LIFE_RELOAD:
                log_event(LOG_INFO, "nothing to reload: a new address needs a restart", NULL);
                break;
            case LIFE_GO_ON:
                break;
            }
        }
        if (wait[1].revents & ZMQ_POLLIN)
            subscriptions_take(self->subscriptions);
        if (wait[2].revents & ZMQ_POLLIN)
            forward_news(self);
    }
}

int broker_main(int argc, char **argv)
{
    options_t options;
    int status;
    if (!options_parse(&options, "broker",
                       "Carries alerts and other news from the actors to their readers.", argc,
                       argv, &status))
        return status;
    fault_t fault;
    owned(settings_destroy) settings_t *settings = options_settings(&options);
    if (!settings)
        return EXIT_CONFIG;
    owned(broker_destroy) broker_t broker = { .options = &options };
    broker.signals = life_open_signals();
    if (broker.signals < 0) {
        log_event(LOG_ERROR, "cannot take signals", "error=%s", log_quote(strerror(errno)));
        return EXIT_FAILED;
    }
    if (!site_guard(settings, options.dir, ROLE_BROKER, options.name, &fault) ||
        !site_metrics(settings, ROLE_BROKER, options.name, &broker.metrics, &fault) ||
        !open_links(&broker, settings, &fault) || !open_registry(&broker, settings, &fault)) {
        log_event(LOG_ERROR, "cannot start", "error=%s", log_quote(fault.text));
        return EXIT_FAILED;
    }
    log_event(LOG_INFO, "listening", "in=%s alerts=%s", bus_endpoint(broker.actors),
              bus_endpoint(broker.readers));
    return broker_run(&broker);
}
