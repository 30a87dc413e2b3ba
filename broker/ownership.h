/*  ownership -- which worker should own which partition. Pure.
 *
 *  Rendezvous hashing (Thaler and Ravishankar, 1998) with a bound (as in Mirrokni, Thorup and
 *  Zadimoghaddam, 2016): each pair of worker and partition has a weight, a hash of both, and
 *  pairs are agreed on from the heaviest down, as long as the worker has room. Room is so tight
 *  that no worker has two partitions more than another: the busiest decides what all of them can
 *  do, and without a bound it has a third more than its share with 8 workers, and four times it
 *  with 200. Everybody computes the same from the same names, in whatever order. A worker that
 *  joins or leaves moves its own share and some more, six partitions on average, so that all
 *  others are equal again (`./run bench --only balance`). It is a wish: what makes ownership safe
 *  is the token in Redis.
 */
#pragma once
#include "proto/rows.h"

enum { OWNERSHIP_WORKERS_MAX = 256 };

typedef struct {
    uint16_t worker[PARTITIONS]; // of each partition, the index in names of who should own it
} ownership_t;

// 1 to OWNERSHIP_WORKERS_MAX different names.
ownership_t ownership_of(const char *const *names, size_t count);
