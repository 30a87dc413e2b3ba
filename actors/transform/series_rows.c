/*  series_rows -- rows that come, are put in their place and revised: see series.h. */
#include <assert.h>

#include "actors/transform/series.h"

static bool same_values(const series_t *self, size_t open, const row_t *row)
{
    const decimal_t *known = open_values(&self->open, open);
    for (size_t i = 0; i < self->layout->plan->column_count; i++) {
        decimal_t a = known[i], b = row->values[i];
        if (a.mantissa == b.mantissa && (a.exponent == b.exponent || decimal_is_null(a)))
            continue;
        if (decimal_is_null(a) || decimal_is_null(b) || decimal_compare(a, b) != 0)
            return false;
    }
    return true;
}

// In a full series the rows of the oldest open time are the next to close: a new one of that time
// or before finds no room. Were it taken in all the same, an identity could be forgotten while its
// time is open. Rows without one may close one by one, if there is no other time.
static bool no_room(const series_t *self, const row_t *row)
{
    if (!series_full(self))
        return false;
    int64_t oldest = self->open.rows[self->open.first].ts;
    return row->ts < oldest || (row->ts == oldest && (oldest < self->newest || !row->ordinal));
}

admit_t series_admit(const series_t *self, const row_t *row, size_t *open)
{
    if (self->ring.tail == 0 || row->ts > self->newest)
        return ADMIT_NEW;
    if (row->ts < series_floor(self, row->ts))
        return ADMIT_LATE;
    *open = row->ordinal ? SIZE_MAX : open_find(&self->open, row->ts, row->identity);
    if (*open == SIZE_MAX)
        return no_room(self, row) ? ADMIT_LATE : ADMIT_NEW;
    return same_values(self, *open, row) ? ADMIT_DUPLICATE : ADMIT_REVISION;
}

static inline bool set_arguments(series_t *self, uint64_t position, const row_t *row)
{
    for (unsigned i = 0; i < self->ring.column_count; i++)
        if (!ring_set(&self->ring, i, position, &row->arguments[i]))
            return false;
    if (self->ring.restated) {
        series_void_windows(self);
        self->ring.restated = false;
    }
    return true;
}

static void set_values(series_t *self, size_t open, const row_t *row)
{
    decimal_t *values = open_values(&self->open, open);
    for (unsigned i = 0; i < self->open.column_count; i++) {
        values[i].mantissa = row->values[i].mantissa;
        values[i].exponent = row->values[i].exponent;
    }
}

// Is this the row behind one that may stand otherwise once it was judged again, and so may its
// step?
static bool follows_due(const series_t *self, const open_row_t *before, const row_t *row)
{
    return self->layout->plan->recalls && before->due && before->ts == row->ts && !row->ordinal;
}

// The row at the end becomes open; of those in whose place it comes all that is due was judged.
static bool open_last(series_t *self, const row_t *row)
{
    open_t *open = &self->open;
    opening_t opening = { .ts = row->ts,
                          .position = self->ring.tail - 1,
                          .identity = row->ordinal ? slice_of(NULL, 0) : row->identity,
                          .ordinal = row->ordinal };
    if (series_replaces(self, row->ts))
        return (open_count(open) == 0 || series_leave(self, open->end - 1)) &&
               open_only(open, &opening);
    bool lateness = self->layout->plan->lateness_us > 0;
    const open_row_t *last = open_count(open) > 0 ? &open->rows[open->end - 1] : NULL;
    opening.nth = last && last->ts == row->ts ? last->nth + 1 : 0;
    opening.due = lateness || (last && follows_due(self, last, row));
    self->due += opening.due;
    if (!lateness && last && last->ordinal && !last->due && !series_keeps_ordinal(self)) {
        if (!series_leave(self, open->end - 1))
            return false;
        open_drop_ordinal(open);
    }
    assert(!series_full(self)); // whoever gives it has made room
    return open_insert(open, open->end, &opening);
}

static bool append(series_t *self, const row_t *row, moment_t *moment)
{
    int64_t floor = series_floor(self, row->ts);
    if (!ring_push(&self->ring, row->ts) || !set_arguments(self, self->ring.tail - 1, row) ||
        !open_last(self, row))
        return false;
    set_values(self, self->open.end - 1, row);
    if (self->fired.count > 0 || self->recalls.count > 0 || self->baselines.count > 0)
        series_forget(self, self->open.rows[self->open.first].position);
    self->newest = row->ts;
    return series_raise(self, floor) && (!self->cells || series_take(self)) &&
           series_look(self, self->open.end - 1, moment);
}

// What goes by position moves up with the rows from there on.
static void move_up(series_t *self, uint64_t position)
{
    fired_move_up(&self->fired, position);
    recalls_move_up(&self->recalls, position);
    baselines_move_up(&self->baselines, position);
    for (unsigned i = 0; i < self->ring.column_count; i++) {
        bool moves = self->known[i].position > position;
        self->known[i].position += moves;
        self->known_moved |= moves;
    }
    if (self->resend > position)
        self->resend = position;
    self->windows.stale = true;
}

// Put a row in between open ones: behind those of its time.
static bool insert(series_t *self, const row_t *row, moment_t *moment)
{
    open_t *open = &self->open;
    size_t low = open->first, high = open->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (open->rows[middle].ts <= row->ts)
            low = middle + 1;
        else
            high = middle;
    }
    const open_row_t *before = low > open->first ? &open->rows[low - 1] : NULL;
    opening_t opening = { .ts = row->ts,
                          .position = open->rows[low].position,
                          .nth = before && before->ts == row->ts ? before->nth + 1 : 0,
                          .identity = row->ordinal ? slice_of(NULL, 0) : row->identity,
                          .ordinal = row->ordinal,
                          .due = true };
    self->due++;
    if (!ring_insert(&self->ring, opening.position, row->ts) ||
        !set_arguments(self, opening.position, row) || !open_insert(open, low, &opening))
        return false;
    move_up(self, opening.position);
    set_values(self, low, row);
    return series_look(self, low, moment);
}

bool series_accept(series_t *self, const row_t *row, moment_t *moment)
{
    bool last = row->ts >= self->newest;
    // Windows move before rows that have left them are forgotten.
    if (!(last ? append(self, row, moment) : insert(self, row, moment)))
        return false;
    series_trim(self);
    return true;
}

bool series_revise(series_t *self, size_t open, const row_t *row)
{
    open_row_t *known = &self->open.rows[open];
    // It is judged again when it closes, and so are those of its time that it is in a window of, or
    // right before.
    const table_plan_t *plan = self->layout->plan;
    bool seen_behind = plan->keep_rows > 0 || plan->has_edges || plan->recalls;
    for (size_t i = open; i < self->open.end && self->open.rows[i].ts == known->ts; i++) {
        open_row_t *behind = &self->open.rows[i];
        if (behind->due || (i > open && (behind->ordinal || !seen_behind)))
            continue;
        behind->due = true;
        self->due++;
    }
    if (known->position < self->resend)
        self->resend = known->position; // it may have closed by the next delta
    set_values(self, open, row);
    bool seen = known->ts < self->newest || plan->keep_rows > 0;
    if (seen && known->position + 1 < self->ring.tail)
        self->windows.stale = true;
    return set_arguments(self, known->position, row);
}
