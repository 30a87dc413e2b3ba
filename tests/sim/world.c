/*  world -- see world.h. */
#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/process.h"

// 2026-01-01: where the wall clock begins.
static const int64_t BEGIN_WALL_US = INT64_C(1767225600) * 1000000;

enum { FAILURE_BYTES_MAX = 4096 };

typedef struct {
    int64_t at_us;
    uint64_t order; // of those of one time the one planned first happens first
    world_event_t *event;
    void *context;
    uint64_t number;
} planned_t;

static struct {
    int64_t now_us, wall_off_us, redis_off_us;
    uint64_t random, hash, order;
    bool traced, failed;
    char failure[FAILURE_BYTES_MAX];
    size_t count, capacity;
    planned_t *heap;
} world;

uint32_t world_faults[FAULT_KINDS];
const char *const world_fault_names[FAULT_KINDS] = {
    [FAULT_KILL] = "actors killed",
    [FAULT_STOP] = "actors stopped for longer than a lease",
    [FAULT_DRAIN] = "actors told to end",
    [FAULT_CUT] = "links cut",
    [FAULT_FRAME_LOST] = "frames lost",
    [FAULT_FRAME_TWICE] = "frames twice",
    [FAULT_COMMIT_LOST] = "calls lost with their connection",
    [FAULT_COMMIT_LATE] = "calls that arrive late",
    [FAULT_ANSWER_LOST] = "answers lost",
    [FAULT_REDIS_KILL] = "Redis killed, back to what was synced",
    [FAULT_REDIS_FAILOVER] = "Redis failed over, back to less",
    [FAULT_REDIS_EMPTY] = "Redis emptied",
    [FAULT_REDIS_AWAY] = "Redis not serving",
    [FAULT_DISK_FULL] = "disk full",
    [FAULT_DISK_ERROR] = "disk errors",
    [FAULT_TORN_TAIL] = "torn tails",
    [FAULT_BIT_FLIP] = "bits flipped",
    [FAULT_CLOCK_STEP] = "clock steps",
    [FAULT_HOOK] = "webhooks failing",
    [FAULT_RULE_CHANGE] = "rules changed",
    [FAULT_RELOAD] = "configurations reloaded",
    [FAULT_TRIM] = "segments removed",
};

void world_begin(uint64_t seed, bool trace)
{
    memset(&world, 0, sizeof world);
    world.traced = trace;
    // Neighbouring seeds must not begin alike.
    world.random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < 4; i++)
        (void) world_random();
}

// ---- time ---------------------------------------------------------------------------------------

int64_t world_us(void)
{
    return world.now_us;
}

int64_t world_wall_us(void)
{
    return BEGIN_WALL_US + world.now_us + world.wall_off_us;
}

void world_step_clock(int64_t by_us)
{
    world.wall_off_us += by_us;
    world_note("clock stepped", (uint64_t) by_us, 0);
}

int64_t world_redis_us(void)
{
    return BEGIN_WALL_US + world.now_us + world.redis_off_us;
}

void world_step_redis(int64_t by_us)
{
    world.redis_off_us += by_us;
    world_note("clock of Redis stepped", (uint64_t) by_us, 0);
}

void world_pass(int64_t us)
{
    world.now_us += us;
}

// ---- chance -------------------------------------------------------------------------------------

uint64_t world_random(void) // xorshift64*
{
    uint64_t x = world.random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    world.random = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t world_below(uint64_t limit)
{
    return limit ? (world_random() >> 16) % limit : 0;
}

int64_t world_between(int64_t least, int64_t most)
{
    return least + (int64_t) world_below((uint64_t) (most - least) + 1);
}

bool world_chance(unsigned of_1000)
{
    return world_below(1000) < of_1000;
}

void world_random_bytes(void *bytes, unsigned size)
{
    uint8_t *at = bytes;
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t) (world_random() >> 32);
}

// ---- what is to happen --------------------------------------------------------------------------

static bool s_before(const planned_t *a, const planned_t *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void s_swap(size_t a, size_t b)
{
    planned_t kept = world.heap[a];
    world.heap[a] = world.heap[b];
    world.heap[b] = kept;
}

void world_at(int64_t at_us, world_event_t *event, void *context, uint64_t number)
{
    if (world.count == world.capacity) {
        world.capacity = world.capacity ? world.capacity * 2 : 256;
        world.heap = realloc(world.heap, world.capacity * sizeof *world.heap);
        if (!world.heap)
            abort();
    }
    size_t at = world.count++;
    world.heap[at] = (planned_t){ at_us, world.order++, event, context, number };
    for (; at > 0 && s_before(&world.heap[at], &world.heap[(at - 1) / 2]); at = (at - 1) / 2)
        s_swap(at, (at - 1) / 2);
}

int64_t world_next_us(void)
{
    return world.count ? world.heap[0].at_us : INT64_MAX;
}

static planned_t s_take(void)
{
    planned_t first = world.heap[0];
    world.heap[0] = world.heap[--world.count];
    for (size_t at = 0;;) {
        size_t least = at, left = 2 * at + 1, right = left + 1;
        if (left < world.count && s_before(&world.heap[left], &world.heap[least]))
            least = left;
        if (right < world.count && s_before(&world.heap[right], &world.heap[least]))
            least = right;
        if (least == at)
            return first;
        s_swap(at, least);
        at = least;
    }
}

void world_fire(int64_t now_us)
{
    if (now_us > world.now_us)
        world.now_us = now_us;
    while (world.count && world.heap[0].at_us <= world.now_us) {
        planned_t next = s_take();
        next.event(next.context, next.number);
    }
}

// ---- what has happened --------------------------------------------------------------------------

static void s_mix(uint64_t value)
{
    world.hash = (world.hash ^ value) * UINT64_C(0x100000001b3);
    world.hash ^= world.hash >> 29;
}

static void s_print_head(void)
{
    fprintf(stderr, "%11.6f %-12s ", (double) world.now_us / 1e6, process_name(process_current()));
}

void world_note(const char *what, uint64_t a, uint64_t b)
{
    for (const char *c = what; *c; c++)
        world.hash = (world.hash ^ (unsigned char) *c) * UINT64_C(0x100000001b3);
    s_mix((uint64_t) world.now_us);
    s_mix(a);
    s_mix(b);
    if (!world.traced)
        return;
    s_print_head();
    fprintf(stderr, "%s %" PRIu64 " %" PRIu64 "\n", what, a, b);
}

void world_say(const char *format, ...)
{
    if (!world.traced)
        return;
    va_list arguments;
    s_print_head();
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

bool world_is_traced(void)
{
    return world.traced;
}

uint64_t world_hash(void)
{
    return world.hash;
}

void world_fail(const char *format, ...)
{
    char text[FAILURE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    world_say("FAILED: %s", text);
    if (world.failed)
        return;
    world.failed = true;
    snprintf(world.failure, sizeof world.failure, "%s", text);
}

const char *world_failure(void)
{
    return world.failed ? world.failure : NULL;
}

void world_count(world_fault_t kind)
{
    world_faults[kind]++;
}
