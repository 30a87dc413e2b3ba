/*  rows_view -- reading a block in place. See rows.h; rows_encode.c shows the layout.
 *
 *  Everything that readers rely on without looking again is checked here, once.
 */
#include "proto/rows.h"
#include "proto/series.h"
#include "proto/wire.h"

enum {
    BLOCK_FIELDS = 13,
    RUN_FIELDS = 3,
    COLUMN_FIELDS = 3,
};

static bool refuse(fault_t *fault, const char *what)
{
    return fault_set(fault, "block: %s", what);
}

// A bin of exactly `size` bytes.
static bool read_array(wire_reader_t *in, size_t size, const uint8_t **array)
{
    slice_t bytes;
    if (!wire_read_bytes(in, &bytes, size) || bytes.size != size)
        return false;
    *array = bytes.data;
    return true;
}

static bool read_head(wire_reader_t *in, rows_view_t *view)
{
    uint64_t row_count;
    if (!wire_read_u64(in, &view->seq) || !wire_read_i64(in, &view->recv_us) ||
        !wire_read_i64(in, &view->staged_us) || !wire_read_i64(in, &view->prep_us) ||
        !wire_read_text(in, &view->source, ROWS_NAME_MAX) ||
        !wire_read_text(in, &view->table, ROWS_NAME_MAX) || !wire_read_bool(in, &view->ordinal) ||
        !wire_read_u64(in, &row_count) || row_count == 0 || row_count > ROWS_PER_BLOCK_MAX)
        return false;
    view->row_count = (uint32_t) row_count;
    return true;
}

// ---- runs ---------------------------------------------------------------------------------

// One run behind *run; *run untouched on failure.
static bool read_run(wire_reader_t *in, rows_run_t *run)
{
    uint32_t fields;
    slice_t series;
    uint64_t partition, count;
    if (!wire_read_array(in, &fields) || fields != RUN_FIELDS ||
        !wire_read_text(in, &series, SERIES_ID_MAX) || !wire_read_u64(in, &partition) ||
        partition >= PARTITIONS || !wire_read_u64(in, &count) || count == 0 ||
        count > ROWS_PER_BLOCK_MAX)
        return false;
    *run = (rows_run_t){ .series = series,
                         .partition = (unsigned) partition,
                         .first = run->first + run->count,
                         .count = (uint32_t) count };
    return true;
}

bool rows_run_next(slice_t *rest, rows_run_t *run)
{
    if (rest->size == 0)
        return false;
    wire_reader_t in = wire_reader(*rest);
    if (!read_run(&in, run))
        return false; // cannot be: rows_decode read it before
    *rest = slice_of(in.next, (size_t) (in.end - in.next));
    return true;
}

static bool times_good(const rows_view_t *view, const rows_run_t *run)
{
    int64_t last = ROWS_TS_MIN;
    bool good = true;
    for (uint32_t i = run->first; i < run->first + run->count; i++) {
        int64_t ts = rows_ts(view, i);
        good &= ts >= last;
        last = ts;
    }
    return good && last <= ROWS_TS_MAX;
}

static bool read_runs(wire_reader_t *in, rows_view_t *view, fault_t *fault)
{
    if (!wire_read_array(in, &view->run_count))
        return refuse(fault, "no list of runs");
    const uint8_t *start = in->next;
    rows_run_t run = { .first = 0 };
    for (uint32_t i = 0; i < view->run_count; i++) {
        if (!read_run(in, &run) || !series_valid(run.series))
            return refuse(fault, "a run is not [series, partition, rows]");
        if (run.partition != series_partition(run.series))
            return refuse(fault, "a run is not in the partition of its series");
        if (run.count > view->row_count - run.first)
            return refuse(fault, "more rows in runs than rows");
        if (!times_good(view, &run))
            return refuse(fault, "times of a run fall or are out of range");
    }
    if (run.first + run.count != view->row_count)
        return refuse(fault, "fewer rows in runs than rows");
    view->runs = slice_of(start, (size_t) (in->next - start));
    return true;
}

// ---- identities ---------------------------------------------------------------------------

