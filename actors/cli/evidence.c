/*  evidence -- see evidence.h. */
#include "actors/cli/evidence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/owned.h"

enum {
    ROWS_FIRST = 1024,
    ROWS_SPARE = 1024, // behind the alert, before they go
    ROWS_SHOWN = 5,    // of a window, at either end
    WINDOWS_SHOWN = 8, // different ones of an alert
    TIME_TEXT = 40,
};

typedef struct {
    int64_t ts;
    uint64_t seq;
    uint32_t row;
    char *text; // its columns
    uint8_t identity_size;
    uint8_t identity[IDENTITY_BYTES_MAX];
} kept_row_t;

struct evidence {
    const logged_alert_t *logged;
    size_t first, count, capacity; // of rows: [first, count)
    kept_row_t *rows;
    size_t rows_max;
    uint64_t forgotten; // beyond rows_max
    bool judged, placed;
    buffer_t head;           // what was judged
    size_t window_count, at; // the row that they are those of, if it is placed
    window_spec_t windows[WINDOWS_SHOWN];
};

evidence_t *evidence_new(const logged_alert_t *logged, size_t rows_max)
{
    evidence_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->logged = logged;
    self->rows_max = rows_max;
    return self;
}

void evidence_destroy(evidence_t **self_p)
{
    evidence_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = self->first; i < self->count; i++)
        free(self->rows[i].text);
    free(self->rows);
    buffer_destroy(&self->head);
    free(self);
    *self_p = NULL;
}

// ---- rows ---------------------------------------------------------------------------------------

static char *s_columns(const rows_view_t *view, uint32_t row)
{
    owned(buffer_destroy) buffer_t text = { 0 };
    for (unsigned c = 0; c < view->column_count; c++) {
        char value[DECIMAL_TEXT_MAX];
        decimal_print(rows_value(view, c, row), value);
        buffer_printf(&text, "  %.*s %s", (int) view->columns[c].name.size,
                      (const char *) view->columns[c].name.data, value);
    }
    return text.failed ? NULL : strdup(buffer_string(&text));
}

static bool s_room(evidence_t *self)
{
    if (self->count < self->capacity)
        return true;
    if (self->first > self->count / 2) {
        memmove(self->rows, self->rows + self->first,
                (self->count - self->first) * sizeof *self->rows);
        self->count -= self->first;
        self->first = 0;
        return true;
    }
    size_t capacity = self->capacity ? self->capacity * 2 : ROWS_FIRST;
    kept_row_t *rows = realloc(self->rows, capacity * sizeof *rows);
    if (!rows)
        return false;
    self->rows = rows;
    self->capacity = capacity;
    return true;
}

// The first row of this time or later.
static size_t s_since(const evidence_t *self, int64_t ts)
{
    size_t low = self->first, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->rows[middle].ts < ts)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// What no window can see any more of a row at the alert's time, or where they stand still.
static void s_forget(evidence_t *self)
{
    int64_t seen_us = self->logged->frozen_us, floor = seen_us - self->logged->span_us;
    uint32_t keep_rows = self->logged->rows;
    while (self->count - self->first > keep_rows) {
        bool many = s_since(self, seen_us + 1) - self->first > self->rows_max;
        bool seen = self->rows[self->first].ts >= floor ||
                    self->rows[self->first + keep_rows].ts >= seen_us;
        if (seen && !many)
            return;
        self->forgotten += many;
        free(self->rows[self->first++].text);
    }
}

// What lies behind the row that it rests on is seen by none of its windows; it goes once it has
// closed, many at a time.
static void s_pass_by(evidence_t *self, int64_t floor)
{
    size_t from = s_since(self, self->logged->frozen_us + 1), to = s_since(self, floor);
    if (to < from + ROWS_SPARE || to - from < self->count - to)
        return;
    for (size_t i = from; i < to; i++)
        free(self->rows[i].text);
    memmove(self->rows + from, self->rows + to, (self->count - to) * sizeof *self->rows);
    self->count -= to - from;
}

// The row whose place this one takes, or NULL: it is not kept.
static kept_row_t *s_earlier(evidence_t *self, const kept_row_t *row)
{
    for (size_t i = self->count; i > self->first && self->rows[i - 1].ts >= row->ts; i--) {
        kept_row_t *kept = &self->rows[i - 1];
        if (kept->ts == row->ts && kept->identity_size == row->identity_size &&
            memcmp(kept->identity, row->identity, row->identity_size) == 0)
            return kept;
    }
    return NULL;
}

