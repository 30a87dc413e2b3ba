/*  coroutine -- a function with a stack of its own that runs until it gives way.
 *
 *  One thread, one at a time: who is resumed runs until it calls coroutine_yield or returns. One
 *  that is never resumed again is what kill -9 leaves: nothing of it is cleaned up, by design.
 */
#pragma once
#include <stdbool.h>

typedef struct coroutine coroutine_t;

typedef void coroutine_run_t(void *context);

coroutine_t *coroutine_new(coroutine_run_t *run, void *context);
bool coroutine_is_over(const coroutine_t *self); // it has returned
coroutine_t *coroutine_current(void);            // NULL: nobody's; that of the world

// Run it until it yields or returns. Not from within a coroutine.
void coroutine_resume(coroutine_t *self);
void coroutine_yield(void); // back to who resumed us
