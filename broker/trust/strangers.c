/*  strangers -- see strangers.h. */
#include "broker/trust/strangers.h"

#include <stdio.h>
#include <string.h>

// The one of this address; or a place of one that has been quiet for long, or a free one; or the
// common one.
static stranger_t *s_place(strangers_t *self, const char *address, int64_t now_ms)
{
    stranger_t *quiet = NULL;
    for (unsigned i = 0; i < self->count; i++) {
        stranger_t *item = &self->items[i];
        if (strncmp(item->address, address, STRANGERS_ADDRESS_MAX) == 0)
            return item;
        if (item->untold == 0 && now_ms - item->told_ms >= STRANGERS_PAUSE_MS)
            quiet = item;
    }
    if (!quiet && self->count == STRANGERS_KNOWN)
        return &self->items[STRANGERS_KNOWN];
    stranger_t *place = quiet ? quiet : &self->items[self->count++];
    *place = (stranger_t){ .told_ms = now_ms - STRANGERS_PAUSE_MS };
    snprintf(place->address, sizeof place->address, "%s", address);
    return place;
}

bool strangers_tell(strangers_t *self, const char *address, int64_t now_ms, uint64_t *times)
{
    stranger_t *place = s_place(self, address, now_ms);
    place->untold++;
    bool first = place == &self->items[STRANGERS_KNOWN] && place->told_ms == 0;
    if (!first && now_ms - place->told_ms < STRANGERS_PAUSE_MS)
        return false;
    *times = place->untold;
    place->untold = 0;
    place->told_ms = now_ms;
    return true;
}
