/*  ranks -- see ranks.h. */
#include "actors/transform/ranks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { LOWER, UPPER, FIRST_ROWS = 16 };

typedef struct {
    const ring_t *ring;
    unsigned column;
} numbers_t;

void ranks_close(ranks_t *self)
{
    free(self->heaps);
    free(self->places);
    *self = (ranks_t){ 0 };
}

static uint32_t *at(const ranks_t *self, int half, uint32_t index)
{
    return &self->heaps[half == LOWER ? index : self->capacity - 1 - index];
}

static void put(ranks_t *self, int half, uint32_t index, uint32_t position)
{
    *at(self, half, index) = position;
    self->places[position & (self->capacity - 1)] = index * 2 + (uint32_t) half;
}

// Twice the room, until the places of all positions from the oldest on are different.
static bool make_room(ranks_t *self, uint32_t position)
{
    uint32_t capacity = self->capacity ? self->capacity : FIRST_ROWS;
    while (capacity <= position - self->oldest)
        capacity *= 2;
    if (capacity == self->capacity)
        return true;
    ranks_t grown = { .heaps = malloc(capacity * sizeof *grown.heaps),
                      .places = malloc(capacity * sizeof *grown.places),
                      .capacity = capacity,
                      .counts = { self->counts[LOWER], self->counts[UPPER] },
                      .oldest = self->oldest };
    if (!grown.heaps || !grown.places) {
        ranks_close(&grown);
        return false;
    }
    for (int half = LOWER; half <= UPPER; half++)
        for (uint32_t i = 0; i < self->counts[half]; i++)
            put(&grown, half, i, *at(self, half, i));
    ranks_close(self);
    *self = grown;
    return true;
}

// ---- heaps ------------------------------------------------------------------------------------

// Is position a nearer to the middle than b, both in this half?
static bool nearer(const numbers_t *numbers, int half, uint32_t a, uint32_t b)
{
    int order = ring_compare(numbers->ring, numbers->column, a, b);
    return half == LOWER ? order > 0 : order < 0;
}

static void rise(ranks_t *self, const numbers_t *numbers, int half, uint32_t index)
{
    uint32_t position = *at(self, half, index);
    while (index > 0 && nearer(numbers, half, position, *at(self, half, (index - 1) / 2))) {
        put(self, half, index, *at(self, half, (index - 1) / 2));
        index = (index - 1) / 2;
    }
    put(self, half, index, position);
}

static void sink(ranks_t *self, const numbers_t *numbers, int half, uint32_t index)
{
    uint32_t position = *at(self, half, index), count = self->counts[half];
    for (uint32_t child; (child = 2 * index + 1) < count; index = child) {
        if (child + 1 < count &&
            nearer(numbers, half, *at(self, half, child + 1), *at(self, half, child)))
            child++;
        if (!nearer(numbers, half, *at(self, half, child), position))
            break;
        put(self, half, index, *at(self, half, child));
    }
    put(self, half, index, position);
}

static void push(ranks_t *self, const numbers_t *numbers, int half, uint32_t position)
{
    uint32_t index = self->counts[half]++;
    *at(self, half, index) = position;
    rise(self, numbers, half, index);
}

static void pull(ranks_t *self, const numbers_t *numbers, int half, uint32_t index)
{
    uint32_t last = *at(self, half, --self->counts[half]);
    if (index == self->counts[half])
        return;
    put(self, half, index, last);
    rise(self, numbers, half, index);
    sink(self, numbers, half, self->places[last & (self->capacity - 1)] / 2);
}

static void balance(ranks_t *self, const numbers_t *numbers)
{
    int full = self->counts[UPPER] > self->counts[LOWER] ? UPPER : LOWER;
    if (full == LOWER && self->counts[LOWER] <= self->counts[UPPER] + 1)
        return;
    uint32_t middle = *at(self, full, 0);
    pull(self, numbers, full, 0);
    push(self, numbers, full == LOWER ? UPPER : LOWER, middle);
}

