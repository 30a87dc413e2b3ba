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

static uint64_t hash_of(int64_t ts, slice_t identity)
{
    return hash_bytes(identity) + (uint64_t) ts * UINT64_C(0x9e3779b97f4a7c15);
}

static bool is(const open_t *self, size_t row, int64_t ts, uint64_t hash, slice_t identity)
{
    const open_row_t *r = &self->rows[row];
    return r->hash == hash && r->ts == ts && !r->ordinal &&
           slice_same(open_identity(self, row), identity);
}

static uint32_t slot_of(const open_t *self, uint64_t hash)
{
    return (uint32_t) (hash >> 32) & self->index_mask;
}

size_t open_find(const open_t *self, int64_t ts, slice_t identity)
{
    uint64_t hash = hash_of(ts, identity);
    if (!self->index) {
        for (size_t i = self->end; i-- > self->first;)
            if (is(self, i, ts, hash, identity))
                return i;
        return SIZE_MAX;
    }
    for (uint32_t at = slot_of(self, hash); self->index[at]; at = (at + 1) & self->index_mask) {
        size_t row = self->index[at] - 1;
        if (row >= self->first && is(self, row, ts, hash, identity))
            return row;
    }
    return SIZE_MAX;
}

// Rows told apart by their ordinal are never looked for, so they can leave without a trace.
static void index_put(open_t *self, size_t row)
{
    if (self->rows[row].ordinal)
        return;
    uint32_t at = slot_of(self, self->rows[row].hash);
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

// Rows from `at` on are to move up by one: so are their places in the index.
static void index_shift(open_t *self, size_t at)
{
    for (size_t row = self->end; self->index && row-- > at;) {
        if (self->rows[row].ordinal)
            continue;
        uint32_t place = slot_of(self, self->rows[row].hash);
        while (self->index[place] != row + 1)
            place = (place + 1) & self->index_mask;
        self->index[place]++;
    }
}

static void make_gap(open_t *self, size_t at)
{
    size_t behind = self->end - at;
    index_shift(self, at);
    memmove(self->rows + at + 1, self->rows + at, behind * sizeof *self->rows);
    memmove(open_values(self, at + 1), open_values(self, at),
            behind * self->column_count * sizeof *self->values);
    for (size_t i = at + 1; i <= self->end; i++)
        self->rows[i].position++;
}

static inline void put_row(open_t *self, size_t at, const opening_t *row)
{
    self->rows[at] = (open_row_t){ .ts = row->ts,
                                   .position = row->position,
                                   .nth = row->nth,
                                   .hash = hash_of(row->ts, row->identity),
                                   .identity = (uint32_t) self->identities.size,
                                   .identity_size = (uint8_t) row->identity.size,
                                   .ordinal = row->ordinal,
                                   .due = row->due };
}

bool open_insert(open_t *self, size_t at, const opening_t *row)
{
    assert(row->identity.size <= IDENTITY_BYTES_MAX && at >= self->first && at <= self->end);
    if (self->end == self->capacity && !grow(self))
        return false;
    if (at < self->end)
        make_gap(self, at);
    put_row(self, at, row);
    buffer_append(&self->identities, row->identity.data, row->identity.size);
    self->end++;
    if (self->index)
        index_put(self, at);
    else if (open_count(self) >= INDEX_FROM && !index_all(self))
        return false;
    return !self->identities.failed;
}

bool open_only(open_t *self, const opening_t *row)
{
    if (!self->rows || self->index || row->identity.size > 0) {
        open_clear(self);
        return open_insert(self, 0, row);
    }
    // Most rows of most series: no identity beyond the time, and alone at it.
    self->identities.size = 0;
    put_row(self, 0, row);
    self->first = 0;
    self->end = 1;
    return true;
}

void open_drop_ordinal(open_t *self)
{
    assert(open_count(self) > 0 && self->rows[self->end - 1].ordinal);
    self->end--;
}

// Identities of rows that have left, or lie in the order of arrival, are put in that of the rows.
static bool pack_identities(open_t *self)
{
    if (self->identities.size == 0)
        return true;
    buffer_t packed = { 0 };
    for (size_t i = self->first; i < self->end; i++) {
        slice_t identity = open_identity(self, i);
        self->rows[i].identity = (uint32_t) packed.size;
        buffer_append(&packed, identity.data, identity.size);
    }
    buffer_destroy(&self->identities);
    self->identities = packed;
    return !packed.failed;
}

// Move what is left to the front, at most once for each time as many rows as are left have gone.
static bool compact(open_t *self)
{
    size_t left = open_count(self);
    if (!pack_identities(self))
        return false;
    memmove(self->rows, self->rows + self->first, left * sizeof *self->rows);
    memmove(self->values, open_values(self, self->first),
            left * self->column_count * sizeof *self->values);
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

void open_drop_last(open_t *self, uint64_t from)
{
    while (open_count(self) > 0 && self->rows[self->end - 1].position >= from)
        self->end--;
    if (self->index)
        forget_index(self); // made again with the next row that it is for
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
