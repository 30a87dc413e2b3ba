/*  moment -- one look at the clocks.
 *
 *  recv_us is what records are stamped with: the wall clock as it was when the process began, plus
 *  monotonic time since, so that a step of the clock never makes all rows late.
 */
#pragma once
#include <stdint.h>

typedef struct {
    int64_t mono_us;
    int64_t recv_us;
} moment_t;
