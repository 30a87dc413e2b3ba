/*  keeper_inside -- what the parts of the keeper share. Private to keeper*.c.
 *
 *  `lock` guards what both threads touch; nothing is asked of Redis or the disk with it held.
 */
#pragma once
#include <pthread.h>

#include "actors/collector/keeper.h"
#include "broker/held/copy_reader.h"
#include "broker/store_held.h"

enum { KEEPER_NOTES = 16, KEEPER_ID_TEXT = 32 };

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
    position_log_t positions[KEEPER_STREAMS_MAX];
} keeper_told_t;

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
    position_t floors;  // what keeper_floor answers
    int64_t created_us; // of the newest copy; 0 = none
    uint64_t bytes;
    fault_t error;
    size_t note_first, note_count;
    keeper_note_t notes[KEEPER_NOTES];

    // The thread's.
    store_t *store;
    bool listed; // the copies on the disk have been read
    size_t kept_count;
    kept_t kept[KEEPER_COPIES]; // newest first
    int64_t copy_us;            // monotonic, when to try the next copy at the earliest
    bool emptied;               // Redis has lost all it had, and not all is back
    bool settling;              // so it was, and no copy has been made since
    bool stuck;                 // so it was said
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

// Make a copy, durably. *created_us names it. False with fault: there is none.
bool keeper_copy(keeper_t *self, int64_t *created_us, fault_t *fault);

// Put back what Redis lost, if it did. False with fault: it could not be told, or not be done yet.
typedef struct {
    bool emptied; // nothing is known to it of our copies
    bool behind;  // it is older than our newest copy
} keeper_state_t;
bool keeper_restore(keeper_t *self, const keeper_told_t *told, keeper_state_t state,
                    fault_t *fault);

// ---- keeper_kept.c: copies on the disk ------------------------------------------------------

bool keeper_list(keeper_t *self, fault_t *fault);                      // read those that there are
bool keeper_learn(keeper_t *self, int64_t created_us, fault_t *fault); // a new one; older ones go
// A reader of the newest that is intact and of our logs. NULL with fault.
copy_reader_t *keeper_open(keeper_t *self, const keeper_told_t *told, fault_t *fault);
