/*  bus_probe -- try the lock of a socket of ours with a key that nobody knows. */
#pragma once
#include "proto/fault.h"

// True: a stranger is refused at this tcp address, on which this process listens. Anything else,
// admittance above all, is a fault: libzmq lets everybody in when its handler is missing, so that
// it works is tried and not believed. type = ZeroMQ's of those who connect there: with any other
// the handshake ends before the key is looked at.
bool bus_probe(const char *address, int type, fault_t *fault);
