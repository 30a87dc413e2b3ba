/*  definition -- read, check and compile the body of a source. Pure. */
#include "actors/prep/definition_inside.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/owned.h"
#include "proto/wire.h"

enum { FIELD_COUNT = 17, TEXT_MAX = 1024, STAR_DIGIT_MAX = '8' };

_Static_assert(STAR_DIGIT_MAX - '0' == POINTER_STARS_MAX, "~1 to ~8 name the stars");

typedef struct {
    definition_t *self;
    wire_reader_t reader;
    bool extras; // a map of what few sources have comes last
    fault_t *fault;
} compiler_t;

// Put in front of a fault what it is about.
static bool s_about(fault_t *fault, const char *what, const char *name)
{
    if (!fault)
        return false;
    fault_t cause = *fault;
    return fault_set(fault, "%s%s%s: %s", what, *name ? " " : "", name, cause.text);
}

static bool s_malformed(compiler_t *c)
{
    return fault_set(c->fault, "not a mapping definition of version %d", DEFINITION_VERSION);
}

static bool s_is_name(slice_t text)
{
    if (text.size == 0 || text.size > DEFINITION_NAME_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool letter = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';
        if (!letter && (i == 0 || (!digit && c != '_')))
            return false;
    }
    return true;
}

// The next text as a name of our own; NULL with fault.
static char *s_read_name(compiler_t *c, const char *what)
{
    slice_t text;
    if (!wire_read_text(&c->reader, &text, TEXT_MAX)) {
        s_malformed(c);
        return NULL;
    }
    if (!s_is_name(text)) {
        fault_set(c->fault, "'%.*s' is no name of a %s", (int) (text.size < 64 ? text.size : 64),
                  (const char *) text.data, what);
        return NULL;
    }
    char *name = strndup((const char *) text.data, text.size);
    if (!name)
        fault_set(c->fault, "no memory");
    return name;
}

// ---- places -----------------------------------------------------------------------------

static bool s_cell_place(compiler_t *c, place_t *place)
{
    slice_t text = place->text;
    if (text.size == 0 || text.data[0] == '^' || text.data[0] == '~')
        return fault_set(c->fault, "csv cells are named by header or by /index");
    place->name = text;
    if (text.data[0] != '/')
        return c->self->csv_header ||
               fault_set(c->fault, "csv without header: name the cell by /index");
    owned(pointer_destroy) pointer_t *pointer = pointer_new(text, c->fault);
    if (!pointer)
        return false;
    place->cell = pointer->count == 1 ? pointer->tokens[0].index : POINTER_NO_INDEX;
    place->name = (slice_t){ 0 };
    return place->cell <= DEFINITION_CELL_INDEX_MAX ||
           fault_set(c->fault, "'/0' to '/%d' name the cells of csv", DEFINITION_CELL_INDEX_MAX);
}

// A pushed column may be named without the slash that a pointer begins with.
static pointer_t *s_bare_pointer(slice_t name, fault_t *fault)
{
    char text[POINTER_BYTES_MAX];
    int size =
        snprintf(text, sizeof text, "/%.*s", (int) (name.size < TEXT_MAX ? name.size : TEXT_MAX),
                 (const char *) name.data);
    return pointer_new(slice_of(text, (size_t) size), fault);
}

static bool s_pointer_place(compiler_t *c, place_t *place)
{
    slice_t text = place->text;
    place->document = text.size && text.data[0] == '^';
    if (place->document)
        text = slice_of(text.data + 1, text.size - 1);
    bool bare = c->self->kind == SOURCE_PUSH && text.size && text.data[0] != '/' &&
                text.size < POINTER_BYTES_MAX - 1;
    place->pointer = bare ? s_bare_pointer(text, c->fault) : pointer_new(text, c->fault);
    if (!place->pointer)
        return false;
    if (place->pointer->stars)
        return fault_set(c->fault, "'*' stands only in rows");
    if (place->pointer->count == 1 && !place->document)
        place->name = place->pointer->tokens[0].text;
    return true;
}

// The number of the place that `text` names, a new one if need be; -1 with fault.
static int s_place(compiler_t *c, slice_t text)
{
    definition_t *self = c->self;
    for (unsigned i = 0; i < self->place_count; i++)
        if (slice_same(self->places[i].text, text))
            return (int) i;
    if (self->place_count == DEFINITION_PLACES_MAX) {
        fault_set(c->fault, "more than %d places", DEFINITION_PLACES_MAX);
        return -1;
    }
    int number = (int) self->place_count++;
    place_t *place = &self->places[number];
    *place = (place_t){ .text = text, .cell = POINTER_NO_INDEX };
    if (self->format == FORMAT_CSV)
        return s_cell_place(c, place) ? number : -1;
    if (!s_pointer_place(c, place))
        return -1;
    bool whole = place->document && self->rows->count > 0;
    pointer_tree_t *tree = whole ? &self->document_tree : &self->row_tree;
    number = pointer_tree_add(tree, place->pointer, number);
    if (number < 0)
        fault_set(c->fault, "too many steps in all pointers together");
    return number;
}

