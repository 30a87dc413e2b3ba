/*  baselines -- see baselines.h. */
#include "actors/transform/baselines.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// Rows in the array: at least, and how many times more than are in use before it shrinks.
enum { ROWS_FIRST = 4, SHRINK_BELOW = 8 };

static void release(baselines_t *self, baseline_t *baseline)
{
    if (baseline->references == 1)
        self->bytes -= baseline_bytes(baseline);
    baseline_release(&baseline);
}

static void release_all(baselines_t *self, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        release(self, baselines_row(self, i)->baseline);
}

static void untell(baselines_t *self)
{
    for (size_t i = 0; i < self->told.count; i++)
        release(self, self->told.items[i].baseline);
    self->told.count = 0;
}

void baselines_close(baselines_t *self)
{
    release_all(self, 0, self->count);
    untell(self);
    standings_close(&self->told);
    free(self->rows);
    *self = (baselines_t){ 0 };
}

// ---- the array ----------------------------------------------------------------------------------

// Rows in use lie in the midst of so many. False: out of memory.
static bool resettle(baselines_t *self, size_t capacity)
{
    size_t first = (capacity - self->count) / 2;
    baseline_row_t *rows = malloc(capacity * sizeof *rows);
    if (!rows)
        return false;
    if (self->count > 0)
        memcpy(rows + first, self->rows + self->first, self->count * sizeof *rows);
    free(self->rows);
    self->rows = rows;
    self->first = first;
    self->capacity = capacity;
    return true;
}

// Room for so many more at either end. Rows come at one end and go at the other: mostly there is
// enough, but at the wrong one.
static bool make_room(baselines_t *self, size_t more)
{
    size_t needed = 2 * (self->count + more) + ROWS_FIRST;
    if (needed > self->capacity)
        return resettle(self, needed);
    size_t first = (self->capacity - self->count) / 2;
    memmove(self->rows + first, self->rows + self->first, self->count * sizeof *self->rows);
    self->first = first;
    return true;
}

// Before the row `at` of those in use; of the others those move that are fewer.
static bool open_gap(baselines_t *self, size_t at, size_t more)
{
    bool front = at < self->count / 2;
    size_t room = front ? self->first : self->capacity - self->first - self->count;
    if (room < more && !make_room(self, more))
        return false;
    baseline_row_t *rows = self->rows + self->first;
    if (front) {
        memmove(rows - more, rows, at * sizeof *rows);
        self->first -= more;
    } else {
        memmove(rows + at + more, rows + at, (self->count - at) * sizeof *rows);
    }
    self->count += more;
    return true;
}

static void shrink(baselines_t *self)
{
    if (self->capacity > SHRINK_BELOW * (self->count + ROWS_FIRST))
        (void) resettle(self, 2 * self->count + ROWS_FIRST); // memory: nice to have back
}

static void close_gap(baselines_t *self, size_t at, size_t less)
{
    if (less == 0)
        return; // there may be no array
    size_t behind = self->count - at - less;
    baseline_row_t *rows = self->rows + self->first;
    if (at < behind) {
        memmove(rows + less, rows, at * sizeof *rows);
        self->first += less;
    } else {
        memmove(rows + at, rows + at + less, behind * sizeof *rows);
    }
    self->count -= less;
    shrink(self);
}

static void cut(baselines_t *self, size_t from, size_t to)
{
    release_all(self, from, to);
    close_gap(self, from, to - from);
}

// ---- rows ---------------------------------------------------------------------------------------

// Where (position, rule) stands or would stand.
static size_t place(const baselines_t *self, uint64_t position, uint32_t rule)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const baseline_row_t *row = baselines_row(self, middle);
        if (row->position < position || (row->position == position && row->rule < rule))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t baselines_from(const baselines_t *self, uint64_t position)
{
    return place(self, position, 0);
}

