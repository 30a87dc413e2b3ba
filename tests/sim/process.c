/*  process -- see process.h. The scheduler: who runs next is chance, within what the clock allows.
 */
#include "tests/sim/process.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "broker/runtime/life.h"
#include "tests/sim/coroutine.h"
#include "tests/sim/process_inside.h"
#include "tests/sim/world.h"

enum { FIBERS_MAX = 1024, GONE_MAX = 8, FIRST_PID = 100, JITTER_US = 60, STEP_US = 12 };

typedef struct {
    coroutine_t *coroutine;
    process_t *process;
    process_ready_t *ready; // NULL: waits for the time alone
    void *context;
    int64_t until_us;
    bool poked; // ready may have become true
    bool woken; // it is to run, at wake_us
    bool was_ready;
    int64_t wake_us;
    void *(*thread)(void *);
    void *argument;
} fiber_t;

static struct {
    size_t fiber_count, process_count, gone_count;
    fiber_t fibers[FIBERS_MAX];
    process_gone_t *gone[GONE_MAX];
    fiber_t *running;
} all;

// ---- processes
// ------------------------------------------------------------------------------------

static fiber_t *s_add_fiber(process_t *process, coroutine_run_t *run)
{
    if (all.fiber_count == FIBERS_MAX) {
        fputs("sim: more coroutines than a run may have\n", stderr);
        abort();
    }
    fiber_t *fiber = &all.fibers[all.fiber_count++];
    *fiber = (fiber_t){ .process = process,
                        .woken = true,
                        .wake_us = world_us() + world_between(0, JITTER_US) };
    fiber->coroutine = coroutine_new(run, fiber);
    return fiber;
}

static void s_end(process_t *self, bool killed)
{
    if (!self->alive)
        return;
    self->alive = false;
    self->killed = killed;
    world_note(killed ? "killed" : "ended", self->number, (uint64_t) self->status);
    for (size_t i = 0; i < PROCESS_LOCKS_MAX; i++)
        if (self->locks[i] > 0)
            (void) close(self->locks[i] - 1);
    if (self->events >= 0 && killed)
        (void) close(self->events);
    for (size_t i = 0; i < all.gone_count; i++)
        all.gone[i](self, killed);
}

static void s_run_main(void *context)
{
    fiber_t *fiber = context;
    process_t *self = fiber->process;
    self->status = self->main(self->argc, self->argv);
    s_end(self, false);
}

process_t *process_start(const char *name, process_main_t *main, const char *const *words)
{
    process_t *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    snprintf(self->name, sizeof self->name, "%s", name);
    self->number = (unsigned) ++all.process_count;
    self->pid = FIRST_PID + (int) self->number;
    self->alive = true;
    self->events = -1;
    self->main = main;
    for (; words[self->argc]; self->argc++)
        self->argv[self->argc] = strdup(words[self->argc]);
    world_note("started", self->number, 0);
    s_add_fiber(self, s_run_main);
    return self;
}

void process_kill(process_t *self)
{
    assert(!process_current() || process_current() != self);
    s_end(self, true);
}

void process_doom(process_t *self, unsigned steps)
{
    self->doom = steps;
}

void process_stop(process_t *self, int64_t until_us)
{
    if (!self->alive)
        return;
    world_note("stopped", self->number, (uint64_t) until_us);
    self->stopped_until_us = until_us;
}

static void s_signal(process_t *self, uint64_t what)
{
    if (self->alive && self->events >= 0)
        self->signals += what;
    process_poke(self);
}

void process_reload(process_t *self)
{
    s_signal(self, PROCESS_RELOAD);
}

void process_drain(process_t *self)
{
    s_signal(self, PROCESS_DRAIN);
}

process_t *process_current(void)
{
    return all.running ? all.running->process : NULL;
}

const char *process_name(const process_t *self)
{
    return self ? self->name : "world";
}

unsigned process_number(const process_t *self)
{
    return self ? self->number : 0;
}

bool process_is_alive(const process_t *self)
{
    return self && self->alive;
}

bool process_is_stopped(const process_t *self)
{
    return world_us() < self->stopped_until_us;
}

int process_status(const process_t *self)
{
    return self->status;
}

bool process_was_killed(const process_t *self)
{
    return self->killed;
}

process_t *process_of_pid(int pid)
{
    for (size_t i = 0; i < all.fiber_count; i++)
        if (all.fibers[i].process->pid == pid)
            return all.fibers[i].process;
    return NULL;
}

void process_on_gone(process_gone_t *gone)
{
    assert(all.gone_count < GONE_MAX);
    all.gone[all.gone_count++] = gone;
}

// ---- waiting
// ----------------------------------------------------------------------------------------

