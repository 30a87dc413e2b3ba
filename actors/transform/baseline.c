/*  baseline -- see baseline.h. */
#include "actors/transform/baseline.h"

#include <stdlib.h>
#include <string.h>

enum { BASELINES_FIRST = 4 };

// ---- one --------------------------------------------------------------------------------------

baseline_t *baseline_new(size_t count)
{
    baseline_t *self = calloc(1, sizeof *self + count * sizeof *self->values);
    if (!self)
        return NULL;
    self->references = 1;
    self->count = count;
    for (size_t i = 0; i < count; i++)
        mpq_init(self->values[i].value);
    return self;
}

void baseline_release(baseline_t **self_p)
{
    baseline_t *self = *self_p;
    *self_p = NULL;
    if (!self || --self->references > 0)
        return;
    for (size_t i = 0; i < self->count; i++)
        mpq_clear(self->values[i].value);
    free(self);
}

bool baseline_same(const baseline_t *a, const baseline_t *b)
{
    if (a == b)
        return true;
    if (a->since_us != b->since_us || a->nth != b->nth || a->resolves != b->resolves ||
        a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const baseline_value_t *x = &a->values[i], *y = &b->values[i];
        if (x->known != y->known || x->coarse != y->coarse || x->rows != y->rows ||
            !mpq_equal(x->value, y->value)) // 0 if it is not known
            return false;
    }
    return true;
}

static size_t baseline_bytes(const baseline_t *self)
{
    size_t bytes = sizeof *self + self->count * sizeof *self->values;
    for (size_t i = 0; i < self->count; i++)
        bytes += (mpz_size(mpq_numref(self->values[i].value)) +
                  mpz_size(mpq_denref(self->values[i].value))) *
                 sizeof(mp_limb_t);
    return bytes;
}

// ---- of the rows of a series --------------------------------------------------------------------

void baselines_close(baselines_t *self)
{
    baselines_drop(self, 0);
    free(self->rows);
    *self = (baselines_t){ 0 };
}

// Where (position, rule) stands or would stand.
static size_t place(const baselines_t *self, uint64_t position, uint32_t rule)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const baseline_row_t *row = &self->rows[middle];
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
    bool found =
        at < self->count && self->rows[at].position == position && self->rows[at].rule == rule;
    return found ? self->rows[at].baseline : NULL;
}

bool baselines_put(baselines_t *self, uint64_t position, uint32_t rule, baseline_t *baseline)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : BASELINES_FIRST;
        baseline_row_t *rows = realloc(self->rows, capacity * sizeof *rows);
        if (!rows)
            return false;
        self->rows = rows;
        self->capacity = capacity;
    }
    size_t at = place(self, position, rule);
    memmove(self->rows + at + 1, self->rows + at, (self->count - at) * sizeof *self->rows);
    self->rows[at] = (baseline_row_t){ .position = position, .rule = rule, .baseline = baseline };
    baseline->references++;
    self->count++;
    return true;
}

static void cut(baselines_t *self, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        baseline_release(&self->rows[i].baseline);
    if (to > from)
        memmove(self->rows + from, self->rows + to, (self->count - to) * sizeof *self->rows);
    self->count -= to - from;
}

void baselines_clear(baselines_t *self, uint64_t position)
{
    cut(self, baselines_from(self, position), baselines_from(self, position + 1));
}

void baselines_forget(baselines_t *self, uint64_t before)
{
    cut(self, 0, baselines_from(self, before));
}

void baselines_drop(baselines_t *self, uint64_t from)
{
    cut(self, baselines_from(self, from), self->count);
}

void baselines_move_up(baselines_t *self, uint64_t from)
{
    for (size_t i = self->count; i-- > 0 && self->rows[i].position >= from;)
        self->rows[i].position++;
}

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

bool baselines_reshape(baselines_t *self, const layout_t *from, const layout_t *to)
{
    baselines_t now = { 0 };
    bool ok = true;
    for (size_t i = 0; ok && i < self->count; i++) {
        const baseline_row_t *row = &self->rows[i];
        const compiled_rule_t *rule = &from->plan->rules[row->rule];
        int known = layout_rule(to, rule->name);
        if (known >= 0 && asks_alike(from, rule, to, &to->plan->rules[known]))
            ok = baselines_put(&now, row->position, (uint32_t) known, row->baseline);
    }
    baselines_close(self);
    *self = now;
    return ok;
}

size_t baselines_bytes(const baselines_t *self)
{
    size_t bytes = self->capacity * sizeof *self->rows;
    for (size_t i = 0; i < self->count; i++) {
        const baseline_row_t *row = &self->rows[i];
        bool counted = row->position > 0 &&
                       baselines_find(self, row->position - 1, row->rule) == row->baseline;
        bytes += counted ? 0 : baseline_bytes(row->baseline);
    }
    return bytes;
}
