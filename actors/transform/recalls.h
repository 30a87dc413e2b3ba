/*  recalls -- rules of a series that recall (ruleset.h), but do not know yet how they stood.
 *
 *  Pure. Of a rule that comes to a series under way nobody knows how it would have judged the rows
 *  before, nor of one whose windows reach back before what was kept. It is listed here until the
 *  row before the open ones is one that it has judged; a rule that is not listed knows of all rows.
 *  In order of the rules in the plan.
 */
#pragma once
#include "actors/transform/layout.h"

enum { RECALLS_ALL = 0, RECALLS_NONE = UINT64_MAX };

typedef struct {
    uint32_t rule;  // in the plan
    uint64_t since; // it knows of rows from this position on, or RECALLS_NONE
} recall_t;

typedef struct {
    size_t count, capacity;
    recall_t *rules;
} recalls_t;

void recalls_close(recalls_t *self); // also of a zeroed one
uint64_t recalls_since(const recalls_t *self, uint32_t rule);
bool recalls_add(recalls_t *self, uint32_t rule, uint64_t since); // false: out of memory
void recalls_move_up(recalls_t *self, uint64_t from);             // a row was put in there
void recalls_forget(recalls_t *self, uint64_t open);              // rows before have closed

// The plan changes, for a series of this key: those that it had under the same verdict know what
// they knew. False: out of memory.
bool recalls_reshape(recalls_t *self, const layout_t *from, const layout_t *to,
                     const series_parts_t *key);
