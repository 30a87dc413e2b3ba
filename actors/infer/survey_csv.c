/*  survey_csv -- see survey.h: a CSV whose dialect nobody told. Pure. */
#include <stdio.h>

#include "actors/infer/survey.h"
#include "proto/decimal.h"
#include "proto/owned.h"

enum { LINES_LOOKED_AT = 20, CELLS_LEAST = 2 };

static bool s_is_number(slice_t text)
{
    decimal_t value;
    decimal_result_t result = decimal_parse(&value, (const char *) text.data, text.size);
    return result == DECIMAL_EXACT || result == DECIMAL_ROUNDED;
}

// How many cells every one of the first records has with this delimiter; 0 = they differ.
static unsigned s_width(csv_t *csv, slice_t text, char delimiter)
{
    unsigned width = 0;
    csv_open(csv, text, (csv_dialect_t){ .delimiter = delimiter });
    for (int line = 0; line < LINES_LOOKED_AT; line++) {
        csv_result_t result = csv_next(csv);
        if (result == CSV_END)
            break;
        if (result != CSV_RECORD || (width && csv->count != width))
            return 0;
        width = csv->count;
    }
    return width;
}

static char s_delimiter(csv_t *csv, slice_t text)
{
    static const char delimiters[] = ",;\t|";
    char best = '\0';
    unsigned widest = CELLS_LEAST - 1;
    for (int i = 0; delimiters[i]; i++) {
        unsigned width = s_width(csv, text, delimiters[i]);
        if (width > widest) {
            widest = width;
            best = delimiters[i];
        }
    }
    return best;
}

// A first record without a number above one that has some.
static bool s_has_header(csv_t *csv, slice_t text, char delimiter)
{
    unsigned first = 0, second = 0;
    csv_open(csv, text, (csv_dialect_t){ .delimiter = delimiter });
    csv_next(csv);
    for (unsigned i = 0; i < csv->count; i++)
        first += s_is_number(csv->cells[i]);
    if (csv_next(csv) != CSV_RECORD)
        return first == 0;
    for (unsigned i = 0; i < csv->count; i++)
        second += s_is_number(csv->cells[i]);
    return first == 0 && second > 0;
}

// Can a header stand in a configuration as it is, and is it the only one of its name?
static bool s_is_plain(const csv_t *csv, unsigned cell)
{
    slice_t name = csv->cells[cell];
    bool plain = name.size > 0 && name.size <= 64 && !memchr("/=^~", name.data[0], 4);
    for (size_t i = 0; i < name.size; i++)
        plain &= name.data[i] > ' ' && name.data[i] <= '~' && !memchr("\"\\", name.data[i], 2);
    for (unsigned i = 0; i < csv->count; i++)
        plain &= i == cell || !slice_same(csv->cells[i], name);
    return plain;
}

static void s_add_leaves(survey_t *self, const csv_t *csv, bool header)
{
    for (unsigned i = 0; i < csv->count && i < SURVEY_LEAVES_MAX; i++) {
        bool named = header && s_is_plain(csv, i);
        char *place =
            named ? arena_text(self->arena, csv->cells[i]) : arena_printf(self->arena, "/%u", i);
        self->leaves[i] = (survey_leaf_t){ LEAF_ROW, place, named ? place : "", "", !named };
        self->leaf_count += place != NULL;
    }
}

bool survey_csv(survey_t *self, slice_t text, survey_csv_t *dialect, arena_t *arena)
{
    *self = (survey_t){ .arena = arena };
    owned(csv_destroy) csv_t *csv = csv_new();
    if (!csv)
        return false;
    dialect->delimiter = s_delimiter(csv, text);
    if (!dialect->delimiter)
        return false;
    dialect->header = s_has_header(csv, text, dialect->delimiter);
    csv_open(csv, text, (csv_dialect_t){ .delimiter = dialect->delimiter });
    csv_result_t result = csv_next(csv);
    s_add_leaves(self, csv, dialect->header);
    self->cells = arena_take(arena, (size_t) SURVEY_ROWS_MAX * SURVEY_LEAVES_MAX * sizeof(field_t));
    if (!self->cells)
        return false;
    if (dialect->header)
        result = csv_next(csv);
    for (; result != CSV_END && self->row_count < SURVEY_ROWS_MAX; result = csv_next(csv)) {
        if (result != CSV_RECORD)
            continue;
        for (unsigned i = 0; i < self->leaf_count; i++) {
            slice_t cell = i < csv->count ? csv->cells[i] : (slice_t){ 0 };
            survey_put(self, self->row_count, i, cell.size ? FIELD_TEXT : FIELD_NULL, cell);
        }
        self->row_count++;
    }
    return !arena_failed(arena);
}
