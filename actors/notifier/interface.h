/*  interface -- is this address one of our own? Asks the kernel. */
#pragma once
#include <stdbool.h>
#include <sys/socket.h>

// True also when the kernel does not tell: what cannot be judged is treated as ours.
bool interface_has(const struct sockaddr *address);
