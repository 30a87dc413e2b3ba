/*  journal_column -- numbers of a column as bytes: see journal_format.h. */
#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "actors/transform/journal_format.h"

enum { ROOM_FIRST = 64 };

// Writer and reader have one limit: what is written can be read.
static bool exponent_fits(int64_t exponent)
{
    return exponent >= -FIGURE_EXPONENT_MAX && exponent <= FIGURE_EXPONENT_MAX;
}

void column_writer_init(column_writer_t *self)
{
    *self = (column_writer_t){ 0 };
    figure_init(&self->figure);
    mpz_init(self->big);
}

void column_writer_close(column_writer_t *self)
{
    free(self->numbers);
    free(self->nulls);
    figure_clear(&self->figure);
    mpz_clear(self->big);
}

bool column_writer_room(column_writer_t *self, size_t count)
{
    if (count <= self->capacity && self->numbers)
        return true;
    count = count > ROOM_FIRST ? count : ROOM_FIRST;
    int64_t *numbers = realloc(self->numbers, count * sizeof *numbers);
    if (numbers)
        self->numbers = numbers;
    uint8_t *nulls = realloc(self->nulls, (count + 7) / 8);
    if (nulls)
        self->nulls = nulls;
    if (!numbers || !nulls)
        return false;
    self->capacity = count;
    return true;
}

// How far all of them can be divided by ten; 0 numbers that are not zero: INT_MAX.
static int common_zeros(const int64_t *numbers, size_t count)
{
    int zeros = INT_MAX;
    for (size_t i = 0; i < count && zeros > 0; i++) {
        int64_t number = numbers[i];
        if (number == 0 || number == FIGURE_NULL_MANTISSA)
            continue;
        int here = 0;
        for (; here < zeros && number % 10 == 0; here++)
            number /= 10;
        zeros = here;
    }
    return zeros;
}

// self->numbers are mantissas at `exponent`, FIGURE_NULL_MANTISSA where NULL.
static void write_narrow(column_writer_t *self, size_t count, int exponent, buffer_t *out)
{
    int zeros = common_zeros(self->numbers, count);
    int64_t divisor = zeros == INT_MAX ? 1 : exact_ten[zeros];
    size_t null_count = 0;
    int64_t any = 0;
    memset(self->nulls, 0, (count + 7) / 8);
    for (size_t i = 0; i < count; i++) {
        if (self->numbers[i] == FIGURE_NULL_MANTISSA) {
            self->nulls[i / 8] |= (uint8_t) (1 << i % 8);
            null_count++;
        } else {
            self->numbers[i] /= divisor;
            any = self->numbers[i];
        }
    }
    uint8_t kind = null_count == count ? COLUMN_NULLS
                   : null_count > 0    ? COLUMN_SOME_NULL
                                       : COLUMN_NARROW;
    buffer_append(out, &kind, 1);
    if (kind == COLUMN_NULLS)
        return;
    exponent = zeros == INT_MAX ? 0 : exponent + zeros;
    assert(exponent_fits(exponent));
    pack_i64(out, exponent);
    if (kind == COLUMN_SOME_NULL)
        buffer_append(out, self->nulls, (count + 7) / 8);
    for (size_t i = 0; null_count > 0 && i < count; i++)
        if (self->numbers[i] == FIGURE_NULL_MANTISSA)
            self->numbers[i] = any; // widens nothing
    pack_list(out, self->numbers, count, 0);
}

void figure_write(column_writer_t *self, figure_t *figure, buffer_t *out)
{
    figure_normalise(figure);
    switch (figure->size) {
    case FIGURE_NULL:
        pack_u64(out, 0);
        return;
    case FIGURE_SMALL:
        mpz_set_si(self->big, figure->mantissa);
        break;
    case FIGURE_BIG:
        mpz_set(self->big, figure->big);
        break;
    }
    // Size and sign in one number that is never 0, then the exponent, then the magnitude.
    size_t size = (mpz_sizeinbase(self->big, 2) + 7) / 8;
    assert(exponent_fits(figure->exponent) && size <= FIGURE_BYTES_MAX);
    pack_u64(out, 2 * size + (mpz_sgn(self->big) < 0));
    pack_i64(out, figure->exponent);
    uint8_t *place = buffer_extend(out, size);
    if (place) {
        memset(place, 0, size);
        mpz_export(place, NULL, -1, 1, 0, 0, self->big);
    }
}

