/*  drafts -- rules that may become part of a plan, and what is known of each. Pure; the inside of
 *  the planner (planner.h).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/fault.h"
#include "proto/slice.h"

// AGAIN: it was told, and is to be told once more to whoever may have lost it.
typedef enum { DRAFT_UNTOLD, DRAFT_TOLD, DRAFT_AGAIN } draft_told_t;

typedef struct {
    char *name;
    uint8_t *body; // rule_encode; NULL if the fields could not even be read
    size_t body_size;
    bool enabled;
    char *error;   // NULL = good
    bool judged;   // error is known
    uint32_t cost; // ns of CPU a row; 0: not compiled
    draft_told_t told;
} draft_t;

typedef struct {
    draft_t *items;
    size_t count, capacity;
} drafts_t;

void drafts_clear(drafts_t *self);
draft_t *drafts_add(drafts_t *self, slice_t name); // at the end; NULL: out of memory
void drafts_drop(drafts_t *self);                  // the last
void drafts_sort(drafts_t *self);                  // by name
void drafts_settle(drafts_t *self);                // by name, each once
// Among the first `sorted`; NULL: not there.
draft_t *drafts_find(const drafts_t *self, const char *name, size_t sorted);

bool draft_body(draft_t *draft, slice_t body); // copied; false: out of memory
slice_t draft_text(const draft_t *draft);      // its body
// The verdict of a draft is now this; where a place in the condition is known it is said. False:
// out of memory.
bool draft_refuse(draft_t *draft, const fault_t *fault);
