/*  collector -- first actor of the pipeline: sources in, staged records out.
 *
 *      file, http, push, simulate --> [ collector ] --RAW, PUSH--> prep
 *                                           |  ^---ACK, NEED, PUSH--- transform
 *                                           v
 *                                      staged log
 *
 *  One loop and one wait. A turn takes a group of records from the sources, makes it durable, tells
 *  pushing clients, and sends on what is durable as far as the workers give credit; nothing else
 *  blocks. What sources mean and which rules hold is the plan: it comes from the registry's thread
 *  and is staged like payload, before the first record that it is for.
 *
 *  Life: wait for a plan (Redis may be away) -> collect -> (SIGTERM) take nothing more, make the
 *  rest durable, send for at most DRAIN_US -> leave. A disk that takes nothing stops the taking,
 *  not the process. Exit status 0 says that everything taken is durable.
 */
#include "actors/collector/collector.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/collector/collector_inside.h"
#include "actors/collector/configured.h"
#include "broker/runtime/fault_point.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

enum {
    TELL_US = 1000000,
    WAIT_US_MAX = 1000000,
    DRAIN_US = 3000000,
    QUIET_US = 200000, // without anything to send that ends a drain
};

static moment_t s_now(const collector_t *self)
{
    int64_t mono_us = life_mono_us();
    return (moment_t){ .mono_us = mono_us, .recv_us = self->anchor_us + mono_us };
}

static stream_t *s_find_stream(void *context, const source_t *source)
{
    const collector_t *self = context;
    return lines_stream(self->lines, source);
}

// Streams that are open now, and where the objects of these sources lie.
static void s_tell_archivist(collector_t *self, const settings_t *settings)
{
    bool good = archivist_configure(self->archivist, settings);
    for (size_t i = 0; i < lines_count(self->lines); i++)
        good &=
            archivist_watch(self->archivist, stream_name(line_stream(lines_at(self->lines, i))));
    if (!good)
        log_event(LOG_WARNING, "no memory: objects are made as before", NULL);
}

// A log that is never trimmed needs no copy of Redis.
static int64_t s_copy_every(const settings_t *settings)
{
    return settings->stage_keep_us > 0 ? settings->copy_every_us : 0;
}

// ---- plans and settings ---------------------------------------------------------------------

static bool s_ask_for_plan(collector_t *self, const settings_t *settings, fault_t *fault)
{
    plan_t *base = planner_base(settings, fault);
    if (!base)
        return false;
    for (size_t i = 0; i < lines_count(self->lines); i++) {
        const stream_t *stream = line_stream(lines_at(self->lines, i));
        registry_log(self->registry, i, stream_name(stream), stream_mark(stream),
                     stream_plan_logged(stream));
        if (stream_durable(stream) > 0)
            (void) registry_log_durable(self->registry, i);
        registry_edition(self->registry, i, line_edition(lines_at(self->lines, i)));
    }
    planner_sources(settings, self->sources);
    registry_configure(self->registry, base, settings->rule_cost_max, ++self->edition);
    return true;
}

static void s_say_bad(void *context, const fault_t *fault)
{
    collector_t *self = context;
    options_tell_kept(&self->options, fault);
    self->refused = true;
}

// SIGHUP: the new settings come into force together with the plan made of them. Rules are judged
// where plans are made, in the registry's thread, so that compiling does not hold up staging.
static void s_reload(collector_t *self)
{
    fault_t fault;
    self->refused = false;
    owned(settings_destroy) settings_t *settings = settings_load(self->options.config, &fault);
    if (settings)
        configured_mappings(settings, s_say_bad, self);
    else
        s_say_bad(self, &fault);
    if (self->refused)
        return;
    if (strcmp(settings->namespace, self->settings->namespace) != 0 ||
        strcmp(settings->redis, self->settings->redis) != 0 ||
        strcmp(settings->stage, self->settings->stage) != 0)
        log_event(LOG_WARNING, "namespace, redis and stage change only with a restart", NULL);
    if (!lines_open(self->lines, settings, &fault) || !s_ask_for_plan(self, settings, &fault)) {
        log_event(LOG_ERROR, "new configuration cannot be used; keeping the old one", "reason=%s",
                  log_quote(fault.text));
        return;
    }
    settings_destroy(&self->next_settings);
    self->next_settings = settings;
    settings = NULL;
    log_event(LOG_INFO, "configuration read again", "file=%s", log_quote(self->options.config));
}

// The plan of the new settings is staged: now their sources.
static void s_switch_settings(collector_t *self, moment_t now)
{
    fault_t fault;
    intake_end(self->intake, now);
    if (intake_configure(self->intake, self->next_settings, now, &fault)) {
        settings_destroy(&self->settings);
        self->settings = self->next_settings;
        self->next_settings = NULL;
        s_tell_archivist(self, self->settings);
        registry_hold(self->registry, s_copy_every(self->settings));
        log_event(LOG_INFO, "new configuration in force", "sources=%zu",
                  self->settings->source_count);
        return;
    }
    log_event(LOG_ERROR, "new sources cannot be opened; going back to the old configuration",
              "reason=%s", log_quote(fault.text));
    settings_destroy(&self->next_settings);
    if (!s_ask_for_plan(self, self->settings, &fault))
        log_event(LOG_ERROR, "going back failed", "reason=%s", log_quote(fault.text));
}

