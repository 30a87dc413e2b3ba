/*  notify -- tells the service manager how this process does: sd_notify(3), without libsystemd.
 *
 *  Datagrams to the socket that $NOTIFY_SOCKET names; where it names none, nothing is ever said.
 *  One a process, in the thread of its loop. Never waits: what finds no room is said again with the
 *  next second, and a manager that is gone is no reason to stop.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/fault.h"

enum { NOTIFY_WATCHDOG_US_MIN = 3 * 1000 * 1000 }; // we say once a second that we live

// How soon the manager wants to hear again, in microseconds, from the values of $WATCHDOG_USEC and
// $WATCHDOG_PID (NULL: not set); 0: not at all, or not from this process. Pure. False with fault:
// no number, or shorter than we can promise.
bool notify_watchdog(const char *usec, const char *pid, pid_t self, uint64_t *watchdog_us,
                     fault_t *fault);

// From the environment, and out of it: our children are not the service. False with fault: what
// stands there cannot be used.
bool notify_open(fault_t *fault);
void notify_close(void);

// Once a second, when the loop has gone round: that it lives, if the manager wants to know. And, if
// `works`, that it is ready: the first time, and the first time after a signal to reload.
void notify_turn(bool works);

void notify_reloading(void);             // a signal to reload was taken
void notify_stopping(void);              // one to stop was
void notify_waiting(const char *status); // not ready yet: one line that says what for
