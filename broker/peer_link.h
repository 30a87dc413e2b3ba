/*  peer_link -- a connection that libzmq accepted, by the number of its descriptor.
 *
 *  libzmq closes descriptors in its own time, and the number may be that of something else by now:
 *  only what came in at the given address is touched. May be called from any thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Ends it, with what is unread of it. Not one of ours: nothing happens. `address` as libzmq says
// where it listens: tcp://... or ipc://...
void peer_link_cut(const char *address, int link);

// Bytes that ever came in over a TCP connection of ours. False: it is none.
bool peer_link_received(const char *address, int link, uint64_t *bytes);

// Who is at the other end, `name` for the log: "unknown" where nobody can tell.
void peer_link_name(int link, char *name, size_t size);