// Lines whose positions in Redis are of another log. Needs a plan in force.
static void s_tell_again(collector_t *self, moment_t now)
{
    for (size_t i = 0; i < lines_count(self->lines); i++) {
        line_t *line = lines_at(self->lines, i);
        uint64_t above;
        if (registry_is_foreign(self->registry, i, &above) && line_retell(line, above, now))
            registry_retold(self->registry, i, line_edition(line));
    }
}

static void s_stage_plan(collector_t *self, moment_t now)
{
    if (!lines_plan(self->lines, self->plan, now))
        return; // no memory: with the next turn again; those that have it do nothing then
    log_event(LOG_INFO, "plan in force", "entries=%zu rules_live=%s", plan_count(self->plan),
              registry_rules_are_live(self->registry) ? "yes" : "no");
    self->planned = true;
    self->tell_us = now.mono_us;
    plan_destroy(&self->plan);
    if (self->next_settings && self->plan_edition == self->edition)
        s_switch_settings(self, now);
}

// ---- the registry --------------------------------------------------------------------------

static void s_hear_registry(collector_t *self)
{
    uint64_t edition;
    plan_t *plan = registry_take_plan(self->registry, &edition);
    if (plan) {
        plan_destroy(&self->plan);
        self->plan = plan;
        self->plan_edition = edition;
    }
    if (registry_take_refusal(self->registry, &edition) && edition == self->edition &&
        self->next_settings) {
        log_event(LOG_ERROR, "new configuration is bad; keeping the old one", "next=%s",
                  log_quote("`check -c FILE` tells the places"));
        settings_destroy(&self->next_settings);
    }
    registry_brokers_t brokers;
    if (registry_take_brokers(self->registry, &brokers))
        news_meet(self->news, &brokers);
    for (registry_note_t note; registry_take_note(self->registry, &note);)
        log_event(note.level, note.message, note.text[0] ? "%s" : NULL, note.text);
}

// ---- one turn -------------------------------------------------------------------------------

static void s_take_signal(collector_t *self, int64_t mono_us)
{
    switch (life_take_signal(self->signals)) {
    case LIFE_GO_ON:
        break;
    case LIFE_DRAIN:
        log_event(LOG_INFO, "draining", NULL);
        self->drain_until_us = mono_us + DRAIN_US;
        self->quiet_since_us = mono_us;
        if (self->planned)
            intake_end(self->intake, s_now(self));
        break;
    case LIFE_RELOAD:
        if (!self->drain_until_us)
            s_reload(self);
        break;
    }
}

// The one wait. Sources are listened to only while their records can be taken.
static bool s_wait(collector_t *self, bool at_once, moment_t now)
{
    bool listening = self->planned && !self->drain_until_us && !lines_are_stalled(self->lines);
    int64_t until_us = now.mono_us + (self->drain_until_us ? QUIET_US / 4 : WAIT_US_MAX);
    size_t count = 0;
    self->items[count++] = (zmq_pollitem_t){ .fd = self->signals, .events = ZMQ_POLLIN };
    self->items[count++] =
        (zmq_pollitem_t){ .fd = registry_descriptor(self->registry), .events = ZMQ_POLLIN };
    count += lines_items(self->lines, self->items + count);
    if (lines_next_us(self->lines) < until_us)
        until_us = lines_next_us(self->lines);
    if (listening) {
        count += intake_items(self->intake, self->items + count);
        if (intake_next_us(self->intake, now) < until_us)
            until_us = intake_next_us(self->intake, now);
    }
    int64_t wait_us = until_us - now.mono_us;
    int wait_ms = at_once || wait_us <= 0 ? 0 : (int) ((wait_us + 999) / 1000);
    return zmq_poll(self->items, (int) count, wait_ms) >= 0 || errno == EINTR;
}

// Take, make durable, tell, send. True: there is more to do at once.
static bool s_turn(collector_t *self)
{
    moment_t now = s_now(self);
    bool more = false, stalled = lines_are_stalled(self->lines);
    // Also where there is no room for records: before its plan nothing is sent, and what cannot be
    // sent is never worked off.
    bool writes = !lines_cannot_write(self->lines);
    if (self->plan && writes)
        s_stage_plan(self, now);
    if (stalled)
        intake_skip(self->intake, now);
    else if (self->planned && !self->drain_until_us)
        more |= intake_take(self->intake, now);
    if (self->planned && writes)
        s_tell_again(self, now);
    if (lines_sync(self->lines, now)) {
        FAULT_POINT("collector.staged");
        intake_publish(self->intake, news_bus(self->news));
        FAULT_POINT("collector.told");
    }
    if (self->planned) // then it is known whose positions Redis holds
        more |= lines_forward(self->lines, self->registry, s_now(self));
    if (now.mono_us >= self->tell_us) {
        collector_report(self, now);
        self->tell_us = now.mono_us + TELL_US;
    }
    intake_log(self->intake, now);
    archivist_log(self->archivist);
    return more;
}

