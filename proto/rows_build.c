/*  rows_build -- life of rows_t and adding rows to it, one by one and in bulk. See rows.h. */
#include <assert.h>
#include <stdlib.h>

#include "proto/rows_builder.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays go to the wire as they lie");

enum { FIRST_ROWS = 256 };

rows_t *rows_new(void)
{
    rows_t *self = calloc(1, sizeof *self);
    if (self)
        self->failed = true; // until rows_begin
    return self;
}

void rows_destroy(rows_t **self_p)
{
    rows_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < ROWS_COLUMNS_MAX; i++) {
        free(self->columns[i].mantissas);
        free(self->columns[i].exponents);
    }
    free(self->ts);
    free(self->series);
    free(self->row);
    buffer_destroy(&self->identities);
    free(self->identity_ends);
    buffer_destroy(&self->names);
    free(self->entries);
    free(self->slots);
    free(self->order);
    free(self->scratch);
    free(self->runs);
    free(self);
    *self_p = NULL;
}

bool rows_grow(void **array, size_t capacity, size_t item_size)
{
    void *grown = realloc(*array, capacity * item_size);
    if (!grown)
        return false;
    *array = grown;
    return true;
}

static void forget_series(rows_t *self)
{
    self->entry_count = 0;
    self->slot_count = 0;
    buffer_clear(&self->names);
}

void rows_begin(rows_t *self, const rows_head_t *head)
{
    assert(head->column_count <= ROWS_COLUMNS_MAX);
    assert(head->source.size <= ROWS_NAME_MAX && head->table.size <= ROWS_NAME_MAX);
    self->head = *head;
    self->failed = self->arranged = self->any_identity = false;
    self->rising = true;
    self->count = 0;
    self->room = self->capacity;
    for (unsigned i = 0; i < head->column_count; i++) {
        rows_values_t *values = &self->columns[i];
        values->least = INT8_MAX;
        values->most = INT8_MIN;
        if (values->capacity < self->room)
            self->room = values->capacity;
    }
    buffer_clear(&self->identities);
    forget_series(self);
}

static bool grow_rows(rows_t *self, size_t needed)
{
    size_t capacity = self->capacity > FIRST_ROWS ? self->capacity : FIRST_ROWS;
    while (capacity < needed)
        capacity *= 2;
    if (!rows_grow((void **) &self->ts, capacity, sizeof *self->ts) ||
        !rows_grow((void **) &self->series, capacity, sizeof *self->series) ||
        !rows_grow((void **) &self->row, capacity, sizeof *self->row) ||
        !rows_grow((void **) &self->identity_ends, capacity, sizeof *self->identity_ends) ||
        !rows_grow((void **) &self->order, capacity, sizeof *self->order) ||
        !rows_grow((void **) &self->scratch, capacity, sizeof *self->scratch))
        return false;
    self->capacity = capacity;
    for (unsigned i = 0; i < self->head.column_count; i++) {
        rows_values_t *values = &self->columns[i];
        if (values->capacity >= capacity)
            continue;
        if (!rows_grow((void **) &values->mantissas, capacity, sizeof *values->mantissas) ||
            !rows_grow((void **) &values->exponents, capacity, sizeof *values->exponents))
            return false;
        values->capacity = capacity;
    }
    self->room = capacity;
    return true;
}

static inline bool reserve(rows_t *self, size_t extra)
{
    assert(!self->arranged);
    if (self->failed || extra > ROWS_PER_BLOCK_MAX - self->count)
        return false;
    size_t needed = self->count + extra;
    return needed <= self->room || grow_rows(self, needed);
}

static bool add_identity(rows_t *self, slice_t identity)
{
    if (!self->any_identity) {
        memset(self->identity_ends, 0, self->count * sizeof *self->identity_ends);
        self->any_identity = true;
    }
    buffer_append(&self->identities, identity.data, identity.size);
    self->identity_ends[self->count] = (uint32_t) self->identities.size;
    return !self->identities.failed;
}

