/*  ring -- see ring.h. How a column follows its data is in ring_fit.c. */
#include "actors/transform/ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/transform/ring_fit.h"

enum { FIRST_ROWS = 8 };

static size_t capacity_for(size_t rows)
{
    size_t capacity = FIRST_ROWS;
    while (capacity < rows)
        capacity *= 2;
    return capacity;
}

bool ring_open(ring_t *self, unsigned column_count, uint64_t at, size_t expected)
{
    size_t capacity = capacity_for(expected);
    *self = (ring_t){ .head = at, .tail = at, .mask = capacity - 1 };
    self->ts = malloc(capacity * sizeof *self->ts);
    self->columns = calloc(column_count ? column_count : 1, sizeof *self->columns);
    if (!self->ts || !self->columns)
        return false;
    for (; self->column_count < column_count; self->column_count++)
        if (!column_open(&self->columns[self->column_count], capacity))
            return false;
    return true;
}

void ring_close(ring_t *self)
{
    for (unsigned i = 0; i < self->column_count; i++)
        column_close(&self->columns[i], self->mask + 1);
    free(self->columns);
    free(self->ts);
    *self = (ring_t){ 0 };
}

// Copy what is held from one power of two to another. Wide numbers move, they are not copied.
static void narrow_move(const ring_t *self, const int64_t *from, int64_t *to, uint64_t to_mask)
{
    for (uint64_t p = self->head; p < self->tail; p++)
        to[p & to_mask] = from[p & self->mask];
}

static void wide_move(const ring_t *self, wide_t *from, wide_t *to, uint64_t to_mask)
{
    for (uint64_t p = self->head; p < self->tail; p++) {
        mpz_swap(to[p & to_mask].value, from[p & self->mask].value);
        to[p & to_mask].null = from[p & self->mask].null;
    }
}

// Open the new arrays first, so that a failure leaves the old ones as they were.
static bool resize(ring_t *self, size_t capacity)
{
    ring_t to = { .mask = capacity - 1, .ts = malloc(capacity * sizeof *to.ts) };
    to.columns = calloc(self->column_count ? self->column_count : 1, sizeof *to.columns);
    bool ok = to.ts && to.columns;
    for (unsigned i = 0; ok && i < self->column_count; i++) {
        const column_t *c = &self->columns[i];
        to.columns[i] = (column_t){ .exponent = c->exponent, .retry_at = c->retry_at };
        to.column_count++;
        if (c->wide)
            ok = (to.columns[i].wide = wide_new(capacity)) != NULL;
        else
            ok = (to.columns[i].narrow = malloc(capacity * sizeof(int64_t))) != NULL;
    }
    if (!ok) {
        ring_close(&to);
        return false;
    }
    narrow_move(self, self->ts, to.ts, to.mask);
    for (unsigned i = 0; i < self->column_count; i++) {
        if (self->columns[i].wide)
            wide_move(self, self->columns[i].wide, to.columns[i].wide, to.mask);
        else
            narrow_move(self, self->columns[i].narrow, to.columns[i].narrow, to.mask);
    }
    to.head = self->head;
    to.tail = self->tail;
    to.restated = self->restated;
    ring_close(self);
    *self = to;
    return true;
}

bool ring_grow(ring_t *self)
{
    return resize(self, 2 * (self->mask + 1));
}

bool ring_shrink(ring_t *self, size_t rows)
{
    size_t capacity = capacity_for(rows > ring_count(self) ? rows : ring_count(self));
    return capacity > self->mask || resize(self, capacity);
}

uint64_t ring_since(const ring_t *self, int64_t ts)
{
    uint64_t low = self->head, high = self->tail;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (ring_ts(self, middle) < ts)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void shift_narrow(const ring_t *self, int64_t *numbers, uint64_t position)
{
    for (uint64_t p = self->tail - 1; p > position; p--)
        numbers[p & self->mask] = numbers[(p - 1) & self->mask];
}

static void shift_wide(const ring_t *self, wide_t *numbers, uint64_t position)
{
    for (uint64_t p = self->tail - 1; p > position; p--) {
        wide_t *to = &numbers[p & self->mask], *from = &numbers[(p - 1) & self->mask];
        mpz_swap(to->value, from->value);
        to->null = from->null;
    }
}

bool ring_insert(ring_t *self, uint64_t position, int64_t ts)
{
    assert(position >= self->head && position < self->tail);
    if (!ring_push(self, ts))
        return false;
    shift_narrow(self, self->ts, position);
    self->ts[position & self->mask] = ts;
    for (unsigned i = 0; i < self->column_count; i++) {
        if (self->columns[i].wide)
            shift_wide(self, self->columns[i].wide, position);
        else
            shift_narrow(self, self->columns[i].narrow, position);
    }
    return true;
}

void ring_get(const ring_t *self, unsigned column, uint64_t position, figure_t *value)
{
    assert(position >= self->head && position < self->tail);
    column_get(&self->columns[column], position & self->mask, value);
}

bool ring_null(const ring_t *self, unsigned column, uint64_t position)
{
    const column_t *c = &self->columns[column];
    return c->narrow ? c->narrow[position & self->mask] == FIGURE_NULL_MANTISSA
                     : c->wide[position & self->mask].null;
}

void ring_mantissa(const ring_t *self, unsigned column, uint64_t position, mpz_t mantissa)
{
    const column_t *c = &self->columns[column];
    if (c->wide)
        mpz_set(mantissa, c->wide[position & self->mask].value);
    else
        mpz_set_si(mantissa, c->narrow[position & self->mask]);
}

int ring_compare(const ring_t *self, unsigned column, uint64_t a, uint64_t b)
{
    const column_t *c = &self->columns[column];
    if (c->wide)
        return mpz_cmp(c->wide[a & self->mask].value, c->wide[b & self->mask].value);
    int64_t x = c->narrow[a & self->mask], y = c->narrow[b & self->mask];
    return (x > y) - (x < y);
}

bool ring_rearrange(ring_t *self, unsigned column_count, const int *from)
{
    column_t *columns = calloc(column_count ? column_count : 1, sizeof *columns);
    if (!columns)
        return false;
    bool ok = true;
    for (unsigned i = 0; i < column_count; i++) {
        if (from[i] >= 0) {
            columns[i] = self->columns[from[i]];
            self->columns[from[i]] = (column_t){ 0 };
        } else {
            ok = column_open(&columns[i], self->mask + 1) && ok;
        }
    }
    for (unsigned i = 0; i < self->column_count; i++)
        column_close(&self->columns[i], self->mask + 1);
    free(self->columns);
    self->columns = columns;
    self->column_count = column_count;
    self->restated = true;
    return ok;
}

size_t ring_bytes(const ring_t *self)
{
    size_t capacity = self->mask + 1, bytes = capacity * sizeof *self->ts;
    for (unsigned i = 0; i < self->column_count; i++)
        bytes += sizeof self->columns[i] +
                 capacity * (self->columns[i].narrow ? sizeof(int64_t) : sizeof(wide_t) + 16);
    return bytes;
}
