/*  assembly -- fields to rows. Pure. */
#include "actors/prep/assembly.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "actors/prep/refusal.h"

enum { ONE_SERIES_BYTES = 512 }; // more than a new series adds to a block

bool assembly_init(assembly_t *self, const definition_t *definition)
{
    *self = (assembly_t){ .definition = definition, .memo = memo_new() };
    return self->memo != NULL;
}

void assembly_release(assembly_t *self)
{
    memo_destroy(&self->memo);
    buffer_destroy(&self->held);
    buffer_destroy(&self->held_bytes);
}

void assembly_begin(assembly_t *self, const rows_head_t *head, rows_t *rows,
                    mapping_refuse_t *refuse, void *context, mapping_count_t *count)
{
    self->head = head;
    self->rows = rows;
    self->refuse = refuse;
    self->context = context;
    self->count = count;
    self->no_memory = false;
    self->row_next = 0;
    self->identity_bytes = 0;
    buffer_clear(&self->held);
    buffer_clear(&self->held_bytes);
    memo_forget(self->memo);
    rows_begin(rows, head);
}

// ---- refusing -----------------------------------------------------------------------------

static void s_refuse(assembly_t *self, uint32_t row, slice_t snippet, const char *format,
                     va_list arguments)
{
    char reason[MAPPING_REASON_MAX];
    int size = vsnprintf(reason, sizeof reason, format, arguments);
    if (size >= MAPPING_REASON_MAX) // never half a character
        reason[refusal_cut(slice_text(reason), MAPPING_REASON_MAX - 4).size] = '\0';
    quarantine_t quarantine = { .row = row, .reason = reason, .snippet = refusal_snippet(snippet) };
    self->count->quarantined++;
    self->refuse(self->context, &quarantine);
}

bool assembly_refuse(assembly_t *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    s_refuse(self, self->row, self->snippet, format, arguments);
    va_end(arguments);
    return false;
}

bool assembly_has_room(assembly_t *self, slice_t snippet)
{
    size_t bytes = rows_bytes_most(self->rows, self->count->rows + 1,
                                   self->identity_bytes + IDENTITY_BYTES_MAX);
    if (bytes <= ROWS_BYTES_MAX - ONE_SERIES_BYTES)
        return true;
    assembly_refuse_record(self, snippet,
                           "rows of more than %d MB: the rest is not read, from row %" PRIu32,
                           ROWS_BYTES_MAX >> 20, self->row_next);
    return false;
}

// Is there room for one more row, refused or not? If not, the rest of the record is refused.
static bool s_has_room(assembly_t *self, slice_t snippet)
{
    if (self->row_next < ROWS_PER_BLOCK_MAX)
        return assembly_has_room(self, snippet);
    assembly_refuse_record(self, snippet, "more than %" PRIu32 " rows: the rest is not read",
                           self->row_next);
    return false;
}

bool assembly_refuse_row(assembly_t *self, slice_t snippet, const char *format, ...)
{
    if (!s_has_room(self, snippet))
        return false;
    va_list arguments;
    va_start(arguments, format);
    s_refuse(self, self->row_next++, snippet, format, arguments);
    va_end(arguments);
    return true;
}

void assembly_refuse_record(assembly_t *self, slice_t snippet, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    s_refuse(self, UINT32_MAX, snippet, format, arguments);
    va_end(arguments);
}

// ---- time and values ------------------------------------------------------------------------

bool assembly_time_good(assembly_t *self, event_time_result_t result, const field_t *field,
                        int64_t ts_us)
{
    char quote[REFUSAL_QUOTE_MAX];
    switch (result) {
    case EVENT_TIME_UNREADABLE:
        return assembly_refuse(self, "time: cannot read %s", refusal_quote(field, quote));
    case EVENT_TIME_OUT_OF_RANGE:
        return assembly_refuse(self, "time out of range: %s", refusal_quote(field, quote));
    case EVENT_TIME_GOOD:
        break;
    }
    if (!definition_live(self->definition) || ts_us - MAPPING_FUTURE_US <= self->head->recv_us)
        return true;
    return assembly_refuse(self, "time: dated %" PRId64 " s in the future: %s",
                           (ts_us - self->head->recv_us) / 1000000, refusal_quote(field, quote));
}

