/*  Any bytes as unit and time, parted by a zero byte: times are in range or refused. */
#include <stdlib.h>

#include "actors/prep/event_time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const UNITS[] = { "s", "ms", "us", "ns", "rfc3339", "%Y-%m-%d %H:%M:%S" };
    fault_t fault;
    event_time_t unit;
    const uint8_t *part = size ? memchr(data, 0, size) : NULL;
    slice_t text = slice_of(data, size);
    if (part) {
        text = slice_of(part + 1, size - (size_t) (part + 1 - data));
        if (!event_time_compile(&unit, slice_of(data, (size_t) (part - data)), &fault))
            return 0;
    }
    for (size_t i = 0; i < (part ? 1 : sizeof UNITS / sizeof UNITS[0]); i++) {
        if (!part && !event_time_compile(&unit, slice_text(UNITS[i]), &fault))
            abort();
        int64_t us = -1;
        event_time_result_t result = event_time_read(&unit, text, &us);
        if (result == EVENT_TIME_GOOD && (us < 0 || us > EVENT_TIME_MAX_US))
            abort();
    }
    return 0;
}
