/*  reader_columns -- pushed columns become rows, a column at a time. Pure.
 *
 *  Where every column is numbers in bulk nothing is done row by row but a table look-up of the
 *  series and the scaling of the time; columns that need a closer look are read cell by cell.
 */
#include <inttypes.h>
#include <stdio.h>

#include "actors/prep/pushed.h"
#include "actors/prep/reader.h"
#include "actors/prep/refusal.h"

enum { COMBINATIONS_MAX = 1 << 20 }; // of dictionary entries that a table of series is made for

typedef struct {
    mapping_t *mapping;
    const push_t *push;
    uint32_t rows;
    scratch_t scratch;
    pushed_t places[DEFINITION_PLACES_MAX]; // the columns that the places name
    uint32_t *series;                       // ROWS_LEFT_OUT: refused
    int64_t *ts;
    bool uniform; // every column is in bulk[]
    rows_bulk_t bulk[ROWS_COLUMNS_MAX];
} columns_t;

// The row that a refusal is about; pushed rows have no text to show.
static assembly_t *s_row(columns_t *self, uint32_t row)
{
    assembly_t *assembly = &self->mapping->assembly;
    assembly->row = row;
    assembly->snippet = (slice_t){ 0 };
    return assembly;
}

static void s_leave_out(columns_t *self, uint32_t row)
{
    self->series[row] = ROWS_LEFT_OUT;
}

// ---- columns by name --------------------------------------------------------------------------

// A place names its column; if the frame has none of that name, what it is for does.
static bool s_open_place(columns_t *self, int place, const char *purpose)
{
    const place_t *configured = &self->mapping->definition->places[place];
    int column = -1;
    if (configured->name.size)
        column = push_column(self->push, configured->name);
    if (column < 0 && purpose)
        column = push_column(self->push, slice_text(purpose));
    return pushed_open(&self->places[place], self->push,
                       column < 0 ? NULL : &self->push->columns[column], &self->scratch);
}

static bool s_open_places(columns_t *self)
{
    const definition_t *definition = self->mapping->definition;
    bool good = definition->time_fetch || s_open_place(self, definition->time_place, NULL);
    for (unsigned i = 0; i < definition->key_count; i++)
        if (definition->key[i].origin == KEY_PLACE)
            good = good && s_open_place(self, definition->key[i].place, definition->key[i].name);
    for (unsigned i = 0; i < definition->column_count; i++)
        good =
            good && s_open_place(self, definition->columns[i].place, definition->columns[i].name);
    for (unsigned i = 0; i < definition->identity_count; i++)
        good = good && s_open_place(self, definition->identity[i], NULL);
    return good;
}

// ---- series -----------------------------------------------------------------------------------

// The series of one row; MEMO_NONE: refused, or no memory.
static int s_series_of(columns_t *self, uint32_t row)
{
    const definition_t *definition = self->mapping->definition;
    field_t *fields = self->mapping->fields;
    char scratch[SERIES_KEYS_MAX][DECIMAL_TEXT_MAX];
    for (unsigned i = 0; i < definition->key_count; i++) {
        const key_part_t *part = &definition->key[i];
        if (part->origin != KEY_PLACE)
            continue;
        pushed_cell_t cell = pushed_cell(&self->places[part->place], row);
        fields[part->place] = pushed_field(&cell, scratch[i]);
    }
    return assembly_series(s_row(self, row), fields);
}

// A dictionary key: its column, and how far apart its entries are in the table of series.
typedef struct {
    const push_column_t *column;
    uint32_t stride;
} digit_t;

