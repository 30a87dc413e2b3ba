/*  notifier -- see notifier.h. The PROGRAM: one thread, one wait.
 *
 *  Guaranteed: every entry of the outbox reaches <namespace>:alerts once and its webhooks at
 *  least once, always under the same id, whatever is killed in between. Published at least once
 *  too, but who hears it is PUB/SUB's business: readers fill gaps from <namespace>:alerts.
 *
 *  Calls to Redis wait for their answer (at most STORE_TIMEOUT_MS): without Redis there is
 *  nothing to do. Only the outbox is read without waiting, on a connection of its own.
 */
#include "actors/notifier/notifier.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/notifier/courier.h"
#include "actors/notifier/enrolment.h"
#include "actors/notifier/outbox.h"
#include "actors/notifier/publisher.h"
#include "actors/notifier/sharing.h"
#include "actors/notifier/silencer.h"
#include "actors/notifier/watchman.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "broker/runtime/options.h"
#include "broker/runtime/rate.h"
#include "broker/site.h"
#include "proto/owned.h"

enum {
    BEAT_US = 1000 * 1000,
    LEASE_MS = 5000,
    BLOCKED_WAIT_MS = 10,       // until the brokers are asked again whether they have room
    DOWN_WAIT_US = 200000,      // until Redis is asked again
    DRAIN_US = 3 * 1000 * 1000, // longest wait for what is under way at SIGTERM
};

typedef struct {
    const options_t *options;
    settings_t *reloaded; // or NULL: those that it was started with
    means_t *means;
    int signals;
    store_t *store;
    publisher_t *publisher;
    metrics_t *metrics; // or NULL
    outbox_t *outbox;
    courier_t *courier;
    silencer_t *silencer;
    enrolment_t *enrolment;
    watchman_t *watchman;
    store_id_t token;
    bool active;               // we hold the role: publish, plan and log
    sharing_t sharing;         // of deliveries
    bool down;                 // Redis did not answer last time
    bool stuck;                // the outbox cannot be worked on
    int64_t beat_us, pause_us; // when to beat, and to ask the outbox, next
    int64_t drain_us;          // end of the drain; 0 = in service
    uint64_t lag;              // entries in the outbox
    rate_t rate;               // of alerts published
    uint64_t planned;          // deliveries the courier has heard of
    outbox_count_t told;       // what the log has been told of
    uint64_t told_expired;     // the same, of deliveries
    bool told_passed;          // the log knows that others have channels that we have not
} notifier_t;

static void notifier_destroy(notifier_t *self)
{
    watchman_destroy(&self->watchman);
    courier_destroy(&self->courier);
    outbox_destroy(&self->outbox);
    silencer_destroy(&self->silencer);
    enrolment_destroy(&self->enrolment);
    metrics_destroy(&self->metrics);
    publisher_destroy(&self->publisher);
    store_destroy(&self->store);
    means_destroy(&self->means);
    settings_destroy(&self->reloaded);
    if (self->signals >= 0)
        close(self->signals);
}

static bool notifier_open(notifier_t *self, const settings_t *settings, fault_t *fault)
{
    if (!site_metrics(settings, ROLE_NOTIFIER, self->options->name, &self->metrics, fault))
        return false;
    self->publisher = publisher_new(fault);
    self->store = site_store(settings, self->options->dir, REDIS_NOTIFIER, fault);
    if (!self->publisher || !self->store)
        return false;
    self->courier = courier_new(self->store, self->means, settings->allow_private, fault);
    store_t *reader =
        self->courier ? site_store(settings, self->options->dir, REDIS_NOTIFIER, fault) : NULL;
    if (reader)
        self->outbox = outbox_new(reader, self->store, self->publisher, self->means, fault);
    store_watch_t *watch = self->outbox ? site_watch(settings, self->options->dir, REDIS_NOTIFIER,
                                                     STORE_WATCH_SILENCES, fault)
                                        : NULL;
    if (watch)
        self->silencer = silencer_new(self->store, watch, fault);
    watch = self->silencer ? site_watch(settings, self->options->dir, REDIS_NOTIFIER,
                                        STORE_WATCH_SUBSCRIPTIONS, fault)
                           : NULL;
    if (watch)
        self->enrolment = enrolment_new(self->store, watch, fault);
    if (!self->enrolment)
        return false;
    outbox_heed(self->outbox, silencer_silences(self->silencer), self->enrolment);
    courier_heed(self->courier, silencer_silences(self->silencer));
    self->watchman = watchman_new(self->store, self->publisher, settings, self->means, fault);
    return self->watchman != NULL;
}

