/*  guess_keys -- see guess.h: what tells series apart, and rows of one series and time. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "actors/infer/guess.h"
#include "proto/series.h"

enum { KEY_TEXT_MAX = 64 };

// A text in every row that could be part of a series id.
static bool s_is_key(const survey_t *survey, const guess_t *guess, unsigned leaf)
{
    if ((int) leaf == guess->time || guess_is_number(survey, leaf) ||
        names_time(survey->leaves[leaf].name) > 0)
        return false;
    for (size_t row = 0; row < survey->row_count; row++) {
        const field_t *cell = survey_cell(survey, row, leaf);
        if (cell->kind != FIELD_TEXT || cell->text.size == 0 || cell->text.size > KEY_TEXT_MAX)
            return false;
    }
    return survey->row_count > 0;
}

static int s_order(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *) left, b = *(const uint64_t *) right;
    return a < b ? -1 : a > b;
}

// Are all rows different in key, time and `more` (a leaf, or GUESS_NONE)? -1: no memory.
static int s_unique(const survey_t *survey, const guess_t *guess, int more)
{
    uint64_t *hashes = calloc(survey->row_count + 1, sizeof *hashes);
    if (!hashes)
        return -1;
    for (size_t row = 0; row < survey->row_count; row++) {
        uint64_t hash = 0;
        for (unsigned i = 0; i < guess->key_count + 2; i++) {
            int leaf = i < guess->key_count    ? guess->keys[i]
                       : i == guess->key_count ? guess->time
                                               : more;
            if (leaf == GUESS_NONE)
                continue;
            slice_t text = survey_cell(survey, row, (unsigned) leaf)->text;
            hash = XXH3_64bits_withSeed(text.size ? (const void *) text.data : "", text.size,
                                        hash + i);
        }
        hashes[row] = hash;
    }
    int unique = 1;
    qsort(hashes, survey->row_count, sizeof *hashes, s_order);
    for (size_t row = 1; row < survey->row_count; row++)
        unique &= hashes[row] != hashes[row - 1];
    free(hashes);
    return unique;
}

// Matches of names, then the text that is best named.
static void s_named_keys(const survey_t *survey, guess_t *guess)
{
    int best = 0, leaf = GUESS_NONE;
    for (unsigned i = 0; i < survey->leaf_count; i++) {
        if (!s_is_key(survey, guess, i))
            continue;
        const survey_leaf_t *found = &survey->leaves[i];
        bool first = found->positional && strcmp(found->place, "/0") == 0;
        int rank = 2 * names_key(found->name) - (found->kind == LEAF_DOCUMENT) + first;
        if (found->kind == LEAF_MATCH && guess->key_count < GUESS_KEYS_MAX - 1) {
            guess->keys[guess->key_count++] = (int) i;
        } else if (rank > best) {
            best = rank;
            leaf = (int) i;
        }
    }
    if (leaf != GUESS_NONE && guess->key_count == 0)
        guess->keys[guess->key_count++] = leaf;
}

// Is this a number that is measured, not given: with a fraction, or called a price or an amount?
static bool s_is_measured(const survey_t *survey, unsigned leaf)
{
    const char *name = survey->leaves[leaf].name;
    if (!guess_is_number(survey, leaf))
        return false;
    if (names_value(name) > 0 && names_identity(name) == 0)
        return true;
    for (size_t row = 0; row < survey->row_count; row++) {
        slice_t text = survey_cell(survey, row, leaf)->text;
        if (text.size > 0 && memchr(text.data, '.', text.size))
            return true;
    }
    return false;
}

static bool s_is_identity(const survey_t *survey, const guess_t *guess, unsigned leaf)
{
    if ((int) leaf == guess->time || survey->leaves[leaf].kind != LEAF_ROW ||
        s_is_measured(survey, leaf)) // two rows may well have the same
        return false;
    for (size_t row = 0; row < survey->row_count; row++) {
        const field_t *cell = survey_cell(survey, row, leaf);
        if ((cell->kind != FIELD_TEXT && cell->kind != FIELD_NUMBER) ||
            cell->text.size > KEY_TEXT_MAX)
            return false;
    }
    return true;
}

// The leaf that makes all rows different, the best named of them.
static int s_telling_leaf(const survey_t *survey, const guess_t *guess, bool key)
{
    int best = GUESS_NONE, rank = -1;
    for (unsigned i = 0; i < survey->leaf_count; i++) {
        bool fits = key ? s_is_key(survey, guess, i) && survey->leaves[i].kind == LEAF_ROW
                        : s_is_identity(survey, guess, i);
        int named =
            key ? names_key(survey->leaves[i].name) : names_identity(survey->leaves[i].name);
        if (fits && named > rank && s_unique(survey, guess, (int) i) == 1) {
            best = (int) i;
            rank = named;
        }
    }
    return best;
}

bool guess_keys(const survey_t *survey, guess_t *guess)
{
    guess->identity = GUESS_NONE;
    s_named_keys(survey, guess);
    int unique = s_unique(survey, guess, GUESS_NONE);
    if (unique == 0 && guess->time == GUESS_NONE) { // then only a key can tell them apart
        int leaf = s_telling_leaf(survey, guess, true);
        if (leaf != GUESS_NONE)
            guess->keys[guess->key_count++] = leaf;
        unique = s_unique(survey, guess, GUESS_NONE);
    }
    if (unique == 0)
        guess->identity = s_telling_leaf(survey, guess, false);
    guess->same = unique == 0 && guess->identity == GUESS_NONE;
    return unique >= 0;
}
