/*  health -- is this Tidewire well? For a line of `status`, and for whoever must tell subscribers.
 *
 *  Ill is what needs somebody: an actor of some role is missing, partitions have no owner, a log
 *  runs away from those who work on it, a disk or the outbox is stalled. Refused rows and failing
 *  sources are not: those say that the world outside is ill, and stand elsewhere.
 */
#pragma once
#include "broker/store.h"
#include "proto/buffer.h"

enum {
    // Positions without rows are committed every ten seconds, in turns: below is no lag.
    HEALTH_LAG_S_MAX = 30,
    HEALTH_SKEW_MS_MAX = 2000, // between the clocks of an actor and of Redis
    HEALTH_OUTBOX_MAX =
        100000, // entries that wait for the notifier: a tenth of what there is room for
};

// Whose verdicts are worse for it?
typedef enum {
    HEALTH_WORK,      // of all rules: what is staged is not worked on
    HEALTH_LAG,       // of rules on what this collector stages: it is worked on too late
    HEALTH_LOG,       // the same: its log, its disk or its clock is ill
    HEALTH_COLLECTOR, // of all rules: nothing is staged
    HEALTH_OUTBOX,    // of all rules: their alerts wait
    HEALTH_OTHER,     // nobody's
} health_kind_t;

typedef struct {
    // name: of the collector, for the kinds that have one, else "".
    void (*trouble)(void *context, health_kind_t kind, const char *name, const char *text);
    void (*collector)(void *context, const char *name); // lives; NULL: nobody wants to know
} health_visit_t;

// Ask Redis, and visit all that is ill. *behind_s: of the log that is behind most. Not OK: Redis
// does not answer; what was visited is not all.
store_status_t health_visit(store_t *store, const health_visit_t *visit, void *context,
                            uint64_t *behind_s);

typedef struct {
    bool ill;
    buffer_t line; // "well: ..." or "ILL: reason; reason", without an end
} health_t;

void health_destroy(health_t *self);

// Ask Redis. A Redis that does not answer is an illness, too. False: no memory.
bool health_look(health_t *self, store_t *store);