int definition_place(definition_t *self, slice_t text, fault_t *fault)
{
    compiler_t compiler = { .self = self, .fault = fault };
    return s_place(&compiler, text);
}

static int s_read_place(compiler_t *c, const char *what, const char *name)
{
    slice_t text;
    if (!wire_read_text(&c->reader, &text, TEXT_MAX)) {
        s_malformed(c);
        return -1;
    }
    int place = s_place(c, text);
    if (place < 0)
        s_about(c->fault, what, name);
    return place;
}

// ---- the parts of a definition ----------------------------------------------------------

static bool s_read_head(compiler_t *c)
{
    definition_t *self = c->self;
    uint32_t count;
    uint64_t version, kind, format, delimiter;
    if (!wire_read_array(&c->reader, &count) || (count != FIELD_COUNT && count != FIELD_COUNT + 1))
        return s_malformed(c);
    c->extras = count > FIELD_COUNT;
    if (!wire_read_u64(&c->reader, &version) || version != DEFINITION_VERSION ||
        !wire_read_u64(&c->reader, &kind) || kind > SOURCE_SIMULATE ||
        !wire_read_u64(&c->reader, &format) || format > FORMAT_CONCATENATED ||
        !wire_read_bool(&c->reader, &self->csv_header) || !wire_read_u64(&c->reader, &delimiter) ||
        !wire_read_text(&c->reader, &self->rows_text, TEXT_MAX) ||
        !wire_read_bool(&c->reader, &self->newest_first))
        return s_malformed(c);
    self->kind = (source_kind_t) kind;
    self->format = (source_format_t) format;
    self->csv_delimiter = (char) delimiter;
    bool plain = delimiter == '\t' || (delimiter >= ' ' && delimiter < 127);
    if (self->format == FORMAT_CSV && (!plain || delimiter == '"'))
        return fault_set(c->fault, "a csv delimiter is one printable character or a tab, no quote");
    self->rows = pointer_new(self->rows_text, c->fault);
    if (!self->rows)
        return s_about(c->fault, "rows", "");
    if (self->format == FORMAT_CSV && self->rows->count)
        return fault_set(c->fault, "rows: csv has none to point to");
    self->table = s_read_name(c, "table");
    return self->table != NULL;
}

// "~2:0": part 0 of what the second star stands for.
static bool s_match_part(compiler_t *c, key_part_t *part, slice_t text)
{
    bool split =
        text.size == 4 && text.data[2] == ':' && text.data[3] >= '0' && text.data[3] <= '9';
    if ((text.size != 2 && !split) || text.data[1] < '1' || text.data[1] > STAR_DIGIT_MAX)
        return fault_set(c->fault, "write ~1 for what the first * stands for, ~1:0 for its part 0");
    part->origin = KEY_MATCH;
    part->star = (unsigned) (text.data[1] - '1');
    part->part = split ? text.data[3] - '0' : -1;
    return part->star < c->self->rows->stars ||
           fault_set(c->fault, "rows has only %u *", c->self->rows->stars);
}

static bool s_read_key_part(compiler_t *c, key_part_t *part)
{
    slice_t text;
    part->name = s_read_name(c, "key");
    if (!part->name)
        return false;
    if (!wire_read_text(&c->reader, &text, TEXT_MAX))
        return s_malformed(c);
    if (text.size && text.data[0] == '=') {
        part->origin = KEY_LITERAL;
        part->literal = slice_of(text.data + 1, text.size - 1);
        return part->literal.size ||
               fault_set(c->fault, "key %s: the literal is empty", part->name);
    }
    if (text.size && text.data[0] == '~')
        return s_match_part(c, part, text) || s_about(c->fault, "key", part->name);
    part->origin = KEY_PLACE;
    part->place = s_place(c, text);
    return part->place >= 0 || s_about(c->fault, "key", part->name);
}

static bool s_read_key(compiler_t *c)
{
    uint32_t count;
    if (!wire_read_array(&c->reader, &count) || count % 2)
        return s_malformed(c);
    if (count / 2 > SERIES_KEYS_MAX)
        return fault_set(c->fault, "more than %d keys", SERIES_KEYS_MAX);
    for (uint32_t i = 0; i < count / 2; i++)
        if (!s_read_key_part(c, &c->self->key[c->self->key_count++]))
            return false;
    return true;
}

// A text or nil, which gives an empty slice.
static bool s_read_optional(wire_reader_t *reader, slice_t *text)
{
    *text = (slice_t){ 0 };
    return wire_peek(reader) == WIRE_NIL ? wire_read_nil(reader)
                                         : wire_read_text(reader, text, TEXT_MAX);
}

