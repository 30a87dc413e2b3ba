/*  schedule -- see schedule.h. Two levels of heaps: the waiting sources of each host by the time
 *  they are due; and the hosts by the time that their first source can be asked.
 */
#include "actors/collector/schedule.h"

#include <assert.h>
#include <stdlib.h>

#include "actors/collector/random.h"
#include "proto/owned.h"

enum { FIRST_SPREAD_US = 1000000 };

typedef struct {
    int64_t every_us, due_us, begun_us;
    unsigned host;
    unsigned failures; // of its own, in a row
    bool under_way;
    bool again; // it is another page that is due
} turn_t;

typedef struct {
    gate_t gate;
    unsigned *waiting; // sources, a heap: none is due before its parent
    size_t count;
    int64_t ready_us; // of its first source; INT64_MAX = none can be asked
    size_t rank;      // place among the hosts
} host_t;

struct schedule {
    uint64_t random;
    size_t source_count, host_count;
    turn_t *turns;
    host_t *hosts;
    unsigned *waiting; // room for those of all hosts
    unsigned *ranked;  // hosts, a heap by ready_us
};

// ---- the sources of a host ------------------------------------------------------------------

static int64_t s_due_us(const schedule_t *self, const host_t *host, size_t place)
{
    return self->turns[host->waiting[place]].due_us;
}

static void s_swap(unsigned *a, unsigned *b)
{
    unsigned kept = *a;
    *a = *b;
    *b = kept;
}

static void s_wait(schedule_t *self, host_t *host, unsigned source)
{
    size_t place = host->count++;
    host->waiting[place] = source;
    for (size_t parent; place > 0; place = parent) {
        parent = (place - 1) / 2;
        if (s_due_us(self, host, parent) <= s_due_us(self, host, place))
            break;
        s_swap(&host->waiting[parent], &host->waiting[place]);
    }
}

static unsigned s_pop(schedule_t *self, host_t *host)
{
    unsigned first = host->waiting[0];
    host->waiting[0] = host->waiting[--host->count];
    for (size_t place = 0, child; (child = 2 * place + 1) < host->count; place = child) {
        if (child + 1 < host->count &&
            s_due_us(self, host, child + 1) < s_due_us(self, host, child))
            child++;
        if (s_due_us(self, host, place) <= s_due_us(self, host, child))
            break;
        s_swap(&host->waiting[place], &host->waiting[child]);
    }
    return first;
}

// ---- the hosts ------------------------------------------------------------------------------

static void s_exchange(schedule_t *self, size_t a, size_t b)
{
    s_swap(&self->ranked[a], &self->ranked[b]);
    self->hosts[self->ranked[a]].rank = a;
    self->hosts[self->ranked[b]].rank = b;
}

static int64_t s_ready_us(const schedule_t *self, size_t rank)
{
    return self->hosts[self->ranked[rank]].ready_us;
}

// The host has changed: find its place again.
static void s_rank(schedule_t *self, host_t *host)
{
    int64_t open_us = gate_open_us(&host->gate);
    int64_t due_us = host->count ? s_due_us(self, host, 0) : INT64_MAX;
    host->ready_us = due_us > open_us ? due_us : open_us;
    size_t rank = host->rank;
    for (; rank > 0 && s_ready_us(self, rank) < s_ready_us(self, (rank - 1) / 2);
         rank = (rank - 1) / 2)
        s_exchange(self, rank, (rank - 1) / 2);
    for (size_t child; (child = 2 * rank + 1) < self->host_count; rank = child) {
        if (child + 1 < self->host_count && s_ready_us(self, child + 1) < s_ready_us(self, child))
            child++;
        if (s_ready_us(self, rank) <= s_ready_us(self, child))
            break;
        s_exchange(self, rank, child);
    }
}

// ---- life -----------------------------------------------------------------------------------

static bool s_take_room(schedule_t *self, const budget_t *budgets)
{
    self->turns = calloc(self->source_count + 1, sizeof *self->turns);
    self->hosts = calloc(self->host_count + 1, sizeof *self->hosts);
    self->waiting = calloc(self->source_count + 1, sizeof *self->waiting);
    self->ranked = calloc(self->host_count + 1, sizeof *self->ranked);
    if (!self->turns || !self->hosts || !self->waiting || !self->ranked)
        return false;
    for (size_t i = 0; i < self->host_count; i++)
        if (!gate_init(&self->hosts[i].gate, budgets[i]))
            return false;
    return true;
}

// Every host gets as much of `waiting` as it has sources.
static void s_divide(schedule_t *self, const schedule_source_t *sources)
{
    for (size_t i = 0; i < self->source_count; i++)
        self->hosts[sources[i].host].count++;
    unsigned *room = self->waiting;
    for (size_t i = 0; i < self->host_count; i++) {
        host_t *host = &self->hosts[i];
        host->waiting = room;
        room += host->count;
        host->count = 0;
        host->ready_us = INT64_MAX;
        host->rank = i;
        self->ranked[i] = (unsigned) i;
    }
}