void process_poke(process_t *self)
{
    for (size_t i = 0; i < all.fiber_count; i++)
        if (all.fibers[i].process == self)
            all.fibers[i].poked = true;
}

// Where a process may die: it has given way.
static void s_give_way(fiber_t *fiber)
{
    process_t *self = fiber->process;
    if (self->doom > 0 && --self->doom == 0)
        self->dying = true;
    coroutine_yield();
}

bool process_wait(process_ready_t *ready, void *context, int64_t until_us)
{
    fiber_t *fiber = all.running;
    assert(fiber);
    fiber->ready = ready;
    fiber->context = context;
    fiber->until_us = until_us;
    fiber->poked = true;
    fiber->woken = false;
    s_give_way(fiber);
    return fiber->was_ready;
}

void process_step(const char *what)
{
    fiber_t *fiber = all.running;
    if (!fiber)
        return; // the world looks for itself
    (void) what;
    fiber->woken = true;
    fiber->wake_us = world_us() + world_between(0, JITTER_US);
    s_give_way(fiber);
}

static void s_run_thread(void *context)
{
    fiber_t *fiber = context;
    (void) fiber->thread(fiber->argument);
    process_poke(fiber->process);
}

int process_thread(void *(*run)(void *), void *context)
{
    assert(all.running);
    fiber_t *fiber = s_add_fiber(all.running->process, s_run_thread);
    fiber->thread = run;
    fiber->argument = context;
    return (int) (fiber - all.fibers);
}

static bool s_is_over(void *context)
{
    return coroutine_is_over(((fiber_t *) context)->coroutine);
}

void process_join(int thread)
{
    (void) process_wait(s_is_over, &all.fibers[thread], INT64_MAX);
}

// ---- running
// ----------------------------------------------------------------------------------------

static bool s_may_run(const fiber_t *fiber)
{
    return fiber->process->alive && !coroutine_is_over(fiber->coroutine);
}

static void s_look(fiber_t *fiber, int64_t now_us)
{
    if (fiber->woken)
        return;
    bool poked = fiber->poked;
    fiber->poked = false;
    all.running = fiber; // it is the one that asks
    fiber->was_ready = poked && fiber->ready && fiber->ready(fiber->context);
    all.running = NULL;
    if (!fiber->was_ready && now_us < fiber->until_us)
        return;
    fiber->woken = true;
    fiber->wake_us = now_us + world_between(0, JITTER_US);
}

// When it runs next, as far as is known now.
static int64_t s_next_us(const fiber_t *fiber)
{
    int64_t next_us = fiber->woken ? fiber->wake_us : fiber->until_us;
    int64_t stopped_us = fiber->process->stopped_until_us;
    return next_us < stopped_us ? stopped_us : next_us;
}

static void s_resume(fiber_t *fiber)
{
    process_t *process = fiber->process;
    all.running = fiber;
    world_pass(world_between(1, STEP_US));
    coroutine_resume(fiber->coroutine);
    all.running = NULL;
    if (process->dying) {
        process->dying = false;
        process_kill(process);
    }
    // Its other coroutines may wait for what this one did.
    process_poke(process);
}

// Those that are over are looked at no more.
static void s_sweep(void)
{
    // Numbers of threads are places in the table: only whole processes at its end could go.
    while (all.fiber_count > 0 && !s_may_run(&all.fibers[all.fiber_count - 1]) &&
           !all.fibers[all.fiber_count - 1].process->alive)
        all.fiber_count--;
}

static bool s_run_one(int64_t *next_us)
{
    fiber_t *candidates[FIBERS_MAX];
    size_t count = 0;
    int64_t now_us = world_us();
    *next_us = world_next_us();
    if (*next_us <= now_us)
        return false; // what is due in the world comes first
    for (size_t i = 0; i < all.fiber_count; i++) {
        fiber_t *fiber = &all.fibers[i];
        if (!s_may_run(fiber))
            continue;
        if (now_us >= fiber->process->stopped_until_us)
            s_look(fiber, now_us);
        int64_t at_us = s_next_us(fiber);
        if (fiber->woken && at_us <= now_us)
            candidates[count++] = fiber;
        else if (at_us < *next_us)
            *next_us = at_us;
    }
    if (count == 0)
        return false;
    s_resume(candidates[world_below(count)]);
    return true;
}

bool process_run_all(process_t *director, int64_t until_us)
{
    while (director->alive) {
        int64_t next_us;
        if (s_run_one(&next_us))
            continue;
        s_sweep();
        if (next_us == INT64_MAX || world_us() > until_us)
            return false;
        world_fire(next_us);
    }
    return true;
}
