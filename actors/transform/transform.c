/*  transform -- rows in, alerts and state out.
 *
 *      prep --ROWS, PUSH--> [ transform ] --one function call a commit--> Redis (outbox, journal)
 *      collector <--ACK, NEED, PUSH---/
 *
 *  The fold is pure; this is the shell around it. One wait: signals, the inbox (only while there
 *  is room for what it would make), and Redis' answers. Nothing on the way from a row to its
 *  alert waits for a timer: a commit is sent as soon as the last one has returned.
 */
#include "actors/transform/transform.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "actors/transform/worker.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "broker/runtime/options.h"
#include "broker/site.h"
#include "broker/trust/lookout.h"
#include "proto/owned.h"

enum {
    INBOX_QUEUE = 64,
    TAKE_MESSAGES = 16,  // before looking at anything else
    BEAT_US = 1000000,   // registry, leases, claims, views
    AWAY_US = 200000,    // while Redis is away
    ANSWER_US = 250000,  // acknowledgements at least so often
    ANSWER_MESSAGES = 8, // and after so many messages of up to 1 MB
    ASK_US = 50000,      // look for gaps
    LEASE_MS = 5000,     // in the registry
    DRAIN_US = 10000000, // longest goodbye
};

static void worker_destroy(worker_t **self_p)
{
    worker_t *self = *self_p;
    if (!self)
        return;
    if (self->fold)
        worker_forget_all(self);
    for (size_t i = 0; i < self->stream_count; i++) {
        lane_in_destroy(&self->streams[i].lane);
        bus_destroy(&self->streams[i].ack);
    }
    worker_commits_destroy(&self->batch);
    worker_bases_destroy(&self->bases);
    fold_destroy(&self->fold);
    worker_plans_destroy(&self->plans);
    bus_destroy(&self->inbox);
    metrics_destroy(&self->metrics);
    peers_destroy(&self->brokers);
    bus_destroy(&self->news);
    store_destroy(&self->commits);
    store_destroy(&self->store);
    free(self);
    *self_p = NULL;
}

static worker_t *worker_new(const char *name, const settings_t *settings, const char *dir,
                            fault_t *fault)
{
    owned(worker_destroy) worker_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->name = name;
    if (!life_random(&self->id, sizeof self->id)) {
        fault_set(fault, "the kernel gives no random bytes");
        return NULL;
    }
    for (size_t i = 0; i < sizeof self->id; i++)
        snprintf(self->id_text + 2 * i, 3, "%02x", self->id.bytes[i]);
    if (site_metrics(settings, ROLE_TRANSFORM, name, &self->metrics, fault))
        self->store = site_store(settings, dir, REDIS_TRANSFORM, fault);
    if (self->store)
        self->commits = site_store(settings, dir, REDIS_TRANSFORM, fault);
    if (self->commits)
        self->inbox = bus_bind(BUS_PULL, DOOR_ROWS, settings->listen_actors, INBOX_QUEUE, fault);
    if (self->inbox)
        self->news = bus_connect(BUS_PUB, DOOR_NEWS, NULL, 1024, fault);
    if (self->news)
        self->brokers = peers_new(self->news, "broker", "in");
    if (!self->brokers)
        return NULL;
    self->alert_bytes_max = WORKER_ALERT_BYTES_MAX;
    self->fold = fold_new(worker_alert, self);
    self->plans = worker_plans_new(self->store);
    self->batch = worker_commits_new();
    self->bases = worker_bases_new();
    if (!self->fold || !self->plans || !self->batch || !self->bases) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    worker_t *given = self;
    self = NULL;
    return given;
}

// ---- once a second ----------------------------------------------------------------------------

