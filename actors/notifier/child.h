/*  child -- a program that we start, watch without waiting, and kill with all that it started.
 *
 *  It leads a group of its own, dies with the thread that started it, cannot become another user
 *  (so that we can kill it), and has no open files but those that it is given. Nothing here waits
 *  for it: one that does not die, because the kernel holds it, is buried when it does.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "proto/fault.h"

typedef struct {
    const char *path;
    char *const *words, *const *environment; // as execve takes them
    int in, out;                             // standard input and output; out < 0: to nowhere
} child_program_t;

typedef struct {
    pid_t id;  // and its group; 0 = none
    int ended; // a descriptor, readable when it has ended; -1 = there is none
} child_t;

// Children of this process are not reaped behind our back, whoever started us. Once, before the
// first.
void child_expect(void);

// False with fault: it does not run. Its id may be set even so: then it is being killed, and has
// to be buried.
bool child_start(child_t *self, const child_program_t *program, fault_t *fault);
bool child_has_ended(const child_t *self);
// It and everything of its group, also what it left behind. While it is not buried nobody else has
// its id.
void child_kill(const child_t *self);
// Of one that has ended. False: nobody can say how it ended.
bool child_bury(child_t *self, int *status);
