/*  keeper_inside -- what the parts of the keeper share. Private to keeper*.c.
 *
 *  `lock` guards what both threads touch; nothing is asked of Redis or the disk with it held.
 */
#pragma once
#include <pthread.h>

#include "actors/collector/keeper.h"
#include "broker/held/copies.h"
#include "broker/held/copy_reader.h"
#include "broker/store_held.h"

enum {
    KEEPER_NOTES = 16,
    KEEPER_ID_TEXT = STORE_HELD_ID_MAX,
    KEEPER_LOGS_MAX = 2 * KEEPER_STREAMS_MAX, // ours, and those of other collectors
};

// One copy on the disk, intact when it was read.
typedef struct {
    int64_t created_us;
    char id[KEEPER_ID_TEXT + 1];
    uint64_t bytes;
    size_t log_count;
    copy_log_t logs[COPY_LOGS_MAX]; // those of ours that it is of
    position_t floors;              // of every stream that all partitions have
} kept_t;

// What the loop told, as the thread works with it.
typedef struct {
    int64_t every_us;
    size_t count;
    keeper_log_t logs[KEEPER_STREAMS_MAX];
    size_t position_count; // of all logs that are known; ours come first
    position_log_t positions[KEEPER_LOGS_MAX];
} keeper_told_t;

// What stands in this Redis of copies, as of the last look.
typedef struct {
    const keeper_t *keeper;
    char id[KEEPER_ID_TEXT + 1]; // of ours; "" = it knows of none
    bool emptied;                // although there were some
    bool settling;               // it was, and no copy has been made since
    position_t floors;           // up to where logs may be trimmed
} keeper_seen_t;

struct keeper {
    pthread_t thread;
    bool running;
    char *root, *namespace;
    char collector[STORE_NAME_MAX + 1];
    char owner[STORE_NAME_MAX + 1]; // of partitions while they are put back

    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop, gone;
    int64_t every_us;
    bool told[KEEPER_STREAMS_MAX];
    keeper_log_t logs[KEEPER_STREAMS_MAX];
    uint64_t tellings[KEEPER_STREAMS_MAX]; // how often each was told
    uint64_t lowered[KEEPER_STREAMS_MAX];  // and when a floor was lowered last
    position_t floors;                     // what keeper_floor answers
    int64_t created_us;                    // of the newest copy; 0 = none
    uint64_t bytes;
    unsigned stuck; // so many partitions, it was said, cannot be put back
    fault_t error;
    size_t note_first, note_count;
    keeper_note_t notes[KEEPER_NOTES];

    // The thread's.
    store_t *store;
    bool listed; // the copies on the disk have been read
    bool had;    // there were some, usable or not
    size_t said_count;
    int64_t said[COPIES_LIST_MAX]; // of which it was said that they cannot be used
    size_t kept_count;
    kept_t kept[KEEPER_COPIES]; // newest first
    int64_t copy_us;            // monotonic, when to try the next copy at the earliest
    int64_t restore_us;         // and when to try again to put one back
    int64_t restore_wait_us;    // the last wait; 0 = none
    fault_t restore_fault;      // why it has to wait
    bool down;                  // Redis did not answer
};

void *keeper_run(void *context); // the thread

// Of the thread.
bool keeper_is_stopped(keeper_t *self);
void keeper_told(keeper_t *self, keeper_told_t *told);
void keeper_add_note(keeper_t *self, log_level_t level, const char *message, const char *format,
                     ...) __attribute__((format(printf, 4, 5)));
void keeper_fail(keeper_t *self, const fault_t *fault); // NULL: it works
// Did Redis answer, and well? False with fault.
bool keeper_heard(keeper_t *self, store_status_t status, fault_t *fault);
void keeper_id_text(const uint8_t id[16], char text[KEEPER_ID_TEXT + 1]);

// Make a copy of the Redis that was seen, durably, and tell it. False with fault.
bool keeper_copy(keeper_t *self, const keeper_seen_t *seen, fault_t *fault);

// Put back what Redis lost, if it did. False with fault: it could not be told, or not be done yet.
typedef enum {
    KEEPER_WHOLE,    // nothing is missing
    KEEPER_RESTORED, // it is not the Redis that was seen any more: look again
    KEEPER_WAITS,    // fault
} keeper_verdict_t;
keeper_verdict_t keeper_restore(keeper_t *self, keeper_told_t *told, const keeper_seen_t *seen,
                                fault_t *fault);

// ---- keeper_put.c: what stands in no partition ----------------------------------------------

// Everything that a partition of this copy counts as done: alert log, deliveries, outboxes; of what
// people wrote only plans, unless Redis was emptied. *people: so many keys of theirs came back.
bool keeper_put(keeper_t *self, copy_reader_t *copy, bool emptied, uint64_t *people,
                fault_t *fault);

// ---- keeper_notes.c: what stands in Redis of copies and logs --------------------------------

bool keeper_look(keeper_t *self, keeper_seen_t *seen, fault_t *fault);
void keeper_seen_clear(keeper_seen_t *seen);
// Our note. `settles`: this Redis had lost everything.
bool keeper_note(const keeper_t *self, bool settles, char note[STORE_HELD_NOTE_MAX + 1],
                 fault_t *fault);
// Logs may be trimmed up to these floors, which are taken over; NULL = not at all.
void keeper_publish(keeper_t *self, position_t *floors);
// Nor above what a copy of these positions has. False: no memory.
bool keeper_lower(keeper_t *self, const position_t positions[PARTITIONS]);
// What other collectors, as far as they live, say of their logs, added to what was told.
bool keeper_told_others(keeper_t *self, keeper_told_t *told, fault_t *fault);

// ---- keeper_kept.c: copies on the disk ------------------------------------------------------

bool keeper_list(keeper_t *self, fault_t *fault);                      // read those that there are
bool keeper_learn(keeper_t *self, int64_t created_us, fault_t *fault); // a new one; older ones go
// Those of other logs are none of ours.
void keeper_forget_foreign(keeper_t *self, const keeper_told_t *told);
// A reader of one. NULL: it is not intact, and not kept any more.
copy_reader_t *keeper_open(keeper_t *self, size_t index);
