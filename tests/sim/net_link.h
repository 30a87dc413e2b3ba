/*  net_link -- the inside of net.h: sockets, and the links between them. */
#pragma once
#include "broker/bus.h"
#include "tests/sim/net.h"

enum {
    NET_LINKS_MAX = 64, // of one socket
    NET_PREFIXES_MAX = 4,
    NET_PREFIX_BYTES = 64,
};

typedef struct frame {
    struct frame *next;
    int64_t arrive_us;
    size_t count, sizes[2];
    uint8_t *bytes; // one after the other
} frame_t;

typedef struct {
    frame_t *first, *last;
    size_t count, bytes;
} queue_t;

// One direction of a link: what is under way.
typedef struct {
    queue_t queue;
    bus_t *to;       // NULL: the link is down
    int64_t last_us; // when the last one arrives: nobody overtakes
} pipe_t;

typedef struct {
    bus_t *connector, *bound; // bound NULL: down
    char endpoint[BUS_ENDPOINT_MAX];
    bool wanted;        // not removed
    pipe_t forth, back; // from the connector, to it
} link_t;

struct bus {
    process_t *owner;
    bus_kind_t kind;
    size_t hwm; // in messages
    int number;
    bool closed;
    char endpoint[BUS_ENDPOINT_MAX];
    bool bound; // the endpoint is its own
    size_t link_count, prefix_count, turn;
    link_t *links[NET_LINKS_MAX];
    char prefixes[NET_PREFIXES_MAX][NET_PREFIX_BYTES];
    queue_t inbox;  // arrived and not taken
    frame_t *taken; // the last one
};

bus_t *net_bound_at(const char *endpoint); // NULL: nobody listens there

bool net_link_add(bus_t *self, const char *endpoint); // a socket connects; it goes on trying
void net_link_remove(bus_t *self, const char *endpoint);
// All links of a socket end. Of what it has sent, and is under way, so much arrives all the same.
void net_link_end_all(bus_t *self, unsigned of_1000);

frame_t *net_frame(size_t count, const slice_t *slices);
void net_frame_free(frame_t *frame);
frame_t *net_pop(queue_t *queue);
bool net_pipe_has_room(const link_t *link, const bus_t *from);
// Give away a frame (taken over) on a link that is up.
void net_pipe_send(link_t *link, const bus_t *from, frame_t *frame);
void net_most(uint64_t bytes);
// net_cut, among these sockets.
void net_link_cut(bus_t *const *sockets, size_t count, const process_t *from, const process_t *to,
                  int64_t until_us);
