/*  line_inside -- what a line does and what it reports share. Private to line*.c. */
#pragma once
#include "actors/collector/lag.h"
#include "actors/collector/line.h"
#include "broker/stage/watermark.h"

// A failure that lasts.
typedef struct {
    bool on;
    int64_t since_us, retry_us, told_us;
    fault_t why;
} failure_t;

struct line {
    char *root, *namespace, *listen;
    char name[STORE_NAME_MAX + 1];
    stream_t *stream;
    forward_t *forward;
    uint64_t edition; // that it tells
    bool held;        // nothing is sent until there is a later one than held_at
    uint64_t held_at;
    int64_t request_us; // when to look next
    int64_t durable_us; // wall clock of the last sync
    failure_t disk, room, log;
    watermark_t watermark;
    bool blocked;
    int64_t gone_told_us;
    int64_t report_us; // of the last report, and the counts then
    uint64_t reported_records, reported_bytes;
    lag_t lag;
};
