/*  coroutine -- see coroutine.h. On ucontext; AddressSanitizer is told of each change of stacks.
 *
 *  A run changes stacks some 50,000 times, and swapcontext asks the kernel for the mask of signals
 *  each time. So ucontext is for the first step alone, and the others jump. A hardened C library
 *  takes a jump to another stack for an attack: here it must not be one.
 */
#undef _FORTIFY_SOURCE
#include "tests/sim/coroutine.h"

#include <assert.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
enum { STACK_BYTES = 8 << 20 }; // red zones make frames larger
#else
enum { STACK_BYTES = 2 << 20 };
#endif

struct coroutine {
    ucontext_t first;
    jmp_buf here;
    coroutine_run_t *run;
    void *argument;
    void *stack;
    void *fake_stack; // of the sanitizer
    bool begun, over;
};

static coroutine_t *current;
static jmp_buf world;

#if defined(__SANITIZE_ADDRESS__)
static void *world_fake_stack;
static const void *world_stack;
static size_t world_size;

static void s_leave_world(coroutine_t *self)
{
    __sanitizer_start_switch_fiber(&world_fake_stack, self->stack, STACK_BYTES);
}
static void s_enter_world(void)
{
    __sanitizer_finish_switch_fiber(world_fake_stack, NULL, NULL);
}
static void s_leave(coroutine_t *self)
{
    __sanitizer_start_switch_fiber(self->over ? NULL : &self->fake_stack, world_stack, world_size);
}
static void s_enter(coroutine_t *self)
{
    __sanitizer_finish_switch_fiber(self->fake_stack, &world_stack, &world_size);
}
#else
static void s_leave_world(coroutine_t *self)
{
    (void) self;
}
static void s_enter_world(void)
{
}
static void s_leave(coroutine_t *self)
{
    (void) self;
}
static void s_enter(coroutine_t *self)
{
    (void) self;
}
#endif

static void s_start(void)
{
    coroutine_t *self = current;
    s_enter(self);
    self->run(self->argument);
    self->over = true;
    s_leave(self);
    _longjmp(world, 1); // who is over is never resumed
}

coroutine_t *coroutine_new(coroutine_run_t *run, void *context)
{
    coroutine_t *self = calloc(1, sizeof *self);
    long page = sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, STACK_BYTES + (size_t) page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!self || memory == MAP_FAILED || mprotect(memory, (size_t) page, PROT_NONE) != 0)
        abort(); // the simulator has no use for half a world
    self->stack = memory + page;
    self->run = run;
    self->argument = context;
    getcontext(&self->first);
    self->first.uc_stack.ss_sp = self->stack;
    self->first.uc_stack.ss_size = STACK_BYTES;
    makecontext(&self->first, s_start, 0);
    return self;
}

bool coroutine_is_over(const coroutine_t *self)
{
    return self->over;
}

coroutine_t *coroutine_current(void)
{
    return current;
}

static void s_go_on(coroutine_t *self)
{
    if (self->begun)
        _longjmp(self->here, 1);
    self->begun = true;
    setcontext(&self->first);
}

void coroutine_resume(coroutine_t *self)
{
    assert(!current && !self->over);
    current = self;
    s_leave_world(self);
    if (_setjmp(world) == 0)
        s_go_on(self);
    s_enter_world();
    current = NULL;
}

void coroutine_yield(void)
{
    coroutine_t *self = current;
    assert(self);
    s_leave(self);
    if (_setjmp(self->here) == 0)
        _longjmp(world, 1);
    s_enter(self);
}
