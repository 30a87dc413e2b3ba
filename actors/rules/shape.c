/*  shape -- see shape.h. */
#include "actors/rules/shape.h"

#include "proto/wire.h"

enum {
    DEFINITION_VERSION = 1,    // of the body, its first field
    FIELDS_BEFORE_TABLE = 6,   // after the version: kind, format, header, delimiter, rows, order
    FIELDS_BEFORE_COLUMNS = 3, // after the keys: fetch, at, unit
    NAME_MAX_BYTES = 64,
};

// An array of name and value by turns: the names.
static bool read_names(wire_reader_t *reader, slice_t *names, unsigned most, unsigned *count)
{
    uint32_t items;
    if (!wire_read_array(reader, &items) || items % 2 || items / 2 > most)
        return false;
    *count = items / 2;
    for (unsigned i = 0; i < *count; i++)
        if (!wire_read_text(reader, &names[i], NAME_MAX_BYTES) || names[i].size == 0 ||
            !wire_skip(reader, NULL))
            return false;
    return true;
}

static bool skip(wire_reader_t *reader, int count)
{
    while (count-- > 0)
        if (!wire_skip(reader, NULL))
            return false;
    return true;
}

bool shape_read(shape_t *self, slice_t body, fault_t *fault)
{
    wire_reader_t reader = wire_reader(body);
    uint32_t fields;
    uint64_t version;
    bool good = wire_read_array(&reader, &fields) && wire_read_u64(&reader, &version) &&
                version == DEFINITION_VERSION && skip(&reader, FIELDS_BEFORE_TABLE) &&
                wire_read_text(&reader, &self->table, NAME_MAX_BYTES) &&
                read_names(&reader, self->keys, SERIES_KEYS_MAX, &self->key_count) &&
                skip(&reader, FIELDS_BEFORE_COLUMNS) &&
                read_names(&reader, self->columns, ROWS_COLUMNS_MAX, &self->column_count);
    return good || fault_set(fault, "not a mapping definition of version %d", DEFINITION_VERSION);
}
