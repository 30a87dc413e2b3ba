/*  scenario -- see scenario.h. */
#include "tests/sim/scenario.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include "actors/collector/collector.h"
#include "actors/notifier/notifier.h"
#include "actors/prep/prep.h"
#include "actors/transform/transform.h"
#include "actors/transform/worker.h"
#include "broker/bus.h"
#include "broker/store.h"
#include "tests/sim/check.h"
#include "tests/sim/disk.h"
#include "tests/sim/feed.h"
#include "tests/sim/net.h"
#include "tests/sim/receivers.h"
#include "tests/sim/reference.h"
#include "tests/sim/world.h"
#include "tests/sim/world_redis.h"

enum {
    LEASE_MS = 5000,
    LOOK_US = 500000,
    AGAIN_US = 300000,                    // until one that is gone is started again, usually
    LATE_AGAIN_US = 7000000,              // and sometimes
    SILENCE_US = 6 * WORLD_SECOND_US,     // longer than the nodata of rules and some ticks
    QUIET_US_MAX = 180 * WORLD_SECOND_US, // for all to be quiet after the last fault
    RUN_US_MAX = 600 * WORLD_SECOND_US,
};

static const char redis_url[] = "redis://127.0.0.1:6379/0";
static scenario_t *scenario;

static const check_subscriber_t subscribers[] = {
    { "alice", "http://alice.example/hook", { "spike", "high" } },
    { "bob", "http://bob.example/hook", { "spike" } },
};
enum { SUBSCRIBERS = sizeof subscribers / sizeof subscribers[0] };

// ---- configuration
// ------------------------------------------------------------------------------------

static void s_write_source(FILE *file, const scenario_t *self, size_t source)
{
    fprintf(file,
            "  - name: %s\n    url: file://%s/in/%s-*.jsonl\n    format: jsonl\n"
            "    table: tick\n    key: { src: \"=%s\", k: /k }\n    time: { at: /t, unit: us }\n"
            "    columns: { v: %s, w: /w }\n    required: [v]\n    identity: [time]\n"
            "    stream: %s\n    lateness: %us\n",
            feed_name(source), self->directory, feed_name(source), feed_name(source),
            self->mapping % 2 ? "/w" : "/v", self->streams > 1 && source > 0 ? "two" : "one",
            self->late_s);
}

// The sources of one stream are those of one collector.
static void s_write_config(const scenario_t *self, const char *path, size_t stream)
{
    char fresh[160];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "we");
    if (!file)
        abort();
    fprintf(file,
            "namespace: tw\nredis: %s\nstage: dir:%s\nwindow_rows_max: 16\nstage_seal: %us\n"
            "stage_keep: %us\ncopy_every: %us\ndegraded_after: 0s\nsources:\n",
            redis_url, self->stage, self->seal_s, self->keep_s, self->copy_s);
    for (size_t i = 0; i < feed_sources(); i++)
        if (self->streams == 1 || (i > 0) == (stream > 0))
            s_write_source(file, self, i);
    fputs("derive:\n  tick:\n    ratio: v / avg(v) OVER last_10s\n"
          "rules:\n"
          "  spike: { on: tick, when: \"v > 1.5 * avg(v) OVER last_10s\", min_rows: 2 }\n"
          "  top: { on: tick, when: \"v > max(v) OVER rows_4\", min_rows: 2, alerts_max: 4, "
          "cooldown: 2s }\n"
          "  high: { on: tick, when: \"v > 120\", resolve: \"v < 90\", "
          "nodata: 2s }\n"
          "  surge: { on: tick, when: \"v > 1.2 * avg(v) OVER rows_6\", min_rows: 2, freeze: true, "
          "resolve: \"v < avg(v) OVER last_10s\" }\n"
          "  wide: { on: tick, when: \"v > 1.2 * avg(v) OVER last_40s\", min_rows: 3, for: 1s }\n",
          file);
    if (fclose(file) != 0 || rename(fresh, path) != 0)
        abort();
}

void scenario_write_configs(scenario_t *self)
{
    for (size_t i = 0; i < self->actor_count; i++)
        if (strcmp(self->actors[i].role, "collector") == 0)
            s_write_config(self, self->actors[i].config, i);
}

