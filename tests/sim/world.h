/*  world -- time, chance, what is to happen, and what has: all that a run of the simulator has of
 *  its own. One seed, one history, byte for byte.
 *
 *      world.h    virtual clocks, the seeded generator, events, the trace
 *      process.h  actors as coroutines: started, stopped, killed
 *      net.h      ZeroMQ      disk.h  the stage's files      redis.h  Redis      receivers.h
 *  webhooks
 *
 *  Nothing below reads a real clock, an address, a pid or the order of a directory.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { WORLD_SECOND_US = 1000000 };

void world_begin(uint64_t seed, bool trace); // trace: print what happens on stderr

// ---- time ---------------------------------------------------------------------------------------

int64_t world_us(void);               // since the beginning; what actors take for CLOCK_MONOTONIC
int64_t world_wall_us(void);          // Unix time, as the host's clock shows it
void world_step_clock(int64_t by_us); // somebody sets it
int64_t world_redis_us(void);         // the same on the host of Redis, whose clock is kept better
void world_step_redis(int64_t by_us);
void world_pass(int64_t us); // what is computed takes time

// ---- chance -------------------------------------------------------------------------------------

uint64_t world_random(void);
uint64_t world_below(uint64_t limit);               // 0 .. limit - 1
int64_t world_between(int64_t least, int64_t most); // both included
bool world_chance(unsigned of_1000);
void world_random_bytes(void *bytes, unsigned size);

// ---- what is to happen --------------------------------------------------------------------------

typedef void world_event_t(void *context, uint64_t number);
void world_at(int64_t at_us, world_event_t *event, void *context, uint64_t number);
int64_t world_next_us(void);     // of the earliest event; INT64_MAX = none
void world_fire(int64_t now_us); // it is this late now: all events up to then

// ---- what has happened --------------------------------------------------------------------------

// Goes into the trace's hash; printed as "<time> <who> <what> a b" if there is a trace to print.
void world_note(const char *what, uint64_t a, uint64_t b);
void world_say(const char *format, ...) __attribute__((format(printf, 1, 2))); // printed only
bool world_is_traced(void);
uint64_t world_hash(void);

// An invariant does not hold: the first is kept and told; the run goes on.
void world_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *world_failure(void); // NULL = none

// Faults that were made, by kind, for the table.
typedef enum {
    FAULT_KILL,
    FAULT_STOP,
    FAULT_DRAIN, // told to end, and started again
    FAULT_CUT,
    FAULT_FRAME_LOST,
    FAULT_FRAME_TWICE,
    FAULT_COMMIT_LOST,    // a connection to Redis dies, what was on its way with it
    FAULT_COMMIT_LATE,    // or it arrives later
    FAULT_ANSWER_LOST,    // or only the answer is lost
    FAULT_REDIS_KILL,     // rolled back to what was synced
    FAULT_REDIS_FAILOVER, // rolled back below that
    FAULT_REDIS_EMPTY,
    FAULT_REDIS_AWAY,
    FAULT_DISK_FULL,
    FAULT_DISK_ERROR,
    FAULT_TORN_TAIL,
    FAULT_BIT_FLIP,
    FAULT_CLOCK_STEP,
    FAULT_HOOK, // a webhook that fails or hangs
    FAULT_RULE_CHANGE,
    FAULT_RELOAD,
    FAULT_CHOSEN, // those before are made by chance; these follow from others
    FAULT_TRIM = FAULT_CHOSEN,
    FAULT_KINDS
} world_fault_t;
extern const char *const world_fault_names[FAULT_KINDS];
void world_count(world_fault_t kind);
extern uint32_t world_faults[FAULT_KINDS];