bool assembly_fetch_good(assembly_t *self)
{
    if (self->head->recv_us >= 0 && self->head->recv_us <= EVENT_TIME_MAX_US)
        return true;
    return assembly_refuse(self, "time out of range: received at %" PRId64 " us",
                           self->head->recv_us);
}

static bool s_time(assembly_t *self, const field_t *fields, int64_t *ts_us)
{
    const definition_t *definition = self->definition;
    *ts_us = self->head->recv_us;
    if (definition->time_fetch)
        return assembly_fetch_good(self);
    const field_t *field = &fields[definition->time_place];
    char quote[REFUSAL_QUOTE_MAX];
    if (field->kind != FIELD_NUMBER && field->kind != FIELD_TEXT)
        return assembly_refuse(self, "time: %s", refusal_quote(field, quote));
    event_time_result_t result = event_time_read(&definition->time, field->text, ts_us);
    return assembly_time_good(self, result, field, *ts_us);
}

bool assembly_value_good(assembly_t *self, const column_t *column, decimal_t value)
{
    if (column->required && decimal_is_null(value))
        return assembly_refuse(self, "column %s: required, but null", column->name);
    if (column->check.count == 0 || check_passes(&column->check, value))
        return true;
    char text[DECIMAL_TEXT_MAX];
    decimal_print(value, text);
    return assembly_refuse(self, "column %s: %s is not %.*s", column->name, text,
                           (int) column->condition.size, (const char *) column->condition.data);
}

// A text that stands for no value.
static bool s_is_missing(const definition_t *definition, slice_t text)
{
    for (unsigned i = 0; i < definition->missing_count; i++)
        if (slice_same(definition->missing[i], text))
            return true;
    return false;
}

bool assembly_value(assembly_t *self, const column_t *column, const field_t *field,
                    decimal_t *value)
{
    char quote[REFUSAL_QUOTE_MAX];
    *value = DECIMAL_NULL;
    if (field->kind == FIELD_MISSING && column->required)
        return assembly_refuse(self, "column %s: required, but missing", column->name);
    if (field->kind == FIELD_MISSING || field->kind == FIELD_NULL)
        return true;
    if (field->kind == FIELD_TEXT && s_is_missing(self->definition, field->text))
        return true;
    decimal_result_t result = DECIMAL_NOT_A_NUMBER;
    char plain[NUMBERS_TEXT_MAX];
    slice_t text = field->text;
    if (field->kind == FIELD_NUMBER ||
        (field->kind == FIELD_TEXT &&
         numbers_plain(&self->definition->numbers, field->text, plain, &text)))
        result = decimal_parse(value, (const char *) text.data, text.size);
    switch (result) {
    case DECIMAL_ROUNDED:
        self->count->rounded++;
        return true;
    case DECIMAL_EXACT:
        return true;
    case DECIMAL_OUT_OF_RANGE:
        return assembly_refuse(self, "column %s: out of range: %s", column->name,
                               refusal_quote(field, quote));
    case DECIMAL_NOT_A_NUMBER:
        break;
    }
    return assembly_refuse(self, "column %s: not a number: %s", column->name,
                           refusal_quote(field, quote));
}

static bool s_values(assembly_t *self, const field_t *fields, decimal_t *values)
{
    const definition_t *definition = self->definition;
    for (unsigned i = 0; i < definition->column_count; i++) {
        const column_t *column = &definition->columns[i];
        if (!assembly_value(self, column, &fields[column->place], &values[i]))
            return false;
    }
    for (unsigned i = 0; i < definition->column_count; i++) {
        const column_t *column = &definition->columns[i];
        if ((column->required || column->check.count) &&
            !assembly_value_good(self, column, values[i]))
            return false;
    }
    return true;
}

