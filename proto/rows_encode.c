/*  rows_encode -- a block as one msgpack array:
 *
 *      [ seq, recv_us, staged_us, prep_us, source, table, ordinal, rows,
 *        ts: bin of int64, row: bin of uint32,
 *        runs: [[series, partition, rows], ...],
 *        identities: nil, or bin of uint32 ends (one a row), then the bytes,
 *        columns: [[name, exponent or bin of int8, bin of int64 mantissas], ...] ]
 *
 *  All numbers in bin are little-endian.
 */
#include "proto/rows_builder.h"
#include "proto/wire.h"

enum { BLOCK_FIELDS = 13, RUN_FIELDS = 3, COLUMN_FIELDS = 3 };

// Most bytes of the parts of a block, with what msgpack puts before a bin, a text or a number.
enum {
    PART_BYTES = 9, // msgpack's largest head of a value, or number
    COLUMN_BYTES_MAX = 4 * PART_BYTES + ROWS_NAME_MAX,
    HEAD_BYTES_MAX =
        (BLOCK_FIELDS + 1) * PART_BYTES + 2 * ROWS_NAME_MAX + ROWS_COLUMNS_MAX * COLUMN_BYTES_MAX,
    RUN_BYTES_MAX = 4 * PART_BYTES, // beyond the name of the series
};

size_t rows_bytes_most(const rows_t *self, size_t rows, size_t identity_bytes)
{
    size_t value_bytes = sizeof(int64_t) + sizeof(int8_t);
    size_t row_bytes = sizeof(int64_t) + 2 * sizeof(uint32_t); // time, place, end of the identity
    return HEAD_BYTES_MAX + self->names.size + self->entry_count * RUN_BYTES_MAX + identity_bytes +
           rows * (row_bytes + self->head.column_count * value_bytes);
}

size_t rows_bytes(const rows_t *self)
{
    return rows_bytes_most(self, self->count, self->identities.size);
}

// What goes into this block: all runs of the wanted partitions.
typedef struct {
    const rows_t *rows;
    const partitions_t *partitions;
    const uint32_t *order; // its rows in the order of the block; NULL = all, as they arrived
    uint32_t row_count, run_count;
} selection_t;

static inline unsigned partition_of(const rows_series_t *entry)
{
    return (unsigned) (entry->hash % PARTITIONS);
}

// The wanted run at or after *at, or NULL; *at moves behind it.
static const rows_series_t *next_run(const selection_t *selection, size_t *at)
{
    const rows_t *rows = selection->rows;
    while (*at < rows->run_count) {
        const rows_series_t *entry = &rows->entries[rows->runs[(*at)++]];
        if (partitions_has(selection->partitions, partition_of(entry)))
            return entry;
    }
    return NULL;
}

static bool is_everything(const partitions_t *partitions)
{
    for (size_t i = 0; i < sizeof partitions->bits; i++)
        if (partitions->bits[i] != UINT8_MAX)
            return false;
    return true;
}

// rows_arrange has left rows_t.scratch to us.
static selection_t select_runs(rows_t *rows, const partitions_t *partitions)
{
    selection_t selection = { .rows = rows, .partitions = partitions };
    if (is_everything(partitions)) {
        selection.order = rows->grouped ? NULL : rows->order;
        selection.row_count = (uint32_t) rows->count;
        selection.run_count = (uint32_t) rows->run_count;
        return selection;
    }
    size_t at = 0;
    for (const rows_series_t *run; (run = next_run(&selection, &at));) {
        for (uint32_t i = 0; i < run->count; i++)
            rows->scratch[selection.row_count++] = rows->order[run->first + i];
        selection.run_count++;
    }
    selection.order = rows->scratch;
    return selection;
}

// ---- arrays of the selected rows, in the order of the block --------------------------------

#define PUT_ARRAY(name, type)                                                                      \
    static void put_##name(const selection_t *selection, const type *values, uint8_t *to)          \
    {                                                                                              \
        if (!selection->order) {                                                                   \
            memcpy(to, values, selection->row_count * sizeof(type));                               \
            return;                                                                                \
        }                                                                                          \
        for (uint32_t i = 0; i < selection->row_count; i++, to += sizeof(type))                    \
            memcpy(to, &values[selection->order[i]], sizeof(type));                                \
    }
