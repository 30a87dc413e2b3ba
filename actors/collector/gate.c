/*  gate -- see gate.h. */
#include "actors/collector/gate.h"

#include <assert.h>
#include <stdlib.h>

#include "actors/collector/random.h"

enum { DOUBLINGS_MAX = 20 };

// Not yet begun: as long ago as can be without overflow.
#define LONG_AGO_US (INT64_MIN / 4)

bool gate_init(gate_t *self, budget_t budget)
{
    assert(budget.count > 0 && budget.window_us > 0);
    *self = (gate_t){ .budget = budget,
                      .begun_us = LONG_AGO_US,
                      .closed_us = LONG_AGO_US,
                      .failed_us = LONG_AGO_US,
                      .good_us = LONG_AGO_US };
    self->begun = malloc(budget.count * sizeof *self->begun);
    for (uint32_t i = 0; self->begun && i < budget.count; i++)
        self->begun[i] = LONG_AGO_US;
    return self->begun != NULL;
}

void gate_clear(gate_t *self)
{
    free(self->begun);
    *self = (gate_t){ 0 };
}

static int64_t s_later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t gate_open_us(const gate_t *self)
{
    if (self->under_way >= (self->failures ? 1 : GATE_UNDER_WAY_MAX))
        return INT64_MAX;
    int64_t open_us = s_later(self->closed_us, self->begun[self->oldest] + self->budget.window_us);
    int64_t spread_us = self->begun_us + self->gap_us;
    return self->gap_us
               ? s_later(open_us, spread_us < self->gap_until_us ? spread_us : self->gap_until_us)
               : open_us;
}

static void s_spend(gate_t *self, int64_t now_us)
{
    self->begun[self->oldest] = now_us;
    self->oldest = (self->oldest + 1) % self->budget.count;
    self->begun_us = now_us;
}

void gate_inherit(gate_t *self, const gate_t *old)
{
    assert(self->under_way == 0);
    for (uint32_t i = 0; i < old->budget.count; i++)
        s_spend(self, old->begun[(old->oldest + i) % old->budget.count]);
    self->closed_us = old->closed_us;
    self->gap_us = old->gap_us;
    self->gap_until_us = old->gap_until_us;
    self->failures = old->failures;
    self->failed_us = old->failed_us;
    self->good_us = old->good_us;
}

void gate_begin(gate_t *self, int64_t now_us)
{
    self->under_way++;
    s_spend(self, now_us);
}

int64_t gate_jitter_us(int64_t duration_us, int percent, uint64_t *random)
{
    int64_t reach = duration_us / 100 * percent;
    return duration_us - reach + (int64_t) random_below(random, (uint64_t) reach * 2 + 1);
}

int64_t gate_backoff_us(int64_t every_us, unsigned failures, uint64_t *random)
{
    int64_t longest = s_later(GATE_BACKOFF_US_MAX, every_us), pause = every_us;
    for (unsigned i = 0; i < failures && i < DOUBLINGS_MAX && pause < longest; i++)
        pause *= 2;
    return gate_jitter_us(pause < longest ? pause : longest, GATE_BACKOFF_PERCENT, random);
}

static int64_t s_believed(int64_t asked_us)
{
    int64_t most = (int64_t) GATE_RETRY_AFTER_S_MAX * 1000000;
    return asked_us < most ? asked_us : most;
}

static void s_close(gate_t *self, int64_t until_us)
{
    self->closed_us = s_later(self->closed_us, until_us);
}

// What is left is spread evenly, so that all of it is not gone long before there is more.
static void s_spread(gate_t *self, const answer_t *answer, int64_t now_us)
{
    int64_t renewed_us = s_believed(answer->renewed_us);
    self->gap_us = 0;
    if (answer->left <= 0)
        s_close(self, now_us + (renewed_us ? renewed_us : GATE_SPENT_US));
    else if (renewed_us) {
        self->gap_us = renewed_us / answer->left;
        self->gap_until_us = now_us + renewed_us;
    }
}

static void s_fail(gate_t *self, int64_t begun_us, int64_t every_us, const answer_t *answer,
                   uint64_t *random, int64_t now_us)
{
    // Those that were under way together fail together, and count once.
    if (begun_us > self->failed_us) {
        self->failures++;
        self->failed_us = now_us;
        s_close(self, now_us + gate_backoff_us(s_later(every_us, GATE_BACKOFF_US_MIN),
                                               self->failures, random));
    }
    s_close(self, now_us + s_believed(answer->retry_after_us));
}

bool gate_end(gate_t *self, int64_t begun_us, int64_t every_us, const answer_t *answer,
              uint64_t *random, int64_t now_us)
{
    assert(self->under_way > 0);
    self->under_way--;
    for (unsigned i = 0; i < answer->followed; i++)
        s_spend(self, now_us);
    if (answer->limited)
        s_spread(self, answer, now_us);
    switch (answer->kind) {
    case ANSWER_GOOD:
    case ANSWER_BAD:
        self->good_us = now_us;
        if (begun_us > self->failed_us)
            self->failures = 0;
        return false;
    case ANSWER_NONE:
        // It answered others meanwhile: what is asked here is too much for it.
        if (self->good_us >= begun_us)
            return false;
        break;
    case ANSWER_REFUSED:
        break;
    }
    s_fail(self, begun_us, every_us, answer, random, now_us);
    return true;
}