// ---- the role -------------------------------------------------------------------------------

static void set_active(notifier_t *self, bool active)
{
    if (self->active == active)
        return;
    self->active = active;
    outbox_own(self->outbox, active ? &self->token : NULL);
    enrolment_own(self->enrolment, active);
    watchman_own(self->watchman, active);
    log_event(LOG_INFO, active ? "working" : "standing by: another notifier publishes", NULL);
}

static void set_down(notifier_t *self, bool is_down, const char *error)
{
    if (is_down && !self->down)
        log_event(LOG_WARNING, "cannot reach Redis, trying again", "error=%s", log_quote(error));
    if (!is_down && self->down)
        log_event(LOG_INFO, "Redis answers again", NULL);
    self->down = is_down;
}

// While Redis is away the role is kept: nobody else can take it either, and every take is
// guarded by the token.
static void keep_role(notifier_t *self)
{
    store_status_t status =
        self->active ? store_outbox_renew(self->store, self->token, LEASE_MS)
                     : store_outbox_claim(self->store, self->options->name, LEASE_MS, &self->token);
    set_down(self, status != STORE_OK && status != STORE_FENCED, store_error(self->store));
    if (status == STORE_OK)
        set_active(self, true);
    if (status == STORE_FENCED)
        set_active(self, false);
}

// ---- once a second --------------------------------------------------------------------------

// True: it has heard of us.
static bool tell_registry(notifier_t *self)
{
    outbox_count_t out = outbox_count(self->outbox);
    courier_count_t carried = courier_count(self->courier);
    enrolment_count_t enrolled = enrolment_count(self->enrolment);
    watchman_count_t watch = watchman_count(self->watchman);
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {
        { "pid", (uint64_t) getpid() },
        { "published", out.published },
        { "published_s", rate_take(&self->rate, out.published, life_mono_us()) },
        { "malformed", out.malformed },
        { "unplanned", out.unplanned },
        { "untold", out.untold },
        { "silenced", out.silenced + carried.silenced },
        { "silences_unread", silencer_failed(self->silencer) },
        { "subscriptions", enrolled.subscriptions },
        { "subscriptions_asked", enrolled.asked },
        { "lag", self->lag },
        { "brokers", publisher_links(self->publisher) },
        { "deliveries_ok", carried.delivered },
        { "deliveries_retried", carried.retried },
        { "deliveries_failed", carried.dead },
        { "deliveries_pending", self->active ? carried.waiting : 0 }, // of all, told by one
        { "watch_degraded", watch.degraded },
        { "watch_told", watch.planned },
    };
    enum { FIGURES = sizeof figures / sizeof figures[0] };
    char texts[FIGURES][24];
    enum { OTHERS = 3 };
    store_field_t fields[FIGURES + OTHERS] = {
        { "state", self->active ? "active" : "standby" },
        { "metrics", self->metrics ? metrics_address(self->metrics) : "" },
        { "subscribers_from", enrolled.local ? "memory" : "redis" },
    };
    for (int i = 0; i < FIGURES; i++) {
        snprintf(texts[i], sizeof texts[i], "%" PRIu64, figures[i].value);
        fields[i + OTHERS] = (store_field_t){ figures[i].name, texts[i] };
    }
    // While Redis is away the figures are told all the same, to whoever asks us.
    bool heard = !self->down && store_beat(self->store, "notifier", self->options->name, LEASE_MS,
                                           fields, FIGURES + OTHERS) == STORE_OK;
    metrics_begin(self->metrics);
    metrics_add(self->metrics, NULL, fields, FIGURES + OTHERS);
    metrics_end(self->metrics, heard);
    return heard;
}

