/*  manifest -- what became of one segment: which objects hold its payloads, and where they are.
 *
 *  A text beside the segment, `<first seq>.objects`, written before the first object is begun (the
 *  paths of its sources, so that a repeat after a crash makes the same names) and again when all
 *  are there. Reading and writing the text is pure.
 */
#pragma once
#include "broker/stage/stage.h"
#include "proto/buffer.h"

enum {
    MANIFEST_OBJECTS_MAX = 1 << 20,
    MANIFEST_PATH_MAX = 1024, // bytes, of a source or an object
};

typedef struct {
    char *source;
    char *path; // "<host>/<route>"
} manifest_route_t;

typedef struct {
    char *path; // below "<stage>/<namespace>.objects/"
    uint64_t first_seq, last_seq;
    int64_t first_us, last_us; // received
    uint64_t records;
    uint64_t plain_bytes, bytes; // lines; the file
    bool gone;                   // its time was over: the file was removed
} manifest_object_t;

typedef struct {
    bool complete;
    bool damaged;                 // by reading: there is a list, but none of ours
    uint64_t first_seq, last_seq; // of the segment
    uint64_t sum;                 // object_line_sum over its payloads
    size_t route_count, object_count;
    manifest_route_t *routes;
    manifest_object_t *objects;
} manifest_t;

void manifest_clear(manifest_t *self); // empty again

// False: out of memory. Texts are copied.
bool manifest_add_route(manifest_t *self, const char *source, const char *path);
bool manifest_add_object(manifest_t *self, const manifest_object_t *object);
const char *manifest_route(const manifest_t *self, slice_t source); // or NULL

bool manifest_encode(const manifest_t *self, buffer_t *out); // false: out of memory
// False with fault, and an empty one: the text is `damaged`, or there is no memory.
bool manifest_decode(manifest_t *self, slice_t text, fault_t *fault);

// In the directory of a stream. True with an empty manifest (first_seq 0) if there is none. False
// with fault, and an empty one: it cannot be read, or is `damaged`.
bool manifest_load(manifest_t *self, int directory, uint64_t first_seq, fault_t *fault);
bool manifest_save(const manifest_t *self, int directory, fault_t *fault);
bool manifest_remove(int directory, uint64_t first_seq);