PUT_ARRAY(i64, int64_t)
PUT_ARRAY(u32, uint32_t)
PUT_ARRAY(i8, int8_t)

static void encode_i64(const selection_t *selection, const int64_t *values, buffer_t *out)
{
    uint8_t *to = wire_bytes_room(out, (size_t) selection->row_count * sizeof *values);
    if (to)
        put_i64(selection, values, to);
}

static void encode_u32(const selection_t *selection, const uint32_t *values, buffer_t *out)
{
    uint8_t *to = wire_bytes_room(out, (size_t) selection->row_count * sizeof *values);
    if (to)
        put_u32(selection, values, to);
}

static void encode_i8(const selection_t *selection, const int8_t *values, buffer_t *out)
{
    uint8_t *to = wire_bytes_room(out, selection->row_count);
    if (to)
        put_i8(selection, values, to);
}

// ---- the parts ----------------------------------------------------------------------------

static void encode_head(const selection_t *selection, buffer_t *out)
{
    const rows_head_t *head = &selection->rows->head;
    wire_u64(out, head->seq);
    wire_i64(out, head->recv_us);
    wire_i64(out, head->staged_us);
    wire_i64(out, head->prep_us);
    wire_text(out, head->source);
    wire_text(out, head->table);
    wire_bool(out, head->ordinal);
    wire_u64(out, selection->row_count);
}

static void encode_runs(const selection_t *selection, buffer_t *out)
{
    const uint8_t *names = selection->rows->names.data;
    wire_array(out, selection->run_count);
    size_t at = 0;
    for (const rows_series_t *run; (run = next_run(selection, &at));) {
        wire_array(out, RUN_FIELDS);
        wire_text(out, slice_of(names + run->offset, run->size));
        wire_u64(out, partition_of(run));
        wire_u64(out, run->count);
    }
}

static slice_t identity_of(const rows_t *rows, uint32_t row)
{
    uint32_t start = row > 0 ? rows->identity_ends[row - 1] : 0;
    if (rows->identity_ends[row] == start)
        return (slice_t){ 0 };
    return slice_of(rows->identities.data + start, rows->identity_ends[row] - start);
}

static uint32_t row_at(const selection_t *selection, uint32_t i)
{
    return selection->order ? selection->order[i] : i;
}

static void encode_identities(const selection_t *selection, buffer_t *out)
{
    const rows_t *rows = selection->rows;
    if (!rows->any_identity) {
        wire_nil(out);
        return;
    }
    size_t total = 0;
    for (uint32_t i = 0; i < selection->row_count; i++)
        total += identity_of(rows, row_at(selection, i)).size;
    size_t ends_size = (size_t) selection->row_count * sizeof(uint32_t);
    uint8_t *ends = wire_bytes_room(out, ends_size + total);
    if (!ends)
        return;
    uint8_t *bytes = ends + ends_size;
    uint32_t end = 0;
    for (uint32_t i = 0; i < selection->row_count; i++, ends += sizeof end) {
        slice_t identity = identity_of(rows, row_at(selection, i));
        if (identity.size > 0)
            memcpy(bytes + end, identity.data, identity.size);
        end += (uint32_t) identity.size;
        memcpy(ends, &end, sizeof end);
    }
}

static void encode_columns(const selection_t *selection, buffer_t *out)
{
    const rows_t *rows = selection->rows;
    wire_array(out, rows->head.column_count);
    for (unsigned i = 0; i < rows->head.column_count; i++) {
        const rows_values_t *values = &rows->columns[i];
        wire_array(out, COLUMN_FIELDS);
        wire_string(out, rows->head.columns[i]);
        if (values->uniform)
            wire_i64(out, values->least);
        else
            encode_i8(selection, values->exponents, out);
        encode_i64(selection, values->mantissas, out);
    }
}

bool rows_encode(rows_t *self, const partitions_t *partitions, buffer_t *out)
{
    if (self->failed || !rows_arrange(self)) {
        out->failed = true;
        return false;
    }
    selection_t selection = select_runs(self, partitions);
    if (selection.row_count == 0)
        return false;
    wire_array(out, BLOCK_FIELDS);
    encode_head(&selection, out);
    encode_i64(&selection, self->ts, out);
    encode_u32(&selection, self->row, out);
    encode_runs(&selection, out);
    encode_identities(&selection, out);
    encode_columns(&selection, out);
    return !out->failed;
}
