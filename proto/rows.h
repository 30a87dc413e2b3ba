/*  rows -- a batch of rows in columns: what prep makes of one record and transform eats.
 *
 *  Pure. One block = the rows of one record, stably sorted by event time, then grouped by
 *  series (first appearance first), so that the rows of a series form one run in time order.
 *  A block is written once by rows_t (the builder) and read in place through rows_view_t,
 *  which points into the frame and allocates nothing.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/decimal.h"
#include "proto/fault.h"
#include "proto/slice.h"

enum {
    ROWS_COLUMNS_MAX = 64,        // value columns of a table
    ROWS_PER_BLOCK_MAX = 1 << 21, // rows of one record
    ROWS_BYTES_MAX = 126 << 20,   // of a block: what a frame takes, with room for what is around it
    ROWS_NAME_MAX = 128,          // bytes of the name of a source, table or column
    SERIES_ID_MAX = 255,          // bytes of a series id
    IDENTITY_BYTES_MAX = 128,     // bytes of a row's identity beyond its time
    PARTITIONS = 256,             // fixed for the life of a data set
};

// Event times in microseconds since 1970 that a row may have: exact in a double, 1684 to 2255.
#define ROWS_TS_MAX ((INT64_C(1) << 53) - 1)
#define ROWS_TS_MIN (-ROWS_TS_MAX)

// How long rows may stay open for others that come late: microseconds, a day.
#define ROWS_LATENESS_MAX INT64_C(86400000000)

typedef struct {
    uint8_t bits[PARTITIONS / 8];
} partitions_t; // a set of partitions; bit p % 8 of byte p / 8

static inline bool partitions_has(const partitions_t *self, unsigned partition)
{
    return self->bits[partition / 8] >> (partition % 8) & 1;
}
static inline void partitions_add(partitions_t *self, unsigned partition)
{
    self->bits[partition / 8] |= (uint8_t) (1u << (partition % 8));
}
static inline void partitions_remove(partitions_t *self, unsigned partition)
{
    self->bits[partition / 8] &= (uint8_t) ~(1u << (partition % 8));
}

// From the 32 bytes of a message's field.
static inline partitions_t partitions_of(slice_t bytes)
{
    partitions_t set = { { 0 } };
    memcpy(set.bits, bytes.data, bytes.size < sizeof set.bits ? bytes.size : sizeof set.bits);
    return set;
}

// XXH3_64(series id) mod 256.
unsigned series_partition(slice_t series);

// ---- building -----------------------------------------------------------------------------

typedef struct rows rows_t;

typedef struct {
    uint64_t seq;      // of the record in its stream
    int64_t recv_us;   // receive time of the record
    int64_t staged_us; // when it was durable; 0 = unknown
    int64_t prep_us;   // when prep took it; 0 = unknown
    slice_t source;    // name of the source
    slice_t table;
    unsigned column_count;
    const char *const *columns; // names, in the order of the values
    bool ordinal;               // identity none: rows are told apart by their ordinal, not identity
} rows_head_t;

rows_t *rows_new(void);
void rows_destroy(rows_t **self_p);

// Start the block of a record; forgets the previous one, keeps its memory. What *head points to
// must live until the last rows_encode.
void rows_begin(rows_t *self, const rows_head_t *head);

// The number of a series id within this block (interned). -1: no memory, or not a valid id
// (proto/series.h).
int rows_series(rows_t *self, slice_t series);

// The same for the id of a table and key values, which is made in place. -1 with *too_long: the id
// would have more than SERIES_ID_MAX bytes.
int rows_series_of(rows_t *self, slice_t table, const slice_t *values, unsigned count,
                   bool *too_long);

// The id of a number; good until the next series is asked for.
slice_t rows_series_id(const rows_t *self, int series);

// Add one row. `values` has column_count entries; `identity` is what tells rows of one series
// and time apart beyond the time itself (empty for most); `row` is its place in the record.
// False: no memory, ROWS_PER_BLOCK_MAX reached, or a time outside ROWS_TS_MIN .. ROWS_TS_MAX or
// an identity over IDENTITY_BYTES_MAX, which the caller should have quarantined.
bool rows_add(rows_t *self, int series, int64_t ts_us, const decimal_t *values, slice_t identity,
              uint32_t row);

// Add `count` rows at once, without identities, from columns that lie in memory already (a pushed
// batch): no call and no copy through decimal_t per row. Row i is `first_row + i` in the record.
typedef struct {
    const uint8_t *mantissas; // little-endian int64 a row, unaligned; INT64_MIN = NULL
    int8_t exponent;          // of every row; DECIMAL_EXPONENT_MIN .. MAX
} rows_bulk_t;

#define ROWS_LEFT_OUT UINT32_MAX // as series of a row: it is not added (quarantined)

// `series[i]` is what rows_series said, `ts` little-endian int64 microseconds, unaligned;
// `columns` has column_count entries. False as rows_add; then nothing was added.
bool rows_add_columns(rows_t *self, uint32_t count, const uint32_t *series, const uint8_t *ts,
                      const rows_bulk_t *columns, uint32_t first_row);
size_t rows_count(const rows_t *self);

// No more bytes than this has the block, for whatever partitions, once it has so many rows and
// bytes of identities in all, of the series that have a number by now. Depends on nothing else, so
// every host that asks before it adds a row draws the line of ROWS_BYTES_MAX at the same row.
size_t rows_bytes_most(const rows_t *self, size_t rows, size_t identity_bytes);
size_t rows_bytes(const rows_t *self); // the same, of the rows that are there

// Append the block as one msgpack value, with only the rows of these partitions.
// Sorts and groups on first use. True if the block holds at least one row.
bool rows_encode(rows_t *self, const partitions_t *partitions, buffer_t *out);

// ---- reading ------------------------------------------------------------------------------

typedef struct {
    slice_t name;
    bool uniform; // every row has `exponent`; otherwise exponents[] holds one int8 a row
    int8_t exponent;
    const uint8_t *mantissas; // little-endian int64 a row, unaligned; DECIMAL_NULL_MANTISSA = NULL;
                              // not in normal form: compare as numbers, not as bytes
    const uint8_t *exponents; // int8 a row, or NULL if uniform
} rows_column_t;

typedef struct {
    slice_t series;        // series id
    unsigned partition;    // as series_partition says (checked by rows_decode)
    uint32_t first, count; // its rows are first .. first + count - 1
} rows_run_t;

typedef struct {
    uint64_t seq;
    int64_t recv_us, staged_us, prep_us;
    slice_t source, table;
    bool ordinal;
    uint32_t row_count, run_count, column_count;
    const uint8_t *ts;  // little-endian int64 microseconds a row, unaligned
    const uint8_t *row; // little-endian uint32 a row: place in the record
    slice_t runs;       // iterate with rows_run_next
    slice_t identities; // empty if no row has one; else rows_identity
    rows_column_t columns[ROWS_COLUMNS_MAX];
} rows_view_t;

// Check one whole encoded block (bounded, no allocation) and point into it. Within a run times
// never fall. Writes *view only on success.
bool rows_decode(rows_view_t *view, slice_t block, fault_t *fault);

// Runs in order: start with *rest = view->runs and *run zeroed. False at the end.
bool rows_run_next(slice_t *rest, rows_run_t *run);

slice_t rows_identity(const rows_view_t *view, uint32_t row); // empty if it has none

static inline int64_t rows_load_i64(const uint8_t *array, uint32_t index)
{
    int64_t value;
    memcpy(&value, array + (size_t) index * 8, sizeof value);
    return value;
}
static inline uint32_t rows_load_u32(const uint8_t *array, uint32_t index)
{
    uint32_t value;
    memcpy(&value, array + (size_t) index * 4, sizeof value);
    return value;
}
static inline int64_t rows_ts(const rows_view_t *view, uint32_t row)
{
    return rows_load_i64(view->ts, row);
}
static inline decimal_t rows_value(const rows_view_t *view, unsigned column, uint32_t row)
{
    const rows_column_t *c = &view->columns[column];
    return (decimal_t){ .mantissa = rows_load_i64(c->mantissas, row),
                        .exponent = c->uniform ? c->exponent : (int8_t) c->exponents[row] };
}
