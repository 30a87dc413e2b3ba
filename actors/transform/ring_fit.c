/*  ring_fit -- see ring_fit.h.
 *
 *  A column is fitted again when a number arrives that it cannot hold, and while it is wide each
 *  time as many rows as it holds have passed: so fitting, which looks at every row, costs O(1)
 *  a row however the data goes up and down.
 */
#include "actors/transform/ring_fit.h"

#include <limits.h>
#include <stdlib.h>

enum { RETRY_ROWS_MIN = 16 };

wide_t *wide_new(size_t capacity)
{
    wide_t *self = malloc(capacity * sizeof *self);
    for (size_t i = 0; self && i < capacity; i++) {
        mpz_init(self[i].value);
        self[i].null = true;
    }
    return self;
}

void wide_destroy(wide_t **self_p, size_t capacity)
{
    if (!*self_p)
        return;
    for (size_t i = 0; i < capacity; i++)
        mpz_clear((*self_p)[i].value);
    free(*self_p);
    *self_p = NULL;
}

bool column_open(column_t *self, size_t capacity)
{
    *self = (column_t){ .narrow = malloc(capacity * sizeof *self->narrow) };
    for (size_t i = 0; self->narrow && i < capacity; i++)
        self->narrow[i] = FIGURE_NULL_MANTISSA;
    return self->narrow != NULL;
}

void column_close(column_t *self, size_t capacity)
{
    free(self->narrow);
    wide_destroy(&self->wide, capacity);
    *self = (column_t){ 0 };
}

void column_get(const column_t *self, size_t index, figure_t *value)
{
    if (self->wide) {
        if (self->wide[index].null)
            value->size = FIGURE_NULL;
        else
            figure_set_big(value, self->wide[index].value, self->exponent);
        return;
    }
    value->mantissa = self->narrow[index];
    value->exponent = self->exponent;
    value->size = value->mantissa == FIGURE_NULL_MANTISSA ? FIGURE_NULL : FIGURE_SMALL;
}

typedef struct {
    ring_t *ring;
    column_t *column;
    uint64_t position; // of the incoming number: what stands there now does not count
    const figure_t *incoming;
    figure_t held; // scratch
} fit_t;

// Visit every number to be held; false from the visitor ends it.
static bool fit_all(fit_t *fit, bool (*visit)(fit_t *, const figure_t *, uint64_t, void *),
                    void *context)
{
    for (uint64_t p = fit->ring->head; p < fit->ring->tail; p++) {
        if (p == fit->position)
            continue;
        column_get(fit->column, p & fit->ring->mask, &fit->held);
        if (fit->held.size != FIGURE_NULL && !visit(fit, &fit->held, p, context))
            return false;
    }
    return fit->incoming->size == FIGURE_NULL || visit(fit, fit->incoming, fit->position, context);
}

static bool lowest_exponent(fit_t *fit, const figure_t *value, uint64_t position, void *context)
{
    (void) position;
    int *lowest = context;
    if (value->exponent >= *lowest)
        return true;
    if (value == &fit->held)
        figure_normalise(&fit->held); // an incoming one is normal already
    bool zero = value->size == FIGURE_SMALL && value->mantissa == 0; // fits anywhere
    if (!zero && value->exponent < *lowest)
        *lowest = value->exponent;
    return true;
}

static bool fits_narrow(fit_t *fit, const figure_t *value, uint64_t position, void *context)
{
    (void) fit, (void) position;
    int64_t mantissa;
    return figure_at(value, *(int *) context, &mantissa);
}

typedef struct {
    column_t column;
    uint64_t mask;
} target_t;

static bool store(fit_t *fit, const figure_t *value, uint64_t position, void *context)
{
    target_t *to = context;
    if (to->column.narrow)
        return figure_at(value, to->column.exponent, &to->column.narrow[position & to->mask]);
    if (value == &fit->held)
        figure_normalise(&fit->held); // the exponent is the lowest of those in normal form
    wide_t *wide = &to->column.wide[position & to->mask];
    wide->null = false;
    figure_big_at(value, to->column.exponent, wide->value);
    return true;
}

// Hold all that is held and `incoming` (normalised) at `position`, at the exponent `raw` that it
// came with if they fit there: more like it will come.
static bool refit(ring_t *ring, column_t *column, uint64_t position, const figure_t *incoming,
                  int raw)
{
    fit_t fit = { .ring = ring, .column = column, .position = position, .incoming = incoming };
    figure_init(&fit.held);
    int exponent = raw;
    bool narrow = fit_all(&fit, fits_narrow, &exponent);
    if (!narrow) {
        exponent = INT_MAX;
        (void) fit_all(&fit, lowest_exponent, &exponent);
        if (exponent == INT_MAX)
            exponent = 0; // nothing but zeros and NULLs
        narrow = fit_all(&fit, fits_narrow, &exponent);
    }
    target_t to = { .mask = ring->mask };
    bool ok;
    if (narrow)
        ok = column_open(&to.column, ring->mask + 1);
    else
        ok = (to.column.wide = wide_new(ring->mask + 1)) != NULL;
    if (ok) {
        to.column.exponent = exponent;
        to.column.retry_at = ring->tail + ring_count(ring) + RETRY_ROWS_MIN;
        (void) fit_all(&fit, store, &to);
        column_close(column, ring->mask + 1);
        *column = to.column;
        ring->restated = true;
    }
    figure_clear(&fit.held);
    return ok;
}

static bool put_wide(ring_t *self, column_t *c, uint64_t position, const figure_t *value)
{
    bool null = value->size == FIGURE_NULL;
    if (position >= c->retry_at || (!null && value->exponent < c->exponent))
        return refit(self, c, position, value, null ? c->exponent : value->exponent);
    wide_t *wide = &c->wide[position & self->mask];
    wide->null = null;
    if (!null)
        figure_big_at(value, c->exponent, wide->value);
    return true;
}

bool ring_put(ring_t *self, unsigned column, uint64_t position, const figure_t *value)
{
    column_t *c = &self->columns[column];
    if (c->narrow && value->size == FIGURE_NULL) {
        c->narrow[position & self->mask] = FIGURE_NULL_MANTISSA;
        return true;
    }
    if (c->narrow && figure_at(value, c->exponent, &c->narrow[position & self->mask]))
        return true;
    figure_t normal;
    figure_init(&normal);
    if (value->size == FIGURE_BIG)
        figure_set_big(&normal, value->big, value->exponent);
    else {
        normal.size = value->size;
        normal.mantissa = value->mantissa;
        normal.exponent = value->exponent;
    }
    figure_normalise(&normal);
    bool ok = c->wide ? put_wide(self, c, position, &normal)
                      : refit(self, c, position, &normal, value->exponent);
    figure_clear(&normal);
    return ok;
}