// The keys as digits of one number; 0 combinations: some key is no dictionary, or too many.
static uint32_t s_combinations(const columns_t *self, digit_t *digits, unsigned *count)
{
    const definition_t *definition = self->mapping->definition;
    uint64_t combinations = 1;
    *count = 0;
    for (unsigned i = 0; i < definition->key_count; i++) {
        if (definition->key[i].origin == KEY_LITERAL)
            continue;
        const push_column_t *column = self->places[definition->key[i].place].column;
        if (!column || column->type != PUSH_DICT)
            return 0;
        digits[(*count)++] = (digit_t){ column, (uint32_t) combinations };
        combinations *= column->text_count;
        if (combinations > COMBINATIONS_MAX)
            return 0;
    }
    return (uint32_t) combinations;
}

// By way of a table: a dictionary entry becomes a series once, not once a row.
static bool s_series_by_table(columns_t *self, const digit_t *digits, unsigned count,
                              uint32_t combinations)
{
    int *table = scratch_take(&self->scratch, combinations, sizeof *table);
    if (!table)
        return false;
    for (uint32_t i = 0; i < combinations; i++)
        table[i] = MEMO_NONE;
    for (uint32_t row = 0; row < self->rows; row++) {
        uint32_t at = 0;
        for (unsigned i = 0; i < count; i++)
            at += push_index(digits[i].column, row) * digits[i].stride;
        if (table[at] == MEMO_NONE)
            table[at] = s_series_of(self, row);
        self->series[row] = (uint32_t) table[at];
        if (self->mapping->assembly.no_memory)
            return false;
    }
    return true;
}

_Static_assert((uint32_t) MEMO_NONE == ROWS_LEFT_OUT, "a row without series is left out");

static bool s_find_series(columns_t *self)
{
    digit_t digits[SERIES_KEYS_MAX];
    unsigned count;
    uint32_t combinations = s_combinations(self, digits, &count);
    if (combinations > 0)
        return s_series_by_table(self, digits, count, combinations);
    for (uint32_t row = 0; row < self->rows; row++) {
        self->series[row] = (uint32_t) s_series_of(self, row);
        if (self->mapping->assembly.no_memory)
            return false;
    }
    return true;
}

// ---- time -------------------------------------------------------------------------------------

static bool s_is_count(event_time_unit_t unit)
{
    return unit != EVENT_TIME_RFC3339 && unit != EVENT_TIME_FORMAT;
}

static bool s_is_integers(const pushed_t *column)
{
    return column->column && column->column->type == PUSH_I64;
}

// The time of one row, judged; the row is left out if it is not good.
static void s_time_of(columns_t *self, const pushed_t *column, uint32_t row)
{
    const event_time_t *time = &self->mapping->definition->time;
    char scratch[DECIMAL_TEXT_MAX], quote[REFUSAL_QUOTE_MAX];
    pushed_cell_t cell = pushed_cell(column, row);
    field_t field = pushed_field(&cell, scratch);
    if (s_is_integers(column)) { // not by way of a decimal, which rounds to 18 digits
        int64_t count = rows_load_i64(column->column->values.data, row);
        int size = snprintf(scratch, sizeof scratch, "%" PRId64, count);
        field.text = slice_of(scratch, (size_t) size);
    }
    bool good = field.kind == FIELD_NUMBER || field.kind == FIELD_TEXT;
    if (good) {
        event_time_result_t result = event_time_read(time, field.text, &self->ts[row]);
        good = assembly_time_good(s_row(self, row), result, &field, self->ts[row]);
    } else {
        assembly_refuse(s_row(self, row), "time: %s", refusal_quote(&field, quote));
    }
    if (!good)
        s_leave_out(self, row);
}

