/*  strangers -- of those who are refused, whom to tell about now: each address once a minute. Pure.
 *
 *  A fixed number of addresses is remembered; when there are more, those beyond share one place.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    STRANGERS_KNOWN = 256,
    STRANGERS_ADDRESS_MAX = 63, // longer ones are cut
    STRANGERS_PAUSE_MS = 60 * 1000,
};

typedef struct {
    char address[STRANGERS_ADDRESS_MAX + 1];
    int64_t told_ms;
    uint64_t untold;
} stranger_t;

typedef struct {
    stranger_t items[STRANGERS_KNOWN + 1]; // the last one stands for all others
    unsigned count;
} strangers_t;

// One more refusal of this address. True: tell it now; *times is how many it stands for.
bool strangers_tell(strangers_t *self, const char *address, int64_t now_ms, uint64_t *times);
