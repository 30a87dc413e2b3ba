/*  push -- reading a pushed frame; see push.h. Writing one is in push_write.c. */
#include "proto/push.h"

#include "proto/decimal.h"
#include "proto/wire.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays are read as they lie");

// ---- the outer map ------------------------------------------------------------------------

enum { SEEN_V = 1, SEEN_SOURCE = 2, SEEN_CLIENT = 4, SEEN_N = 8, SEEN_ROWS = 16, SEEN_RAW = 32 };

static unsigned key_of(slice_t key)
{
    static const char *const keys[] = { "v", "source", "client", "n", "rows", "raw" };
    for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (slice_is(key, keys[i]))
            return 1u << i;
    return 0;
}

static bool is_name(slice_t text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-';
        if (!good)
            return false;
    }
    return text.size > 0;
}

static bool read_name(wire_reader_t *in, slice_t *name, const char *field, fault_t *fault)
{
    return (wire_read_text(in, name, PUSH_NAME_MAX) && is_name(*name)) ||
           fault_set(fault, "push: %s is not a name of at most %d bytes", field, PUSH_NAME_MAX);
}

// The value of one key. `rows` is only passed over; *rows becomes its bytes.
static bool read_value(wire_reader_t *in, unsigned key, push_t *push, slice_t *rows, fault_t *fault)
{
    uint64_t version;
    switch (key) {
    case SEEN_V:
        return (wire_read_u64(in, &version) && version == PUSH_VERSION) ||
               fault_set(fault, "push: v is not %d", PUSH_VERSION);
    case SEEN_SOURCE:
        return read_name(in, &push->source, "source", fault);
    case SEEN_CLIENT:
        return read_name(in, &push->client, "client", fault);
    case SEEN_N:
        return wire_read_u64(in, &push->n) ||
               fault_set(fault, "push: n is not a whole number from 0 on");
    case SEEN_ROWS:
        return (wire_peek(in) == WIRE_MAP && wire_skip(in, rows)) ||
               fault_set(fault, "push: rows is not a map of columns");
    case SEEN_RAW:
        return wire_read_bytes(in, &push->raw, PUSH_FRAME_BYTES_MAX) ||
               fault_set(fault, "push: raw is not bytes");
    }
    return false;
}

static bool read_map(push_t *push, slice_t frame, slice_t *rows, fault_t *fault)
{
    if (frame.size > PUSH_FRAME_BYTES_MAX)
        return fault_set(fault, "push: a frame of %zu bytes; at most %d are allowed", frame.size,
                         PUSH_FRAME_BYTES_MAX);
    wire_reader_t in = wire_reader(frame);
    uint32_t pairs;
    if (!wire_read_map(&in, &pairs))
        return fault_set(fault, "push: not a msgpack map");
    push->raw = (slice_t){ 0 };
    push->row_count = push->column_count = 0;
    unsigned seen = 0;
    for (uint32_t i = 0; i < pairs; i++) {
        slice_t text;
        if (!wire_read_text(&in, &text, PUSH_NAME_MAX))
            return fault_set(fault, "push: a key is not a text");
        unsigned key = key_of(text);
        if (key == 0 || (seen & key) != 0)
            return fault_set(fault, "push: key '%.*s' is %s", (int) text.size,
                             (const char *) text.data, key == 0 ? "unknown" : "there twice");
        seen |= key;
        if (!read_value(&in, key, push, rows, fault))
            return false;
    }
    if (!wire_done(&in))
        return fault_set(fault, "push: bytes after the end");
    const unsigned head = SEEN_V | SEEN_SOURCE | SEEN_CLIENT | SEEN_N;
    if ((seen & head) == head && push->n == 0)
        return seen == head || fault_set(fault, "push: n is 0, which asks, and carries no rows");
    if (seen != (head | SEEN_ROWS) && seen != (head | SEEN_RAW))
        return fault_set(fault, "push: wanted are v, source, client, n, and rows or raw");
    push->is_raw = (seen & SEEN_RAW) != 0;
    return true;
}

bool push_peek(push_t *self, slice_t frame, fault_t *fault)
{
    slice_t rows;
    push_t push;
    if (!read_map(&push, frame, &rows, fault))
        return false;
    self->source = push.source;
    self->client = push.client;
    self->n = push.n;
    return true;
}

// ---- columns ------------------------------------------------------------------------------

// Bytes of a column in bulk: a whole number of items. *rows = how many.
static bool read_bulk(wire_reader_t *in, size_t item_size, slice_t *values, uint32_t *rows)
{
    if (!wire_read_bytes(in, values, (size_t) PUSH_ROWS_MAX * item_size) ||
        values->size % item_size != 0)
        return false;
    *rows = (uint32_t) (values->size / item_size);
    return true;
}

static bool read_dec(wire_reader_t *in, push_column_t *column, uint32_t *rows)
{
    int64_t exponent;
    if (!wire_read_i64(in, &exponent) || exponent < DECIMAL_EXPONENT_MIN ||
        exponent > DECIMAL_EXPONENT_MAX)
        return false;
    column->exponent = (int8_t) exponent;
    return read_bulk(in, sizeof(int64_t), &column->values, rows);
}

static bool indexes_good(const push_column_t *column, uint32_t rows)
{
    bool good = true;
    for (uint32_t i = 0; i < rows; i++)
        good &= push_index(column, i) < column->text_count;
    return good;
}

