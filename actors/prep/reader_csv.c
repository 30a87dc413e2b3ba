/*  reader_csv -- CSV records become fields. Pure. */
#include "actors/prep/reader.h"
#include "actors/prep/refusal.h"

enum { NO_CELL = -1 };

// The cell that each place reads.
typedef struct {
    int cells[DEFINITION_PLACES_MAX];
    unsigned width; // cells of the header; 0 = there is none
} layout_t;

// A row can do without this column being in the header.
static bool s_is_optional(const definition_t *definition, int place)
{
    for (unsigned i = 0; i < definition->column_count; i++)
        if (definition->columns[i].place == place && definition->columns[i].required)
            return false;
    for (unsigned i = 0; i < definition->key_count; i++)
        if (definition->key[i].origin == KEY_PLACE && definition->key[i].place == place)
            return false;
    for (unsigned i = 0; i < definition->only_count; i++)
        if (definition->only[i].place == place)
            return false;
    return place != definition->time_place;
}

static bool s_find_name(mapping_t *self, const place_t *place, bool optional, int *cell)
{
    const csv_t *csv = self->csv;
    char quote[REFUSAL_QUOTE_MAX];
    *cell = NO_CELL;
    for (unsigned i = 0; i < csv->count; i++) {
        if (!slice_same(csv->cells[i], place->name))
            continue;
        if (*cell != NO_CELL) {
            assembly_refuse_record(&self->assembly, csv->record, "the header has %s twice",
                                   refusal_quote_text(place->name, quote));
            return false;
        }
        *cell = (int) i;
    }
    if (*cell == NO_CELL && !optional)
        assembly_refuse_record(&self->assembly, csv->record, "the header has no %s",
                               refusal_quote_text(place->name, quote));
    return *cell != NO_CELL || optional;
}

static const char *s_words(csv_result_t result)
{
    switch (result) {
    case CSV_BAD_QUOTE:
        return "a quote in the wrong place";
    case CSV_UNCLOSED:
        return "a quote without end";
    case CSV_TOO_WIDE:
        return "too many cells";
    case CSV_RECORD:
    case CSV_END:
        break;
    }
    return "empty";
}

// Find the cells of all places, by way of the header if there is one. False: refused.
static bool s_lay_out(mapping_t *self, layout_t *layout)
{
    const definition_t *definition = self->definition;
    *layout = (layout_t){ 0 };
    if (definition->csv_header) {
        csv_result_t result = csv_next(self->csv);
        if (result != CSV_RECORD) {
            assembly_refuse_record(&self->assembly, self->csv->record, "%s%s",
                                   result == CSV_END ? "" : "bad header: ", s_words(result));
            return false;
        }
        layout->width = self->csv->count;
    }
    for (unsigned i = 0; i < definition->place_count; i++) {
        const place_t *place = &definition->places[i];
        layout->cells[i] = (int) place->cell;
        if (place->cell == POINTER_NO_INDEX &&
            !s_find_name(self, place, s_is_optional(definition, (int) i), &layout->cells[i]))
            return false;
    }
    return true;
}

// False: stop.
static bool s_record(mapping_t *self, const layout_t *layout)
{
    const csv_t *csv = self->csv;
    if (layout->width && csv->count != layout->width)
        return assembly_refuse_row(&self->assembly, csv->record, "%u cells, but the header has %u",
                                   csv->count, layout->width);
    for (unsigned i = 0; i < self->definition->place_count; i++) {
        field_t *field = &self->fields[i];
        int cell = layout->cells[i];
        *field = (field_t){ 0 };
        if (cell == NO_CELL || (unsigned) cell >= csv->count)
            continue;
        field->text = csv->cells[cell];
        field->kind = field->text.size ? FIELD_TEXT : FIELD_NULL;
    }
    return assembly_row(&self->assembly, self->fields, NULL, csv->record);
}

void reader_csv(mapping_t *self, slice_t text)
{
    layout_t layout;
    csv_dialect_t dialect = { .delimiter = self->definition->csv_delimiter,
                              .comment = self->definition->csv_comment,
                              .skip_lines = self->definition->csv_skip_lines };
    csv_open(self->csv, reader_unmarked(text), dialect);
    if (!s_lay_out(self, &layout))
        return;
    bool go_on = true;
    for (bool any = layout.width > 0; go_on; any = true) {
        csv_result_t result = csv_next(self->csv);
        switch (result) {
        case CSV_END:
            if (!any)
                assembly_refuse_record(&self->assembly, text, "empty");
            go_on = false;
            break;
        case CSV_RECORD:
            go_on = s_record(self, &layout);
            break;
        case CSV_BAD_QUOTE:
        case CSV_UNCLOSED:
        case CSV_TOO_WIDE:
            go_on = assembly_refuse_row(&self->assembly, self->csv->record, "%s", s_words(result));
            break;
        }
    }
}
