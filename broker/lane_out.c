/*  lane_out -- the collector's end of the lanes: see lane.h. Pure.
 *
 *  Every partition of every worker is in one of two states: live (its worker's live set: it gets
 *  each new record with everybody else) or in one catch-up job (a cursor of its own). A worker
 *  without live credit is moved to a job if another is well ahead of it, so the slow slow down
 *  nobody but themselves. If all are behind, the live lane waits: as jobs of their own, each record
 *  would be read and mapped once for every worker, when there is least time for it. For the same
 *  reason jobs that stand at the same record travel together.
 */
#include <assert.h>
#include <stdlib.h>

#include "broker/lane.h"

enum {
    JOBS_MAX = PARTITIONS, // jobs hold disjoint, non-empty sets of partitions
    // Marks begin at the time, in bytes: no lane sends 1 GB/s, so whoever still remembers marks of
    // an earlier lane of the same number remembers lower ones.
    MARK_BYTES_PER_US = 1024,
};

typedef struct {
    bool used;
    worker_id_t id;
    char endpoint[LANE_ENDPOINT_MAX];
    int64_t heard_us;
    uint64_t durable;
    uint64_t sent, acked; // marks of the live lane
    partitions_t live;
} peer_t;

typedef struct {
    bool used;
    size_t peer;
    uint32_t lane;
    uint64_t next; // record to send next
    uint64_t sent, acked;
    bool heard; // the worker has acknowledged some of it
    partitions_t partitions;
} job_t;

struct lane_out {
    uint64_t live_next; // record the live lane sends next
    uint32_t next_lane;
    size_t turn; // job to consider first
    bool live_turn;
    peer_t peers[LANE_WORKERS_MAX];
    job_t jobs[JOBS_MAX];
};

lane_out_t *lane_out_new(void)
{
    lane_out_t *self = calloc(1, sizeof *self);
    if (self) {
        self->live_next = 1;
        self->next_lane = LANE_LIVE + 1;
    }
    return self;
}

void lane_out_destroy(lane_out_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

static bool partitions_empty(const partitions_t *set)
{
    for (size_t i = 0; i < sizeof set->bits; i++)
        if (set->bits[i])
            return false;
    return true;
}

static void partitions_add_all(partitions_t *set, const partitions_t *more)
{
    for (size_t i = 0; i < sizeof set->bits; i++)
        set->bits[i] |= more->bits[i];
}

static void partitions_remove_all(partitions_t *set, const partitions_t *less)
{
    for (size_t i = 0; i < sizeof set->bits; i++)
        set->bits[i] &= (uint8_t) ~less->bits[i];
}

static uint64_t first_mark(int64_t now_us)
{
    return (uint64_t) now_us * MARK_BYTES_PER_US;
}

static void forget_peer(lane_out_t *self, size_t peer)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (self->jobs[i].used && self->jobs[i].peer == peer)
            self->jobs[i].used = false;
    self->peers[peer].used = false;
}

static void forget_silent(lane_out_t *self, int64_t now_us)
{
    for (size_t i = 0; i < LANE_WORKERS_MAX; i++)
        if (self->peers[i].used && now_us - self->peers[i].heard_us > LANE_SILENT_US)
            forget_peer(self, i);
}

// The peer of this worker, new if need be; -1 when the table is full or the endpoint too long.
static int peer_of(lane_out_t *self, worker_id_t worker, slice_t endpoint, int64_t now_us)
{
    int spare = -1;
    for (int i = 0; i < LANE_WORKERS_MAX; i++) {
        peer_t *peer = &self->peers[i];
        if (peer->used && memcmp(&peer->id, &worker, sizeof worker) == 0) {
            peer->heard_us = now_us;
            return i;
        }
        if (!peer->used && spare == -1)
            spare = i;
    }
    if (spare == -1 || endpoint.size == 0 || endpoint.size >= LANE_ENDPOINT_MAX)
        return -1;
    peer_t *peer = &self->peers[spare];
    uint64_t mark = first_mark(now_us);
    *peer = (peer_t){ .used = true, .id = worker, .heard_us = now_us, .sent = mark, .acked = mark };
    memcpy(peer->endpoint, endpoint.data, endpoint.size);
    return spare;
}

void lane_out_ack(lane_out_t *self, worker_id_t worker, slice_t endpoint, uint32_t lane,
                  uint64_t mark, uint64_t durable, int64_t now_us)
{
    int at = peer_of(self, worker, endpoint, now_us);
    if (at == -1)
        return;
    peer_t *peer = &self->peers[at];
    peer->durable = durable;
    if (lane == LANE_LIVE) {
        // A mark that cannot be of this lane says nothing.
        if (mark > peer->acked && mark <= peer->sent)
            peer->acked = mark;
        return;
    }
    for (size_t i = 0; i < JOBS_MAX; i++) {
        job_t *job = &self->jobs[i];
        if (job->used && job->peer == (size_t) at && job->lane == lane && mark > job->acked &&
            mark <= job->sent) {
            job->acked = mark;
            job->heard = true;
        }
    }
}