baseline_t *baselines_find(const baselines_t *self, uint64_t position, uint32_t rule)
{
    size_t at = place(self, position, rule);
    const baseline_row_t *row = at < self->count ? baselines_row(self, at) : NULL;
    return row && row->position == position && row->rule == rule ? row->baseline : NULL;
}

bool baselines_set(baselines_t *self, uint64_t position, standings_t *behind)
{
    size_t from = baselines_from(self, position), to = baselines_from(self, position + 1);
    size_t had = to - from;
    if (behind->count > had && !open_gap(self, to, behind->count - had))
        return false;
    for (size_t i = 0; i < behind->count; i++) {
        baseline_row_t *row = baselines_row(self, from + i);
        baseline_t *before = i < had ? row->baseline : NULL, *now = behind->items[i].baseline;
        assert(i == 0 || behind->items[i - 1].rule < behind->items[i].rule);
        self->bytes += now->settled ? 0 : baseline_bytes(now);
        now->settled = true;
        *row = (baseline_row_t){ position, behind->items[i].rule, now };
        if (before)
            release(self, before);
    }
    if (behind->count < had)
        cut(self, from + behind->count, to);
    behind->count = 0;
    return true;
}

void baselines_forget(baselines_t *self, uint64_t before)
{
    cut(self, 0, baselines_from(self, before));
}

void baselines_drop(baselines_t *self, uint64_t from)
{
    cut(self, baselines_from(self, from), self->count);
}

bool baselines_mark(baselines_t *self, uint64_t open)
{
    untell(self);
    for (size_t i = 0; i < self->count && baselines_row(self, i)->position < open; i++)
        if (!standings_add(&self->told, baselines_row(self, i)->rule,
                           baseline_share(baselines_row(self, i)->baseline)))
            return false;
    return true;
}

void baselines_move_up(baselines_t *self, uint64_t from)
{
    for (size_t i = self->count; i-- > 0 && baselines_row(self, i)->position >= from;)
        baselines_row(self, i)->position++;
}

// ---- plans --------------------------------------------------------------------------------------

static bool same_aggregates(const layout_t *from, const uint16_t *was, const layout_t *to,
                            const uint16_t *is, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!layout_same_aggregate(from, was[i], to, is[i]))
            return false;
    return true;
}

// The same verdict may rest on other aggregates: `avg(x * 2)` and `avg(x * 2.0)` are two.
static bool asks_alike(const layout_t *from, const compiled_rule_t *was, const layout_t *to,
                       const compiled_rule_t *is)
{
    if (memcmp(&was->id, &is->id, sizeof is->id) != 0 ||
        was->aggregate_count != is->aggregate_count || !was->resolve != !is->resolve ||
        !same_aggregates(from, was->aggregates, to, is->aggregates, is->aggregate_count))
        return false;
    return !is->resolve || (was->resolve->aggregate_count == is->resolve->aggregate_count &&
                            same_aggregates(from, was->resolve->aggregates, to,
                                            is->resolve->aggregates, is->resolve->aggregate_count));
}

// Of both plans rules are in order of name, so order stays.
void baselines_reshape(baselines_t *self, const layout_t *from, const layout_t *to)
{
    size_t left = 0;
    untell(self);
    for (size_t i = 0; i < self->count; i++) {
        const baseline_row_t row = *baselines_row(self, i);
        const compiled_rule_t *rule = &from->plan->rules[row.rule];
        int known = layout_rule(to, rule->name);
        if (known >= 0 && asks_alike(from, rule, to, &to->plan->rules[known]))
            *baselines_row(self, left++) =
                (baseline_row_t){ row.position, (uint32_t) known, row.baseline };
        else
            release(self, row.baseline);
    }
    self->count = left;
    shrink(self);
}

size_t baselines_bytes(const baselines_t *self)
{
    return self->capacity * sizeof *self->rows + self->told.capacity * sizeof *self->told.items +
           self->bytes;
}