static bool beat(worker_t *self)
{
    fold_count_t count = fold_count(self->fold);
    int64_t now_us = life_mono_us();
    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        { "partitions", worker_held(self) },
        { "series", fold_series(self->fold) },
        { "rows", count.accepted },
        { "rows_s", rate_take(&self->rate, count.accepted, now_us) },
        { "behind", worker_behind(self) },
        { "asked", self->asked },
        { "late", count.late },
        { "duplicates", count.duplicates },
        { "revisions", count.revisions },
        { "judged", count.judged },
        { "warming", count.warming },
        { "alerts", count.alerts },
        { "suppressed", count.suppressed },
        { "corrections", count.corrections },
        { "firing", count.firing },
        { "resolved", count.resolved },
        { "flapping", count.flapping },
        { "silences", count.silences },
        { "commits", self->commits_done },
        { "stale", self->stale },
        { "fenced", self->fenced },
        { "held", self->held },
        { "dropped", self->dropped },
        { "malformed", self->malformed },
        { "forged", self->forged },
        { "ignored", self->ignored },
        { "spare", self->spare },
        { "bytes", fold_bytes(self->fold) },
        { "handshakes_failed", lookout_count() },
    };
    enum { COUNTERS = sizeof counters / sizeof counters[0], OTHERS = 5 };
    char pid[16], age[24] = "", texts[COUNTERS][24];
    if (self->committed_us) // of the last checkpoint
        snprintf(age, sizeof age, "%" PRId64, (now_us - self->committed_us) / 1000);
    snprintf(pid, sizeof pid, "%d", (int) getpid());
    store_field_t fields[COUNTERS + OTHERS] = {
        { "pid", pid },
        { "endpoint", bus_endpoint(self->inbox) },
        { "id", self->id_text },
        { "checkpoint_ms", age },
        { "metrics", self->metrics ? metrics_address(self->metrics) : "" }
    };
    for (size_t i = 0; i < COUNTERS; i++) {
        snprintf(texts[i], sizeof texts[i], "%" PRIu64, counters[i].value);
        fields[i + OTHERS] = (store_field_t){ counters[i].name, texts[i] };
    }
    bool heard = store_beat(self->store, "transform", self->name, LEASE_MS, fields,
                            COUNTERS + OTHERS) == STORE_OK;
    metrics_begin(self->metrics);
    metrics_add(self->metrics, NULL, fields, COUNTERS + OTHERS);
    metrics_end(self->metrics, heard);
    return heard;
}

// Returns when to do it again.
static int64_t second(worker_t *self, int64_t now_us)
{
    if (self->draining) {
        worker_renew(self);
        return now_us + BEAT_US;
    }
    self->heard = worker_look_around(self, now_us) && !self->replaced && beat(self);
    if (!self->heard)
        return now_us + AWAY_US; // Redis is away: nothing of this can be done
    worker_listed(self);
    peers_follow(self->brokers, self->store);
    worker_meet_collectors(self, now_us);
    worker_renew(self);
    if (self->strangers == 0) // else two of one name would take from each other
        worker_claim(self);
    worker_show(self);
    return now_us + BEAT_US;
}

// ---- the loop ---------------------------------------------------------------------------------

// Without partitions (Redis is away, or we are leaving) nothing is taken either: the collector
// runs out of credit and waits.
static bool has_room(const worker_t *self, int64_t now_us)
{
    return !self->draining && worker_held(self) > 0 && now_us >= self->full_until_us &&
           worker_uncommitted(self) < WORKER_UNCOMMITTED_MAX;
}

static void take_some(worker_t *self, int64_t now_us)
{
    self->unread = true;
    for (int i = 0; i < TAKE_MESSAGES && has_room(self, now_us); i++) {
        slice_t frame;
        self->unread = bus_take(self->inbox, &frame);
        if (!self->unread)
            return;
        worker_take(self, frame, now_us);
        if (++self->since_answer >= ANSWER_MESSAGES) {
            worker_answer(self);
            self->since_answer = 0;
        }
    }
}

typedef struct {
    int64_t beat_us, answer_us, ask_us;
} clocks_t;

// False: the process had better end.
static bool keep_time(worker_t *self, clocks_t *due, int64_t now_us)
{
    if (now_us >= due->beat_us) {
        if (site_renew(self->heard) == BUS_LOST)
            return false;
        due->beat_us = second(self, now_us);
    }
    if (now_us >= due->ask_us) {
        worker_ask(self, now_us);
        due->ask_us = now_us + ASK_US;
    }
    if (now_us >= due->answer_us) {
        worker_answer(self);
        self->since_answer = 0;
        due->answer_us = now_us + ANSWER_US;
    }
    return true;
}

// Answers of Redis, else the next commit: never both waited for.
static void move_commits(worker_t *self, bool answered, int64_t now_us)
{
    if (worker_committing(self) && answered)
        worker_commit_settle(self, now_us);
    worker_commit_watch(self, now_us);
    if (!worker_committing(self)) {
        worker_commit(self);
        if (!worker_committing(self))
            worker_commit_settle(self, now_us); // hand over what is clean
    }
}