// Nobody else sends these partitions any more.
static void take_from_all(lane_out_t *self, const partitions_t *partitions)
{
    for (size_t i = 0; i < LANE_WORKERS_MAX; i++)
        partitions_remove_all(&self->peers[i].live, partitions);
    for (size_t i = 0; i < JOBS_MAX; i++) {
        job_t *job = &self->jobs[i];
        if (!job->used)
            continue;
        partitions_remove_all(&job->partitions, partitions);
        if (partitions_empty(&job->partitions))
            job->used = false;
    }
}

static void add_job(lane_out_t *self, size_t peer, uint64_t from, const partitions_t *partitions,
                    int64_t now_us)
{
    job_t *spare = NULL;
    for (size_t i = 0; i < JOBS_MAX; i++) {
        job_t *job = &self->jobs[i];
        if (job->used && job->peer == peer && job->next == from) {
            partitions_add_all(&job->partitions, partitions);
            return;
        }
        if (!job->used && !spare)
            spare = job;
    }
    assert(spare); // jobs are disjoint and not empty, so there are at most PARTITIONS
    uint64_t mark = first_mark(now_us);
    *spare = (job_t){
        .used = true,
        .peer = peer,
        .lane = self->next_lane++,
        .next = from,
        .sent = mark,
        .acked = mark,
        .partitions = *partitions,
    };
}

void lane_out_need(lane_out_t *self, worker_id_t worker, slice_t endpoint, uint64_t from,
                   const partitions_t *partitions, int64_t now_us)
{
    if (partitions_empty(partitions) || from == 0)
        return;
    int at = peer_of(self, worker, endpoint, now_us);
    if (at == -1)
        return;
    take_from_all(self, partitions);
    // What it said last was not of these, if they are new to it.
    if (self->peers[at].durable >= from)
        self->peers[at].durable = from - 1;
    add_job(self, (size_t) at, from, partitions, now_us);
}

static bool is_live(const peer_t *peer)
{
    return peer->used && !partitions_empty(&peer->live);
}

static bool has_credit(const peer_t *peer)
{
    return peer->sent - peer->acked < LANE_LIVE_BYTES_MAX;
}

// A live worker without credit goes on by itself, from where everybody is now, if another has half
// of its own.
static void demote_slow(lane_out_t *self, int64_t now_us)
{
    bool some_ahead = false;
    for (size_t i = 0; i < LANE_WORKERS_MAX; i++)
        some_ahead |= is_live(&self->peers[i]) &&
                      self->peers[i].sent - self->peers[i].acked <= LANE_LIVE_BYTES_MAX / 2;
    for (size_t i = 0; some_ahead && i < LANE_WORKERS_MAX; i++) {
        peer_t *peer = &self->peers[i];
        if (!is_live(peer) || has_credit(peer))
            continue;
        partitions_t slow = peer->live;
        memset(&peer->live, 0, sizeof peer->live);
        add_job(self, i, self->live_next, &slow, now_us);
    }
}

// What was sent live before the job, to a worker that has nothing live any more, has been heard
// or is lost by the time the worker has heard most of the job. Lost for good, it would pin credit.
static void write_off_lost(const job_t *job, peer_t *peer)
{
    if (partitions_empty(&peer->live) && job->heard &&
        job->sent - job->acked <= LANE_CATCHUP_BYTES_MAX / 2)
        peer->acked = peer->sent;
}

// A job that has reached the live cursor ends, if its worker has live credit to spare.
static void promote_done(lane_out_t *self)
{
    for (size_t i = 0; i < JOBS_MAX; i++) {
        job_t *job = &self->jobs[i];
        if (!job->used || job->next != self->live_next)
            continue;
        peer_t *peer = &self->peers[job->peer];
        write_off_lost(job, peer);
        if (peer->sent - peer->acked > LANE_LIVE_BYTES_MAX / 2)
            continue;
        partitions_add_all(&peer->live, &job->partitions);
        job->used = false;
    }
}

static bool next_live(lane_out_t *self, uint64_t last_durable, lane_ship_t *ship)
{
    if (self->live_next > last_durable)
        return false;
    ship->live = true;
    ship->from = self->live_next;
    ship->last = last_durable;
    ship->route_count = 0;
    for (size_t i = 0; i < LANE_WORKERS_MAX; i++) {
        const peer_t *peer = &self->peers[i];
        if (!is_live(peer))
            continue;
        if (!has_credit(peer))
            return false; // nobody is ahead: see demote_slow
        lane_route_t *route = &ship->routes[ship->route_count];
        memcpy(route->endpoint, peer->endpoint, sizeof route->endpoint);
        route->lane = LANE_LIVE;
        route->partitions = peer->live;
        ship->places[ship->route_count++] = i;
    }
    if (ship->route_count == 0) {
        self->live_next = last_durable + 1; // nobody listens: whoever comes asks for what it needs
        return false;
    }
    return true;
}

