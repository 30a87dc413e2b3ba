/*  absent -- parts of actors that have no part in a run: nothing is polled by HTTP. In place of
 *  actors/collector/poller.c.
 */
#include "actors/collector/poller.h"

static char something;

poller_t *poller_new(const settings_t *settings, const poller_t *old, int64_t mono_us,
                     fault_t *fault)
{
    (void) settings;
    (void) old;
    (void) mono_us;
    (void) fault;
    return (poller_t *) &something;
}

void poller_destroy(poller_t **self_p)
{
    *self_p = NULL;
}

int poller_descriptor(const poller_t *self)
{
    (void) self;
    return -1;
}

int64_t poller_next_us(const poller_t *self)
{
    (void) self;
    return INT64_MAX;
}

void poller_work(poller_t *self, int64_t mono_us)
{
    (void) self;
    (void) mono_us;
}

bool poller_take(poller_t *self, int64_t mono_us, int64_t wall_us, polled_t *polled)
{
    (void) self;
    (void) mono_us;
    (void) wall_us;
    (void) polled;
    return false;
}

void poller_done(poller_t *self)
{
    (void) self;
}

bool poller_take_gap(poller_t *self, poller_gap_t *gap)
{
    (void) self;
    (void) gap;
    return false;
}

void poller_end_gaps(poller_t *self, int64_t mono_us)
{
    (void) self;
    (void) mono_us;
}

poller_count_t poller_count(const poller_t *self)
{
    (void) self;
    return (poller_count_t){ 0 };
}

int64_t poller_late_us(const poller_t *self, double share)
{
    (void) self;
    (void) share;
    return 0;
}

bool poller_trouble(const poller_t *self, int64_t mono_us, size_t *index, poller_trouble_t *trouble)
{
    (void) self;
    (void) mono_us;
    (void) index;
    (void) trouble;
    return false;
}
