/*  seal -- the collector's word for what a message may speak for. Pure: no allocation, cannot fail.
 *
 *      collector --RAW, a seal for each route--> prep --ROWS, seal unchanged--> transform
 *
 *  Rows reach a worker by way of preps, but only the collector knows which records its log has. So
 *  it seals what moves positions and credit: which records of which stream, for which partitions of
 *  which worker, up to which mark of which lane. A prep passes that on; a worker takes nothing that
 *  is not sealed with the secret of the stream, which the collector made and keeps in Redis. The
 *  rows themselves are the prep's making, and not sealed.
 */
#pragma once
#include "proto/slice.h"

enum {
    SEAL_BYTES = 16, // of the 32 that HMAC-SHA256 gives: RFC 2104 calls half of them enough
    SEAL_SECRET_BYTES = 32,
};

typedef struct {
    uint8_t bytes[SEAL_SECRET_BYTES]; // random, one a stream
} seal_secret_t;

typedef struct {
    uint8_t bytes[SEAL_BYTES];
} seal_t;

typedef struct {
    slice_t stream;   // as it is told, with its edition
    slice_t endpoint; // of the worker
    uint32_t lane;
    uint64_t mark;
    uint64_t first, last; // records
    slice_t partitions;   // 32 bytes
} seal_claim_t;

seal_t seal_of(const seal_secret_t *secret, const seal_claim_t *claim);
// In a time that does not tell how much of it is right.
bool seal_fits(const seal_secret_t *secret, const seal_claim_t *claim, slice_t seal);