static bool can_ship(const job_t *job, uint64_t last_durable)
{
    return job->used && job->next <= last_durable &&
           job->sent - job->acked < LANE_CATCHUP_BYTES_MAX;
}

// The jobs that stand where ship begins; none of them passes the live cursor, where its partitions
// join the others, nor a job that is further on, which it joins.
static void ship_jobs(lane_out_t *self, uint64_t last_durable, lane_ship_t *ship)
{
    ship->route_count = 0;
    for (size_t i = 0; i < JOBS_MAX; i++) {
        const job_t *job = &self->jobs[i];
        if (job->used && job->next > ship->from && job->next <= ship->last)
            ship->last = job->next - 1;
        if (job->next != ship->from || !can_ship(job, last_durable) ||
            ship->route_count == LANE_WORKERS_MAX)
            continue;
        lane_route_t *route = &ship->routes[ship->route_count];
        memcpy(route->endpoint, self->peers[job->peer].endpoint, sizeof route->endpoint);
        route->lane = job->lane;
        route->partitions = job->partitions;
        ship->places[ship->route_count++] = i;
    }
}

static bool next_job(lane_out_t *self, uint64_t last_durable, lane_ship_t *ship)
{
    for (size_t n = 0; n < JOBS_MAX; n++) {
        size_t i = (self->turn + n) % JOBS_MAX;
        const job_t *job = &self->jobs[i];
        if (!can_ship(job, last_durable))
            continue;
        self->turn = i + 1;
        ship->live = false;
        ship->from = job->next;
        ship->last = last_durable;
        if (job->next < self->live_next && last_durable >= self->live_next)
            ship->last = self->live_next - 1;
        ship_jobs(self, last_durable, ship);
        return true;
    }
    return false;
}

bool lane_out_next(lane_out_t *self, uint64_t last_durable, int64_t now_us, lane_ship_t *ship)
{
    forget_silent(self, now_us);
    demote_slow(self, now_us);
    promote_done(self);
    self->live_turn = !self->live_turn; // neither starves the other
    if (self->live_turn)
        return next_live(self, last_durable, ship) || next_job(self, last_durable, ship);
    return next_job(self, last_durable, ship) || next_live(self, last_durable, ship);
}

void lane_out_shipped(lane_out_t *self, lane_ship_t *ship, uint64_t to, size_t bytes)
{
    assert(to >= ship->from && to <= ship->last);
    for (size_t r = 0; r < ship->route_count; r++) {
        if (ship->live) {
            peer_t *peer = &self->peers[ship->places[r]];
            peer->sent += bytes;
            ship->routes[r].mark = peer->sent;
        } else {
            job_t *job = &self->jobs[ship->places[r]];
            job->sent += bytes;
            job->next = to + 1;
            ship->routes[r].mark = job->sent;
        }
    }
    if (ship->live)
        self->live_next = to + 1;
}

void lane_out_give_up(lane_out_t *self, const lane_ship_t *ship)
{
    for (size_t r = 0; r < ship->route_count; r++)
        if (ship->live)
            partitions_remove_all(&self->peers[ship->places[r]].live, &ship->routes[r].partitions);
        else
            self->jobs[ship->places[r]].used = false;
}

size_t lane_out_workers(const lane_out_t *self)
{
    size_t count = 0;
    for (size_t i = 0; i < LANE_WORKERS_MAX; i++)
        count += self->peers[i].used;
    return count;
}

// Those that this worker has asked for and nobody after it.
static partitions_t partitions_of_peer(const lane_out_t *self, size_t peer)
{
    partitions_t theirs = self->peers[peer].live;
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (self->jobs[i].used && self->jobs[i].peer == peer)
            partitions_add_all(&theirs, &self->jobs[i].partitions);
    return theirs;
}

uint64_t lane_out_durable(const lane_out_t *self)
{
    partitions_t covered = { { 0 } };
    uint64_t lowest = UINT64_MAX;
    for (size_t i = 0; i < LANE_WORKERS_MAX; i++) {
        if (!self->peers[i].used)
            continue;
        partitions_t theirs = partitions_of_peer(self, i);
        if (partitions_empty(&theirs))
            continue; // it owns none, so what it says is of none
        partitions_add_all(&covered, &theirs);
        if (self->peers[i].durable < lowest)
            lowest = self->peers[i].durable;
    }
    for (unsigned p = 0; p < PARTITIONS; p++)
        if (!partitions_has(&covered, p))
            return 0;
    return lowest;
}
