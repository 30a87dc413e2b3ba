/*  bus_inside -- what opening a link and talking over it share. Private to bus*.c. */
#pragma once
#include <czmq.h>

#include "broker/bus.h"
#include "broker/bus_watch.h"
#include "broker/trust/lookout.h"

typedef struct {
    char address[BUS_ENDPOINT_MAX];
    uint8_t key[ENDPOINT_KEY_BYTES];
    int error; // why libzmq would not begin it again; 0: it did
    bool told; // that
} bus_link_t;

struct bus {
    bus_kind_t kind;
    door_t door;
    int queue, frame_max; // messages, bytes
    bool listens;
    unsigned revision; // of the guard, when it was made
    zsock_t *sock;
    void *handle;                    // libzmq's socket behind `sock`
    zmq_msg_t frames[2];             // what was taken last
    char address[BUS_ENDPOINT_MAX];  // where it listens, as ZeroMQ names it
    char endpoint[BUS_ENDPOINT_MAX]; // as others are told
    bus_link_t *links;               // where it connects to, if there are keys
    size_t link_count;
    bus_watch_t *watch;     // of those links
    lookout_t *lookout;     // for strangers, where it listens
    bus_t *next, *previous; // of all
};
