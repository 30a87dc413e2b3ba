/*  lookout -- counts those whose handshake with a listening socket of this process is not
 *  completed: noise, half greetings, silence, other protocols. Each address is told once a
 *  minute.
 *
 *  ZAP hears only of handshakes that were completed (guard.h counts and tells wrong keys; they are
 *  not counted here again). The rest is known to libzmq's monitor alone: events of connections,
 *  none of messages. libzmq writes them in the thread that moves all messages, and waits there when
 *  nobody reads them. So one thread reads those of all sockets, and does nothing that could wait:
 *  what is to be logged is kept for lookout_take.
 *
 *  The events name no peer; it is asked of the connection, which may be gone by then. Then it is
 *  "unknown", or, if the number of the connection was given to another meanwhile, that one. A unix
 *  socket's peer is "local".
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "broker/trust/door.h"
#include "broker/trust/handshakes.h"
#include "broker/trust/strangers.h"
#include "proto/fault.h"

enum { LOOKOUT_SOCKETS_MAX = 256 };

typedef struct lookout lookout_t;

// On a socket of ZeroMQ that does not listen yet. All are made and destroyed by one thread, the one
// that has the sockets. NULL with fault.
lookout_t *lookout_new(void *socket, door_t door, fault_t *fault);
// Before the socket goes. What happened until now is counted then.
void lookout_destroy(lookout_t **self_p);

// From any thread.
uint64_t lookout_count(void); // since the start of the process

typedef struct {
    door_t door;
    char peer[STRANGERS_ADDRESS_MAX + 1];
    handshake_fault_t fault;
    uint64_t times; // that it stands for
} lookout_line_t;

// The next to be logged. False: none.
bool lookout_take(lookout_line_t *line);