static bool s_is_drained(collector_t *self, bool more)
{
    int64_t now_us = life_mono_us();
    if (more)
        self->quiet_since_us = now_us;
    return now_us >= self->drain_until_us || now_us - self->quiet_since_us >= QUIET_US;
}

static int collector_run(collector_t *self)
{
    bool more = false;
    while (!self->drain_until_us || !s_is_drained(self, more)) {
        if (!s_wait(self, more, s_now(self))) {
            log_event(LOG_ERROR, "cannot wait for sockets", "error=%s", log_quote(strerror(errno)));
            return EXIT_FAILED;
        }
        s_take_signal(self, life_mono_us());
        s_hear_registry(self);
        if (registry_has_rival(self->registry))
            return EXIT_FAILED; // a series lives in one stream, and a stream in one log
        bool works = self->planned && !self->next_settings;
        if (life_mono_us() >= self->tell_us && site_renew(works) == BUS_LOST)
            return EXIT_FAILED;
        more = s_turn(self);
    }
    if (!lines_are_durable(self->lines)) {
        log_event(LOG_ERROR, "stopped; records that were taken could not be written", NULL);
        return EXIT_FAILED;
    }
    log_event(LOG_INFO, "stopped", NULL);
    return EXIT_OK;
}

// ---- life -----------------------------------------------------------------------------------

static void collector_destroy(collector_t **self_p)
{
    collector_t *self = *self_p;
    if (!self)
        return;
    registry_destroy(&self->registry); // leaves first: nobody sends to us any more
    archivist_destroy(&self->archivist);
    intake_destroy(&self->intake);
    lines_destroy(&self->lines);
    metrics_destroy(&self->metrics);
    news_destroy(&self->news);
    plan_destroy(&self->plan);
    settings_destroy(&self->next_settings);
    settings_destroy(&self->settings);
    if (self->signals >= 0)
        close(self->signals);
    free(self);
    *self_p = NULL;
}

static bool s_open(collector_t *self, fault_t *fault)
{
    uint8_t random[16];
    if (!site_metrics(self->settings, ROLE_COLLECTOR, self->options.name, &self->metrics, fault))
        return false;
    if (gethostname(self->host, sizeof self->host - 1) == -1 || !life_random(random, sizeof random))
        return fault_set(fault, "cannot tell who we are: %s", strerror(errno));
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(self->incarnation + 2 * i, 3, "%02x", random[i]);
    char root[SITE_PATH_MAX];
    if (!site_stage(self->settings, self->options.dir, root, fault))
        return false;
    self->lines = lines_new(root, self->settings->namespace, self->options.name,
                            self->settings->listen_actors, fault);
    if (!self->lines || !lines_open(self->lines, self->settings, fault))
        return false;
    self->archivist = archivist_new(root, self->settings->namespace, fault);
    if (!self->archivist)
        return false;
    s_tell_archivist(self, self->settings);
    self->news = news_new(fault);
    self->intake = self->news ? intake_new(s_find_stream, self, fault) : NULL;
    if (!self->intake || !intake_configure(self->intake, self->settings, s_now(self), fault))
        return false;
    self->registry =
        registry_open(self->settings, self->options.dir, root, self->options.name, fault);
    if (!self->registry)
        return false;
    registry_hold(self->registry, s_copy_every(self->settings));
    return s_ask_for_plan(self, self->settings, fault);
}

int collector_main(int argc, char **argv)
{
    int status = EXIT_OK;
    owned(collector_destroy) collector_t *self = calloc(1, sizeof *self);
    if (!self)
        return EXIT_FAILED;
    self->signals = -1;
    if (!options_parse(&self->options, "collector", "Stages what sources send, then passes it on.",
                       argc, argv, &status))
        return status;
    fault_t fault = { 0 };
    self->settings = options_settings(&self->options);
    if (!self->settings)
        return EXIT_CONFIG;
    size_t bad = 0;
    ruleset_t *rules = configured_print(self->settings, &bad);
    ruleset_destroy(&rules);
    if (bad > 0)
        return EXIT_CONFIG;
    self->signals = life_open_signals(); // before the first socket and thread
    bool able = self->signals >= 0 && site_guard(self->settings, self->options.dir, ROLE_COLLECTOR,
                                                 self->options.name, &fault);
    site_wait_t redis =
        able ? site_await(self->settings, self->options.dir, REDIS_COLLECTOR, self->signals, &fault)
             : SITE_UNFIT;
    if (redis == SITE_STOPPED)
        return EXIT_OK;
    self->anchor_us = life_wall_us() - life_mono_us();
    if (redis != SITE_READY || !s_open(self, &fault)) {
        log_event(LOG_ERROR, "cannot start", "reason=%s", log_quote(fault.text));
        return EXIT_FAILED;
    }
    return collector_run(self);
}
