/*  archive -- makes the objects of one sealed segment: its payloads by route and day.
 *
 *  What comes out is a function of the segment and its routes alone, and the routes are written
 *  down before anything else: whatever is killed in between, the next try makes the same objects
 *  under the same names (docs/decisions/0007-stage-objects.md).
 */
#pragma once
#include "actors/collector/route.h"
#include "broker/stage/catalog.h"

enum { ARCHIVE_OPEN_MAX = 32 }; // objects written in one reading of the segment

typedef struct archive archive_t; // what is kept between segments

archive_t *archive_new(const char *root, const char *namespace);
void archive_destroy(archive_t **self_p);

// Where the objects of a source lie.
typedef void archive_route_t(void *context, const char *source, char path[ROUTE_BYTES_MAX + 1]);

typedef struct {
    uint64_t objects, records, plain_bytes, bytes; // made in this life
    uint64_t remade;                               // lists that were damaged
} archive_count_t;

// Make them, unless they are all there. A list that is damaged is made again from the log, under
// the paths that its sources have now. `directory` is that of the stream (catalog.h). False with
// fault: try again later; what was made is kept.
bool archive_segment(archive_t *self, const char *stream, int directory,
                     const catalog_segment_t *segment, archive_route_t *route, void *context,
                     fault_t *fault);
// From another thread: give up what is being made, and make no more.
void archive_stop(archive_t *self);
archive_count_t archive_count(const archive_t *self);
