/*  definition -- what prep knows of a source, compiled from the body of its plan entry.
 *
 *  Pure. mapping_define (definition_write.c) writes the body, definition_new reads and checks it.
 *  Everything that a row is made of is a numbered place; readers fill one field_t per place.
 */
#pragma once
#include "actors/prep/checks.h"
#include "actors/prep/event_time.h"
#include "actors/prep/mapping.h"
#include "actors/prep/numbers.h"
#include "actors/prep/pointer.h"
#include "proto/series.h"

enum {
    DEFINITION_VERSION = 1,
    DEFINITION_NAME_MAX = 64,    // bytes of a column, key or table name
    DEFINITION_IDENTITY_MAX = 8, // pointers beyond time
    DEFINITION_PLACES_MAX = 96,  // distinct places of a row
    DEFINITION_CELL_INDEX_MAX = 1023,
    DEFINITION_NO_PLACE = -1,
    DEFINITION_ONLY_MAX = 8,     // conditions of `only`
    DEFINITION_MISSING_MAX = 16, // texts that stand for no value
    DEFINITION_JQ_MAX = 4096,    // bytes of a filter
};

// Where a field is. JSON uses the pointer, CSV the cell, pushed columns the name.
typedef struct {
    slice_t text;       // as it was configured
    bool document;      // "^/ptr": from the document, not from the row
    pointer_t *pointer; // NULL with CSV
    slice_t name;       // header or pushed column; empty with a cell
    uint32_t cell;      // "/index" of CSV, or POINTER_NO_INDEX
} place_t;

typedef enum { KEY_LITERAL, KEY_PLACE, KEY_MATCH } key_origin_t;

typedef struct {
    char *name;
    key_origin_t origin;
    slice_t literal; // KEY_LITERAL
    int place;       // KEY_PLACE
    unsigned star;   // KEY_MATCH: what this star of `rows` stands for, from 0
    int part;        // KEY_MATCH: its part when split on ':', or -1 = the whole
} key_part_t;

typedef struct {
    char *name;
    int place;
    bool required;
    slice_t condition; // as it was configured, empty = none
    check_t check;
} column_t;

// A row counts only if this text stands at the place.
typedef struct {
    int place;
    slice_t text;
} only_t;

typedef struct {
    uint8_t *bytes; // the body; slices point into it
    source_kind_t kind;
    source_format_t format;
    bool csv_header;
    char csv_delimiter;
    bool newest_first;
    pointer_t *rows;
    slice_t rows_text;
    char *table;
    unsigned key_count;
    key_part_t key[SERIES_KEYS_MAX];
    bool time_fetch;
    int time_place;
    event_time_t time;
    unsigned column_count;
    column_t columns[ROWS_COLUMNS_MAX];
    const char *column_names[ROWS_COLUMNS_MAX];
    bool identity_none;
    unsigned identity_count;
    int identity[DEFINITION_IDENTITY_MAX];
    unsigned shards; // 0: of all series; else of those of this one of so many shards
    unsigned shard;
    slice_t jq; // empty = none; else a row is an output of it
    unsigned only_count;
    only_t only[DEFINITION_ONLY_MAX];
    uint32_t csv_skip_lines; // before the header, or before the first record
    slice_t csv_comment;     // lines that begin so are none; empty = there are no such
    numbers_t numbers;
    unsigned missing_count;
    slice_t missing[DEFINITION_MISSING_MAX];
    unsigned place_count;
    place_t places[DEFINITION_PLACES_MAX];
    pointer_tree_t row_tree;      // the places of a row; if `rows` is "" also those of the document
    pointer_tree_t document_tree; // the places of the document; empty if `rows` is ""
} definition_t;

definition_t *definition_new(slice_t body, fault_t *fault);
void definition_destroy(definition_t **self_p);

// Files may be as old or as new as they like; what comes in live is dated now.
static inline bool definition_live(const definition_t *self)
{
    return self->kind != SOURCE_FILE;
}
