/*  staged -- the records of a stage, wherever they lie, for `stage ls|cat|gaps|verify`.
 *
 *  Reads files alone: neither Redis nor a collector need run, and a running one is not disturbed.
 */
#pragma once
#include "broker/stage/stage.h"

typedef struct {
    const char *root, *namespace;
    const char *stream; // only this one; NULL = all
} staged_t;

// What `stage cat` and `stage gaps` ask for.
typedef struct {
    const char *source;        // NULL = any
    uint64_t from_seq, to_seq; // to_seq is inside
    int64_t from_us, to_us;    // to_us is outside
    bool json;
} staged_cat_t;

// All print on stdout and return an exit code (broker/runtime/life.h); what went wrong is on
// stderr. staged_verify: 1 if anything is damaged.
int staged_ls(const staged_t *self, bool json);
int staged_cat(const staged_t *self, const staged_cat_t *wanted);
int staged_gaps(const staged_t *self, const staged_cat_t *wanted);
int staged_verify(const staged_t *self);

// Each stream that is meant. False after printing why not: `visit` stopped, or there is none.
typedef bool staged_visit_t(void *context, const char *stream);
bool staged_streams(const staged_t *self, staged_visit_t *visit, void *context);

enum { STAGED_TIME = 32 };
void staged_time(int64_t us, char text[STAGED_TIME]); // "2023-03-01T00:00:00.000Z"
