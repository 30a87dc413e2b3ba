/*  open -- see open.h. */
#include "actors/transform/open.h"

#include <assert.h>
#include <stdlib.h>

#include "actors/transform/hash.h"

enum { FIRST_ROWS = 1, INDEX_FROM = 32 }; // below, looking at all is quicker

void open_init(open_t *self, unsigned column_count)
{
    *self = (open_t){ .column_count = column_count };
}

void open_close(open_t *self)
{
    free(self->rows);
    free(self->values);
    free(self->index);
    buffer_destroy(&self->identities);
    *self = (open_t){ 0 };
}

static void forget_index(open_t *self)
{
    free(self->index);
    self->index = NULL;
}

void open_clear(open_t *self)
{
    self->first = self->end = 0;
    buffer_clear(&self->identities);
    if (self->index)
        forget_index(self);
}

static bool is(const open_t *self, size_t row, uint64_t hash, slice_t identity)
{
    const open_row_t *r = &self->rows[row];
    return r->hash == hash && !r->ordinal && slice_same(open_identity(self, row), identity);
}

size_t open_find(const open_t *self, slice_t identity)
{
    uint64_t hash = hash_bytes(identity);
    if (!self->index) {
        for (size_t i = self->end; i-- > self->first;)
            if (is(self, i, hash, identity))
                return i;
        return SIZE_MAX;
    }
    for (uint32_t at = (uint32_t) hash & self->index_mask; self->index[at];
         at = (at + 1) & self->index_mask)
        if (self->index[at] - 1 >= self->first && is(self, self->index[at] - 1, hash, identity))
            return self->index[at] - 1;
    return SIZE_MAX;
}

// Rows told apart by their ordinal are never looked for, so they can leave without a trace.
static void index_put(open_t *self, size_t row)
{
    if (self->rows[row].ordinal)
        return;
    uint32_t at = (uint32_t) self->rows[row].hash & self->index_mask;
    while (self->index[at])
        at = (at + 1) & self->index_mask;
    self->index[at] = (uint32_t) row + 1;
}

static bool index_all(open_t *self)
{
    forget_index(self);
    if (open_count(self) < INDEX_FROM)
        return true;
    uint32_t size = INDEX_FROM;
    while (size < 2 * self->capacity)
        size *= 2;
    self->index = calloc(size, sizeof *self->index);
    if (!self->index)
        return false;
    self->index_mask = size - 1;
    for (size_t i = self->first; i < self->end; i++)
        index_put(self, i);
    return true;
}

static bool grow(open_t *self)
{
    size_t capacity = self->capacity ? 2 * self->capacity : FIRST_ROWS;
    open_row_t *rows = realloc(self->rows, capacity * sizeof *rows);
    if (!rows)
        return false;
    self->rows = rows;
    size_t columns = self->column_count ? self->column_count : 1;
    decimal_t *values = realloc(self->values, capacity * columns * sizeof *values);
    if (!values)
        return false;
    self->values = values;
    self->capacity = capacity;
    return !self->index || index_all(self);
}

bool open_add(open_t *self, uint64_t position, slice_t identity, bool ordinal)
{
    assert(identity.size <= IDENTITY_BYTES_MAX);
    if (self->end == self->capacity && !grow(self))
        return false;
    self->rows[self->end] = (open_row_t){ .position = position,
                                          .hash = hash_bytes(identity),
                                          .identity = (uint32_t) self->identities.size,
                                          .identity_size = (uint8_t) identity.size,
                                          .ordinal = ordinal,
                                          .changed = true };
    buffer_append(&self->identities, identity.data, identity.size);
    self->end++;
    if (self->index)
        index_put(self, self->end - 1);
    else if (open_count(self) == INDEX_FROM && !index_all(self))
        return false;
    return !self->identities.failed;
}

bool open_only(open_t *self, uint64_t position, slice_t identity, bool ordinal)
{
    if (!self->rows || self->index || identity.size > 0) {
        open_clear(self);
        return open_add(self, position, identity, ordinal);
    }
    // Most rows of most series: no identity beyond the time, and alone at it.
    self->rows[0] = (open_row_t){
        .position = position, .hash = hash_bytes(identity), .ordinal = ordinal, .changed = true
    };
    self->first = 0;
    self->end = 1;
    self->identities.size = 0;
    return true;
}

void open_drop_ordinal(open_t *self)
{
    assert(open_count(self) > 0 && self->rows[self->end - 1].ordinal);
    self->end--;
    self->identities.size = self->rows[self->end].identity;
}

// Move what is left to the front, at most once for each time as many rows as are left have gone.
static bool compact(open_t *self)
{
    size_t left = open_count(self);
    size_t cut = left ? self->rows[self->first].identity : self->identities.size;
    memmove(self->rows, self->rows + self->first, left * sizeof *self->rows);
    memmove(self->values, open_values(self, self->first),
            left * self->column_count * sizeof *self->values);
    if (cut > 0)
        memmove(self->identities.data, self->identities.data + cut, self->identities.size - cut);
    self->identities.size -= cut;
    for (size_t i = 0; i < left; i++)
        self->rows[i].identity -= (uint32_t) cut;
    self->first = 0;
    self->end = left;
    return index_all(self);
}

bool open_drop_first(open_t *self, size_t count)
{
    assert(count <= open_count(self));
    self->first += count;
    return self->first <= open_count(self) || compact(self);
}

bool open_rearrange(open_t *self, unsigned column_count, const int *from)
{
    size_t columns = column_count ? column_count : 1;
    size_t rows = self->capacity ? self->capacity : 1;
    decimal_t *values = malloc(rows * columns * sizeof *values);
    if (!values)
        return false;
    for (size_t r = self->first; r < self->end; r++)
        for (unsigned c = 0; c < column_count; c++)
            values[r * column_count + c] =
                from[c] < 0 ? DECIMAL_NULL : open_values(self, r)[from[c]];
    free(self->values);
    self->values = values;
    self->column_count = column_count;
    return true;
}

size_t open_bytes(const open_t *self)
{
    return self->capacity * (sizeof *self->rows + self->column_count * sizeof *self->values) +
           self->identities.capacity +
           (self->index ? (self->index_mask + 1) * sizeof(uint32_t) : 0);
}
