/*  archivist -- the thread of the collector that makes stage objects of sealed segments.
 *
 *  And removes those that are too old or too many (expiry.h), and segments of the log that nobody
 *  needs any more (trimmer.h).
 *
 *  In the background, with the lowest priority, on files alone: taking and sending never wait for
 *  it. It keeps nothing but what is on the disk, so it may be killed at any time.
 */
#pragma once
#include "actors/collector/archive.h"
#include "actors/collector/registry.h"
#include "actors/collector/trimmer.h"
#include "broker/runtime/settings.h"

enum {
    ARCHIVIST_LOOK_MS = 2000,    // how often it looks for segments,
    ARCHIVIST_EXPIRE_MS = 60000, // and for objects whose time is over
    ARCHIVIST_STREAMS_MAX = 64,
    // Of the disk, left to the log: no objects are made then. But those of a segment whose time is
    // over are made while half its size is there: it goes afterwards.
    ARCHIVIST_SPARE_BYTES = 256 << 20,
};

typedef struct archivist archivist_t;

archivist_t *archivist_new(const char *root, const char *namespace, fault_t *fault);
void archivist_destroy(archivist_t **self_p); // waits until what is being written is given up

// From now on the objects of these sources lie where their addresses say, and are kept as long as
// the settings say. False: out of memory.
bool archivist_configure(archivist_t *self, const settings_t *settings);
// This stream is ours to look after, too. False: out of memory, or too many.
bool archivist_watch(archivist_t *self, const char *stream);

trimmer_t *archivist_trimmer(archivist_t *self); // borrowed

// Counters for the registry, at most `most`. Returns how many.
size_t archivist_report(archivist_t *self, registry_field_t *fields, size_t most);
// Why it cannot go on goes to the log, once until it works again.
void archivist_log(archivist_t *self);
