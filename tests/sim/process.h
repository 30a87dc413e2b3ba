/*  process -- the actors of a run: each a process of its own, made of coroutines.
 *
 *  The real main functions run in them. A coroutine gives way wherever the real one would wait or
 *  talk, so another may do anything in between; kill -9 is never to be resumed, at any such place.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct process process_t;
typedef int process_main_t(int argc, char **argv);

enum { PROCESS_ARGUMENTS_MAX = 12, PROCESS_LOCKS_MAX = 8 };

// Start main with these words (NULL-terminated, copied). The name is for people.
process_t *process_start(const char *name, process_main_t *main, const char *const *words);
void process_kill(process_t *self);                   // at once
void process_doom(process_t *self, unsigned steps);   // when it has given way so many times
void process_stop(process_t *self, int64_t until_us); // SIGSTOP, and then SIGCONT
void process_reload(process_t *self);                 // SIGHUP
void process_drain(process_t *self);                  // SIGTERM

process_t *process_current(void);                // NULL: the world itself
const char *process_name(const process_t *self); // "world" for NULL
unsigned process_number(const process_t *self);  // 0 for NULL
bool process_is_alive(const process_t *self);
bool process_is_stopped(const process_t *self); // now
int process_status(const process_t *self);      // of one that has ended by itself
bool process_was_killed(const process_t *self);

// Something that it may wait for has changed.
void process_poke(process_t *self);

// ---- for what stands in for the system
// ------------------------------------------------------------

// Give way until ready(context), or until this time. True: it is ready.
typedef bool process_ready_t(void *context);
bool process_wait(process_ready_t *ready, void *context, int64_t until_us);
// Give way for a moment: another may run first, and this may be where we die.
void process_step(const char *what);

int process_thread(void *(*run)(void *), void *context); // a coroutine more; its number
void process_join(int thread);

// Called for each process that is no more; killed = nothing was closed in order.
typedef void process_gone_t(process_t *self, bool killed);
void process_on_gone(process_gone_t *gone);

// ---- running ------------------------------------------------------------------------------------

// Until `director` has ended or the world is this old. False: it is too old, or nothing can happen.
bool process_run_all(process_t *director, int64_t until_us);
