/*  library -- the ready-made feeds of docs/feeds, which travel inside the program. Pure. */
#pragma once
#include "proto/buffer.h"
#include "proto/slice.h"

typedef struct {
    slice_t name; // "kraken"
    slice_t text; // its configuration, YAML
} library_feed_t;

// All feeds by name: start with NULL in name.data. False: there is no further one.
bool library_next(library_feed_t *feed);
bool library_find(const char *name, library_feed_t *feed);

// A line for each: its name and the first line of what it says of itself.
void library_list(buffer_t *out);