static void s_revise(evidence_t *self, kept_row_t *row)
{
    kept_row_t *earlier = s_earlier(self, row);
    free(earlier ? earlier->text : row->text);
    if (earlier)
        *earlier = *row;
}

static bool s_put_in(evidence_t *self, const kept_row_t *row)
{
    if (!s_room(self)) {
        free(row->text);
        return false;
    }
    size_t at = self->count++;
    for (; at > self->first && self->rows[at - 1].ts > row->ts; at--)
        self->rows[at] = self->rows[at - 1];
    self->rows[at] = *row;
    return true;
}

bool evidence_add(evidence_t *self, const fold_taken_t *taken)
{
    const rows_view_t *block = taken->block;
    if (self->judged || !slice_is(taken->series, self->logged->series))
        return true;
    kept_row_t row = { .ts = rows_ts(block, taken->row),
                       .seq = block->seq,
                       .row = rows_load_u32(block->row, taken->row),
                       .text = s_columns(block, taken->row) };
    slice_t identity = rows_identity(block, taken->row);
    row.identity_size = (uint8_t) identity.size;
    if (identity.size)
        memcpy(row.identity, identity.data, identity.size);
    if (!row.text)
        return false;
    if (taken->revised)
        s_revise(self, &row);
    else if (!s_put_in(self, &row))
        return false;
    s_pass_by(self, taken->floor_us);
    s_forget(self);
    return true;
}

// ---- the judgement ------------------------------------------------------------------------------

static void s_print_time(int64_t us, char text[TIME_TEXT])
{
    int64_t rest = (us % 1000000 + 1000000) % 1000000;
    time_t seconds = (us - rest) / 1000000;
    struct tm utc;
    char date[24];
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, TIME_TEXT, "%s.%06dZ", date, (int) rest);
}

static const compiled_rule_t *s_rule(const table_plan_t *table, slice_t name)
{
    for (size_t i = 0; table && i < table->rule_count; i++)
        if (slice_is(name, table->rules[i].name))
            return &table->rules[i];
    return NULL;
}

static void s_note_window(evidence_t *self, const table_plan_t *table, const char *name)
{
    for (size_t i = 0; i < self->window_count; i++)
        if (strcmp(self->windows[i].name, name) == 0)
            return;
    for (size_t i = 0; i < table->window_count; i++)
        if (strcmp(table->windows[i].name, name) == 0 && self->window_count < WINDOWS_SHOWN)
            self->windows[self->window_count++] = table->windows[i];
}

static void s_put(buffer_t *out, const char *label, const char *value)
{
    if (value)
        buffer_printf(out, "  %s %s", label, value);
}

static void s_put_evidence(evidence_t *self, const table_plan_t *table,
                           const alert_evidence_t *item)
{
    buffer_printf(&self->head, "evidence     %s OVER %s", item->expr, item->window);
    s_put(&self->head, "=", item->value ? item->value : item->avg);
    buffer_printf(&self->head, "  rows %" PRIu64, item->rows);
    s_put(&self->head, "sum", item->sum);
    s_put(&self->head, "avg", item->avg);
    buffer_text(&self->head, item->exact ? "\n" : "  (not exact)\n");
    s_note_window(self, table, item->window);
}

// Find the row whose windows it was judged by: its own, or that from which on they stand still. If
// it was logged with another one, what that needs was not kept.
static void s_place(evidence_t *self, const alert_t *alert)
{
    int64_t seen_us = alert->frozen ? alert->frozen_us : alert->ts_us;
    uint64_t nth = 0;
    if (seen_us != self->logged->frozen_us)
        return;
    for (size_t i = s_since(self, seen_us); i < self->count && self->rows[i].ts == seen_us; i++) {
        const kept_row_t *row = &self->rows[i];
        bool is = alert->frozen ? nth++ == alert->frozen_nth
                                : row->seq == alert->record_seq && row->row == alert->row;
        if (is || (!alert->frozen && !self->placed))
            self->at = i;
        self->placed |= is || !alert->frozen;
        if (is)
            return;
    }
}