static inline void add_value(rows_values_t *values, size_t at, decimal_t value)
{
    assert(value.exponent >= DECIMAL_EXPONENT_MIN && value.exponent <= DECIMAL_EXPONENT_MAX);
    values->mantissas[at] = value.mantissa;
    values->exponents[at] = value.exponent;
    if (value.mantissa == 0 || decimal_is_null(value))
        return;
    if (value.exponent < values->least)
        values->least = value.exponent;
    if (value.exponent > values->most)
        values->most = value.exponent;
}

bool rows_add(rows_t *self, int series, int64_t ts_us, const decimal_t *values, slice_t identity,
              uint32_t row)
{
    assert(series >= 0 && (size_t) series < self->entry_count);
    if (ts_us < ROWS_TS_MIN || ts_us > ROWS_TS_MAX || identity.size > IDENTITY_BYTES_MAX ||
        !reserve(self, 1))
        return false;
    if ((identity.size > 0 || self->any_identity) && !add_identity(self, identity))
        return false;
    size_t at = self->count++;
    self->ts[at] = ts_us;
    self->series[at] = (uint32_t) series;
    self->row[at] = row;
    if (at > 0 && ts_us < self->ts[at - 1])
        self->rising = false;
    for (unsigned i = 0; i < self->head.column_count; i++)
        add_value(&self->columns[i], at, values[i]);
    return true;
}

size_t rows_count(const rows_t *self)
{
    return self->count;
}

// ---- in bulk ------------------------------------------------------------------------------

// Which of the rows stay: their numbers in rows_t.scratch. The common case, all, needs none.
static uint32_t choose_rows(rows_t *self, uint32_t count, const uint32_t *series, bool *all)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        kept += series[i] != ROWS_LEFT_OUT;
    *all = kept == count;
    if (*all)
        return kept;
    kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (series[i] != ROWS_LEFT_OUT)
            self->scratch[kept++] = i;
    return kept;
}

// `chosen` NULL: all.
static void copy_i64(int64_t *to, const uint8_t *from, const uint32_t *chosen, uint32_t count)
{
    if (!chosen) {
        memcpy(to, from, (size_t) count * sizeof *to);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        to[i] = rows_load_i64(from, chosen[i]);
}

// Times in range; also whether they still rise.
static bool accept_times(rows_t *self, size_t start, uint32_t count)
{
    int64_t last = start > 0 ? self->ts[start - 1] : ROWS_TS_MIN;
    bool good = true, rising = true;
    for (size_t i = start; i < start + count; i++) {
        int64_t ts = self->ts[i];
        good &= ts >= ROWS_TS_MIN && ts <= ROWS_TS_MAX;
        rising &= ts >= last;
        last = ts;
    }
    self->rising &= rising || !good;
    return good;
}

bool rows_add_columns(rows_t *self, uint32_t count, const uint32_t *series, const uint8_t *ts,
                      const rows_bulk_t *columns, uint32_t first_row)
{
    if (count == 0)
        return true;
    if (!reserve(self, count))
        return false;
    bool all;
    uint32_t kept = choose_rows(self, count, series, &all);
    const uint32_t *chosen = all ? NULL : self->scratch;
    size_t start = self->count;
    copy_i64(self->ts + start, ts, chosen, kept);
    if (!accept_times(self, start, kept))
        return false;
    for (uint32_t i = 0; i < kept; i++) {
        uint32_t from = chosen ? chosen[i] : i;
        assert(series[from] < self->entry_count);
        self->series[start + i] = series[from];
        self->row[start + i] = first_row + from;
    }
    for (unsigned c = 0; c < self->head.column_count; c++) {
        rows_values_t *values = &self->columns[c];
        assert(columns[c].exponent >= DECIMAL_EXPONENT_MIN &&
               columns[c].exponent <= DECIMAL_EXPONENT_MAX);
        copy_i64(values->mantissas + start, columns[c].mantissas, chosen, kept);
        memset(values->exponents + start, columns[c].exponent, kept);
        if (columns[c].exponent < values->least)
            values->least = columns[c].exponent;
        if (columns[c].exponent > values->most)
            values->most = columns[c].exponent;
    }
    if (self->any_identity)
        for (uint32_t i = 0; i < kept; i++)
            self->identity_ends[start + i] = (uint32_t) self->identities.size;
    self->count = start + kept;
    return true;
}
