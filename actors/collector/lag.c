/*  lag -- see lag.h. */
#include "actors/collector/lag.h"

#include <string.h>

static void s_drop_committed(lag_t *self)
{
    size_t done = 0;
    while (done < self->count && self->marks[done].seq <= self->committed)
        done++;
    self->count -= done;
    memmove(self->marks, self->marks + done, self->count * sizeof self->marks[0]);
}

// The oldest stays: it is the one that tells the age.
static void s_thin(lag_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i += 2)
        self->marks[kept++] = self->marks[i];
    int64_t span_us = self->marks[self->count - 1].us - self->marks[0].us;
    self->step_us = span_us / (int64_t) kept;
    self->count = kept;
}

void lag_note(lag_t *self, uint64_t durable, uint64_t committed, int64_t now_us)
{
    if (committed > self->committed)
        self->committed = committed;
    bool more = durable > self->durable;
    if (more)
        self->durable = durable;
    s_drop_committed(self);
    if (self->count == 0)
        self->step_us = 0;
    if (self->durable <= self->committed ||
        (self->count > 0 && (!more || now_us - self->marks[self->count - 1].us < self->step_us)))
        return;
    if (self->count == LAG_MARKS)
        s_thin(self);
    self->marks[self->count].seq = self->durable;
    self->marks[self->count++].us = now_us;
}

uint64_t lag_records(const lag_t *self)
{
    return self->durable > self->committed ? self->durable - self->committed : 0;
}

int64_t lag_us(const lag_t *self, int64_t now_us)
{
    return self->count > 0 ? now_us - self->marks[0].us : 0;
}
