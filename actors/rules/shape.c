/*  shape -- see shape.h. */
#include "actors/rules/shape.h"

#include "proto/wire.h"

enum {
    DEFINITION_VERSION = 1,    // of the body, its first field
    FIELDS_BEFORE_TABLE = 6,   // after the version: kind, format, header, delimiter, rows, order
    FIELDS_BEFORE_COLUMNS = 3, // after the keys: fetch, at, unit
    FIELDS_BEFORE_EXTRAS = 4,  // after the columns: required, identity (two fields), validate
    FIELDS_WITHOUT_EXTRAS = 17,
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

// What few sources have comes last, each under its name.
static bool read_extras(wire_reader_t *reader, shape_t *shape)
{
    uint32_t count;
    if (!skip(reader, FIELDS_BEFORE_EXTRAS) || !wire_read_map(reader, &count))
        return false;
    for (; count > 0; count--) {
        slice_t name;
        uint64_t lateness_us;
        if (!wire_read_text(reader, &name, NAME_MAX_BYTES))
            return false;
        if (!slice_is(name, "lateness")) {
            if (!wire_skip(reader, NULL))
                return false;
            continue;
        }
        if (!wire_read_u64(reader, &lateness_us) || lateness_us > ROWS_LATENESS_MAX)
            return false;
        shape->lateness_us = (int64_t) lateness_us;
    }
    return true;
}

bool shape_read(shape_t *self, slice_t body, fault_t *fault)
{
    wire_reader_t reader = wire_reader(body);
    uint32_t fields;
    uint64_t version;
    self->lateness_us = 0;
    bool good = wire_read_array(&reader, &fields) && wire_read_u64(&reader, &version) &&
                version == DEFINITION_VERSION && skip(&reader, FIELDS_BEFORE_TABLE) &&
                wire_read_text(&reader, &self->table, NAME_MAX_BYTES) &&
                read_names(&reader, self->keys, SERIES_KEYS_MAX, &self->key_count) &&
                skip(&reader, FIELDS_BEFORE_COLUMNS) &&
                read_names(&reader, self->columns, ROWS_COLUMNS_MAX, &self->column_count) &&
                (fields <= FIELDS_WITHOUT_EXTRAS || read_extras(&reader, self));
    return good || fault_set(fault, "not a mapping definition of version %d", DEFINITION_VERSION);
}
