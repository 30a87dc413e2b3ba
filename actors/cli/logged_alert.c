/*  logged_alert -- see logged_alert.h. */
#include "actors/cli/logged_alert.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/prep/json.h"
#include "actors/rules/ruleset.h"
#include "broker/store_held.h"
#include "proto/owned.h"

// As all numbers that the body holds: below 2^53.
#define NUMBER_MAX (UINT64_C(1) << 53)
#define WINDOW_SPAN_MAX_US (WINDOW_SPAN_MAX_D * INT64_C(86400000000))

typedef struct {
    const char *id;
    logged_alert_t *found;
    bool failed; // no memory
} search_t;

void logged_alert_destroy(logged_alert_t **self_p)
{
    logged_alert_t *self = *self_p;
    if (!self)
        return;
    free(self->rule);
    free(self->series);
    free(self->stream);
    buffer_destroy(&self->body);
    free(self);
    *self_p = NULL;
}

static char *s_copy(slice_t text)
{
    return strndup((const char *) text.data, text.size);
}

// Pages come newest first, entries of a page oldest first: the last of that id is the newest.
static void s_look_at(void *context, const char *at, const store_logged_t *logged)
{
    (void) at;
    search_t *self = context;
    if (!slice_is(logged->id, self->id))
        return;
    logged_alert_destroy(&self->found);
    logged_alert_t *found = self->found = calloc(1, sizeof *found);
    self->failed = !found;
    if (!found)
        return;
    snprintf(found->id, sizeof found->id, "%s", self->id);
    found->rule = s_copy(logged->rule);
    found->series = s_copy(logged->series);
    found->ts_us = logged->ts_us;
    buffer_append(&found->body, logged->body.data, logged->body.size);
    self->failed = !found->rule || !found->series || found->body.failed;
}

static bool s_read_number(slice_t text, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || *number > NUMBER_MAX / 10)
            return false;
        *number = *number * 10 + (text.data[i] - '0');
    }
    return text.size > 0;
}

// Whoever may write the alert log must not write on a terminal.
static bool s_is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char) *text < ' ' || *text == 0x7f)
            return false;
    return true;
}

// A time in microseconds, before or after 1970.
static bool s_read_time(slice_t text, int64_t *us)
{
    bool before = text.size > 0 && text.data[0] == '-';
    uint64_t size;
    if (!s_read_number(slice_of(text.data + before, text.size - before), &size))
        return false;
    *us = before ? -(int64_t) size : (int64_t) size;
    return true;
}

// ---- the body -----------------------------------------------------------------------------------

enum { STREAM, SEQ, FROZEN, WINDOWS, FIELDS = WINDOWS + ALERT_EVIDENCE_MAX };

typedef struct {
    pointer_tree_t tree;
    pointer_t *pointers[FIELDS];
    field_t fields[FIELDS];
    json_t *json;
} body_t;

static void s_body_destroy(body_t **self_p)
{
    body_t *self = *self_p;
    if (!self)
        return;
    if (self->json)
        json_close(self->json);
    for (int i = 0; i < FIELDS; i++)
        pointer_destroy(&self->pointers[i]);
    json_destroy(&self->json);
    free(self);
    *self_p = NULL;
}

// NULL: no memory.
static body_t *s_body_new(fault_t *fault)
{
    static const char *const places[WINDOWS] = { "/record/stream", "/record/seq", "/frozen" };
    body_t *self = calloc(1, sizeof *self);
    bool good = self && (self->json = json_new());
    if (self)
        pointer_tree_begin(&self->tree);
    for (int i = 0; good && i < FIELDS; i++) {
        char place[32];
        snprintf(place, sizeof place, "/evidence/%d/window", i - WINDOWS);
        self->pointers[i] = pointer_new(slice_text(i < WINDOWS ? places[i] : place), fault);
        good = self->pointers[i] && pointer_tree_add(&self->tree, self->pointers[i], i) == i;
    }
    if (!good)
        s_body_destroy(&self);
    return self;
}

