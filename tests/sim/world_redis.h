/*  world_redis -- Redis (redis.h) in the world: how long commands are on their way, and who waits.
 */
#pragma once
#include <stdbool.h>

#include "tests/sim/process.h"
#include "tests/sim/redis.h"

sim_redis_t *redis_world_begin(void);
sim_redis_t *redis_world(void);
bool redis_world_readable(int fd); // somebody waits for it
void redis_world_plan(void);       // something about it has changed: when is it its turn?

// Nobody reaches it from this process until then.
void redis_world_cut(const process_t *process, int64_t until_us);
