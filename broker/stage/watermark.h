/*  watermark -- is there room to go on staging? So that a full disk is met before it is full: what
 *  shares it (Redis, copies, objects) can still be finished.
 *
 *  Below the mark: no. Then not before there is a quarter more, so that it does not flutter.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "proto/fault.h"

enum {
    WATERMARK_SHARE = 20,       // of the disk: the mark is never more than a twentieth of it
    WATERMARK_LOOK_US = 100000, // how often the disk is asked
};

typedef struct {
    uint64_t least; // bytes as configured; 0 = no mark
    bool low;
    int64_t look_us; // monotonic, when to ask next
} watermark_t;

// The judgement alone. Pure.
bool watermark_is_low(bool low, uint64_t least, uint64_t free_bytes, uint64_t disk_bytes);

// Ask about the disk that this path is on. True: there is too little (fault says how much). A disk
// that cannot be asked is as it was.
bool watermark_look(watermark_t *self, const char *path, int64_t mono_us, fault_t *fault);