// ---- actors
// -------------------------------------------------------------------------------------------

static void s_start(const scenario_t *self, actor_t *actor)
{
    const char *const words[] = { actor->role, "-c",    actor->config,   "--name",
                                  actor->name, "--dir", self->directory, NULL };
    actor->process = process_start(actor->name, actor->main, words);
    actor->expected = actor->waiting = false;
    actor->begun_us = world_us();
}

static void s_add(scenario_t *self, const char *role, process_main_t *main, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        actor_t *actor = &self->actors[self->actor_count++];
        *actor = (actor_t){ .main = main };
        snprintf(actor->role, sizeof actor->role, "%s", role);
        snprintf(actor->name, sizeof actor->name, "%c%u", role[0], i + 1);
        snprintf(actor->config, sizeof actor->config, "%s/c%u.yaml", self->directory,
                 main == collector_main ? i + 1 : 1);
    }
}

// Has it gone for a reason that counts? A collector whose disk fails when it begins may give up.
static void s_judge(const actor_t *actor)
{
    if (process_was_killed(actor->process) || disk_was_bad(actor->begun_us))
        return;
    if (!actor->expected)
        world_fail("%s %s has ended by itself, with %d", actor->role, actor->name,
                   process_status(actor->process));
}

// Those that are gone come back after a while.
static void s_supervise(scenario_t *self)
{
    for (size_t i = 0; i < self->actor_count; i++) {
        actor_t *actor = &self->actors[i];
        if (process_is_alive(actor->process))
            continue;
        if (actor->process && !actor->waiting) {
            s_judge(actor);
            actor->waiting = true;
            actor->start_us = world_us() + (world_chance(700) ? world_between(0, AGAIN_US)
                                                              : world_between(0, LATE_AGAIN_US));
        }
        if (world_us() >= actor->start_us)
            s_start(self, actor);
    }
}

actor_t *scenario_actor(scenario_t *self, const char *role)
{
    actor_t *found[SCENARIO_ACTORS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < self->actor_count; i++)
        if ((!role || strcmp(self->actors[i].role, role) == 0) &&
            process_is_alive(self->actors[i].process))
            found[count++] = &self->actors[i];
    return count ? found[world_below(count)] : NULL;
}

// ---- the broker: hears what is published
// --------------------------------------------------------------

static int s_broker_main(int argc, char **argv)
{
    (void) argc;
    (void) argv;
    fault_t fault;
    store_t *store = store_new(redis_url, NULL, "tw", &fault);
    bus_t *bus = bus_bind(BUS_SUB, DOOR_NEWS, "tcp://127.0.0.1:*", 10000, &fault);
    bus_subscribe(bus, "alert/");
    int64_t beat_us = 0;
    while (bus) {
        if (world_us() >= beat_us) {
            const store_field_t field = { "in", bus_endpoint(bus) };
            (void) store_beat(store, "broker", "broker", LEASE_MS, &field, 1);
            beat_us = world_us() + WORLD_SECOND_US;
        }
        zmq_pollitem_t item = { .socket = bus_socket(bus), .events = ZMQ_POLLIN };
        (void) zmq_poll(&item, 1, 500);
        slice_t topic, body;
        while (bus_take_news(bus, &topic, &body))
            check_published(topic, body);
    }
    return 0; // it is never told to end
}

// ---- the run
// ------------------------------------------------------------------------------------------

static void s_sleep(int64_t us)
{
    (void) process_wait(NULL, NULL, world_us() + us);
}

static void s_must(redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR)
        world_fail("what people write is refused: %s", reply->str);
    freeReplyObject(reply);
}

void scenario_subscribe(void)
{
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        const check_subscriber_t *who = &subscribers[i];
        s_must(
            sim_redis_ask(redis_world(), "HSET tw:subscriber:%s webhook %s", who->name, who->url));
        for (size_t r = 0; who->rules[r]; r++)
            s_must(sim_redis_ask(redis_world(), "SADD tw:subs:%s %s", who->rules[r], who->name));
    }
}

static void s_feed_and_harm(scenario_t *self)
{
    int64_t records = world_between(60, 150);
    while (records > 0 && !world_failure()) {
        s_sleep(world_between(5000, 200000));
        s_supervise(self);
        if (world_chance(600)) {
            feed_write(world_below(feed_sources()));
            records--;
        }
        if (self->faults && world_chance(150))
            faults_make(self);
    }
}