static bool read_dict(wire_reader_t *in, push_column_t *column, uint32_t *rows)
{
    if (!wire_read_array(in, &column->text_count))
        return false;
    const uint8_t *start = in->next;
    slice_t text;
    for (uint32_t i = 0; i < column->text_count; i++)
        if (!wire_read_text(in, &text, PUSH_TEXT_MAX))
            return false;
    column->texts = slice_of(start, (size_t) (in->next - start));
    uint32_t parts;
    slice_t type;
    if (!wire_read_array(in, &parts) || parts != 2 || !wire_read_text(in, &type, 3))
        return false;
    column->width = slice_is(type, "u8")    ? 1
                    : slice_is(type, "u16") ? 2
                    : slice_is(type, "u32") ? 4
                                            : 0;
    return column->width > 0 && read_bulk(in, column->width, &column->values, rows) &&
           indexes_good(column, *rows);
}

static bool read_scalars(wire_reader_t *in, push_column_t *column, uint32_t rows)
{
    const uint8_t *start = in->next;
    slice_t text;
    for (uint32_t i = 0; i < rows; i++) {
        bool good = false;
        switch (wire_peek(in)) {
        case WIRE_NIL:
        case WIRE_BOOL:
        case WIRE_INT:
        case WIRE_DOUBLE:
            good = wire_skip(in, NULL);
            break;
        case WIRE_TEXT:
            good = wire_read_text(in, &text, PUSH_TEXT_MAX);
            break;
        case WIRE_END:
        case WIRE_BYTES:
        case WIRE_ARRAY:
        case WIRE_MAP:
        case WIRE_EXT:
        case WIRE_BAD:
            break;
        }
        if (!good)
            return false;
    }
    column->values = slice_of(start, (size_t) (in->next - start));
    return true;
}

// How an array of `count` values is to be read. A bulk type is followed by what no scalar is (bin
// or array), so an array of texts that begins with "i64" is not mistaken for one.
static push_type_t type_of(wire_reader_t in, uint32_t count)
{
    slice_t tag;
    int64_t exponent;
    if ((count != 2 && count != 3) || wire_peek(&in) != WIRE_TEXT || !wire_read_text(&in, &tag, 4))
        return PUSH_SCALARS;
    wire_kind_t then = wire_peek(&in);
    if (count == 2 && then == WIRE_BYTES && slice_is(tag, "i64"))
        return PUSH_I64;
    if (count == 2 && then == WIRE_BYTES && slice_is(tag, "f64"))
        return PUSH_F64;
    if (count == 3 && then == WIRE_ARRAY && slice_is(tag, "dict"))
        return PUSH_DICT;
    if (count == 3 && then == WIRE_INT && slice_is(tag, "dec") && wire_read_i64(&in, &exponent) &&
        wire_peek(&in) == WIRE_BYTES)
        return PUSH_DEC;
    return PUSH_SCALARS;
}

static bool read_values(wire_reader_t *in, push_column_t *column, uint32_t *rows)
{
    uint32_t count;
    slice_t tag;
    if (!wire_read_array(in, &count))
        return false;
    column->type = type_of(*in, count);
    if (column->type != PUSH_SCALARS && !wire_read_text(in, &tag, 4))
        return false;
    switch (column->type) {
    case PUSH_SCALARS:
        *rows = count;
        return count <= PUSH_ROWS_MAX && read_scalars(in, column, count);
    case PUSH_I64:
        return read_bulk(in, sizeof(int64_t), &column->values, rows);
    case PUSH_F64:
        return read_bulk(in, sizeof(double), &column->values, rows);
    case PUSH_DEC:
        return read_dec(in, column, rows);
    case PUSH_DICT:
        return read_dict(in, column, rows);
    }
    return false;
}

int push_column(const push_t *self, slice_t name)
{
    for (unsigned i = 0; i < self->column_count; i++)
        if (slice_same(self->columns[i].name, name))
            return (int) i;
    return -1;
}

static bool read_columns(push_t *push, slice_t bytes, fault_t *fault)
{
    wire_reader_t in = wire_reader(bytes);
    uint32_t count;
    if (!wire_read_map(&in, &count) || count == 0 || count > PUSH_COLUMNS_MAX)
        return fault_set(fault, "push: rows has no columns, or more than %d", PUSH_COLUMNS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        push_column_t column = { .type = PUSH_SCALARS };
        uint32_t rows;
        if (!wire_read_text(&in, &column.name, PUSH_COLUMN_MAX) || column.name.size == 0)
            return fault_set(fault, "push: the name of a column is not a text within bounds");
        int name_size = (int) column.name.size;
        const char *name = (const char *) column.name.data;
        if (push_column(push, column.name) >= 0)
            return fault_set(fault, "push: column '%.*s' is there twice", name_size, name);
        if (!read_values(&in, &column, &rows))
            return fault_set(fault, "push: column '%.*s': values out of bounds or of no known type",
                             name_size, name);
        if (i > 0 && rows != push->row_count)
            return fault_set(fault, "push: column '%.*s' has %u rows, the others have %u",
                             name_size, name, rows, push->row_count);
        push->row_count = rows;
        push->columns[push->column_count++] = column;
    }
    return true;
}

bool push_decode(push_t *self, slice_t frame, fault_t *fault)
{
    slice_t rows;
    push_t push;
    if (!read_map(&push, frame, &rows, fault))
        return false;
    if (push.n == 0)
        return fault_set(fault, "push: n is 0: no rows, but a question");
    if (!push.is_raw && !read_columns(&push, rows, fault))
        return false;
    *self = push;
    return true;
}
