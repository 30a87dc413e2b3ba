/*  registry_inside -- what the two halves of the registry share. Private to registry*.c.
 *
 *  `lock` guards what both threads touch; no call to Redis is made with it held.
 */
#pragma once
#include <pthread.h>

#include "actors/collector/planner.h"
#include "actors/collector/registry.h"

enum { NOTES_MAX = 64 };

typedef struct {
    bool used;
    char name[STORE_NAME_MAX + 1];
    size_t count;
    registry_field_t fields[REGISTRY_FIELDS_MAX];
} entry_t;

// The log of one stream, and whether Redis' positions are of it.
typedef struct {
    char name[STORE_NAME_MAX + 1];
    uint32_t mark;    // 0 = not there
    uint64_t edition; // that it is told in
    plan_t *logged;   // at the end of the log when it was opened; NULL = none
    bool durable;     // something of it is
    bool noted;       // Redis knew it, or was told, in this life
    bool foreign;     // the positions are of another
    uint64_t above;   // and that one was told in this edition
    bool retold;      // ours from now on: to be written to Redis
    bool sealed;      // Redis has the secret
    seal_secret_t secret;
} log_entry_t;

// What a full Redis does not take.
typedef enum {
    NO_ROOM_SECRET,
    NO_ROOM_MARK,
    NO_ROOM_PLAN,
    NO_ROOM_VERDICTS,
    NO_ROOM_KINDS
} no_room_t;

// What Redis holds of our plans (registry_plans.c).
typedef struct {
    plan_t *whole; // that is there as a snapshot; NULL: none that we know of
    uint64_t epoch;
    size_t bytes, changes; // of it, and of those that are told as changes of it
} registry_plans_t;

struct registry {
    char name[STORE_NAME_MAX + 1];
    pthread_t thread;
    bool running;
    int to_thread, to_loop; // eventfds

    pthread_mutex_t lock;
    bool stop;
    bool told;    // there are new fields to beat with
    plan_t *base; // for the thread to take
    uint32_t base_cost_max;
    uint64_t base_edition;
    bool refused; // the base of this edition has a rule that does not compile
    uint64_t refused_edition;
    plan_t *plan; // for the loop to take
    uint64_t plan_edition;
    entry_t entries[REGISTRY_STREAMS_MAX];
    log_entry_t logs[REGISTRY_STREAMS_MAX];
    registry_failing_t failing[STORE_FAILING_MAX];
    size_t failing_count;
    registry_brokers_t brokers;
    bool brokers_changed, logs_changed, live;
    bool rival; // another collector is at what is ours, and stays
    size_t note_first, note_count;
    registry_note_t notes[NOTES_MAX];

    // Only the thread's from here on.
    store_t *store;
    store_watch_t *watch;
    keeper_t *keeper; // has a thread of its own
    planner_t *planner;
    bool alone;       // no other collector is at what is ours
    int64_t alone_ms; // wall clock since when
    int64_t rival_us; // since when one is known that may be about to go
    bool configured;
    uint64_t edition; // of what the planner builds on
    plan_t *latest;   // handed out last
    uint64_t latest_edition;
    uint64_t epoch; // of the connection on which `latest` was stored
    registry_plans_t plans;
    int64_t look_us;   // when to look at the rules next
    int64_t looked_us; // and when we did last
    int64_t look_took_us;
    bool telling;      // some verdicts are still to be told
    bool untold;       // Redis had no room for them: they are told again, from the first one
    int64_t untold_us; // not before
    bool failing_told; // Redis holds some
    int64_t down_told_us;
    int64_t no_memory_tell_us;              // not before: that there is no memory for a plan
    int64_t no_room_tell_us[NO_ROOM_KINDS]; // not before: that Redis takes none of these
    bool down;
};

void *registry_run(void *context); // the thread

// Of the thread. key1 or key2 NULL: no such pair.
void registry_note(registry_t *self, log_level_t level, const char *message, const char *key1,
                   const char *value1, const char *key2, const char *value2);
// Each once a minute. stream NULL: of none.
void registry_tell_no_room(registry_t *self, no_room_t what, const char *stream, const char *next);
bool registry_tell_no_memory(registry_t *self); // for a look at the rules; false
// Keeps track of whether Redis answers; true if this call did.
bool registry_heard(registry_t *self, store_status_t status);
// Before anything is handed out: are the positions in this Redis those of our logs? False: unknown.
bool registry_check_logs(registry_t *self);
// May we say that we are the collector of our streams and sources?
bool registry_check_rivals(registry_t *self, int64_t now_us);

// Look at the rules; if another plan comes out, store it and hand it out. False: try again soon.
bool registry_look(registry_t *self);

// Put a plan into Redis. False: it is not there.
bool registry_store_plan(registry_t *self, const plan_t *plan);

// Write some of the verdicts that are to be told, while self->telling; or all again, where Redis
// had no room for them and it is time.
void registry_tell_verdicts(registry_t *self);

void registry_signal(int descriptor); // makes an eventfd readable
void registry_quiet(int descriptor);  // and unreadable again