static bool read_identities(wire_reader_t *in, rows_view_t *view, fault_t *fault)
{
    view->identities = (slice_t){ 0 };
    if (wire_peek(in) == WIRE_NIL)
        return wire_read_nil(in);
    size_t ends_size = (size_t) view->row_count * sizeof(uint32_t);
    slice_t bytes;
    if (!wire_read_bytes(in, &bytes, ends_size + (size_t) view->row_count * IDENTITY_BYTES_MAX) ||
        bytes.size < ends_size)
        return refuse(fault, "identities out of bounds");
    uint32_t end = 0;
    for (uint32_t i = 0; i < view->row_count; i++) {
        uint32_t next = rows_load_u32(bytes.data, i);
        if (next < end || next - end > IDENTITY_BYTES_MAX)
            return refuse(fault, "an identity is out of bounds");
        end = next;
    }
    if (end != bytes.size - ends_size)
        return refuse(fault, "identities do not fill their bytes");
    view->identities = bytes;
    return true;
}

slice_t rows_identity(const rows_view_t *view, uint32_t row)
{
    if (view->identities.size == 0)
        return (slice_t){ 0 };
    const uint8_t *bytes = view->identities.data + (size_t) view->row_count * sizeof(uint32_t);
    uint32_t start = row > 0 ? rows_load_u32(view->identities.data, row - 1) : 0;
    return slice_of(bytes + start, rows_load_u32(view->identities.data, row) - start);
}

// ---- columns ------------------------------------------------------------------------------

static inline bool exponent_good(int64_t exponent)
{
    return exponent >= DECIMAL_EXPONENT_MIN && exponent <= DECIMAL_EXPONENT_MAX;
}

static bool read_exponents(wire_reader_t *in, uint32_t row_count, rows_column_t *column)
{
    column->exponents = NULL;
    column->exponent = 0;
    column->uniform = wire_peek(in) == WIRE_INT;
    if (column->uniform) {
        int64_t exponent;
        if (!wire_read_i64(in, &exponent) || !exponent_good(exponent))
            return false;
        column->exponent = (int8_t) exponent;
        return true;
    }
    if (!read_array(in, row_count, &column->exponents))
        return false;
    bool good = true;
    for (uint32_t i = 0; i < row_count; i++)
        good &= exponent_good((int8_t) column->exponents[i]);
    return good;
}

static bool read_columns(wire_reader_t *in, rows_view_t *view, fault_t *fault)
{
    if (!wire_read_array(in, &view->column_count) || view->column_count > ROWS_COLUMNS_MAX)
        return refuse(fault, "no list of columns within bounds");
    for (uint32_t i = 0; i < view->column_count; i++) {
        rows_column_t *column = &view->columns[i];
        uint32_t fields;
        if (!wire_read_array(in, &fields) || fields != COLUMN_FIELDS ||
            !wire_read_text(in, &column->name, ROWS_NAME_MAX) ||
            !read_exponents(in, view->row_count, column) ||
            !read_array(in, (size_t) view->row_count * sizeof(int64_t), &column->mantissas))
            return refuse(fault, "a column is not [name, exponents, mantissas]");
    }
    return true;
}

// -------------------------------------------------------------------------------------------

bool rows_decode(rows_view_t *view, slice_t block, fault_t *fault)
{
    wire_reader_t in = wire_reader(block);
    uint32_t fields;
    rows_view_t read; // columns are filled as far as column_count says
    if (!wire_read_array(&in, &fields) || fields != BLOCK_FIELDS || !read_head(&in, &read))
        return refuse(fault, "no head");
    if (!read_array(&in, (size_t) read.row_count * sizeof(int64_t), &read.ts) ||
        !read_array(&in, (size_t) read.row_count * sizeof(uint32_t), &read.row))
        return refuse(fault, "no times and places of the rows");
    if (!read_runs(&in, &read, fault) || !read_identities(&in, &read, fault) ||
        !read_columns(&in, &read, fault))
        return false;
    if (!wire_done(&in))
        return refuse(fault, "bytes after the end");
    *view = read;
    return true;
}
