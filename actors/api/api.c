/*  api -- see api.h. The PROGRAM: one thread listens to the brokers and looks into Redis, another,
 *  libmicrohttpd's, hands out what the first has prepared.
 *
 *  Guaranteed: it changes nothing but its own entry in the registry; any number of it may run; what
 *  it tells is what Redis held a moment ago, or it says that it does not know.
 */
#include "actors/api/api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/api/looks.h"
#include "actors/api/server.h"
#include "broker/bus.h"
#include "broker/peers.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "broker/runtime/options.h"
#include "broker/site.h"
#include "proto/owned.h"

enum {
    BEAT_US = 1000 * 1000,
    LEASE_MS = 5000,
    QUEUE = 10000,     // news waiting for us; what is beyond is only a hint lost
    NEWS_MAX = 10000,  // taken in one turn
    FIGURE_BYTES = 24, // of a number
};

#define API_LISTEN "127.0.0.1:8080" // where `listen.http` says nothing

typedef struct {
    const options_t *options;
    int signals;
    metrics_t *metrics;
    server_t *server;
    store_t *store;
    bus_t *news;
    peers_t *brokers;
    looks_t *looks;
    settings_t *reloaded; // or NULL: still those that it was started with
    bool down;            // Redis did not tell last time
} api_t;

static void api_destroy(api_t *self)
{
    server_destroy(&self->server); // its thread asks the metrics
    looks_destroy(&self->looks);
    peers_destroy(&self->brokers);
    bus_destroy(&self->news);
    store_destroy(&self->store);
    metrics_destroy(&self->metrics);
    settings_destroy(&self->reloaded);
    if (self->signals >= 0)
        close(self->signals);
}

static bool api_open(api_t *self, const settings_t *settings, fault_t *fault)
{
    const char *listen = settings->listen_http ? settings->listen_http : API_LISTEN;
    self->metrics = metrics_new_unheard("api", self->options->name, fault);
    self->store = self->metrics ? site_store(settings, self->options->dir, REDIS_API, fault) : NULL;
    self->news = self->store ? bus_connect(BUS_SUB, DOOR_ALERTS, NULL, QUEUE, fault) : NULL;
    self->server = self->news ? server_new(listen, self->metrics, fault) : NULL;
    if (!self->server)
        return false;
    bus_subscribe(self->news, "alert/");
    self->brokers = peers_new(self->news, "broker", "alerts");
    self->looks = looks_new(self->store, self->server, settings);
    return (self->brokers && self->looks) || fault_set(fault, "out of memory");
}

// ---- once a second ---------------------------------------------------------------------------

static void tell_down(api_t *self)
{
    bool down = !looks_good(self->looks);
    if (down && !self->down)
        log_event(LOG_WARNING, "Redis does not tell all; trying again", "error=%s",
                  log_quote(store_error(self->store)));
    if (!down && self->down)
        log_event(LOG_INFO, "Redis tells all again", NULL);
    self->down = down;
}

static void tell_viewers(api_t *self, bool ready)
{
    owned(buffer_destroy) buffer_t item = { 0 };
    buffer_printf(&item, "{\"ready\":%s,\"redis\":%s,\"brokers\":%u}", ready ? "true" : "false",
                  looks_good(self->looks) ? "true" : "false", peers_count(self->brokers));
    if (item.failed || !hub_health(server_hub(self->server), buffer_slice(&item)))
        log_event(LOG_WARNING, "viewers are not told how things are", "error=%s",
                  log_quote("out of memory"));
}

// True: all is well.
static bool tell_registry(api_t *self)
{
    server_count_t served = server_count(self->server);
    stock_count_t told = stock_count(server_stock(self->server));
    hub_count_t viewers = hub_count(server_hub(self->server));
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {
        { "pid", (uint64_t) getpid() },
        { "requests", served.requests },
        { "unchanged", told.unchanged },
        { "refused", served.refused },
        { "answers", told.answers },
        { "viewers", viewers.viewers },
        { "viewers_refused", viewers.turned_away },
        { "events", viewers.events },
        { "series_left_out", viewers.left_out },
        { "entries_left_out", looks_left_out(self->looks) },
        { "looks_failed", looks_failed(self->looks) },
        { "brokers", peers_count(self->brokers) },
    };
    enum { FIGURES = sizeof figures / sizeof figures[0] };
    char texts[FIGURES][FIGURE_BYTES];
    enum { OTHERS = 2 };
    const char *address = server_address(self->server);
    store_field_t fields[FIGURES + OTHERS] = { { "http", address }, { "metrics", address } };
    for (int i = 0; i < FIGURES; i++) {
        snprintf(texts[i], sizeof texts[i], "%" PRIu64, figures[i].value);
        fields[i + OTHERS] = (store_field_t){ figures[i].name, texts[i] };
    }
    bool heard = store_beat(self->store, "api", self->options->name, LEASE_MS, fields,
                            FIGURES + OTHERS) == STORE_OK;
    metrics_begin(self->metrics);
    metrics_add(self->metrics, NULL, fields, FIGURES + OTHERS);
    bool ready = heard && looks_good(self->looks) && peers_count(self->brokers) > 0;
    metrics_end(self->metrics, ready);
    tell_viewers(self, ready);
    return heard;
}