// Silences are found by ticks, when all rows are long done: nothing new for longer than it takes to
// miss them.
static void s_wait_for_quiet(scenario_t *self, store_t *store)
{
    bool staged = false;
    size_t alerts = 0;
    int64_t until_us = world_us() + QUIET_US_MAX, news_us = world_us();
    while (world_us() < until_us && !world_failure()) {
        s_sleep(LOOK_US);
        s_supervise(self);
        if (alerts != reference_alerts())
            news_us = world_us();
        alerts = reference_alerts();
        if (!feed_is_staged() || world_us() - news_us < SILENCE_US)
            continue;
        staged = true;
        if (check_is_quiet(store))
            return;
    }
    check_show();
    world_fail("not all is done %d s after the last fault: %s", QUIET_US_MAX / WORLD_SECOND_US,
               staged ? check_unrest() : "not all was staged");
}

static int s_direct(int argc, char **argv)
{
    (void) argc;
    (void) argv;
    scenario_t *self = scenario;
    fault_t fault;
    store_t *store = store_new(redis_url, NULL, "tw", &fault);
    scenario_subscribe();
    faults_keep();
    s_supervise(self);
    s_feed_and_harm(self);
    if (self->faults)
        faults_end(self);
    s_wait_for_quiet(self, store);
    world_say("%zu alerts, %zu letters, %llu commands", reference_alerts(), receivers_count(),
              (unsigned long long) sim_redis_executed(redis_world()));
    if (!world_failure())
        check_end(store, subscribers, SUBSCRIBERS);
    store_destroy(&store);
    return 0;
}

// Limits that no run would reach otherwise.
static void s_choose_limits(void)
{
    if (world_chance(800)) {
        worker_limits.base_bytes_least = (size_t) world_between(100, 2000);
        worker_limits.piece_bytes = (size_t) world_between(16, 500);
    }
    if (world_chance(300))
        worker_limits.alerts_per_batch = (size_t) world_between(1, 4);
}

// As much of the log as may be goes while the run lasts: else little is ever missing from it.
static void s_trim_soon(scenario_t *self)
{
    self->seal_s = 1;
    self->keep_s = (unsigned) world_between(1, 2);
    self->copy_s = (unsigned) world_between(1, 4);
    worker_limits.idle_commit_us = world_between(500000, 2000000);
}

void scenario_run(const char *directory, bool faults)
{
    scenario_t *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    scenario = self;
    self->faults = faults;
    self->directory = directory;
    snprintf(self->stage, sizeof self->stage, "%s/stage", directory);
    char in[128];
    snprintf(in, sizeof in, "%s/in", directory);
    if (mkdir(in, 0750) != 0)
        abort();
    s_choose_limits();
    net_begin();
    redis_world_begin();
    disk_begin();
    check_begin();
    reference_begin(self->stage, "tw");
    feed_begin(in, (size_t) world_between(1, FEED_SOURCES_MAX));
    self->streams = feed_sources() > 1 ? (size_t) world_between(1, 2) : 1;
    s_add(self, "collector", collector_main, (unsigned) self->streams);
    s_add(self, "prep", prep_main, (unsigned) world_between(1, 3));
    s_add(self, "transform", transform_main, (unsigned) world_between(1, 3));
    s_add(self, "notifier", notifier_main, (unsigned) world_between(1, 2));
    self->seal_s = (unsigned) world_between(1, 20);
    self->keep_s = world_chance(500) ? 0 : (unsigned) world_between(1, 15); // 0 = no copies either
    self->copy_s = (unsigned) world_between(1, 10);
    self->late_s = world_chance(500) ? 0 : (unsigned) world_between(1, 8);
    if (self->keep_s > 0 && world_chance(600))
        s_trim_soon(self);
    scenario_write_configs(self);
    if (faults)
        faults_choose(self);
    const char *const none[] = { NULL };
    process_start("broker", s_broker_main, none);
    process_t *director = process_start("director", s_direct, none);
    if (!process_run_all(director, RUN_US_MAX))
        world_fail("nothing happens any more, or for too long");
}
