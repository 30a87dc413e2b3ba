/*  endpoint -- the text of an address of ours: `tcp://host:port`, with the key of its listener
 *  behind a `#` where there are keys. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/fault.h"

enum {
    ENDPOINT_MAX = 256, // bytes, with its key and the NUL
    ENDPOINT_KEY_BYTES = 32,
};

typedef struct {
    char address[ENDPOINT_MAX]; // what ZeroMQ is given
    bool has_key;
    uint8_t key[ENDPOINT_KEY_BYTES];
} endpoint_t;

// Take the text apart. False with fault: too long, or what is behind `#` is no key.
bool endpoint_parse(endpoint_t *self, const char *text, fault_t *fault);
// Put it together. False: too long.
bool endpoint_format(const endpoint_t *self, char text[ENDPOINT_MAX]);

// This machine alone: loopback, unix sockets, inproc.
bool endpoint_is_local(const char *address);
// `tcp://0.0.0.0:port`, `tcp://[::]:port` or `tcp://*:port`: all interfaces.
bool endpoint_is_everywhere(const char *address);
// `tcp://[...]:port`, which ZeroMQ takes only on sockets that were told so.
bool endpoint_is_ipv6(const char *address);
// The same port at another host; false: no tcp address, or too long.
bool endpoint_move(const char *address, const char *host, char moved[ENDPOINT_MAX]);