static bool s_read_time(compiler_t *c)
{
    definition_t *self = c->self;
    slice_t at, unit;
    if (!wire_read_bool(&c->reader, &self->time_fetch) || !s_read_optional(&c->reader, &at) ||
        !s_read_optional(&c->reader, &unit))
        return s_malformed(c);
    self->time_place = DEFINITION_NO_PLACE;
    if (self->time_fetch)
        return true;
    if (!event_time_compile(&self->time, unit, c->fault))
        return s_about(c->fault, "time", "");
    self->time_place = s_place(c, at);
    return self->time_place >= 0 || s_about(c->fault, "time", "");
}

static bool s_read_columns(compiler_t *c)
{
    definition_t *self = c->self;
    uint32_t count;
    if (!wire_read_array(&c->reader, &count) || count % 2)
        return s_malformed(c);
    if (count / 2 > ROWS_COLUMNS_MAX)
        return fault_set(c->fault, "more than %d columns", ROWS_COLUMNS_MAX);
    for (uint32_t i = 0; i < count / 2; i++) {
        column_t *column = &self->columns[self->column_count++];
        column->name = s_read_name(c, "column");
        if (!column->name)
            return false;
        self->column_names[i] = column->name;
        column->place = s_read_place(c, "column", column->name);
        if (column->place < 0)
            return false;
    }
    return true;
}

// The column that the next text names; NULL with fault.
static column_t *s_read_column(compiler_t *c, const char *what)
{
    slice_t name;
    if (!wire_read_text(&c->reader, &name, TEXT_MAX)) {
        s_malformed(c);
        return NULL;
    }
    for (unsigned i = 0; i < c->self->column_count; i++)
        if (slice_is(name, c->self->columns[i].name))
            return &c->self->columns[i];
    fault_set(c->fault, "%s: no column '%.*s'", what, (int) (name.size < 64 ? name.size : 64),
              (const char *) name.data);
    return NULL;
}

static bool s_read_required(compiler_t *c)
{
    uint32_t count;
    if (!wire_read_array(&c->reader, &count))
        return s_malformed(c);
    for (uint32_t i = 0; i < count; i++) {
        column_t *column = s_read_column(c, "required");
        if (!column)
            return false;
        column->required = true;
    }
    return true;
}

static bool s_read_identity(compiler_t *c)
{
    definition_t *self = c->self;
    uint32_t count;
    if (!wire_read_bool(&c->reader, &self->identity_none) || !wire_read_array(&c->reader, &count))
        return s_malformed(c);
    if (count > DEFINITION_IDENTITY_MAX || (count && self->identity_none))
        return fault_set(c->fault, "identity: time and at most %d more, or none",
                         DEFINITION_IDENTITY_MAX);
    for (uint32_t i = 0; i < count; i++) {
        int place = s_read_place(c, "identity", "");
        if (place < 0)
            return false;
        self->identity[self->identity_count++] = place;
    }
    return true;
}

static bool s_read_validate(compiler_t *c)
{
    uint32_t count;
    if (!wire_read_array(&c->reader, &count) || count % 2)
        return s_malformed(c);
    for (uint32_t i = 0; i < count / 2; i++) {
        column_t *column = s_read_column(c, "validate");
        if (!column)
            return false;
        if (!wire_read_text(&c->reader, &column->condition, TEXT_MAX))
            return s_malformed(c);
        if (!check_compile(&column->check, column->condition, c->fault))
            return s_about(c->fault, "validate", column->name);
    }
    return true;
}

static bool s_compile(compiler_t *c)
{
    pointer_tree_begin(&c->self->row_tree);
    pointer_tree_begin(&c->self->document_tree);
    if (!s_read_head(c) || !s_read_key(c) || !s_read_time(c) || !s_read_columns(c) ||
        !s_read_required(c) || !s_read_identity(c) || !s_read_validate(c))
        return false;
    if (c->extras && !definition_read_extras(c->self, &c->reader, c->fault))
        return false;
    return wire_done(&c->reader) || s_malformed(c);
}

definition_t *definition_new(slice_t body, fault_t *fault)
{
    owned(definition_destroy) definition_t *self = calloc(1, sizeof *self);
    if (self)
        self->bytes = malloc(body.size + 1);
    if (!self || !self->bytes) {
        fault_set(fault, "no memory");
        return NULL;
    }
    if (body.size)
        memcpy(self->bytes, body.data, body.size);
    compiler_t compiler = { .self = self,
                            .fault = fault,
                            .reader = wire_reader(slice_of(self->bytes, body.size)) };
    if (!s_compile(&compiler))
        return NULL;
    definition_t *given = self;
    self = NULL;
    return given;
}

void definition_destroy(definition_t **self_p)
{
    definition_t *self = *self_p;
    if (!self)
        return;
    for (unsigned i = 0; i < self->key_count; i++)
        free(self->key[i].name);
    for (unsigned i = 0; i < self->column_count; i++)
        free(self->columns[i].name);
    for (unsigned i = 0; i < self->place_count; i++)
        pointer_destroy(&self->places[i].pointer);
    pointer_destroy(&self->rows);
    free(self->table);
    free(self->bytes);
    free(self);
    *self_p = NULL;
}
