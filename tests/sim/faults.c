/*  faults -- what may go wrong in a run, one thing at a time; see scenario.h.
 *
 *  Each seed enables kinds of its own: where everything goes wrong at once, little is seen of what
 *  one thing does.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/disk.h"
#include "tests/sim/net.h"
#include "tests/sim/receivers.h"
#include "tests/sim/reference.h"
#include "tests/sim/scenario.h"
#include "tests/sim/world.h"
#include "tests/sim/world_redis.h"

enum {
    MS = 1000,
    LEASE_US = 3000 * MS, // of partitions
    LINK_TIMEOUT_US = 4000 * MS,
    CUT_TRIES = 20000, // for a command to be on its way,
    CUT_LOOK_US = 80,  // each so much later at most: a commit is not on its way for long
    HELD_US = 8000 * MS,
    HELD_OF_1000 = 700,
    EXACTLY_ONE_OF_1000 = 500,
    LAST_FEW = 8, // entries of Redis' log
    ENABLED_OF_1000 = 350,
    EVERYTHING_OF_1000 = 60,
};

// Entries of Redis' log that are never rolled back: what people wrote before the run.
static size_t least_entries;
static scenario_t *scenario; // that is running

static bool s_is_enabled(const scenario_t *self, world_fault_t kind)
{
    return self->enabled >> kind & 1;
}

// Like a server that syncs once in a while.
static void s_sync_redis(void *context, uint64_t number)
{
    (void) number;
    scenario_t *self = context;
    if (sim_redis_up(redis_world()))
        sim_redis_mark_fsynced(redis_world(), sim_redis_log_entries(redis_world()));
    if (self->faults)
        world_at(world_us() + world_between(20 * MS, 1000 * MS), s_sync_redis, self, 0);
}

void faults_choose(scenario_t *self)
{
    scenario = self;
    bool everything = world_chance(EVERYTHING_OF_1000);
    for (unsigned kind = 0; kind < FAULT_CHOSEN; kind++)
        if (everything || world_chance(ENABLED_OF_1000))
            self->enabled |= 1u << kind;
    net_lossy(s_is_enabled(self, FAULT_FRAME_LOST) ? (unsigned) world_between(1, 60) : 0,
              s_is_enabled(self, FAULT_FRAME_TWICE) ? (unsigned) world_between(1, 60) : 0);
    s_sync_redis(self, 0);
}

// ---- actors and links
// ---------------------------------------------------------------------------------

static void s_kill(scenario_t *self)
{
    static const char *const roles[] = { "transform", "transform", "notifier", NULL };
    actor_t *actor = scenario_actor(self, roles[world_below(4)]);
    if (!actor)
        return;
    world_count(FAULT_KILL);
    process_doom(actor->process, (unsigned) world_between(1, world_chance(500) ? 8 : 200));
}

static void s_reset(void *context, uint64_t number)
{
    (void) number;
    if (process_is_alive(context) && process_is_stopped(context))
        net_reset(context);
}

static void s_stop(scenario_t *self)
{
    actor_t *actor = scenario_actor(self, world_chance(600) ? "transform" : NULL);
    if (!actor)
        return;
    world_count(FAULT_STOP);
    process_stop(actor->process, world_us() + world_between(LEASE_US, 3 * LEASE_US));
    world_at(world_us() + LINK_TIMEOUT_US, s_reset, actor->process, 0);
}

static void s_cut(scenario_t *self)
{
    actor_t *from = scenario_actor(self, NULL), *to = scenario_actor(self, NULL);
    if (!from || !to)
        return;
    world_count(FAULT_CUT);
    int64_t until_us = world_us() + world_between(100 * MS, 2 * LINK_TIMEOUT_US);
    bool all = world_chance(400);
    net_cut(from->process, all ? NULL : to->process, until_us);
    if (world_chance(500)) // the other direction as well
        net_cut(all ? NULL : to->process, from->process, until_us);
}

static void s_tear(void)
{
    disk_forgets(600);
    disk_tear();
}

static void s_drain(scenario_t *self)
{
    actor_t *actor = scenario_actor(self, world_chance(700) ? "transform" : NULL);
    if (!actor || actor->expected)
        return;
    world_count(FAULT_DRAIN);
    actor->expected = true;
    process_drain(actor->process);
}

// ---- Redis
// --------------------------------------------------------------------------------------------

// A commit, if it makes any; else whatever it asks.
static bool s_has_sent(const process_t *process, unsigned tries)
{
    int client = (int) process_number(process);
    return sim_redis_calls_on_their_way(redis_world(), client, "_commit") > 0 ||
           (tries > CUT_TRIES / 2 && sim_redis_on_their_way(redis_world(), client) > 0);
}

// Those of all actors but of this role. The notifier tells by the end of a connection that Redis
// may have lost what it has just written.
static void s_end_connections(const char *but)
{
    const sim_redis_cut_t cut = { .lose_sent = true, .lose_answers = true };
    for (size_t i = 0; i < scenario->actor_count; i++)
        if (strcmp(scenario->actors[i].role, but) != 0 &&
            process_is_alive(scenario->actors[i].process))
            sim_redis_cut(redis_world(), (int) process_number(scenario->actors[i].process), cut);
}

// A replica took over that was behind, and a proxy kept the connections of the workers: they have
// no way to know but by the head of their partitions.
static void s_fail_over_unseen(size_t entries)
{
    world_count(FAULT_REDIS_FAILOVER);
    world_note("Redis is rolled back", entries, sim_redis_log_entries(redis_world()));
    sim_redis_roll_back(redis_world(), entries);
    s_end_connections("transform");
}

// What is late comes just before or just after the commit that follows it. In between Redis may
// have lost the last few, or just the commit before it: then the same number of commits has another
// history.
static void s_hold(int client, sim_redis_cut_t *how)
{
    how->late_us = HELD_US;
    how->before_next = world_chance(400);
    how->after_next = !how->before_next;
    size_t most = sim_redis_log_entries(redis_world()), lost = world_below(LAST_FEW) + 1;
    size_t last = sim_redis_entry_before(redis_world(), client);
    if (world_chance(EXACTLY_ONE_OF_1000) && last < most)
        lost = most - last;
    if (how->after_next && s_is_enabled(scenario, FAULT_REDIS_FAILOVER) &&
        most >= least_entries + lost)
        s_fail_over_unseen(most - lost);
}

// As soon as something of this client is on its way.
static void s_try_cut(void *context, uint64_t number)
{
    process_t *process = context;
    unsigned kind = (unsigned) (number & 0xff), tries = (unsigned) (number >> 8);
    int client = (int) process_number(process);
    if (!process_is_alive(process) || tries == CUT_TRIES)
        return;
    if (!s_has_sent(process, tries)) {
        world_at(world_us() + world_between(10, CUT_LOOK_US), s_try_cut, process,
                 (uint64_t) (tries + 1) << 8 | kind);
        return;
    }
    world_count((world_fault_t) kind);
    world_note("cut from Redis", (uint64_t) client, kind);
    sim_redis_cut_t how = { .client_unaware = world_chance(200) };
    how.lose_sent = kind == FAULT_COMMIT_LOST;
    how.lose_answers = true;
    if (kind == FAULT_COMMIT_LATE)
        how.late_us = world_chance(500) ? world_between(1 * MS, 8000 * MS)
                                        : world_between(100 * MS, 2500 * MS); // as one reads again
    if (kind == FAULT_COMMIT_LATE && world_chance(HELD_OF_1000))
        s_hold(client, &how);
    sim_redis_cut(redis_world(), client, how);
    if (world_chance(300))
        redis_world_cut(process, world_us() + world_between(10 * MS, 6000 * MS));
    redis_world_plan();
}

static void s_cut_from_redis(scenario_t *self, world_fault_t kind)
{
    actor_t *actor = scenario_actor(self, world_chance(700) ? "transform" : NULL);
    if (actor)
        s_try_cut(actor->process, kind);
}

static size_t s_entries(size_t least)
{
    size_t most = sim_redis_log_entries(redis_world());
    return least + world_below(most - least + 1);
}

static void s_restart_redis(void *context, uint64_t entries)
{
    (void) context;
    world_note("Redis is back", entries, 0);
    sim_redis_restart(redis_world(), entries, world_us() + world_between(0, 500 * MS));
    redis_world_plan();
}

static void s_kill_redis(scenario_t *self, bool failover)
{
    if (!sim_redis_up(redis_world()))
        return;
    size_t entries = s_entries(failover ? least_entries : sim_redis_fsynced(redis_world()));
    if (failover && world_chance(400)) {
        s_fail_over_unseen(entries);
        actor_t *late = scenario_actor(self, "transform");
        if (late && world_chance(700)) // what one of them sends now
            s_try_cut(late->process, FAULT_COMMIT_LATE);
        redis_world_plan();
        return;
    }
    world_count(failover ? FAULT_REDIS_FAILOVER : FAULT_REDIS_KILL);
    world_note("Redis is rolled back", entries, sim_redis_log_entries(redis_world()));
    sim_redis_kill(redis_world());
    redis_world_plan();
    world_at(world_us() + world_between(10 * MS, 4000 * MS), s_restart_redis, NULL, entries);
}

static void s_serve_again(void *context, uint64_t number)
{
    (void) context;
    (void) number;
    sim_redis_refuse_writes(redis_world(), NULL);
    sim_redis_set_full(redis_world(), false);
    redis_world_plan();
}

static void s_empty_redis(void)
{
    if (!sim_redis_up(redis_world()))
        return;
    world_count(FAULT_REDIS_EMPTY);
    world_note("Redis is emptied", 0, 0);
    sim_redis_flush_all(redis_world());
    s_serve_again(NULL, 0); // or it would refuse what people write down again
    scenario_subscribe();
    faults_keep(); // nobody restores what was there before
    redis_world_plan();
}

static void s_upset_redis(void)
{
    world_count(FAULT_REDIS_AWAY);
    int64_t until_us = world_us() + world_between(50 * MS, 7000 * MS);
    switch (world_below(3)) {
    case 0:
        sim_redis_stop_until(redis_world(), until_us);
        break;
    case 1:
        sim_redis_refuse_writes(redis_world(), "MISCONF Redis is configured to save");
        break;
    default:
        sim_redis_set_full(redis_world(), true);
        break;
    }
    world_at(until_us, s_serve_again, NULL, 0);
}

void faults_keep(void)
{
    least_entries = sim_redis_log_entries(redis_world());
    sim_redis_mark_fsynced(redis_world(), least_entries);
}

// ---- what people do
// -----------------------------------------------------------------------------------

static void s_change_rule(void)
{
    static const char *const conditions[] = {
        "v > 1.3 * avg(v) OVER last_10s",
        "v < min(v) OVER rows_3",
        "v > 100 AND w > 3",
        "ratio > 1.2",
        "v > 2 * avg(w) OVER last_20s",
    };
    if (!sim_redis_up(redis_world()))
        return;
    world_count(FAULT_RULE_CHANGE);
    unsigned which = (unsigned) world_below(4);
    if (world_chance(300)) {
        freeReplyObject(sim_redis_ask(redis_world(), "DEL tw:rule:hand%u", which));
    } else {
        char name[32];
        snprintf(name, sizeof name, "tw:rule:hand%u", which);
        const char *words[] = {
            "HSET",     name,
            "on",       "tick",
            "min_rows", "2",
            "when",     conditions[world_below(sizeof conditions / sizeof *conditions)]
        };
        freeReplyObject(sim_redis_do(redis_world(), sizeof words / sizeof *words, words, NULL));
    }
    redis_world_plan();
}

static void s_reload(scenario_t *self)
{
    world_count(FAULT_RELOAD);
    self->mapping++;
    scenario_write_configs(self);
    for (size_t i = 0; i < self->actor_count; i++)
        if (process_is_alive(self->actors[i].process))
            process_reload(self->actors[i].process);
}

// ---- one of them
// --------------------------------------------------------------------------------------

static void s_make(scenario_t *self, world_fault_t kind)
{
    switch (kind) {
    case FAULT_KILL:
        s_kill(self);
        break;
    case FAULT_STOP:
        s_stop(self);
        break;
    case FAULT_CUT:
        s_cut(self);
        break;
    case FAULT_DRAIN:
        s_drain(self);
        break;
    case FAULT_COMMIT_LOST:
    case FAULT_COMMIT_LATE:
    case FAULT_ANSWER_LOST:
        s_cut_from_redis(self, kind);
        break;
    case FAULT_REDIS_KILL:
    case FAULT_REDIS_FAILOVER:
        s_kill_redis(self, kind == FAULT_REDIS_FAILOVER);
        break;
    case FAULT_REDIS_EMPTY:
        if (world_chance(250))
            s_empty_redis();
        break;
    case FAULT_REDIS_AWAY:
        s_upset_redis();
        break;
    case FAULT_DISK_FULL:
        world_count(FAULT_DISK_FULL);
        disk_full(world_us() + world_between(50 * MS, 4000 * MS));
        break;
    case FAULT_DISK_ERROR:
        disk_bad((unsigned) world_between(20, 300), world_us() + world_between(50 * MS, 3000 * MS));
        break;
    case FAULT_CLOCK_STEP:
        world_count(FAULT_CLOCK_STEP);
        // Leases and what is due are by the clock of Redis: a step back by an hour holds them for
        // an hour (docs/reliability.md).
        if (world_chance(500))
            world_step_redis(world_between(-5000 * MS, 5000 * MS));
        else
            world_step_clock(world_between(-3600000 * INT64_C(1) * MS, 3600000 * INT64_C(1) * MS));
        break;
    case FAULT_HOOK:
        receivers_bad((unsigned) world_between(100, 900), world_us() + world_between(0, 6000 * MS));
        break;
    case FAULT_RULE_CHANGE:
        s_change_rule();
        break;
    case FAULT_RELOAD:
        s_reload(self);
        break;
    case FAULT_TORN_TAIL:
        s_tear();
        break;
    case FAULT_FRAME_LOST: // these happen by themselves
    case FAULT_FRAME_TWICE:
    case FAULT_BIT_FLIP:
    case FAULT_TRIM:
    case FAULT_KINDS:
        break;
    }
}

void faults_make(scenario_t *self)
{
    for (int tries = 0; tries < 8; tries++) {
        world_fault_t kind = (world_fault_t) world_below(FAULT_CHOSEN);
        if (!s_is_enabled(self, kind))
            continue;
        world_note("fault", kind, 0);
        s_make(self, kind);
        return;
    }
}

void faults_end(scenario_t *self)
{
    world_note("no more faults", 0, 0);
    self->faults = false;
    net_lossy(0, 0);
    disk_forgets(0);
    disk_full(0);
    disk_bad(0, 0);
    receivers_bad(0, 0);
    s_serve_again(NULL, 0);
}
