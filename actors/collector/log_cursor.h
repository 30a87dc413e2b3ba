/*  log_cursor -- a place in the staged log, with the plan in force there.
 *
 *  Live sending and catching up read the log through this and nothing else. Plan records change
 *  the plan as they pass.
 */
#pragma once
#include "broker/stage/stage.h"
#include "proto/plan.h"

typedef struct log_cursor log_cursor_t;

log_cursor_t *log_cursor_new(const char *root, const char *namespace, const char *stream,
                             fault_t *fault);
void log_cursor_destroy(log_cursor_t **self_p);

// So that `from` is read next. `plan` is in force just before it; NULL: it is looked up in the
// log, which reads back to the nearest snapshot (at most a segment or so, from the page cache).
bool log_cursor_seek(log_cursor_t *self, uint64_t from, const plan_t *plan, fault_t *fault);

uint64_t log_cursor_next(const log_cursor_t *self); // seq read next; 0 = nowhere yet

// The record at the cursor, not beyond `last`; the same again until it was passed. After
// STAGE_DAMAGED the cursor stands behind the bad stretch (log_cursor_next).
stage_read_t log_cursor_peek(log_cursor_t *self, uint64_t last, record_t *record);
void log_cursor_pass(log_cursor_t *self);

// How the records of a source become rows at the cursor; empty if the plan does not know it.
slice_t log_cursor_definition(const log_cursor_t *self, slice_t source);

const plan_t *log_cursor_plan(const log_cursor_t *self); // in force at the cursor

// Why there was an end where none was expected.
const char *log_cursor_error(const log_cursor_t *self);
