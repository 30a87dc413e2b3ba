/*  infer -- a payload that nobody has described: what it is made of, and a mapping to begin with.
 *
 *  Pure and deterministic. A guess from one payload: rows are what there is most of, time is what
 *  reads like one, the key is what is named like one. What comes out passes `check`.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/fault.h"

enum { INFER_BODY_BYTES_MAX = 64 << 20 };

typedef struct {
    const char *url;  // where the payload came from, for the configuration
    const char *name; // of the source: letters, digits, '.', '_', '-'
    bool poll;        // http(s): `every` is worth saying
} infer_origin_t;

typedef enum {
    INFER_GOOD,
    INFER_NOTHING, // there is a shape at best, but nothing to map: *fault says why
    INFER_NO_MEMORY,
} infer_result_t;

// The shape as comment lines into `shape`, a whole configuration into `yaml`.
infer_result_t infer(slice_t body, const infer_origin_t *origin, buffer_t *shape, buffer_t *yaml,
                     fault_t *fault);