static bool worker_wait(worker_t *self, int signals, int64_t until_us, bool *signalled,
                        bool *answered)
{
    int64_t now_us = life_mono_us();
    long wait_ms = until_us > now_us ? (long) ((until_us - now_us) / 1000) + 1 : 0;
    bool room = has_room(self, now_us);
    zmq_pollitem_t wait[3] = { { .fd = signals, .events = ZMQ_POLLIN } };
    int count = 1, commit_item = -1;
    if (room)
        wait[count++] = (zmq_pollitem_t){ .socket = bus_socket(self->inbox), .events = ZMQ_POLLIN };
    if (worker_committing(self)) {
        commit_item = count;
        wait[count++] =
            (zmq_pollitem_t){ .fd = store_descriptor(self->commits), .events = ZMQ_POLLIN };
    }
    if (zmq_poll(wait, count, wait_ms) == -1 && errno != EINTR)
        return false;
    *signalled = wait[0].revents != 0;
    *answered = commit_item != -1 && wait[commit_item].revents != 0;
    return true;
}

// Out of the registry at once, so that the others take over what we release.
static void start_drain(worker_t *self)
{
    self->draining = true;
    (void) store_leave(self->store, "transform", self->name);
    for (unsigned p = 0; p < PARTITIONS; p++)
        worker_leave(self, p);
}

static int worker_run(worker_t *self, int signals)
{
    clocks_t due = { 0 };
    int64_t drain_until_us = 0;
    for (;;) {
        int64_t now_us = life_mono_us();
        if (!keep_time(self, &due, now_us))
            return EXIT_FAILED;
        if (self->replaced) {
            log_event(LOG_ERROR, "another worker was started under this name; ending", "name=%s",
                      log_quote(self->name));
            return EXIT_FAILED;
        }
        bool loaded = worker_load(self), written = worker_write_bases(self);
        int64_t until_us = due.beat_us < due.ask_us ? due.beat_us : due.ask_us;
        bool signalled, answered;
        if (!worker_wait(self, signals, loaded && written ? until_us : 0, &signalled, &answered))
            return EXIT_FAILED;
        now_us = life_mono_us();
        if (signalled && life_take_signal(signals) == LIFE_DRAIN && !self->draining) {
            start_drain(self);
            drain_until_us = now_us + DRAIN_US;
        }
        take_some(self, now_us);
        move_commits(self, answered, now_us);
        if (self->draining && !worker_committing(self) && worker_has_nothing(self))
            return EXIT_OK;
        if (self->draining && now_us > drain_until_us)
            return EXIT_FAILED;
    }
}

int transform_main(int argc, char **argv)
{
    options_t options;
    int status;
    if (!options_parse(&options, "transform",
                       "Keeps windows and judges rules; start as many as you like.", argc, argv,
                       &status))
        return status;
    fault_t fault = { 0 };
    owned(settings_destroy) settings_t *settings = options_settings(&options);
    if (!settings)
        return EXIT_CONFIG;
    int signals = life_open_signals(); // before the first socket
    if (signals < 0)
        fault_set(&fault, "cannot take signals: %s", strerror(errno));
    bool able =
        signals >= 0 && site_guard(settings, options.dir, ROLE_TRANSFORM, options.name, &fault);
    site_wait_t redis =
        able ? site_await(settings, options.dir, REDIS_TRANSFORM, signals, &fault) : SITE_UNFIT;
    if (redis == SITE_STOPPED)
        return EXIT_OK;
    owned(worker_destroy) worker_t *worker = NULL;
    if (redis == SITE_READY)
        worker = worker_new(options.name, settings, options.dir, &fault);
    if (!worker) {
        log_event(LOG_ERROR, "cannot start", "reason=%s", log_quote(fault.text));
        return EXIT_FAILED;
    }
    log_event(LOG_INFO, "started", "endpoint=%s", bus_endpoint(worker->inbox));
    status = worker_run(worker, signals);
    fold_count_t count = fold_count(worker->fold);
    log_event(LOG_INFO, "stopped", "rows=%" PRIu64 " alerts=%" PRIu64, count.accepted,
              count.alerts);
    return status;
}
