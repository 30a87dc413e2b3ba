/*  intake_inside -- what an intake is made of. Private to intake.c and intake_report.c. */
#pragma once
#include "actors/collector/file_feed.h"
#include "actors/collector/intake.h"
#include "actors/collector/poller.h"
#include "actors/collector/push_feed.h"
#include "actors/collector/simulate.h"

typedef struct {
    const source_t *source;
    simulate_t *market;
    buffer_t payload; // made and not staged yet, if not empty
} market_t;

// What belongs to one configuration and is built anew with the next.
typedef struct {
    poller_t *poller;
    size_t file_count, file_next; // the feed to look at next
    file_feed_t **files;
    size_t market_count;
    market_t *markets;
} sources_t;

struct intake {
    intake_stream_t *find;
    void *context;
    push_feed_t *push; // outlives configurations: its sockets stay open
    sources_t sources;
    int64_t scan_us;       // when to look for files next
    uint64_t refused_told; // pushed frames refused, as of the last log
    uint64_t gaps_told;
    int64_t log_us;       // when either may be told again
    unsigned first_kind;  // whose turn it is
    int64_t group_end_us; // of the group being taken
    size_t group_bytes;
};