bool evidence_judge(evidence_t *self, const retell_alert_t *said)
{
    buffer_t *out = &self->head;
    const alert_t *alert = said->alert;
    const compiled_rule_t *rule = s_rule(said->table, alert->rule);
    if (!rule)
        return true; // cannot be: it has just judged
    self->judged = true;
    s_place(self, alert);
    buffer_printf(out, "kind         %s\ncondition    %.*s\n", alert->kind, (int) alert->when.size,
                  (const char *) alert->when.data);
    buffer_printf(out, "guards       min_rows %" PRIu32 "%s\n", rule->rule.min_rows,
                  rule->rule.positive ? "" : ", positive: false");
    buffer_text(out, "plan         ");
    for (size_t i = 0; i < sizeof said->plan.bytes; i++)
        buffer_printf(out, "%02x", said->plan.bytes[i]);
    buffer_printf(out, ", in force since record %" PRIu64 "\nrow        ", said->plan_seq);
    for (unsigned i = 0; i < alert->column_count; i++)
        s_put(out, alert->columns[i].name,
              alert->columns[i].text ? alert->columns[i].text : "null");
    buffer_text(out, "\n");
    if (alert->frozen) {
        char time[TIME_TEXT];
        s_print_time(alert->frozen_us, time);
        buffer_printf(out, "windows      stand still since %s\n", time);
    }
    for (unsigned i = 0; i < alert->evidence_count; i++)
        s_put_evidence(self, said->table, &alert->evidence[i]);
    if (alert->threshold) {
        buffer_printf(out, "comparison   threshold %s", alert->threshold);
        s_put(out, "ratio", alert->ratio);
        buffer_text(out, "\n");
    }
    return !out->failed;
}

// ---- for a person -------------------------------------------------------------------------------

static void s_print_row(const kept_row_t *row, buffer_t *out)
{
    char time[TIME_TEXT];
    s_print_time(row->ts, time);
    buffer_printf(out, "             %s  record %" PRIu64 " row %" PRIu32 "%s\n", time, row->seq,
                  row->row, row->text);
}

static void s_print_window(const evidence_t *self, const window_spec_t *window, bool all,
                           buffer_t *out)
{
    size_t from = self->at, to = self->at;
    if (window->rows > self->logged->rows || window->span_us > self->logged->span_us) {
        buffer_printf(out, "rows         OVER %s: not shown, since it was logged without them\n",
                      window->name);
        return;
    }
    if (window->by_rows)
        from = to - self->first > window->rows ? to - window->rows : self->first;
    else {
        while (to > self->first && self->rows[to - 1].ts >= self->logged->frozen_us)
            to--;
        from = to;
        while (from > self->first &&
               self->rows[from - 1].ts >= self->logged->frozen_us - window->span_us)
            from--;
    }
    buffer_printf(out, "rows         OVER %s: %zu%s\n", window->name, to - from,
                  self->forgotten > 0 ? ", and older ones that are too many to keep" : "");
    for (size_t i = from; i < to; i++) {
        if (!all && to - from > 2 * ROWS_SHOWN && i == from + ROWS_SHOWN) {
            buffer_printf(out, "             ... %zu more (--rows prints them)\n",
                          to - from - 2 * ROWS_SHOWN);
            i = to - ROWS_SHOWN;
        }
        s_print_row(&self->rows[i], out);
    }
}

bool evidence_print(const evidence_t *self, bool all_rows, buffer_t *out)
{
    const logged_alert_t *logged = self->logged;
    char time[TIME_TEXT];
    s_print_time(logged->ts_us, time);
    buffer_printf(out,
                  "alert        %s\nrule         %s\nseries       %s  at %s\n"
                  "record       %s %" PRIu64 "\n",
                  logged->id, logged->rule, logged->series, time, logged->stream,
                  logged->record_seq);
    if (self->judged)
        buffer_append(out, self->head.data, self->head.size);
    if (self->judged && !self->placed && self->window_count > 0)
        buffer_text(out,
                    "rows         not shown: the row whose windows it rests on was not found\n");
    for (size_t i = 0; self->placed && i < self->window_count; i++)
        s_print_window(self, &self->windows[i], all_rows, out);
    return !out->failed;
}
