/*  catalog -- what there is in a stage: its streams, and the segments of each. */
#pragma once
#include "broker/stage/stage.h"

// Streams of a namespace, in order of name. False with fault: nothing is staged there, it cannot
// be read, or `visit` stopped (then the fault is its own to set).
typedef bool catalog_visit_t(void *context, const char *stream);
bool catalog_streams(const char *root, const char *namespace, catalog_visit_t *visit, void *context,
                     fault_t *fault);

typedef struct {
    uint64_t first_seq;
    uint64_t last_seq; // 0: the last segment, which may still grow
    uint64_t bytes;
    int64_t written_us; // last, as the file system says
} catalog_segment_t;

typedef struct {
    int directory; // of the stream, for *at calls
    size_t count;
    catalog_segment_t *segments; // rising
    size_t orphan_count;         // segments that were removed, of which there are objects:
    uint64_t *orphans;           // first seqs of their lists, rising
} catalog_t;

bool catalog_open(catalog_t *self, const char *root, const char *namespace, const char *stream,
                  fault_t *fault);
// Was that segment removed since?
bool catalog_is_removed(const catalog_t *self, size_t index);
void catalog_close(catalog_t *self); // also of a zeroed one that was never opened
