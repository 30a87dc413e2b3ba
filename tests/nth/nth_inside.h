/*  nth_inside -- between nth.c, which knows when a call fails, and the files of calls that do. */
#pragma once
#include "tests/nth/nth.h"

enum { NTH_PLACE_MAX = 200 };

typedef enum {
    REDIS_NEVER,
    REDIS_CLOSED,
    REDIS_LATE,
    REDIS_ERROR,
    REDIS_LOADING,
    REDIS_FULL,
    REDIS_NIL,
    REDIS_NUMBER,
    REDIS_LIST_OF_NIL,
    REDIS_TEXT,
} nth_redis_t;

typedef struct {
    int error;         // errno
    bool lasting;      // all later calls fail, too
    bool half;         // half of it is done before
    bool harmless;     // nothing is wrong: whoever calls must go on
    nth_redis_t redis; // what Redis does instead of answering
} nth_fault_t;

typedef struct {
    bool running; // a test is between nth_over and its end
    bool armed, struck;
    unsigned way, n, calls;
    const void *place; // of the call that failed
} nth_state_t;
extern nth_state_t nth_state;

// Does this call fail? NULL: no. errno is set.
const nth_fault_t *nth_fails(unsigned kind, const void *place);
void nth_place(char text[NTH_PLACE_MAX], const void *place);

// Blocks that our code has got and not given back, while they are watched: nth_memory.c.
void nth_blocks_watch(void);
void nth_blocks_forget(void);
size_t nth_blocks_count(void);
void nth_blocks_tell(void); // to stderr: where they were got
