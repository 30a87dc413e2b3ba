/*  ownership -- which worker should own which partition. Pure.
 *
 *  Rendezvous hashing (Thaler and Ravishankar, 1998): each partition goes to the worker with the
 *  highest hash of (worker, partition). Everybody computes the same from the same list, and a
 *  worker that joins or leaves moves only its own share. It is a wish: what makes ownership safe
 *  is the token in Redis.
 */
#pragma once
#include "proto/rows.h"

// The index in names of the worker that should own this partition; count > 0.
size_t ownership_owner(unsigned partition, const char *const *names, size_t count);
