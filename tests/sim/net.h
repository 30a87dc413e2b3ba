/*  net -- broker/bus.h in memory: links between processes that may be slow, cut, or lose frames.
 *
 *  What libzmq promises and no more: order within a link and direction; a queue with a high-water
 *  mark; what was under way when a peer died or a link timed out is gone; links come back by
 *  themselves. Between two links there is no order at all.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/process.h"

enum { NET_FD = 1 << 24 }; // descriptors of sockets (ZMQ_FD): this one and up, above those of Redis

void net_begin(void);

// From now on of 1,000 frames so many are lost, and so many come twice; 0 = a wire in order.
void net_lossy(unsigned lost, unsigned twice);
// Nothing gets from `from` to `to` (NULL = anybody) until then; longer than 4 s, and their links
// time out.
void net_cut(const process_t *from, const process_t *to, int64_t until_us);
// All links of a process time out at once.
void net_reset(const process_t *process);

// Called with every frame of raw records that is given away.
typedef void net_raw_t(const void *frame, size_t size);
void net_on_raw(net_raw_t *raw);

// ---- for zmq_poll and poll
// -----------------------------------------------------------------------

bool net_has_frame(void *socket);
bool net_has_room(void *socket);
int net_fd(void *socket);
bool net_fd_is_readable(int fd);
// An XPUB that drops nothing: all of its readers have room, or (false) none gets it.
bool net_can_publish(void *socket, const void *topic, size_t size);
// The most bytes that ever waited, sent and not taken, at one socket that takes.
uint64_t net_most_waiting(void);