static void write_wide(column_writer_t *self, const ring_t *ring, unsigned column, uint64_t from,
                       uint64_t to, buffer_t *out)
{
    buffer_append(out, &(uint8_t){ COLUMN_WIDE }, 1);
    buffer_t figures = { 0 };
    for (uint64_t p = from; p < to; p++) {
        ring_get(ring, column, p, &self->figure);
        figure_write(self, &self->figure, &figures);
    }
    pack_bytes(out, buffer_slice(&figures));
    out->failed = out->failed || figures.failed;
    buffer_destroy(&figures);
}

// The numbers of a wide column at the highest exponent that all of them have, if they fit there.
static bool narrow_after_all(column_writer_t *self, const ring_t *ring, unsigned column,
                             uint64_t from, uint64_t to, int *exponent)
{
    *exponent = INT_MAX;
    for (uint64_t p = from; p < to; p++) {
        ring_get(ring, column, p, &self->figure);
        figure_normalise(&self->figure);
        bool zero = self->figure.size == FIGURE_SMALL && self->figure.mantissa == 0;
        if (self->figure.size != FIGURE_NULL && !zero && self->figure.exponent < *exponent)
            *exponent = self->figure.exponent;
    }
    if (*exponent == INT_MAX)
        *exponent = 0;
    for (uint64_t p = from; p < to; p++) {
        ring_get(ring, column, p, &self->figure);
        if (self->figure.size == FIGURE_NULL)
            self->numbers[p - from] = FIGURE_NULL_MANTISSA;
        else if (!figure_at(&self->figure, *exponent, &self->numbers[p - from]))
            return false;
    }
    return true;
}

bool column_write(column_writer_t *self, const ring_t *ring, unsigned column, uint64_t from,
                  uint64_t to, buffer_t *out)
{
    size_t count = (size_t) (to - from);
    if (!column_writer_room(self, count))
        return false;
    const column_t *c = &ring->columns[column];
    int exponent = c->exponent;
    if (c->wide && !narrow_after_all(self, ring, column, from, to, &exponent)) {
        write_wide(self, ring, column, from, to, out);
        return true;
    }
    for (uint64_t p = from; !c->wide && p < to; p++)
        self->numbers[p - from] = c->narrow[p & ring->mask];
    write_narrow(self, count, exponent, out);
    return true;
}

// ---- reading ----------------------------------------------------------------------------------

static int read_exponent(unpack_t *in)
{
    int64_t exponent = unpack_i64(in);
    if (!exponent_fits(exponent)) {
        in->bad = true;
        return 0;
    }
    return (int) exponent;
}

void figure_read(unpack_t *in, figure_t *figure)
{
    figure->size = FIGURE_NULL;
    uint64_t size = unpack_up_to(in, 2 * FIGURE_BYTES_MAX + 1);
    if (size == 0)
        return;
    figure->exponent = read_exponent(in);
    slice_t magnitude = unpack_raw(in, size / 2);
    if (in->bad)
        return;
    mpz_import(figure->big, magnitude.size, -1, 1, 0, 0, magnitude.data);
    if (size & 1)
        mpz_neg(figure->big, figure->big);
    figure->size = FIGURE_BIG;
    figure_normalise(figure);
}

void column_read(column_reader_t *self, unpack_t *in, size_t count)
{
    *self = (column_reader_t){ .kind = unpack_byte(in) };
    if (self->kind == COLUMN_WIDE) {
        slice_t figures = unpack_bytes(in);
        self->wide = (unpack_t){ .at = figures.data, .end = figures.data + figures.size };
    } else if (self->kind == COLUMN_NARROW || self->kind == COLUMN_SOME_NULL) {
        self->exponent = read_exponent(in);
        if (self->kind == COLUMN_SOME_NULL)
            self->nulls = unpack_raw(in, (count + 7) / 8).data;
        self->list = unpack_list(in, count, 0);
    } else if (self->kind != COLUMN_NULLS) {
        in->bad = true;
    }
}

void column_next(column_reader_t *self, figure_t *figure)
{
    size_t i = self->next++;
    figure->size = FIGURE_NULL;
    if (self->kind == COLUMN_WIDE) {
        figure_read(&self->wide, figure);
        return;
    }
    if (self->kind == COLUMN_NULLS || (self->nulls && self->nulls[i / 8] >> i % 8 & 1))
        return;
    figure->mantissa = unpack_at(&self->list, i);
    figure->exponent = self->exponent;
    // The one mantissa that is none cannot have been written.
    figure->size = figure->mantissa == FIGURE_NULL_MANTISSA ? FIGURE_NULL : FIGURE_SMALL;
}
