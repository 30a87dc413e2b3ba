/*  poller -- the http(s) sources of a configuration: asks each when it is due, gives what came.
 *  Part of the collector actor.
 *
 *  What a server answers with 2xx is given, whatever it is: an error page, nothing, or the first
 *  half of something (marked as torn). Anything else backs off, is counted for its source, is
 *  logged at once and then at most once a minute, and can be asked for. What has not changed since
 *  it was given last (304) is not given again; never asked so where time is that of the fetch, for
 *  then "the same" is news.
 */
#pragma once
#include "broker/runtime/settings.h"
#include "proto/fault.h"
#include "proto/slice.h"

typedef struct poller poller_t;

// `settings` must outlive it. Hosts that `old` (NULL = none) knows are asked no more often than if
// it had gone on: what it has under way is broken off when it is destroyed, what they asked for
// counts.
poller_t *poller_new(const settings_t *settings, const poller_t *old, int64_t mono_us,
                     fault_t *fault);
void poller_destroy(poller_t **self_p);

int poller_descriptor(const poller_t *self); // readable: call poller_work
int64_t poller_next_us(const poller_t *self);

// Start what is due and move on what is under way; never waits.
void poller_work(poller_t *self, int64_t mono_us);

typedef struct {
    const source_t *source;
    bool torn; // the end is missing
    slice_t body;
} polled_t;

// The next answer to stage; the same again until it was done. False: none now. wall_us: Unix time.
bool poller_take(poller_t *self, int64_t mono_us, int64_t wall_us, polled_t *polled);
void poller_done(poller_t *self);

// A source whose polls failed and work again: what it would have said between is not there. Times
// are monotonic, of the first failure and of the answer. False: none; each is given once.
typedef struct {
    const source_t *source;
    int64_t from_us, to_us;
} poller_gap_t;
bool poller_take_gap(poller_t *self, poller_gap_t *gap);
// No answer is waited for any more: sources that fail have a gap up to now.
void poller_end_gaps(poller_t *self, int64_t mono_us);

typedef struct {
    uint64_t good, failed;
    uint64_t unchanged; // of the good ones: nothing new
    uint64_t torn;      // of the failed ones: given nevertheless
    size_t failing;     // sources whose last poll failed
} poller_count_t;
poller_count_t poller_count(const poller_t *self);

// How much later than they could have polls began, these last seconds: the share of them that was
// not later.
int64_t poller_late_us(const poller_t *self, double share);

// A source whose last poll failed, or that its host holds back for POLLER_HELD_US or more.
enum { POLLER_HELD_US = 10000000, POLLER_REASON_MAX = 160 };
typedef struct {
    const char *source;
    char reason[POLLER_REASON_MAX]; // printable ASCII
    uint64_t failures;              // ever, since it was configured
    int64_t since_us;               // monotonic: the first of those in a row, or when it was due
} poller_trouble_t;

// The first one at or behind *index, which then is where to go on. False: there is none.
bool poller_trouble(const poller_t *self, int64_t mono_us, size_t *index,
                    poller_trouble_t *trouble);
