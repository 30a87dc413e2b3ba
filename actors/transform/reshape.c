/*  reshape -- a series under another plan: see series.h for what is covered afterwards. */
#include <stdlib.h>

#include "actors/transform/series.h"

// Where the promise of the plan that ends now begins. Must be asked before anything is changed.
static void extend_covered(series_t *self, const table_plan_t *from, const table_plan_t *to)
{
    bool whole = self->ring.head == 0 && !self->cells; // the first row of all is still here
    if (to->keep_us > from->keep_us) {
        // Not keeping any time at all is forgetting the newest rows too, once they are not open.
        int64_t kept = from->keep_us > 0          ? window_start(self->floor_us, from->keep_us)
                       : self->newest < INT64_MAX ? self->newest + 1
                                                  : INT64_MAX;
        if (whole)
            self->covered_us = INT64_MIN;
        else if (kept > self->covered_us)
            self->covered_us = kept;
    }
    if (to->keep_rows > from->keep_rows) {
        if (whole)
            self->covered_position = 0;
        else if (self->ring.head > self->covered_position)
            self->covered_position = self->ring.head;
    }
}

static bool reshape_arguments(series_t *self, const layout_t *to)
{
    size_t count = to->plan->argument_count;
    int *from = malloc((count + 1) * sizeof *from);
    known_t *known = malloc((count + 1) * sizeof *known);
    bool ok = from && known;
    for (size_t i = 0; ok && i < count; i++) {
        from[i] = layout_argument(self->layout, to, i);
        if (from[i] >= 0)
            known[i] = self->known[from[i]];
        else
            known[i] = (known_t){ .us = self->newest < INT64_MAX ? self->newest + 1 : INT64_MAX,
                                  .position = self->ring.tail };
    }
    ok = ok && ring_rearrange(&self->ring, (unsigned) count, from);
    if (ok) {
        free(self->known);
        self->known = known;
        known = NULL;
    }
    free(known);
    free(from);
    return ok;
}

static bool reshape_left(series_t *self, const layout_t *to, const int *from)
{
    left_t *left = &self->left;
    size_t count = to->plan->column_count;
    decimal_t *values = NULL;
    left->known = left->known && to->plan->has_edges;
    if (left->known && !(values = malloc((count + 1) * sizeof *values)))
        return false;
    for (size_t i = 0; values && i < count; i++)
        values[i] = from[i] < 0 ? DECIMAL_NULL : left->values[from[i]];
    free(left->values);
    left->values = values;
    return true;
}

static bool reshape_columns(series_t *self, const layout_t *to)
{
    size_t count = to->plan->column_count;
    int *from = malloc((count + 1) * sizeof *from);
    if (!from)
        return false;
    for (size_t i = 0; i < count; i++)
        from[i] = layout_column(self->layout, to->plan->columns[i]);
    bool ok = reshape_left(self, to, from) && open_rearrange(&self->open, (unsigned) count, from);
    free(from);
    return ok;
}

// Topics go by the name of their rule.
static bool reshape_topics(series_t *self, const layout_t *to)
{
    spoken_t topics = { 0 };
    bool ok = true;
    for (size_t i = 0; ok && i < self->topics.count; i++) {
        spoken_entry_t *old = &self->topics.entries[i];
        int rule = layout_rule(to, self->layout->plan->rules[old->rule].name);
        topic_t *topic = rule < 0 ? NULL : spoken_take(&topics, (uint32_t) rule);
        ok = rule < 0 || topic;
        if (!topic)
            continue;
        spoken_move(&topics, topic, old->topic);
        ok = !old->topic->changed || spoken_change(&topics, (uint32_t) rule, topic);
    }
    spoken_close(&self->topics);
    self->topics = topics;
    roll_destroy(&self->roll);
    self->settled = false;
    self->silences = spoken_silences(&self->topics);
    free(self->asking);
    self->asking = NULL;
    if (to->plan->nodata_us == 0)
        self->heard_us = 0;
    return ok;
}

// A series without rows has nothing to recall. Of rows that have closed only the last one matters.
static bool reshape_recalls(series_t *self, const layout_t *to)
{
    series_parts_t key = { .count = 0 };
    (void) series_split(&key, series_name(self)); // it has been checked on its way in
    if (!to->plan->recalls && open_count(&self->open) > 0)
        fired_forget(&self->fired, self->open.rows[self->open.first].position);
    if (self->ring.tail == 0)
        return true;
    baselines_reshape(&self->baselines, self->layout, to);
    return recalls_reshape(&self->recalls, self->layout, to, &key);
}

// What window `index` of a new plan is to see: the narrowest cells that go back as far as it does.
static const cells_t *source_for(const cells_t *cells, const layout_t *to, size_t index)
{
    int64_t span_us = cells_span(to, to->cell_bits[index]);
    while (cells->next && cells->span_us < span_us)
        cells = cells->next;
    return cells;
}

// Of the new plan's windows those stay exact whose rows are all here; the others are coarse.
static bool reshape_cells(series_t *self, const layout_t *to)
{
    const table_plan_t *plan = to->plan;
    cells_t *before = self->cells;
    int64_t exact_us = 0;
    self->cells = NULL;
    bool ok = true;
    for (size_t i = 0; ok && i < plan->window_count; i++) {
        const window_spec_t *window = &plan->windows[i];
        if (window->by_rows)
            continue;
        if (window->span_us <= self->exact_us) {
            exact_us = window->span_us > exact_us ? window->span_us : exact_us;
            continue;
        }
        unsigned bits = to->cell_bits[i];
        const cells_t *same = self->cells;
        while (same && same->bits != bits)
            same = same->next;
        ok = same || series_add_cells(self, cells_copy(source_for(before, to, i), to, bits,
                                                       self->newest, self->floor_us));
    }
    self->exact_us = self->cells ? exact_us : INT64_MAX;
    while (before) {
        cells_t *next = before->next;
        cells_destroy(&before);
        before = next;
    }
    series_shed(self);
    return ok;
}

bool series_reshape(series_t *self, const layout_t *to)
{
    extend_covered(self, self->layout->plan, to->plan);
    windows_close(&self->windows);
    windows_close(&self->trail);
    if (self->cells && !reshape_cells(self, to))
        return false;
    if (!reshape_arguments(self, to) || !reshape_columns(self, to) || !reshape_topics(self, to) ||
        !reshape_recalls(self, to) || !windows_open(&self->windows, to) ||
        (to->plan->lateness_us > 0 && !windows_open(&self->trail, to)))
        return false;
    self->ring.restated = false; // windows are stale as it is
    self->layout = to;
    self->kept = self->ring.head;
    series_trim(self);
    series_note_partial(self);
    return true;
}
