/*  supervise -- the small supervisor of one host: starts the actors of a configuration,
 *  restarts those that die with back-off, and stops them upstream first.
 */
#pragma once
#include <stdbool.h>

#include "broker/runtime/settings.h"

enum { SUPERVISE_CHILDREN_MAX = 64 };

typedef struct {
    const char *config; // path of the configuration
    const char *dir;    // DIR: redis.sock, redis/, stage/, log/, supervisor.pid
    const char *roles;  // "collector,prep=2,transform=2,notifier,broker,api"; NULL = one of
                        // each, and an api if `listen.http` is there
} supervise_t;

// Is the list of roles good? false with fault.
bool supervise_check(const supervise_t *self, fault_t *fault);

// Run, in a session of its own, until SIGTERM or SIGINT; the second one ends it and all actors at
// once. What is told through ready_fd (-1 = none) is in ready.h: that every actor lives, or, after
// all were stopped again, why not. Only a Redis that is not ours and cannot be reached is no reason
// to stop: the actors wait for it, and whoever waits is told after a minute. Returns an exit code.
// Output of the actors goes to DIR/log/<name>.log.
int supervise_run(const supervise_t *self, const settings_t *settings, int ready_fd);

// Process id of the supervisor that runs in dir, or -1.
int supervise_pid(const char *dir);

// Path of the configuration that `up` was given last in dir. False: none.
bool supervise_config(const char *dir, char *path, size_t size);