// Integer times in bulk. Rows that are not plainly good are left to s_time_of.
static void s_times_in_bulk(columns_t *self, const pushed_t *column)
{
    static const int64_t FACTORS[] = {
        [EVENT_TIME_S] = 1000000, [EVENT_TIME_MS] = 1000, [EVENT_TIME_US] = 1, [EVENT_TIME_NS] = 1
    };
    const definition_t *definition = self->mapping->definition;
    int64_t factor = FACTORS[definition->time.unit];
    int64_t divisor = definition->time.unit == EVENT_TIME_NS ? 1000 : 1;
    int64_t latest = EVENT_TIME_MAX_US;
    if (definition_live(definition) && self->mapping->head.recv_us < latest - MAPPING_FUTURE_US)
        latest = self->mapping->head.recv_us + MAPPING_FUTURE_US;
    int64_t most = divisor > 1 ? INT64_MAX : latest / factor;
    for (uint32_t row = 0; row < self->rows; row++) {
        int64_t count = rows_load_i64(column->column->values.data, row);
        bool good = count >= 0 && count <= most;
        self->ts[row] = good ? count / divisor * factor : 0;
        good = good && self->ts[row] <= latest;
        if (!good && self->series[row] != ROWS_LEFT_OUT)
            s_time_of(self, column, row);
    }
}

static void s_find_times(columns_t *self)
{
    const definition_t *definition = self->mapping->definition;
    const pushed_t *column = &self->places[definition->time_fetch ? 0 : definition->time_place];
    if (definition->time_fetch) {
        for (uint32_t row = 0; row < self->rows; row++) {
            self->ts[row] = self->mapping->head.recv_us;
            if (self->series[row] != ROWS_LEFT_OUT && !assembly_fetch_good(s_row(self, row)))
                s_leave_out(self, row);
        }
    } else if (s_is_integers(column) && s_is_count(definition->time.unit)) {
        s_times_in_bulk(self, column);
    } else {
        for (uint32_t row = 0; row < self->rows; row++)
            if (self->series[row] != ROWS_LEFT_OUT)
                s_time_of(self, column, row);
    }
}

// ---- values -----------------------------------------------------------------------------------

static bool s_find_bulk(columns_t *self)
{
    const definition_t *definition = self->mapping->definition;
    self->uniform = true;
    for (unsigned i = 0; i < definition->column_count && self->uniform; i++) {
        int64_t *room = scratch_take(&self->scratch, self->rows, sizeof *room);
        if (!room)
            return false;
        self->uniform = pushed_uniform(&self->places[definition->columns[i].place], self->rows,
                                       room, &self->bulk[i].mantissas, &self->bulk[i].exponent);
    }
    return true;
}

static bool s_has_checks(const definition_t *definition)
{
    for (unsigned i = 0; i < definition->column_count; i++)
        if (definition->columns[i].required || definition->columns[i].check.count)
            return true;
    return false;
}

// One value of a column that is not in bulk, by way of the judge of all text formats.
static bool s_value_of(columns_t *self, unsigned column, uint32_t row, decimal_t *value)
{
    const column_t *configured = &self->mapping->definition->columns[column];
    pushed_cell_t cell = pushed_cell(&self->places[configured->place], row);
    if (cell.kind == FIELD_NUMBER && cell.finite) {
        self->mapping->assembly.count->rounded += cell.rounded;
        *value = cell.number;
        return true;
    }
    char scratch[DECIMAL_TEXT_MAX];
    field_t field = pushed_field(&cell, scratch);
    return assembly_value(s_row(self, row), configured, &field, value);
}

static decimal_t s_bulk_value(const columns_t *self, unsigned column, uint32_t row)
{
    int64_t mantissa = rows_load_i64(self->bulk[column].mantissas, row);
    if (mantissa == DECIMAL_NULL_MANTISSA)
        return DECIMAL_NULL;
    return (decimal_t){ .mantissa = mantissa, .exponent = self->bulk[column].exponent };
}

// All values of a row, judged. False: refused.
static bool s_values_of(columns_t *self, uint32_t row, decimal_t *values)
{
    const definition_t *definition = self->mapping->definition;
    for (unsigned i = 0; i < definition->column_count; i++) {
        if (self->uniform)
            values[i] = s_bulk_value(self, i, row);
        else if (!s_value_of(self, i, row, &values[i]))
            return false;
    }
    for (unsigned i = 0; i < definition->column_count; i++)
        if (!assembly_value_good(s_row(self, row), &definition->columns[i], values[i]))
            return false;
    return true;
}

