/*  world_redis -- see world_redis.h. A client is known by the number of its process. */
#include "tests/sim/world_redis.h"

#include <stdlib.h>

#include "tests/sim/world.h"

enum {
    WAITED_MAX = 256,
    TRAVEL_US_MAX = 120, // of a command or an answer, usually
    SLOW_US_MAX = 30000, // and sometimes
    PROCESSES_MAX = 1024,
};

static struct {
    sim_redis_t *redis;
    int64_t planned_us; // of the event that is next
    size_t waited_count;
    struct {
        int fd;
        process_t *process;
    } waited[WAITED_MAX];
    int64_t cut_until_us[PROCESSES_MAX];
} self;

static void s_wake_waiting(void)
{
    for (size_t i = self.waited_count; i-- > 0;) {
        if (process_is_alive(self.waited[i].process) &&
            !sim_redis_readable(self.redis, self.waited[i].fd))
            continue;
        if (process_is_alive(self.waited[i].process))
            process_poke(self.waited[i].process);
        self.waited[i] = self.waited[--self.waited_count];
    }
}

static void s_run(void *context, uint64_t number)
{
    (void) context;
    if ((int64_t) number != self.planned_us)
        return; // another was planned for earlier
    self.planned_us = INT64_MAX;
    sim_redis_run(self.redis);
    s_wake_waiting();
    redis_world_plan();
}

void redis_world_plan(void)
{
    int64_t next_us = sim_redis_next_us(self.redis);
    if (next_us < world_us())
        next_us = world_us();
    if (next_us >= self.planned_us)
        return;
    self.planned_us = next_us;
    world_at(next_us, s_run, NULL, (uint64_t) next_us);
}

bool redis_world_readable(int fd)
{
    if (sim_redis_readable(self.redis, fd))
        return true;
    for (size_t i = 0; i < self.waited_count; i++)
        if (self.waited[i].fd == fd && self.waited[i].process == process_current())
            return false;
    if (self.waited_count == WAITED_MAX)
        abort();
    self.waited[self.waited_count].fd = fd;
    self.waited[self.waited_count++].process = process_current();
    return false;
}

// ---- what hiredis asks of the world
// -------------------------------------------------------------------

static int64_t s_now_us(void *context)
{
    (void) context;
    return world_us();
}

static int64_t s_wall_us(void *context)
{
    (void) context;
    return world_redis_us();
}

static int64_t s_travel_us(void *context, int client)
{
    (void) context;
    (void) client;
    return world_chance(15) ? world_between(0, SLOW_US_MAX) : world_between(5, TRAVEL_US_MAX);
}

static int s_connect(void *context, const char *address)
{
    (void) context;
    (void) address;
    process_step("connect");
    unsigned number = process_number(process_current());
    bool cut = number < PROCESSES_MAX && world_us() < self.cut_until_us[number];
    return cut || !sim_redis_up(self.redis) ? -1 : (int) number;
}

static void s_yield(void *context)
{
    (void) context;
    redis_world_plan();
    process_step("sends to Redis");
}

static bool s_is_ready(void *context)
{
    return redis_world_readable(*(int *) context);
}

static void s_wait(void *context, int fd, int64_t until_us)
{
    (void) context;
    redis_world_plan();
    if (process_current())
        (void) process_wait(s_is_ready, &fd, until_us);
}

static const sim_redis_world_t hooks = {
    .now_us = s_now_us,
    .wall_us = s_wall_us,
    .travel_us = s_travel_us,
    .connect = s_connect,
    .yield = s_yield,
    .wait = s_wait,
};

static void s_on_gone(process_t *process, bool killed)
{
    if (killed)
        sim_redis_client_gone(self.redis, (int) process_number(process));
    redis_world_plan();
}

sim_redis_t *redis_world_begin(void)
{
    self.redis = sim_redis_new(&hooks, world_random());
    self.planned_us = INT64_MAX;
    process_on_gone(s_on_gone);
    return self.redis;
}

sim_redis_t *redis_world(void)
{
    return self.redis;
}

void redis_world_cut(const process_t *process, int64_t until_us)
{
    self.cut_until_us[process_number(process)] = until_us;
}
