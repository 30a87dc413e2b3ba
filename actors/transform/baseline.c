/*  baseline -- see baseline.h. */
#include "actors/transform/baseline.h"

#include <stdlib.h>

enum { STANDINGS_FIRST = 4 };

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

size_t baseline_bytes(const baseline_t *self)
{
    size_t bytes = sizeof *self + self->count * sizeof *self->values;
    for (size_t i = 0; i < self->count; i++)
        bytes += (mpz_size(mpq_numref(self->values[i].value)) +
                  mpz_size(mpq_denref(self->values[i].value))) *
                 sizeof(mp_limb_t);
    return bytes;
}

// ---- of one row ---------------------------------------------------------------------------------

void standings_close(standings_t *self)
{
    standings_clear(self);
    free(self->items);
    *self = (standings_t){ 0 };
}

void standings_clear(standings_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        baseline_release(&self->items[i].baseline);
    self->count = 0;
}

baseline_t *standings_find(const standings_t *self, uint32_t rule)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->items[middle].rule < rule)
            low = middle + 1;
        else
            high = middle;
    }
    return low < self->count && self->items[low].rule == rule ? self->items[low].baseline : NULL;
}

bool standings_add(standings_t *self, uint32_t rule, baseline_t *baseline)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : STANDINGS_FIRST;
        standing_t *items = realloc(self->items, capacity * sizeof *items);
        if (!items) {
            baseline_release(&baseline);
            return false;
        }
        self->items = items;
        self->capacity = capacity;
    }
    self->items[self->count++] = (standing_t){ .rule = rule, .baseline = baseline };
    return true;
}