// ---- adding -----------------------------------------------------------------------------------

static int s_identity_of(columns_t *self, uint32_t row, uint8_t out[IDENTITY_BYTES_MAX])
{
    const definition_t *definition = self->mapping->definition;
    field_t *fields = self->mapping->fields;
    char scratch[DEFINITION_IDENTITY_MAX][DECIMAL_TEXT_MAX];
    for (unsigned i = 0; i < definition->identity_count; i++) {
        pushed_cell_t cell = pushed_cell(&self->places[definition->identity[i]], row);
        fields[definition->identity[i]] = pushed_field(&cell, scratch[i]);
    }
    return assembly_identity(s_row(self, row), fields, out);
}

// Is there room for this row? If not, the rest is refused.
static bool s_fits(columns_t *self, uint32_t row)
{
    self->mapping->assembly.row_next = row;
    return assembly_has_room(&self->mapping->assembly, (slice_t){ 0 });
}

static bool s_add_one_by_one(columns_t *self)
{
    for (uint32_t row = 0; row < self->rows; row++) {
        decimal_t values[ROWS_COLUMNS_MAX];
        uint8_t identity[IDENTITY_BYTES_MAX];
        if (self->series[row] == ROWS_LEFT_OUT || !s_values_of(self, row, values))
            continue;
        if (!s_fits(self, row))
            return true;
        int size = s_identity_of(self, row, identity);
        if (size >= 0 && !assembly_add(s_row(self, row), (int) self->series[row], self->ts[row],
                                       values, slice_of(identity, (size_t) size)))
            return false;
    }
    return true;
}

static bool s_add_at_once(columns_t *self)
{
    assembly_t *assembly = &self->mapping->assembly;
    decimal_t values[ROWS_COLUMNS_MAX];
    uint32_t most = 0; // rows to look at
    bool checks = s_has_checks(self->mapping->definition);
    bool all_fit = rows_bytes_most(assembly->rows, self->rows, 0) <= ROWS_BYTES_MAX;
    for (; most < self->rows; most++) {
        if (checks && self->series[most] != ROWS_LEFT_OUT && !s_values_of(self, most, values))
            s_leave_out(self, most);
        if (self->series[most] == ROWS_LEFT_OUT)
            continue;
        if (!all_fit && !s_fits(self, most))
            break;
        assembly->count->rows++;
    }
    return rows_add_columns(assembly->rows, most, self->series, (const uint8_t *) self->ts,
                            self->bulk, 0);
}

static bool s_read(columns_t *self)
{
    const definition_t *definition = self->mapping->definition;
    self->series = scratch_take(&self->scratch, self->rows, sizeof *self->series);
    self->ts = scratch_take(&self->scratch, self->rows, sizeof *self->ts);
    if (!self->series || !self->ts || !s_open_places(self) || !s_find_series(self))
        return false;
    s_find_times(self);
    if (!s_find_bulk(self))
        return false;
    bool plain = self->uniform && !definition->newest_first && definition->identity_count == 0;
    return plain ? s_add_at_once(self) : s_add_one_by_one(self);
}

void reader_columns(mapping_t *mapping, const push_t *push)
{
    for (unsigned i = 0; i < mapping->definition->key_count; i++) {
        if (mapping->definition->key[i].origin == KEY_MATCH) {
            assembly_refuse_record(&mapping->assembly, (slice_t){ 0 },
                                   "key %s: pushed rows have no * to match",
                                   mapping->definition->key[i].name);
            return;
        }
    }
    columns_t self = { .mapping = mapping, .push = push, .rows = push->row_count };
    if (!s_read(&self))
        assembly_no_memory(&mapping->assembly);
    scratch_release(&self.scratch);
}