static void tell_log(notifier_t *self)
{
    outbox_count_t out = outbox_count(self->outbox);
    if (out.malformed > self->told.malformed)
        log_event(LOG_ERROR, "outbox entries that are no alerts left out", "count=%" PRIu64,
                  out.malformed - self->told.malformed);
    if (out.unplanned > self->told.unplanned)
        log_event(LOG_ERROR, "a key of subscriptions is no set; it is left out",
                  "alerts=%" PRIu64 " newest=%s", out.unplanned - self->told.unplanned,
                  log_quote(outbox_unread(self->outbox)));
    if (out.unseen > self->told.unseen)
        log_event(LOG_WARNING, "the view of incidents in Redis could not be written",
                  "count=%" PRIu64 " error=%s", out.unseen - self->told.unseen,
                  log_quote(store_error(self->store)));
    if (out.untold > self->told.untold)
        log_event(LOG_WARNING, "subscribers who cannot be told; their deliveries say why",
                  "count=%" PRIu64, out.untold - self->told.untold);
    self->told = out;
    uint64_t expired = courier_count(self->courier).expired;
    if (expired > self->told_expired)
        log_event(LOG_WARNING, "deliveries given up that had waited for 7 days", "count=%" PRIu64,
                  expired - self->told_expired);
    self->told_expired = expired;
    if (courier_count(self->courier).passed > 0 && !self->told_passed) {
        log_event(LOG_WARNING,
                  "deliveries by channels that our configuration does not have are passed on; all "
                  "notifiers need the same smtp, gateways and commands",
                  "name=%s", self->options->name);
        self->told_passed = true;
    }
}

// True: the registry has heard of us.
static bool beat(notifier_t *self)
{
    if (!self->drain_us)
        keep_role(self);
    if (!self->down) {
        publisher_meet(self->publisher, self->store);
        if (store_outbox_length(self->store, &self->lag) == STORE_OK)
            outbox_look(self->outbox, self->lag);
    }
    bool heard = tell_registry(self);
    sharing_look(&self->sharing, self->store, self->options->name, self->courier);
    tell_log(self);
    return heard;
}

// ---- the loop -------------------------------------------------------------------------------

static void reload(notifier_t *self)
{
    fault_t fault = { 0 };
    owned(settings_destroy) settings_t *settings = settings_load(self->options->config, &fault);
    means_t *means = settings ? means_new(settings, &fault) : NULL;
    if (!means) {
        options_tell_kept(self->options, &fault);
        return;
    }
    courier_use(self->courier, means, settings->allow_private);
    outbox_use(self->outbox, means);
    watchman_use(self->watchman, settings, means);
    means_destroy(&self->means);
    settings_destroy(&self->reloaded);
    self->means = means;
    self->reloaded = settings;
    settings = NULL;
    log_event(LOG_INFO, "reloaded", "allow_private=%s",
              self->reloaded->allow_private ? "true" : "false");
}

static void take_signal(notifier_t *self, int64_t now_us)
{
    switch (life_take_signal(self->signals)) {
    case LIFE_DRAIN:
        if (!self->drain_us) {
            self->drain_us = now_us + DRAIN_US;
            outbox_drain(self->outbox);
            courier_release(self->courier, now_us);
        }
        break;
    case LIFE_RELOAD:
        reload(self);
        break;
    case LIFE_GO_ON:
        break;
    }
}

// Steps of the outbox until it has to wait. Returns how long that may be, in ms.
static int work_outbox(notifier_t *self, int64_t now_us)
{
    if (now_us < self->pause_us)
        return (int) ((self->pause_us - now_us) / 1000) + 1;
    switch (outbox_step(self->outbox, now_us)) {
    case OUTBOX_IDLE:
        break;
    case OUTBOX_BLOCKED:
        return BLOCKED_WAIT_MS;
    case OUTBOX_MOVED:
        self->stuck = false;
        if (outbox_count(self->outbox).planned != self->planned)
            courier_wake(self->courier);
        self->planned = outbox_count(self->outbox).planned;
        return 0;
    case OUTBOX_FENCED:
        set_active(self, false);
        break;
    case OUTBOX_DOWN:
        if (!self->stuck)
            log_event(LOG_WARNING, "the outbox waits, trying again", "error=%s",
                      log_quote(outbox_error(self->outbox)));
        self->stuck = true;
        self->pause_us = now_us + DOWN_WAIT_US;
        return DOWN_WAIT_US / 1000;
    }
    return BEAT_US / 1000;
}

static int wait_until(int wait_ms, int64_t due_us, int64_t now_us)
{
    int64_t due_ms = due_us > now_us ? (due_us - now_us) / 1000 + 1 : 0;
    return due_ms < wait_ms ? (int) due_ms : wait_ms;
}