static bool s_is_time(int64_t us)
{
    return us >= ROWS_TS_MIN && us <= ROWS_TS_MAX;
}

// `record`, and `frozen`, if it has that.
static bool s_read_origin(logged_alert_t *self, const field_t *fields, fault_t *fault)
{
    self->frozen_us = self->ts_us;
    if (fields[STREAM].kind != FIELD_TEXT || fields[SEQ].kind != FIELD_NUMBER ||
        !s_read_number(fields[SEQ].text, &self->record_seq) || self->record_seq == 0)
        return fault_set(fault, "its entry in the alert log names no record");
    if ((fields[FROZEN].kind == FIELD_NUMBER &&
         !s_read_time(fields[FROZEN].text, &self->frozen_us)) ||
        !s_is_time(self->ts_us) || !s_is_time(self->frozen_us))
        return fault_set(fault, "its entry in the alert log names no time of a row");
    self->stream = s_copy(fields[STREAM].text);
    if (!self->stream)
        return fault_set(fault, "out of memory");
    return s_is_plain(self->stream) ||
           fault_set(fault, "its entry in the alert log names no record");
}

static bool s_read_window(logged_alert_t *self, const field_t *field)
{
    window_spec_t window;
    char name[sizeof window.name];
    if (field->kind == FIELD_MISSING)
        return true;
    if (field->kind != FIELD_TEXT || field->text.size >= sizeof name)
        return false;
    snprintf(name, sizeof name, "%.*s", (int) field->text.size, (const char *) field->text.data);
    if (!window_named(&window, name) || window.rows > WINDOW_ROWS_MAX ||
        window.span_us > WINDOW_SPAN_MAX_US)
        return false;
    self->rows = window.rows > self->rows ? window.rows : self->rows;
    self->span_us = window.span_us > self->span_us ? window.span_us : self->span_us;
    return true;
}

bool logged_alert_read(logged_alert_t *self, fault_t *fault)
{
    owned(s_body_destroy) body_t *body = s_body_new(fault);
    json_fault_t bad;
    size_t end;
    if (!body || !json_open(body->json, buffer_slice(&self->body)))
        return fault_set(fault, "out of memory");
    switch (json_read(body->json, 0, self->body.size, &body->tree, body->fields, &end, &bad)) {
    case JSON_GOOD:
        break;
    case JSON_BAD:
        return fault_set(fault, "its entry in the alert log names no record");
    case JSON_NO_MEMORY:
        return fault_set(fault, "out of memory");
    }
    if (!s_read_origin(self, body->fields, fault))
        return false;
    for (int i = WINDOWS; i < FIELDS; i++)
        if (!s_read_window(self, &body->fields[i]))
            return fault_set(fault, "its entry in the alert log names no window");
    return true;
}

// ---- the log ------------------------------------------------------------------------------------

logged_alert_t *logged_alert_find(store_t *store, const char *id, fault_t *fault)
{
    search_t search = { .id = id };
    char before[OUTBOX_ID_MAX] = "";
    size_t count;
    do {
        if (store_held_log(store, before, s_look_at, &search, &count) != STORE_OK) {
            fault_set(fault, "%s", store_error(store));
            logged_alert_destroy(&search.found);
            return NULL;
        }
    } while (count > 0 && !search.found && !search.failed);
    fault_set(fault, "out of memory");
    if (!search.failed && !search.found)
        fault_set(fault, "no alert %s among the newest that the alert log keeps", id);
    bool bad = search.failed || !search.found;
    if (!bad && !(s_is_plain(search.found->rule) && s_is_plain(search.found->series)))
        bad = !fault_set(fault, "its entry in the alert log is none of ours");
    if (bad || !logged_alert_read(search.found, fault))
        logged_alert_destroy(&search.found);
    return search.found;
}
