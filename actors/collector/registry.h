/*  registry -- what the collector says to Redis and hears from it, in a thread of its own.
 *
 *  So that a slow or dead Redis never holds up staging. The thread beats for every stream, puts
 *  configuration and rules together into plans (actors/collector/planner.h), stores each plan
 *  before it hands it out, tells rules their verdicts, and looks where brokers are. It looks at
 *  the rules when they change (keyspace notifications), and every REGISTRY_LOOK_MS anyway.
 */
#pragma once
#include "actors/collector/keeper.h"
#include "broker/bus.h"
#include "broker/runtime/log.h"
#include "broker/runtime/settings.h"
#include "broker/store.h"
#include "proto/plan.h"
#include "proto/rows.h"
#include "proto/seal.h"

enum {
    REGISTRY_BEAT_MS = 1000,
    REGISTRY_LEASE_MS = 5000,
    REGISTRY_LOOK_MS = 10000,
    REGISTRY_STREAMS_MAX = 64,
    REGISTRY_FIELDS_MAX = 64, // of a beat, besides five of its own; more do not come through
    REGISTRY_VALUE_MAX = 256,
    REGISTRY_BROKERS_MAX = 16,
};

typedef struct registry registry_t;

// Takes store, watch and keeper over, also on failure. `name` is this collector's, as it stands in
// the status of the rules that it judges; copied.
registry_t *registry_new(store_t *store, store_watch_t *watch, keeper_t *keeper, const char *name,
                         fault_t *fault);
// The same with all that it needs, for the stage at `root` and the Redis that the settings name.
registry_t *registry_open(const settings_t *settings, const char *dir, const char *root,
                          const char *name, fault_t *fault);
// Takes our streams out of the registry and ends the thread; waits for one call to Redis at most.
void registry_destroy(registry_t **self_p);

int registry_descriptor(const registry_t *self); // readable: something can be taken

// Build plans on this from now on (taken over), with rules of at most this cost (planner.h).
// `edition` comes back with them; or it comes back as a refusal, if a rule or derived column of it
// does not compile: notes say which, and plans go on being built on what was before.
void registry_configure(registry_t *self, plan_t *base, uint32_t cost_max, uint64_t edition);

// A new plan, if there is one: the caller's. It is in Redis already.
plan_t *registry_take_plan(registry_t *self, uint64_t *edition);

bool registry_take_refusal(registry_t *self, uint64_t *edition);

// Something for the log. `text` is "key=value ..." or empty.
typedef keeper_note_t registry_note_t;
bool registry_take_note(registry_t *self, registry_note_t *note);

// The fields of the next beats of one stream; copied.
typedef struct {
    char name[24];
    char value[REGISTRY_VALUE_MAX];
} registry_field_t;
void registry_tell(registry_t *self, size_t stream, const char *name,
                   const registry_field_t *fields, size_t count);

// Sources whose last poll failed, for the next beat; copied, at most STORE_FAILING_MAX.
typedef struct {
    char source[PLAN_NAME_MAX + 1];
    char reason[STORE_REASON_MAX + 1];
    uint64_t failures;
    int64_t since_ms;
} registry_failing_t;
void registry_tell_failing(registry_t *self, const registry_failing_t *items, size_t count);

// The log of a stream, indexed as in registry_tell. `logged` is the plan at the end of the log
// (copied), NULL if there is none: a Redis that has lost everything gets the rules of people back
// from it. Before the first plan comes, all logs told of are compared with what Redis knows.
void registry_log(registry_t *self, size_t stream, const char *name, uint32_t mark,
                  const plan_t *logged);
// Something of the log is durable: Redis may know it now. Not before: a log whose first bytes were
// lost with its host, or never found room, is another one for the next life. True: Redis does know
// it. Until then nothing may be sent: positions in a Redis that knows no log could be of any.
bool registry_log_durable(registry_t *self, size_t stream);
// What its messages are sealed with: as Redis has it, where workers read it. False: not known yet.
bool registry_secret(registry_t *self, size_t stream, seal_secret_t *secret);
void registry_edition(registry_t *self, size_t stream, uint64_t edition); // as it is told now
// The positions in Redis are of another log than ours (store_log_get): the line is to be told
// again, later than *above; then registry_retold.
bool registry_is_foreign(registry_t *self, size_t stream, uint64_t *above);
void registry_retold(registry_t *self, size_t stream, uint64_t edition);

// How far the log of a stream reaches back: its first record that is still there, and the record at
// which its present edition begins (1, or what was first when that was ordered). A partition that
// has committed less than what is gone has lost it, unless the edition begins where the log does.
// False: it is not known yet, or any more, that Redis speaks of this log; nobody who keeps copies
// was told, and nothing may be removed.
bool registry_log_begin(registry_t *self, size_t stream, uint64_t first_seq, uint64_t begin);
// Workers ask for records that are gone: the state of their partitions must come back first.
void registry_gone(registry_t *self);
// The lowest record that all partitions have committed in the copies of Redis that are held,
// durably, beside the stage (keeper_floor); of the stream as it is told (proto/edition.h). 0: none
// may go.
uint64_t registry_held_floor(registry_t *self, slice_t name);
// How often copies are made, 0 = never.
void registry_hold(registry_t *self, int64_t copy_every_us);

// Another collector stages one of our streams, or the very same sources, and does not go: its
// alerts and ours would be mixed up. Fields `incarnation`, `host`, `pid` and `sources` of
// registry_tell say who is who; before the first of them no plan is handed out. A note says which.
bool registry_has_rival(registry_t *self);

// Where brokers take news, as of the last look.
typedef struct {
    size_t count;
    char endpoints[REGISTRY_BROKERS_MAX][BUS_ENDPOINT_MAX];
} registry_brokers_t;
bool registry_take_brokers(registry_t *self, registry_brokers_t *brokers); // true: changed

bool registry_is_heard(registry_t *self);       // Redis answered the last time
bool registry_rules_are_live(registry_t *self); // changes are heard at once, not only looked for
