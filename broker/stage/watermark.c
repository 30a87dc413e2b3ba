/*  watermark -- see watermark.h. */
#include "broker/stage/watermark.h"

#include <inttypes.h>

#include "broker/stage/calls.h"

static uint64_t s_mark(uint64_t least, uint64_t disk_bytes)
{
    uint64_t most = disk_bytes / WATERMARK_SHARE;
    return least < most ? least : most;
}

bool watermark_is_low(bool low, uint64_t least, uint64_t free_bytes, uint64_t disk_bytes)
{
    uint64_t mark = s_mark(least, disk_bytes);
    return mark > 0 && free_bytes < (low ? mark + mark / 4 : mark);
}

bool watermark_look(watermark_t *self, const char *path, int64_t mono_us, fault_t *fault)
{
    uint64_t free_bytes, disk_bytes;
    if (self->low || mono_us >= self->look_us) {
        self->look_us = mono_us + WATERMARK_LOOK_US;
        if (stage_calls.room(path, &free_bytes, &disk_bytes) != 0)
            return self->low;
        self->low = watermark_is_low(self->low, self->least, free_bytes, disk_bytes);
        if (self->low)
            fault_set(fault,
                      "%" PRIu64 " MB are free at %s; it goes on with %" PRIu64
                      " MB (stage_free_min_mb)",
                      free_bytes >> 20, path, (s_mark(self->least, disk_bytes) * 5 / 4) >> 20);
    }
    return self->low;
}