static bool tick(api_t *self)
{
    size_t cut = server_turn(self->server, life_mono_us());
    if (cut > 0)
        log_event(LOG_WARNING, "cut off who took too long to read an answer", "count=%zu", cut);
    tell_down(self);
    if (!self->down) // each question waits for its answer, and we have to be seen alive
        peers_follow(self->brokers, self->store);
    return site_renew(tell_registry(self)) != BUS_LOST;
}

// ---- the loop --------------------------------------------------------------------------------

static void take_news(api_t *self)
{
    slice_t topic, body;
    bool heard = false;
    for (int i = 0; i < NEWS_MAX && bus_take_news(self->news, &topic, &body); i++)
        heard = true;
    if (heard)
        looks_hint(self->looks, life_mono_us());
}

// Rules are taken anew; where we listen, and to whom, only by a restart.
static void reload(api_t *self)
{
    fault_t fault = { 0 };
    settings_t *settings = settings_load(self->options->config, &fault);
    if (!settings) {
        options_tell_kept(self->options, &fault);
        return;
    }
    looks_use(self->looks, settings);
    settings_destroy(&self->reloaded);
    self->reloaded = settings;
    log_event(LOG_INFO, "reloaded", "rules=%zu", settings->rule_count);
}

static int api_run(api_t *self)
{
    int64_t tick_us = 0;
    for (;;) {
        int64_t now_us = life_mono_us();
        int64_t wait_us = looks_turn(self->looks, now_us);
        if (now_us >= tick_us) {
            if (!tick(self))
                return EXIT_FAILED;
            tick_us = now_us + BEAT_US;
        }
        int64_t news_us = hub_turn(server_hub(self->server), life_mono_us());
        int64_t left_us = tick_us - life_mono_us();
        if (news_us < left_us)
            left_us = news_us;
        if (left_us < wait_us)
            wait_us = left_us > 0 ? left_us : 0;
        zmq_pollitem_t wait[] = {
            { .fd = self->signals, .events = ZMQ_POLLIN },
            { .socket = bus_socket(self->news), .events = ZMQ_POLLIN },
            { .fd = hub_fd(server_hub(self->server)), .events = ZMQ_POLLIN },
        };
        if (zmq_poll(wait, 3, (wait_us + 999) / 1000) == -1 && errno != EINTR) {
            log_event(LOG_ERROR, "cannot wait", "error=%s", log_quote(zmq_strerror(errno)));
            return EXIT_FAILED;
        }
        if (wait[1].revents & ZMQ_POLLIN)
            take_news(self);
        if (!(wait[0].revents & ZMQ_POLLIN))
            continue;
        switch (life_take_signal(self->signals)) {
        case LIFE_DRAIN:
            store_leave(self->store, "api", self->options->name);
            log_event(LOG_INFO, "stopped", NULL);
            return EXIT_OK;
        case LIFE_RELOAD:
            reload(self);
            break;
        case LIFE_GO_ON:
            break;
        }
    }
}

int api_main(int argc, char **argv)
{
    options_t options;
    int status;
    if (!options_parse(&options, "api",
                       "Answers over HTTP: rules, incidents, alerts, latest values, status.", argc,
                       argv, &status))
        return status;
    fault_t fault = { 0 };
    owned(settings_destroy) settings_t *settings = options_settings(&options);
    if (!settings)
        return EXIT_CONFIG;
    owned(api_destroy) api_t api = { .options = &options };
    api.signals = life_open_signals();
    if (api.signals < 0) {
        log_event(LOG_ERROR, "cannot take signals", "error=%s", log_quote(strerror(errno)));
        return EXIT_FAILED;
    }
    if (!site_guard(settings, options.dir, ROLE_SUBSCRIBER, options.name, &fault) ||
        !api_open(&api, settings, &fault)) {
        log_event(LOG_ERROR, "cannot start", "error=%s", log_quote(fault.text));
        return EXIT_FAILED;
    }
    log_event(LOG_INFO, "listening", "http=%s", server_address(api.server));
    if (!server_has_room(api.server))
        log_event(
            LOG_WARNING,
            "the limit on open files (RLIMIT_NOFILE) allows fewer viewers than it could serve",
            NULL);
    return api_run(&api);
}
