/*  schedule -- see schedule.h. A plain array: hundreds of sources, looked at a few times a second.
 */
#include "actors/collector/schedule.h"

#include <assert.h>
#include <stdlib.h>

#include "actors/collector/random.h"

enum { FIRST_SPREAD_US = 1000000, DOUBLINGS_MAX = 20 };

typedef struct {
    int64_t every_us;
    int64_t due_us;
    unsigned failures; // in a row
    bool under_way;
} turn_t;

struct schedule {
    uint64_t random;
    size_t count;
    turn_t turns[];
};

schedule_t *schedule_new(const int64_t *every_us, size_t count, uint64_t seed, int64_t now_us)
{
    schedule_t *self = calloc(1, sizeof *self + count * sizeof self->turns[0]);
    if (!self)
        return NULL;
    self->random = seed;
    self->count = count;
    for (size_t i = 0; i < count; i++) {
        assert(every_us[i] > 0);
        int64_t spread = every_us[i] < FIRST_SPREAD_US ? every_us[i] : FIRST_SPREAD_US;
        // The very first is not kept waiting: somebody may be watching.
        int64_t delay = i == 0 ? 0 : (int64_t) random_below(&self->random, (uint64_t) spread);
        self->turns[i] = (turn_t){ .every_us = every_us[i], .due_us = now_us + delay };
    }
    return self;
}

void schedule_destroy(schedule_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

int schedule_take(schedule_t *self, int64_t now_us)
{
    int best = -1;
    for (size_t i = 0; i < self->count; i++) {
        const turn_t *turn = &self->turns[i];
        if (turn->under_way || turn->due_us > now_us)
            continue;
        if (best < 0 || turn->due_us < self->turns[best].due_us)
            best = (int) i;
    }
    if (best >= 0)
        self->turns[best].under_way = true;
    return best;
}

// duration +- percent of it
static int64_t s_jitter(schedule_t *self, int64_t duration_us, int percent)
{
    int64_t reach = duration_us / 100 * percent;
    return duration_us - reach + (int64_t) random_below(&self->random, (uint64_t) reach * 2 + 1);
}

static int64_t s_backoff_us(const turn_t *turn)
{
    int64_t longest =
        SCHEDULE_BACKOFF_US_MAX > turn->every_us ? SCHEDULE_BACKOFF_US_MAX : turn->every_us;
    int64_t pause = turn->every_us;
    for (unsigned i = 0; i < turn->failures && i < DOUBLINGS_MAX && pause < longest; i++)
        pause *= 2;
    return pause < longest ? pause : longest;
}

void schedule_done(schedule_t *self, int source, bool good, int64_t retry_after_us, int64_t now_us)
{
    assert(source >= 0 && (size_t) source < self->count && self->turns[source].under_way);
    turn_t *turn = &self->turns[source];
    turn->under_way = false;
    if (good) {
        turn->failures = 0;
        // From the time it was due, not from now: a slow server must not make the grid drift.
        turn->due_us += s_jitter(self, turn->every_us, SCHEDULE_JITTER_PERCENT);
        if (turn->due_us < now_us)
            turn->due_us = now_us;
        return;
    }
    turn->failures++;
    int64_t pause = s_jitter(self, s_backoff_us(turn), 4 * SCHEDULE_JITTER_PERCENT);
    int64_t believed = (int64_t) SCHEDULE_RETRY_AFTER_S_MAX * 1000000;
    if (retry_after_us > believed)
        retry_after_us = believed;
    turn->due_us = now_us + (pause > retry_after_us ? pause : retry_after_us);
}

int64_t schedule_next_us(const schedule_t *self)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < self->count; i++)
        if (!self->turns[i].under_way && self->turns[i].due_us < next)
            next = self->turns[i].due_us;
    return next;
}
