/*  place -- where an HTTP server of ours listens: "host:port" into a socket address. */
#pragma once
#include <netdb.h>

#include "proto/fault.h"

enum { PLACE_TEXT_MAX = 128 };

// "host:port", "[v6]:port", "host:*" (any port). `setting` names it in the fault. NULL with fault.
struct addrinfo *place_resolve(const char *setting, const char *listen, fault_t *fault);
void place_free(struct addrinfo **self_p);