schedule_t *schedule_new(const schedule_source_t *sources, size_t count, const budget_t *budgets,
                         size_t hosts, uint64_t seed, int64_t now_us)
{
    owned(schedule_destroy) schedule_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->random = seed;
    self->source_count = count;
    self->host_count = hosts;
    if (!s_take_room(self, budgets))
        return NULL;
    s_divide(self, sources);
    for (size_t i = 0; i < count; i++) {
        assert(sources[i].every_us > 0 && sources[i].host < hosts);
        int64_t every_us = sources[i].every_us;
        int64_t spread = every_us < FIRST_SPREAD_US ? every_us : FIRST_SPREAD_US;
        // The very first is not kept waiting: somebody may be watching.
        int64_t delay = i == 0 ? 0 : (int64_t) random_below(&self->random, (uint64_t) spread);
        self->turns[i] =
            (turn_t){ .every_us = every_us, .due_us = now_us + delay, .host = sources[i].host };
        s_wait(self, &self->hosts[sources[i].host], (unsigned) i);
    }
    for (size_t i = 0; i < hosts; i++)
        s_rank(self, &self->hosts[i]);
    schedule_t *given = self;
    self = NULL;
    return given;
}

void schedule_destroy(schedule_t **self_p)
{
    schedule_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; self->hosts && i < self->host_count; i++)
        gate_clear(&self->hosts[i].gate);
    free(self->turns);
    free(self->hosts);
    free(self->waiting);
    free(self->ranked);
    free(self);
    *self_p = NULL;
}

void schedule_inherit(schedule_t *self, size_t host, const schedule_t *old, size_t old_host)
{
    assert(host < self->host_count && old_host < old->host_count);
    gate_inherit(&self->hosts[host].gate, &old->hosts[old_host].gate);
    s_rank(self, &self->hosts[host]);
}

// ---- turns ----------------------------------------------------------------------------------

int schedule_take(schedule_t *self, int64_t now_us, int64_t *late_us)
{
    if (schedule_next_us(self) > now_us)
        return -1;
    host_t *host = &self->hosts[self->ranked[0]];
    unsigned source = s_pop(self, host);
    turn_t *turn = &self->turns[source];
    *late_us = turn->again ? -1 : now_us - host->ready_us;
    turn->under_way = true;
    turn->begun_us = now_us;
    gate_begin(&host->gate, now_us);
    s_rank(self, host);
    return (int) source;
}

static int64_t s_next_due_us(schedule_t *self, turn_t *turn, const answer_t *answer, bool hosts,
                             int64_t now_us)
{
    if (answer->kind == ANSWER_GOOD) {
        turn->failures = 0;
        // From the time it was due, not from now: a slow server must not make the grid drift.
        int64_t due_us =
            turn->due_us + gate_jitter_us(turn->every_us, SCHEDULE_JITTER_PERCENT, &self->random);
        return due_us > now_us ? due_us : now_us;
    }
    if (hosts) // its gate is closed for long enough
        return now_us + gate_jitter_us(turn->every_us, SCHEDULE_JITTER_PERCENT, &self->random);
    int64_t pause = gate_backoff_us(turn->every_us, ++turn->failures, &self->random);
    int64_t believed = (int64_t) GATE_RETRY_AFTER_S_MAX * 1000000;
    int64_t asked = answer->retry_after_us < believed ? answer->retry_after_us : believed;
    return now_us + (pause > asked ? pause : asked);
}

void schedule_done(schedule_t *self, int source, const answer_t *answer, bool more, int64_t now_us)
{
    assert(source >= 0 && (size_t) source < self->source_count && self->turns[source].under_way);
    assert(!more || answer->kind == ANSWER_GOOD);
    turn_t *turn = &self->turns[source];
    host_t *host = &self->hosts[turn->host];
    turn->under_way = false;
    bool hosts =
        gate_end(&host->gate, turn->begun_us, turn->every_us, answer, &self->random, now_us);
    turn->again = more; // still due as it was, before those due later
    if (!more)
        turn->due_us = s_next_due_us(self, turn, answer, hosts, now_us);
    s_wait(self, host, (unsigned) source);
    s_rank(self, host);
}

int64_t schedule_held_us(const schedule_t *self, int source, int64_t now_us, int64_t *due_us)
{
    const turn_t *turn = &self->turns[source];
    int64_t open_us = gate_open_us(&self->hosts[turn->host].gate);
    *due_us = turn->due_us;
    bool waits = !turn->under_way && turn->due_us <= now_us && open_us != INT64_MAX;
    return waits && open_us > now_us ? open_us - now_us : 0;
}

int64_t schedule_next_us(const schedule_t *self)
{
    return self->host_count ? s_ready_us(self, 0) : INT64_MAX;
}
