/*  rows_order -- from the order of arrival to the order of the block.
 *
 *  Stable by time (most records come sorted: then nothing is done), then grouped by series with
 *  one counting sort, first appearance first; and one exponent for a column where it fits.
 */
#include "proto/decimal_scale.h"
#include "proto/rows_builder.h"

// Merge two neighbouring sorted stretches of row numbers; equal times keep their order.
static void merge(const int64_t *ts, const uint32_t *from, size_t middle, size_t end, uint32_t *to)
{
    size_t left = 0, right = middle;
    for (size_t i = 0; i < end; i++) {
        bool take_left = right == end || (left < middle && ts[from[left]] <= ts[from[right]]);
        to[i] = from[take_left ? left++ : right++];
    }
}

// Bottom-up merge sort of row numbers by time. The result lies in `a`; `b` is scratch.
static void sort_rows(const int64_t *ts, uint32_t **a, uint32_t **b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (*a)[i] = (uint32_t) i;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += 2 * width) {
            size_t left = count - start;
            size_t end = left < 2 * width ? left : 2 * width;
            size_t middle = left < width ? left : width;
            merge(ts, *a + start, middle, end, *b + start);
        }
        uint32_t *swap = *a;
        *a = *b;
        *b = swap;
    }
}

// Counting sort by series of the rows listed in `rows` (NULL: 0, 1, 2 ...) into order.
static void group(rows_t *self, const uint32_t *rows)
{
    rows_series_t *entries = self->entries;
    for (size_t i = 0; i < self->entry_count; i++)
        entries[i].count = 0;
    self->run_count = 0;
    for (size_t i = 0; i < self->count; i++) {
        uint32_t series = self->series[rows ? rows[i] : i];
        if (entries[series].count++ == 0)
            self->runs[self->run_count++] = series;
    }
    uint32_t first = 0;
    for (size_t i = 0; i < self->run_count; i++) {
        rows_series_t *entry = &entries[self->runs[i]];
        entry->first = first;
        first += entry->count;
    }
    self->grouped = true;
    for (size_t i = 0; i < self->count; i++) {
        uint32_t row = rows ? rows[i] : (uint32_t) i;
        uint32_t place = entries[self->series[row]].first++;
        self->order[place] = row;
        self->grouped &= place == row;
    }
    for (size_t i = 0; i < self->run_count; i++)
        entries[self->runs[i]].first -= entries[self->runs[i]].count;
}

// Does this value, brought to exponent `least`, stay below 2^63?
static inline bool scaled(const rows_values_t *values, size_t at, int64_t *mantissa)
{
    *mantissa = values->mantissas[at];
    if (*mantissa == 0 || *mantissa == DECIMAL_NULL_MANTISSA)
        return true;
    int places = values->exponents[at] - values->least;
    if (places >= DECIMAL_TEN_MAX)
        return false;
    return !__builtin_mul_overflow(*mantissa, (int64_t) decimal_ten[places], mantissa) &&
           *mantissa != DECIMAL_NULL_MANTISSA;
}

// All or none: a column that does not fit keeps the exponents of its rows.
static void choose_exponent(rows_values_t *values, size_t count)
{
    values->uniform = true;
    if (values->least > values->most) // nothing but 0 and NULL
        values->least = values->most = 0;
    if (values->least == values->most)
        return;
    int64_t mantissa;
    for (size_t i = 0; i < count; i++) {
        if (!scaled(values, i, &mantissa)) {
            values->uniform = false;
            return;
        }
    }
    for (size_t i = 0; i < count; i++) {
        scaled(values, i, &mantissa);
        values->mantissas[i] = mantissa;
    }
}

bool rows_arrange(rows_t *self)
{
    if (self->arranged)
        return true;
    if (self->run_capacity < self->entry_count) {
        if (!rows_grow((void **) &self->runs, self->entry_capacity, sizeof *self->runs))
            return false;
        self->run_capacity = self->entry_capacity;
    }
    const uint32_t *sorted = NULL;
    if (!self->rising) {
        sort_rows(self->ts, &self->scratch, &self->order, self->count);
        sorted = self->scratch;
    }
    group(self, sorted);
    for (unsigned i = 0; i < self->head.column_count; i++)
        choose_exponent(&self->columns[i], self->count);
    self->arranged = true;
    return true;
}
