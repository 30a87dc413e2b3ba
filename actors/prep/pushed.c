/*  pushed -- reading pushed columns. Pure. */
#include "actors/prep/pushed.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "proto/wire.h"

// Within these bounds an int64 is a decimal as it stands.
#define MANTISSA_LIMIT 1000000000000000000

enum { SCALE_MAX = 15 };

// Below this, a decimal of at most SCALE_MAX places that reads back as a double is the only one.
#define EXACT_MANTISSA_LIMIT ((double) (INT64_C(1) << 51))

static const double POWERS[SCALE_MAX + 1] = { 1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };

static int64_t s_load_i64(const uint8_t *values, uint32_t row)
{
    int64_t value;
    memcpy(&value, values + (size_t) row * 8, sizeof value);
    return value;
}

static double s_load_f64(const uint8_t *values, uint32_t row)
{
    double value;
    memcpy(&value, values + (size_t) row * 8, sizeof value);
    return value;
}

static pushed_cell_t s_cell_of_int(int64_t value)
{
    bool rounded = value >= MANTISSA_LIMIT || value <= -MANTISSA_LIMIT;
    return (pushed_cell_t){
        .kind = FIELD_NUMBER, .number = decimal_from_int(value), .rounded = rounded, .finite = true
    };
}

static pushed_cell_t s_cell_of_double(double value)
{
    pushed_cell_t cell = { .kind = FIELD_NUMBER };
    decimal_result_t result = decimal_from_double(&cell.number, value);
    cell.finite = result == DECIMAL_EXACT || result == DECIMAL_ROUNDED;
    return cell;
}

static pushed_cell_t s_cell_of_dec(int64_t mantissa, int8_t exponent)
{
    if (mantissa == DECIMAL_NULL_MANTISSA)
        return (pushed_cell_t){ .kind = FIELD_NULL };
    // By way of text, which knows how to round and what is out of range.
    char text[32];
    pushed_cell_t cell = { .kind = FIELD_NUMBER };
    int size = snprintf(text, sizeof text, "%" PRId64 "e%d", mantissa, exponent);
    decimal_result_t result = decimal_parse(&cell.number, text, (size_t) size);
    cell.finite = result == DECIMAL_EXACT || result == DECIMAL_ROUNDED;
    cell.rounded = result == DECIMAL_ROUNDED;
    return cell;
}

static pushed_cell_t s_cell_of_text(slice_t text)
{
    return (pushed_cell_t){ .kind = FIELD_TEXT, .text = text };
}

// The next msgpack scalar; whatever is no scalar of ours is a container.
static pushed_cell_t s_cell_of_wire(wire_reader_t *reader)
{
    bool yes = false;
    int64_t integer;
    double number;
    slice_t text;
    switch (wire_peek(reader)) {
    case WIRE_NIL:
        wire_read_nil(reader);
        return (pushed_cell_t){ .kind = FIELD_NULL };
    case WIRE_BOOL:
        wire_read_bool(reader, &yes);
        return (pushed_cell_t){ .kind = yes ? FIELD_TRUE : FIELD_FALSE };
    case WIRE_INT:
        if (wire_read_i64(reader, &integer))
            return s_cell_of_int(integer);
        break;
    case WIRE_DOUBLE:
        if (wire_read_double(reader, &number))
            return s_cell_of_double(number);
        break;
    case WIRE_TEXT:
        if (wire_read_text(reader, &text, PUSH_TEXT_MAX))
            return s_cell_of_text(text);
        break;
    case WIRE_END:
    case WIRE_BYTES:
    case WIRE_ARRAY:
    case WIRE_MAP:
    case WIRE_EXT:
    case WIRE_BAD:
        break;
    }
    wire_skip(reader, NULL);
    return (pushed_cell_t){ .kind = FIELD_CONTAINER };
}

bool pushed_open(pushed_t *self, const push_t *push, const push_column_t *column,
                 scratch_t *scratch)
{
    *self = (pushed_t){ .column = column };
    if (!column || (column->type != PUSH_DICT && column->type != PUSH_SCALARS))
        return true;
    bool dict = column->type == PUSH_DICT;
    uint32_t count = dict ? column->text_count : push->row_count;
    wire_reader_t reader = wire_reader(dict ? column->texts : column->values);
    self->cells = scratch_take(scratch, count, sizeof *self->cells);
    if (!self->cells)
        return false;
    for (uint32_t i = 0; i < count; i++)
        self->cells[i] = s_cell_of_wire(&reader);
    return true;
}

pushed_cell_t pushed_cell(const pushed_t *self, uint32_t row)
{
    const push_column_t *column = self->column;
    if (!column)
        return (pushed_cell_t){ .kind = FIELD_MISSING };
    double number;
    switch (column->type) {
    case PUSH_SCALARS:
        return self->cells[row];
    case PUSH_DICT:
        return self->cells[push_index(column, row)];
    case PUSH_I64:
        return s_cell_of_int(s_load_i64(column->values.data, row));
    case PUSH_DEC:
        return s_cell_of_dec(s_load_i64(column->values.data, row), column->exponent);
    case PUSH_F64:
        number = s_load_f64(column->values.data, row);
        return isnan(number) ? (pushed_cell_t){ .kind = FIELD_NULL } : s_cell_of_double(number);
    }
    assert(false);
    return (pushed_cell_t){ .kind = FIELD_MISSING };
}

