/*  survey -- rows that nobody has described, as a table of values: one column a place in the row.
 *
 *  Pure and bounded. JSON and CSV end in the same table, so that whoever judges it need not know
 *  where it came from.
 */
#pragma once
#include "actors/infer/outline.h"
#include "actors/prep/csv.h"

enum {
    SURVEY_LEAVES_MAX = 128, // places in a row
    SURVEY_ROWS_MAX = 2000,  // rows that are looked at
    SURVEY_TEXT_MAX = 256,   // bytes of a value; a longer one is cut
};

typedef enum {
    LEAF_ROW,      // "/a/0" or a CSV header: in the row
    LEAF_DOCUMENT, // "^/a": in the document, the same for all rows
    LEAF_MATCH,    // "~1": what a star of `rows` stands for
} leaf_kind_t;

typedef struct {
    leaf_kind_t kind;
    const char *place; // as it stands in a configuration
    const char *name;  // the last name in it, as it was found; "" = it has none
    const char *above; // the name before it, or ""
    bool positional;   // an element of an array or a cell without a header
} survey_leaf_t;

typedef struct {
    arena_t *arena; // of the caller
    unsigned leaf_count;
    survey_leaf_t leaves[SURVEY_LEAVES_MAX];
    size_t row_count;
    field_t *cells; // row by row, leaf_count each; texts are in the arena
} survey_t;

static inline const field_t *survey_cell(const survey_t *self, size_t row, unsigned leaf)
{
    return &self->cells[row * self->leaf_count + leaf];
}

// The rows at a node of the outline, with what stands beside them in the document. False: no
// memory.
bool survey_json(survey_t *self, documents_t *documents, const outline_t *outline,
                 const outline_node_t *rows, arena_t *arena);

typedef struct {
    char delimiter;
    bool header;
} survey_csv_t;

// The records of a CSV, whose dialect is found out. False: no memory, or it does not look like CSV
// (then leaf_count is 0).
bool survey_csv(survey_t *self, slice_t text, survey_csv_t *dialect, arena_t *arena);

// For whoever fills a survey: a copy of a value at (row, leaf).
void survey_put(survey_t *self, size_t row, unsigned leaf, field_kind_t kind, slice_t text);
