/*  redis_server -- the private redis-server of `redis: embedded`, a child process under DIR.
 *
 *      DIR/redis.sock           its unix socket, mode 0700; it has no TCP port
 *      DIR/redis/               redis.conf (written at every start), append-only file, redis.log
 *
 *  Every write is on disk before it is answered (appendfsync always); a torn tail after a crash
 *  is cut off at the next start. It gets SIGTERM when its parent dies; restarting it is the
 *  supervisor's business.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "proto/fault.h"

enum {
    REDIS_SERVER_URL_MAX = 128,        // "unix://" and a socket path, which has 107 bytes at most
    REDIS_SERVER_READY_MS = 60 * 1000, // loading included
    REDIS_SERVER_STOP_MS = 10 * 1000,  // then SIGKILL
};

// Where it listens: "unix:///abs/DIR/redis.sock". False if DIR is not there or too long.
bool redis_server_url(const char *dir, char url[REDIS_SERVER_URL_MAX], fault_t *fault);

// Start it and return when it answers and has loaded its data. -1 with fault: what it said.
// Refused while another one answers on the socket.
pid_t redis_server_start(const char *dir, fault_t *fault);

// The same without waiting, for a supervisor that must not block: true from _ready once it
// answers and has loaded.
pid_t redis_server_spawn(const char *dir, fault_t *fault);
bool redis_server_ready(const char *dir);

// SIGTERM, wait, SIGKILL after REDIS_SERVER_STOP_MS; reaps. True if it went by itself.
bool redis_server_stop(pid_t pid);