bool ranks_enter(ranks_t *self, const ring_t *ring, unsigned column, uint64_t position)
{
    numbers_t numbers = { ring, column };
    uint32_t low = (uint32_t) position;
    if (self->counts[LOWER] == 0)
        self->oldest = low;
    if (!make_room(self, low))
        return false;
    bool upper =
        self->counts[LOWER] > 0 && ring_compare(ring, column, low, *at(self, LOWER, 0)) > 0;
    push(self, &numbers, upper ? UPPER : LOWER, low);
    balance(self, &numbers);
    return true;
}

void ranks_leave(ranks_t *self, const ring_t *ring, unsigned column, uint64_t position)
{
    numbers_t numbers = { ring, column };
    uint32_t low = (uint32_t) position;
    uint32_t place = self->places[low & (self->capacity - 1)];
    assert(*at(self, (int) (place % 2), place / 2) == low);
    pull(self, &numbers, (int) (place % 2), place / 2);
    balance(self, &numbers);
    if (low != self->oldest)
        return;
    // Those without a number never came in, and will not leave.
    do
        self->oldest++;
    while (self->counts[LOWER] > 0 && ring_null(ring, column, self->oldest));
}

bool ranks_copy(ranks_t *self, const ranks_t *from)
{
    if (self->capacity != from->capacity) {
        ranks_close(self);
        self->heaps = malloc(from->capacity * sizeof *self->heaps);
        self->places = malloc(from->capacity * sizeof *self->places);
        if (from->capacity && (!self->heaps || !self->places)) {
            ranks_close(self);
            return false;
        }
    }
    ranks_t copy = *from;
    copy.heaps = self->heaps;
    copy.places = self->places;
    *self = copy;
    if (self->capacity) {
        memcpy(self->heaps, from->heaps, self->capacity * sizeof *self->heaps);
        memcpy(self->places, from->places, self->capacity * sizeof *self->places);
    }
    return true;
}

size_t ranks_bytes(const ranks_t *self)
{
    return self->capacity * (sizeof *self->heaps + sizeof *self->places);
}

// ---- values -----------------------------------------------------------------------------------

// The two in the middle. False: there are none.
static bool middle(const ranks_t *self, uint32_t *a, uint32_t *b)
{
    if (self->counts[LOWER] == 0)
        return false;
    *a = *b = *at(self, LOWER, 0);
    if (self->counts[UPPER] == self->counts[LOWER])
        *b = *at(self, UPPER, 0);
    return true;
}

bool ranks_exact(const ranks_t *self, const ring_t *ring, unsigned column, mpq_t median)
{
    uint32_t a, b;
    if (!middle(self, &a, &b))
        return false;
    mpz_t other;
    mpz_init(other);
    ring_mantissa(ring, column, a, mpq_numref(median));
    ring_mantissa(ring, column, b, other);
    mpz_add(mpq_numref(median), mpq_numref(median), other);
    mpz_set_ui(mpq_denref(median), 2);
    mpq_canonicalize(median);
    exact_scale(median, ring->columns[column].exponent);
    mpz_clear(other);
    return true;
}

approximate_t ranks_approximate(const ranks_t *self, const ring_t *ring, unsigned column,
                                double *value, double *error)
{
    uint32_t a, b;
    if (!middle(self, &a, &b))
        return APPROXIMATE_NULL;
    const column_t *c = &ring->columns[column];
    if (c->narrow) {
        double twice = (double) ((int128_t) c->narrow[a & ring->mask] + c->narrow[b & ring->mask]);
        if (exact_approximate(twice / 2, c->exponent, 1, value, error))
            return APPROXIMATE_VALUE;
    }
    mpq_t exact;
    mpq_init(exact);
    (void) ranks_exact(self, ring, column, exact); // there is a middle
    bool near = exact_estimate(exact, value, error);
    mpq_clear(exact);
    return near ? APPROXIMATE_VALUE : APPROXIMATE_UNSURE;
}