field_t pushed_field(const pushed_cell_t *cell, char out[DECIMAL_TEXT_MAX])
{
    field_t field = { .kind = cell->kind, .text = cell->text };
    if (cell->kind == FIELD_NUMBER)
        field.text = cell->finite ? slice_of(out, (size_t) decimal_print(cell->number, out))
                                  : slice_text("not finite");
    return field;
}

// ---- all rows at once -------------------------------------------------------------------------

// Are these int64 decimals as they stand? In "dec", INT64_MIN is NULL.
static bool s_mantissas_good(const uint8_t *values, uint32_t rows, bool null_allowed)
{
    bool good = true;
    for (uint32_t i = 0; i < rows; i++) {
        int64_t value = s_load_i64(values, i);
        bool within = value < MANTISSA_LIMIT && value > -MANTISSA_LIMIT;
        good &= within | (null_allowed & (value == DECIMAL_NULL_MANTISSA));
    }
    return good;
}

// `number` as mantissa at 10^-scale; false: that is not exactly it.
static bool s_scaled(double number, int scale, int64_t *mantissa)
{
    double scaled = number * POWERS[scale];
    if (!(fabs(scaled) < EXACT_MANTISSA_LIMIT))
        return false;
    *mantissa = (int64_t) (scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    return (double) *mantissa / POWERS[scale] == number;
}

// More places for the mantissas that are there already.
static bool s_raise(int64_t *mantissas, uint32_t count, int places)
{
    int64_t factor = (int64_t) POWERS[places];
    for (uint32_t i = 0; i < count; i++) {
        if (mantissas[i] == DECIMAL_NULL_MANTISSA)
            continue;
        if (__builtin_mul_overflow(mantissas[i], factor, &mantissas[i]) ||
            fabs((double) mantissas[i]) >= EXACT_MANTISSA_LIMIT)
            return false;
    }
    return true;
}

// Doubles as the shortest decimals that read back as them, which is what decimal_from_double
// gives one by one.
static bool s_doubles(const uint8_t *values, uint32_t rows, int64_t *room, int8_t *exponent)
{
    int scale = 0;
    for (uint32_t i = 0; i < rows; i++) {
        double number = s_load_f64(values, i);
        if (isnan(number)) {
            room[i] = DECIMAL_NULL_MANTISSA;
            continue;
        }
        if (s_scaled(number, scale, &room[i]))
            continue;
        int finer = scale + 1;
        while (finer <= SCALE_MAX && !s_scaled(number, finer, &room[i]))
            finer++;
        if (finer > SCALE_MAX || !s_raise(room, i, finer - scale))
            return false;
        scale = finer;
    }
    *exponent = (int8_t) -scale;
    return true;
}

static bool s_cells(const pushed_t *self, uint32_t rows, int64_t *room, int8_t *exponent)
{
    int least = DECIMAL_EXPONENT_MAX;
    bool any = false;
    for (uint32_t i = 0; i < rows; i++) {
        pushed_cell_t cell = pushed_cell(self, i);
        if (cell.kind == FIELD_NULL)
            continue;
        if (cell.kind != FIELD_NUMBER || !cell.finite || cell.rounded)
            return false;
        least = cell.number.exponent < least ? cell.number.exponent : least;
        any = true;
    }
    *exponent = any ? (int8_t) least : 0;
    for (uint32_t i = 0; i < rows; i++) {
        pushed_cell_t cell = pushed_cell(self, i);
        room[i] = DECIMAL_NULL_MANTISSA;
        if (cell.kind == FIELD_NUMBER && !decimal_rescale(cell.number, least, &room[i]))
            return false;
    }
    return s_mantissas_good((const uint8_t *) room, rows, true);
}

bool pushed_uniform(const pushed_t *self, uint32_t rows, int64_t *room, const uint8_t **mantissas,
                    int8_t *exponent)
{
    const push_column_t *column = self->column;
    *mantissas = (const uint8_t *) room;
    *exponent = 0;
    if (!column) {
        for (uint32_t i = 0; i < rows; i++)
            room[i] = DECIMAL_NULL_MANTISSA;
        return true;
    }
    switch (column->type) {
    case PUSH_I64:
        *mantissas = column->values.data;
        return s_mantissas_good(column->values.data, rows, false);
    case PUSH_DEC:
        *mantissas = column->values.data;
        *exponent = column->exponent;
        return s_mantissas_good(column->values.data, rows, true);
    case PUSH_F64:
        return s_doubles(column->values.data, rows, room, exponent);
    case PUSH_DICT:
        return false; // texts: a number in each is the exception
    case PUSH_SCALARS:
        return s_cells(self, rows, room, exponent);
    }
    assert(false);
    return false;
}
