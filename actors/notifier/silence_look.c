/*  silence_look -- see silence_look.h. */
#include "actors/notifier/silence_look.h"

#include <stdlib.h>
#include <string.h>

#include "broker/store_silences.h"
#include "proto/buffer.h"
#include "proto/owned.h"

enum { STEP_NAMES = 64 }; // read and answered, or looked at, in one step

typedef struct {
    buffer_t text;      // each with its NUL
    const char **items; // once they are settled: in order of name, each once
    size_t count;
} names_t;

typedef enum { STAGE_FIND, STAGE_READ, STAGE_TIDY } stage_t;

struct silence_look {
    store_t *store;
    silences_t *found;
    stage_t stage;
    char cursor[STORE_CURSOR_MAX];
    names_t written, answered;
    size_t at; // so many names of this stage are done
    silence_look_count_t count;
};

// ---- names ----------------------------------------------------------------------------------

static void names_clear(names_t *self)
{
    buffer_clear(&self->text);
    free(self->items);
    self->items = NULL;
    self->count = 0;
}

static void names_add(names_t *self, slice_t name)
{
    buffer_append(&self->text, name.data, name.size);
    buffer_append(&self->text, "", 1);
    self->count++;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

// False: out of memory.
static bool names_settle(names_t *self)
{
    self->items = calloc(self->count + 1, sizeof *self->items);
    if (!self->items || self->text.failed)
        return false;
    const char *name = (const char *) self->text.data;
    for (size_t i = 0; i < self->count; i++, name += strlen(name) + 1)
        self->items[i] = name;
    qsort(self->items, self->count, sizeof *self->items, by_name);
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++)
        if (kept == 0 || strcmp(self->items[kept - 1], self->items[i]) != 0)
            self->items[kept++] = self->items[i];
    self->count = kept;
    return true;
}

// ---- the look -------------------------------------------------------------------------------

silence_look_t *silence_look_new(store_t *store, fault_t *fault)
{
    silence_look_t *self = calloc(1, sizeof *self);
    if (self && (self->found = silences_new())) {
        self->store = store;
        return self;
    }
    fault_set(fault, "out of memory");
    free(self);
    return NULL;
}

void silence_look_destroy(silence_look_t **self_p)
{
    silence_look_t *self = *self_p;
    if (!self)
        return;
    silences_destroy(&self->found);
    names_clear(&self->written);
    names_clear(&self->answered);
    buffer_destroy(&self->written.text);
    buffer_destroy(&self->answered.text);
    free(self);
    *self_p = NULL;
}

void silence_look_begin(silence_look_t *self)
{
    silences_clear(self->found);
    names_clear(&self->written);
    names_clear(&self->answered);
    self->stage = STAGE_FIND;
    strcpy(self->cursor, "0");
    self->at = 0;
    self->count = (silence_look_count_t){ 0 };
}

silences_t *silence_look_found(silence_look_t *self)
{
    return self->found;
}

silence_look_count_t silence_look_count(const silence_look_t *self)
{
    return self->count;
}

static void add_name(void *context, slice_t name, bool is_answer)
{
    silence_look_t *self = context;
    names_add(is_answer ? &self->answered : &self->written, name);
}

static store_status_t find_some(silence_look_t *self)
{
    store_status_t status = store_silence_scan(self->store, self->cursor, add_name, self);
    if (status != STORE_OK || strcmp(self->cursor, "0") != 0)
        return status;
    if (!names_settle(&self->written) || !names_settle(&self->answered))
        return STORE_DOWN; // out of memory: as if it had not answered
    self->count.written = self->written.count;
    self->stage = STAGE_READ;
    return STORE_OK;
}

// An answer that cannot be given is no reason not to heed the silence. DOWN or OK.
static store_status_t note(silence_look_t *self, store_status_t status)
{
    if (status == STORE_OK || status == STORE_DOWN)
        return status;
    self->count.unanswered++;
    fault_set(&self->count.error, "%s", store_error(self->store));
    return STORE_OK;
}

typedef struct {
    silences_t *to;
    bool there, good;
    fault_t fault; // unless it is good
} taken_t;

static void take_silence(void *context, const store_rule_t *written, int64_t expires_ms)
{
    taken_t *taken = context;
    int64_t expires_us = expires_ms < 0 ? INT64_MAX : expires_ms * 1000;
    taken->there = true;
    taken->good = silences_add(taken->to, written, expires_us, &taken->fault);
}

static store_status_t read_one(silence_look_t *self, const char *name)
{
    taken_t taken = { .to = self->found };
    store_status_t status = store_silence_read(self->store, name, take_silence, &taken);
    if (status != STORE_OK || !taken.there)
        return status;
    return note(self, store_silence_status(self->store, name, taken.good ? "ok" : "error",
                                           taken.good ? "" : taken.fault.text));
}

// An answer to nobody goes, unless its silence was written while we looked.
static store_status_t tidy_one(silence_look_t *self, const char *name)
{
    const names_t *written = &self->written;
    const char *const *found =
        bsearch(&name, written->items, written->count, sizeof *written->items, by_name);
    if (found && found - written->items < SILENCES_ANSWERED_MAX)
        return STORE_OK;
    int64_t at_ms = STORE_EXPIRES_GONE;
    store_status_t status = found ? STORE_OK : store_silence_expires(self->store, name, &at_ms);
    if (status == STORE_OK && at_ms == STORE_EXPIRES_GONE)
        status = store_silence_status_remove(self->store, name);
    return note(self, status);
}

// Some of the names of this stage. *done: that was the last.
static store_status_t walk(silence_look_t *self, const names_t *names, size_t most,
                           store_status_t (*one)(silence_look_t *self, const char *name),
                           bool *done)
{
    size_t count = names->count < most ? names->count : most;
    size_t end = count - self->at < STEP_NAMES ? count : self->at + STEP_NAMES;
    store_status_t status = STORE_OK;
    for (; self->at < end && status == STORE_OK; self->at++)
        status = one(self, names->items[self->at]);
    *done = status == STORE_OK && self->at == count;
    return status;
}

store_status_t silence_look_step(silence_look_t *self, bool *done)
{
    *done = false;
    if (self->stage == STAGE_FIND)
        return find_some(self);
    if (self->stage == STAGE_TIDY)
        return walk(self, &self->answered, SIZE_MAX, tidy_one, done);
    bool read;
    store_status_t status = walk(self, &self->written, SILENCES_ANSWERED_MAX, read_one, &read);
    if (status == STORE_OK && read) {
        self->stage = STAGE_TIDY;
        self->at = 0;
    }
    return status;
}
