/*  guess_columns -- see guess.h: which values are worth keeping. */
#include "actors/infer/guess.h"
#include "proto/decimal.h"

enum { NUMBERS_PER_CENT = 90 };

static bool s_is_number(const field_t *cell)
{
    decimal_t value;
    if (cell->kind != FIELD_NUMBER && cell->kind != FIELD_TEXT)
        return false;
    decimal_result_t result =
        decimal_parse(&value, (const char *) cell->text.data, cell->text.size);
    return result == DECIMAL_EXACT || result == DECIMAL_ROUNDED;
}

bool guess_is_number(const survey_t *survey, unsigned leaf)
{
    size_t numbers = 0, others = 0;
    for (size_t row = 0; row < survey->row_count; row++) {
        const field_t *cell = survey_cell(survey, row, leaf);
        if (cell->kind == FIELD_MISSING || cell->kind == FIELD_NULL)
            continue;
        if (s_is_number(cell))
            numbers++;
        else
            others++;
    }
    return numbers > 0 && 100 * numbers >= NUMBERS_PER_CENT * (numbers + others);
}

// What tells rows apart may be a value all the same, unless it is called an id or not called at
// all.
static bool s_is_taken_identity(const survey_t *survey, const guess_t *guess, int leaf)
{
    return leaf == guess->identity &&
           (survey->leaves[leaf].positional || names_identity(survey->leaves[leaf].name) > 0);
}

static bool s_is_taken(const guess_t *guess, int leaf)
{
    bool taken = leaf == guess->time;
    for (unsigned i = 0; i < guess->key_count; i++)
        taken |= leaf == guess->keys[i];
    return taken;
}

// Could this leaf be a column? `strict` leaves out times and ids.
static bool s_is_column(const survey_t *survey, const guess_t *guess, unsigned leaf, bool strict)
{
    const survey_leaf_t *found = &survey->leaves[leaf];
    bool other = names_time(found->name) != 0 || names_identity(found->name) > 0;
    return found->kind == LEAF_ROW && !s_is_taken(guess, (int) leaf) &&
           !s_is_taken_identity(survey, guess, (int) leaf) && !(strict && other) &&
           guess_is_number(survey, leaf);
}

// Columns in the order of the row; where there is not room for all, those with a promising name.
static void s_collect(const survey_t *survey, guess_t *guess, bool strict)
{
    bool column[SURVEY_LEAVES_MAX];
    unsigned count = 0, promising = 0;
    for (unsigned i = 0; i < survey->leaf_count; i++) {
        column[i] = s_is_column(survey, guess, i, strict);
        count += column[i];
        promising += column[i] && names_value(survey->leaves[i].name) > 0;
    }
    bool choose = count > GUESS_COLUMNS_MAX && promising > 0;
    for (unsigned i = 0; i < survey->leaf_count && guess->column_count < GUESS_COLUMNS_MAX; i++)
        if (column[i] && (!choose || names_value(survey->leaves[i].name) > 0))
            guess->columns[guess->column_count++] = (int) i;
}

static bool s_is_in_every_row(const survey_t *survey, unsigned leaf)
{
    for (size_t row = 0; row < survey->row_count; row++)
        if (!s_is_number(survey_cell(survey, row, leaf)))
            return false;
    return true;
}

void guess_columns(const survey_t *survey, guess_t *guess)
{
    s_collect(survey, guess, true);
    if (guess->column_count == 0)
        s_collect(survey, guess, false);
    int best = -1;
    for (unsigned i = 0; i < guess->column_count; i++) {
        int rank = names_value(survey->leaves[guess->columns[i]].name);
        if (rank > best) {
            best = rank;
            guess->value = (int) i;
        }
    }
    if (guess->column_count > 0)
        guess->present = s_is_in_every_row(survey, (unsigned) guess->columns[guess->value]);
}
