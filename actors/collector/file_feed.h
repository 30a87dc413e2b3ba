/*  file_feed -- files become records: whole ones in order of name, large texts in pieces.
 *
 *  A file is read once, when it has not changed for a second; it is known by path, inode, size
 *  and time of change, so that one that was changed afterwards is another file. What was staged
 *  already is looked up in the places of the log. JSON documents, CSV with a header line and
 *  everything gzipped is one record per file; other JSON lines and CSV above a megabyte are cut at
 *  line ends. Files that cannot be read are told, and tried again each time.
 */
#pragma once
#include "actors/collector/places.h"
#include "broker/runtime/settings.h"
#include "proto/fault.h"

enum {
    FILE_FEED_FILES_MAX = 16384,          // of one source; PLACES_HELD_MAX of a stream
    FILE_FEED_SETTLE_US = 1000000,        // a file changed less long ago may still grow
    FILE_FEED_RECORD_BYTES_MAX = 64 << 20 // of one record
};

typedef struct file_feed file_feed_t; // one source

// `source` and `places` must outlive it.
file_feed_t *file_feed_new(const source_t *source, places_t *places);
void file_feed_destroy(file_feed_t **self_p);
const source_t *file_feed_source(const file_feed_t *self);

// Look which files there are. wall_us INT64_MAX: none is waited for.
void file_feed_scan(file_feed_t *self, int64_t wall_us);

typedef struct {
    const char *path;
    place_t place;   // of the record: file identity, and where in it the record ends
    slice_t payload; // valid until file_feed_done
} file_piece_t;

// The next record; the same again until it was done. False: none now.
bool file_feed_next(file_feed_t *self, file_piece_t *piece);
// It was staged: notes its place and goes on behind it. False: no memory to note it.
bool file_feed_done(file_feed_t *self);

// What is wrong with some file, if it was not told before. The text is valid until the next scan.
bool file_feed_trouble(file_feed_t *self, const char **text);
uint64_t file_feed_troubles(const file_feed_t *self); // files that could not be read, all scans
