/*  log_cursor -- see log_cursor.h. */
#include "actors/collector/log_cursor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "proto/owned.h"

enum { LOOK_BACK_RECORDS = 1024, LOOK_BACK_FACTOR = 8 };

struct log_cursor {
    stage_reader_t *reader;
    uint64_t next;
    bool held;    // `record` was read and not passed yet
    bool starved; // no memory for the plan behind it: nothing more is read here
    record_t record;
    plan_t *plan;
};

log_cursor_t *log_cursor_new(const char *root, const char *namespace, const char *stream,
                             fault_t *fault)
{
    owned(log_cursor_destroy) log_cursor_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->reader = stage_reader_open(root, namespace, stream, fault);
    if (!self->reader)
        return NULL;
    log_cursor_t *given = self;
    self = NULL;
    return given;
}

void log_cursor_destroy(log_cursor_t **self_p)
{
    log_cursor_t *self = *self_p;
    if (!self)
        return;
    stage_reader_destroy(&self->reader);
    plan_destroy(&self->plan);
    free(self);
    *self_p = NULL;
}

// Read [since, until) for its plans: *plan becomes the one in force at its end, or stays NULL if
// there is no snapshot in it. *whole becomes false if some of it is trimmed. False with fault: it
// cannot be read, and *plan is not the one.
static bool s_read_plans(log_cursor_t *self, uint64_t since, uint64_t until, plan_t **plan,
                         bool *whole, fault_t *fault)
{
    if (!stage_reader_seek(self->reader, since))
        return fault_set(fault, "%s", log_cursor_error(self));
    record_t record;
    stage_read_t got;
    while ((got = stage_reader_next(self->reader, until - 1, &record)) != STAGE_END) {
        plan_change_t change;
        *whole &= got != STAGE_TRIMMED;
        if (got != STAGE_RECORD || record.kind != RECORD_PLAN ||
            !plan_peek(&change, record.payload, NULL))
            continue;
        if (!*plan && change.snapshot && !(*plan = plan_new()))
            return fault_set(fault, "out of memory");
        // One that does not fit comes after a damaged stretch: a snapshot sets it right again.
        if (*plan && plan_follow(*plan, record.payload, NULL) == PLAN_NO_MEMORY)
            return fault_set(fault, "out of memory");
    }
    const char *error = stage_reader_error(self->reader);
    return !error || fault_set(fault, "%s", error);
}

static bool s_find_plan(log_cursor_t *self, uint64_t from, plan_t **plan, fault_t *fault)
{
    for (uint64_t back = LOOK_BACK_RECORDS;; back *= LOOK_BACK_FACTOR) {
        uint64_t since = from > back ? from - back : 1;
        bool whole = true;
        if (since < from && !s_read_plans(self, since, from, plan, &whole, fault))
            return false;
        if (!*plan && !whole)
            return fault_set(fault, "the plan before record %" PRIu64 " is trimmed", from);
        if (*plan)
            return true;
        if (since == 1)
            break;
    }
    *plan = plan_new(); // before the first plan there are no payloads either
    return *plan || fault_set(fault, "out of memory");
}

bool log_cursor_seek(log_cursor_t *self, uint64_t from, const plan_t *plan, fault_t *fault)
{
    assert(from > 0);
    self->held = self->starved = false;
    self->next = 0;
    plan_destroy(&self->plan);
    if (plan && !(self->plan = plan_copy(plan)))
        return fault_set(fault, "out of memory");
    if (!plan && !s_find_plan(self, from, &self->plan, fault))
        return false;
    if (!stage_reader_seek(self->reader, from))
        return fault_set(fault, "%s", log_cursor_error(self));
    self->next = from;
    return true;
}

uint64_t log_cursor_next(const log_cursor_t *self)
{
    return self->next;
}

stage_read_t log_cursor_peek(log_cursor_t *self, uint64_t last, record_t *record)
{
    if (self->starved) {
        self->next = 0; // whoever goes on here seeks first
        return STAGE_END;
    }
    assert(self->next > 0);
    if (!self->held) {
        stage_read_t got = stage_reader_next(self->reader, last, &self->record);
        if (got == STAGE_DAMAGED)
            self->next = self->record.seq;
        if (got == STAGE_TRIMMED)
            return STAGE_END; // not for us to pass over: who wanted it must be told
        if (got != STAGE_RECORD)
            return got;
        self->held = true;
        self->next = self->record.seq;
    }
    *record = self->record;
    return record->seq <= last ? STAGE_RECORD : STAGE_END;
}

void log_cursor_pass(log_cursor_t *self)
{
    assert(self->held);
    // A change that does not fit follows a damaged stretch; the next snapshot sets it right.
    if (self->record.kind == RECORD_PLAN)
        self->starved = plan_follow(self->plan, self->record.payload, NULL) == PLAN_NO_MEMORY;
    self->held = false;
    self->next = self->record.seq + 1;
}

slice_t log_cursor_definition(const log_cursor_t *self, slice_t source)
{
    const plan_entry_t *entry = plan_find(self->plan, PLAN_SOURCE, source);
    return entry ? entry->body : (slice_t){ 0 };
}

const plan_t *log_cursor_plan(const log_cursor_t *self)
{
    return self->plan;
}

const char *log_cursor_error(const log_cursor_t *self)
{
    const char *error = self->starved ? "out of memory" : stage_reader_error(self->reader);
    return error ? error : "the log ends too early";
}
