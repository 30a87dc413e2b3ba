/*  stage_inside -- what opening and appending share. Private to stage*.c. */
#pragma once
#include "broker/stage/files.h"
#include "broker/stage/segment.h"
#include "broker/stage/stage.h"
#include "proto/buffer.h"

struct stage {
    int directory, lock;
    int file;           // the segment that grows; -1: the next group begins a new one
    uint64_t size;      // bytes of it that are durable; 0 = not even its name
    bool given_up;      // it failed and has to be cut
    int64_t begun_us;   // receipt of its first record
    int64_t seal_us;    // stage_seal_after
    uint64_t first_seq; // its name
    uint32_t mark;
    char stream[SEGMENT_NAME_MAX + 1];
    uint64_t next_seq; // for the next record
    int64_t recv_us;   // of the last record
    uint64_t last_seq; // durable
    uint64_t damaged;
    buffer_t group;       // encoded records that are not durable
    uint64_t group_first; // seq of the first of them
    int64_t group_us;     // and its receipt
    bool group_rolls;     // they begin a new segment
    bool group_heads;     // and hold all that the writer knew
    size_t unheaded;      // segments begun since the last one that does
    uint64_t oldest_seq;  // first record of the log when it was opened
};

// All of it, at this place. False: errno.
bool stage_write(int file, const uint8_t *data, size_t size, uint64_t offset);

// "cannot <doing> the stage of stream <name>: <errno>".
bool stage_refuse(const stage_t *self, const char *doing, fault_t *fault);
