/*  ring -- the remembered rows of one series: times and one column of exact numbers an argument.
 *
 *  Pure. Rows are named by position: the first row of a series is 0, and a row moves up when one
 *  is put in before it. A column holds its numbers as int64 mantissas at one exponent (narrow); it
 *  follows the data to another exponent, and where none fits all numbers it holds, to big integers
 *  (wide), and back once what made it wide has left. Numbers are exact either way. Whoever keeps
 *  sums over mantissas looks at `restated`: a column that changed its exponent or width voids them.
 */
#pragma once
#include "actors/transform/figure.h"

typedef struct {
    mpz_t value;
    bool null;
} wide_t;

typedef struct {
    int64_t *narrow; // FIGURE_NULL_MANTISSA = NULL
    wide_t *wide;    // instead of narrow, or NULL
    int exponent;
    uint64_t retry_at; // of a wide one: position from which on narrow is tried again
} column_t;

typedef struct {
    uint64_t head, tail; // positions held: head .. tail - 1
    uint64_t mask;       // capacity - 1
    int64_t *ts;
    column_t *columns;
    unsigned column_count;
    bool restated;
} ring_t;

bool ring_open(ring_t *self, unsigned column_count, uint64_t at, size_t expected);
void ring_close(ring_t *self); // also of a zeroed one

bool ring_grow(ring_t *self);                // twice as many rows
bool ring_shrink(ring_t *self, size_t rows); // to what holds `rows` (and those it has)
bool ring_put(ring_t *self, unsigned column, uint64_t position, const figure_t *value);

static inline size_t ring_count(const ring_t *self)
{
    return (size_t) (self->tail - self->head);
}
static inline int64_t ring_ts(const ring_t *self, uint64_t position)
{
    return self->ts[position & self->mask];
}

uint64_t ring_since(const ring_t *self,
                    int64_t ts); // the first row of this time or later, or the end

// Append a row; its values follow by ring_set. False: out of memory.
static inline bool ring_push(ring_t *self, int64_t ts)
{
    if (self->tail - self->head > self->mask && !ring_grow(self))
        return false;
    self->ts[self->tail++ & self->mask] = ts;
    return true;
}

// Put a row in before that at `position`: those from there on move up by one.
bool ring_insert(ring_t *self, uint64_t position, int64_t ts);

static inline bool ring_set(ring_t *self, unsigned column, uint64_t position, const figure_t *value)
{
    column_t *c = &self->columns[column];
    if (c->narrow && value->size == FIGURE_SMALL && value->exponent == c->exponent) {
        c->narrow[position & self->mask] = value->mantissa;
        return true;
    }
    return ring_put(self, column, position, value);
}

void ring_get(const ring_t *self, unsigned column, uint64_t position, figure_t *value);
bool ring_null(const ring_t *self, unsigned column, uint64_t position);
// As a whole number at the exponent of its column; not NULL.
void ring_mantissa(const ring_t *self, unsigned column, uint64_t position, mpz_t mantissa);
int ring_compare(const ring_t *self, unsigned column, uint64_t a, uint64_t b); // neither NULL

// Move or add columns: column i becomes what `from[i]` was (each at most once), or all NULL if -1.
bool ring_rearrange(ring_t *self, unsigned column_count, const int *from);
size_t ring_bytes(const ring_t *self);