// Nothing is planned or sent before it is known what is silenced, and told what no longer is.
// Publishing does not wait for it.
static int work(notifier_t *self, int64_t now_us)
{
    bool known = silencer_step(self->silencer, now_us, life_wall_us());
    enrolment_step(self->enrolment, now_us);
    bool fetch = sharing_has_part(&self->sharing, self->store) && !self->drain_us;
    outbox_hold(self->outbox, !known);
    int wait_ms = work_outbox(self, now_us);
    courier_step(self->courier, now_us, fetch && known);
    if (fetch && known)
        wait_ms = wait_until(wait_ms, courier_due_us(self->courier), now_us);
    wait_ms = wait_until(wait_ms, enrolment_due_us(self->enrolment), now_us);
    return wait_until(wait_ms, silencer_due_us(self->silencer, now_us, life_wall_us()), now_us);
}

static void work_watchman(notifier_t *self, int64_t now_us)
{
    uint64_t before = watchman_count(self->watchman).planned;
    watchman_step(self->watchman, now_us);
    if (watchman_count(self->watchman).planned != before)
        courier_wake(self->courier);
}

// False: a socket was lost.
static bool notifier_run(notifier_t *self)
{
    for (;;) {
        int64_t now_us = life_mono_us();
        take_signal(self, now_us);
        bool idle = !outbox_busy(self->outbox) && !courier_busy(self->courier);
        if (self->drain_us && (idle || now_us >= self->drain_us))
            return true;
        if (now_us >= self->beat_us) {
            if (site_renew(beat(self)) == BUS_LOST)
                return false;
            self->beat_us = now_us + BEAT_US;
        }
        publisher_listen(self->publisher, now_us);
        int wait_ms = wait_until(work(self, now_us), self->beat_us, now_us);
        if (!self->drain_us) {
            work_watchman(self, now_us);
            wait_ms = wait_until(wait_ms, watchman_due_us(self->watchman), now_us);
        }
        const int wake[] = {
            self->signals,
            outbox_descriptor(self->outbox),
            publisher_descriptor(self->publisher),
            silencer_descriptor(self->silencer),
            enrolment_descriptor(self->enrolment),
        };
        courier_wait(self->courier, wake, sizeof wake / sizeof wake[0], wait_ms);
    }
}

int notifier_main(int argc, char **argv)
{
    options_t options;
    int status;
    if (!options_parse(&options, "notifier",
                       "Publishes alerts, keeps their log and tells subscribers.", argc, argv,
                       &status))
        return status;
    fault_t fault = { 0 };
    owned(settings_destroy) settings_t *settings = options_settings(&options);
    if (!settings)
        return EXIT_CONFIG;
    __attribute__((cleanup(notifier_destroy)))
    notifier_t notifier = { .options = &options, .signals = -1 };
    notifier.means = means_new(settings, &fault);
    if (!notifier.means) {
        options_tell_bad(&options, &fault);
        return EXIT_CONFIG;
    }
    notifier.signals = life_open_signals();
    if (notifier.signals < 0)
        fault_set(&fault, "cannot take signals: %s", strerror(errno));
    bool able = notifier.signals >= 0 &&
                site_guard(settings, options.dir, ROLE_NOTIFIER, options.name, &fault);
    site_wait_t redis =
        able ? site_await(settings, options.dir, REDIS_NOTIFIER, notifier.signals, &fault)
             : SITE_UNFIT;
    if (redis == SITE_STOPPED)
        return EXIT_OK;
    if (redis != SITE_READY || !notifier_open(&notifier, settings, &fault)) {
        log_event(LOG_ERROR, "cannot start", "error=%s", log_quote(fault.text));
        return EXIT_FAILED;
    }
    log_event(LOG_INFO, "started", NULL);
    bool good = notifier_run(&notifier);
    if (notifier.active)
        store_outbox_release(notifier.store, notifier.token);
    store_leave(notifier.store, "notifier", options.name);
    outbox_count_t count = outbox_count(notifier.outbox);
    log_event(LOG_INFO, "stopped", "published=%" PRIu64 " delivered=%" PRIu64, count.published,
              courier_count(notifier.courier).delivered);
    return good ? EXIT_OK : EXIT_FAILED;
}