// ---- adding ----------------------------------------------------------------------

typedef struct {
    int series;
    uint32_t row;
    int64_t ts_us;
    size_t bytes_at; // of its values, then its identity, in held_bytes
    size_t identity_size;
} held_t;

static bool s_hold(assembly_t *self, held_t held, const decimal_t *values, slice_t identity)
{
    held.bytes_at = self->held_bytes.size;
    held.identity_size = identity.size;
    buffer_append(&self->held_bytes, values, self->definition->column_count * sizeof(decimal_t));
    buffer_append(&self->held_bytes, identity.data, identity.size);
    buffer_append(&self->held, &held, sizeof held);
    self->no_memory = self->held.failed || self->held_bytes.failed;
    return !self->no_memory;
}

bool assembly_add(assembly_t *self, int series, int64_t ts_us, const decimal_t *values,
                  slice_t identity)
{
    self->count->rows++;
    self->identity_bytes += identity.size;
    if (self->definition->newest_first) {
        held_t held = { .series = series, .row = self->row, .ts_us = ts_us };
        return s_hold(self, held, values, identity);
    }
    self->no_memory = !rows_add(self->rows, series, ts_us, values, identity, self->row);
    return !self->no_memory;
}

bool assembly_no_memory(assembly_t *self)
{
    self->no_memory = true;
    return false;
}

bool assembly_end(assembly_t *self)
{
    size_t values_size = self->definition->column_count * sizeof(decimal_t);
    for (size_t i = self->held.size / sizeof(held_t); i-- > 0 && !self->no_memory;) {
        held_t held;
        decimal_t values[ROWS_COLUMNS_MAX];
        memcpy(&held, self->held.data + i * sizeof held, sizeof held);
        const uint8_t *bytes = self->held_bytes.data + held.bytes_at;
        if (values_size)
            memcpy(values, bytes, values_size);
        slice_t identity = slice_of(bytes + values_size, held.identity_size);
        self->no_memory =
            !rows_add(self->rows, held.series, held.ts_us, values, identity, held.row);
    }
    return !self->no_memory;
}

bool assembly_wants(assembly_t *self, const field_t *fields, bool document)
{
    const definition_t *definition = self->definition;
    for (unsigned i = 0; i < definition->only_count; i++) {
        const only_t *only = &definition->only[i];
        const field_t *field = &fields[only->place];
        if (definition->places[only->place].document != document)
            continue;
        slice_t text = field->text;
        if (field->kind == FIELD_TRUE || field->kind == FIELD_FALSE)
            text = slice_text(field->kind == FIELD_TRUE ? "true" : "false");
        else if (field->kind != FIELD_TEXT && field->kind != FIELD_NUMBER)
            text = (slice_t){ 0 };
        if (slice_same(text, only->text))
            continue;
        self->count->skipped++;
        return false;
    }
    return true;
}

bool assembly_row(assembly_t *self, const field_t *fields, const json_match_t *matches,
                  slice_t snippet)
{
    int64_t ts_us;
    decimal_t values[ROWS_COLUMNS_MAX];
    uint8_t identity[IDENTITY_BYTES_MAX];
    if (!s_has_room(self, snippet))
        return false;
    self->row = self->row_next++;
    self->snippet = snippet;
    self->matches = matches;
    if (!assembly_wants(self, fields, false))
        return true;
    int series = assembly_series(self, fields);
    if (series == MEMO_NONE)
        return !self->no_memory;
    if (!s_time(self, fields, &ts_us) || !s_values(self, fields, values))
        return true;
    int identity_size = assembly_identity(self, fields, identity);
    if (identity_size < 0)
        return true;
    return assembly_add(self, series, ts_us, values, slice_of(identity, (size_t) identity_size));
}
