/*  rows: the builder against a naive reference, one by one and in bulk; hostile blocks. */
#include "tests/unit/proto/checked.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/owned.h"
#include "proto/rows.h"
#include "tests/unit/proto/golden.h"
#include "tests/unit/proto/seeded.h"

enum { ROWS_MOST = 400, SERIES_MOST = 30, COLUMNS_MOST = 4 };

static const char *const names[COLUMNS_MOST] = { "open", "close", "volume", "trades" };

static rows_head_t head_of(unsigned columns)
{
    return (rows_head_t){ .seq = 42,
                          .recv_us = 1700000000000000,
                          .staged_us = 1700000000000100,
                          .prep_us = 1700000000000200,
                          .source = slice_text("feed"),
                          .table = slice_text("candle"),
                          .column_count = columns,
                          .columns = names };
}

static partitions_t everything(void)
{
    partitions_t all;
    memset(all.bits, 0xff, sizeof all.bits);
    return all;
}

// ---- the reference ------------------------------------------------------------------------

typedef struct {
    char series[32];
    int64_t ts;
    decimal_t values[COLUMNS_MOST];
    char identity[8];
    uint32_t row;
} row_t;

static bool same_number(decimal_t a, decimal_t b)
{
    if (decimal_is_null(a) || decimal_is_null(b))
        return decimal_is_null(a) && decimal_is_null(b);
    return decimal_compare(a, b) == 0;
}

// Insertion sort by time, then picking out series by series: slow, and plainly right.
static unsigned arrange(const row_t *rows, unsigned count, const partitions_t *wanted, row_t *out)
{
    static row_t sorted[ROWS_MOST];
    for (unsigned i = 0; i < count; i++) {
        unsigned place = i;
        for (; place > 0 && sorted[place - 1].ts > rows[i].ts; place--)
            sorted[place] = sorted[place - 1];
        sorted[place] = rows[i];
    }
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++) {
        bool seen = !partitions_has(wanted, series_partition(slice_text(sorted[i].series)));
        for (unsigned k = 0; k < i && !seen; k++)
            seen = strcmp(sorted[k].series, sorted[i].series) == 0;
        for (unsigned k = i; k < count && !seen; k++)
            if (strcmp(sorted[k].series, sorted[i].series) == 0)
                out[kept++] = sorted[k];
    }
    return kept;
}

static void check_block(slice_t block, const row_t *expected, unsigned count, unsigned columns)
{
    rows_view_t view;
    fault_t fault = { .text = "" };
    if (!rows_decode(&view, block, &fault))
        fail_msg("%s", fault.text);
    assert_int_equal(view.row_count, count);
    assert_int_equal(view.column_count, columns);
    assert_true(view.seq == 42 && view.staged_us == 1700000000000100);
    assert_true(slice_is(view.source, "feed") && slice_is(view.table, "candle"));
    slice_t rest = view.runs;
    rows_run_t run = { 0 };
    uint32_t row = 0, runs = 0;
    for (; rows_run_next(&rest, &run); runs++) {
        assert_int_equal(run.first, row);
        assert_int_equal(run.partition, series_partition(run.series));
        for (; row < run.first + run.count; row++) {
            assert_true(slice_is(run.series, expected[row].series));
            assert_true(rows_ts(&view, row) == expected[row].ts);
            assert_int_equal(rows_load_u32(view.row, row), expected[row].row);
            assert_true(slice_is(rows_identity(&view, row), expected[row].identity));
            for (unsigned c = 0; c < columns; c++)
                assert_true(same_number(rows_value(&view, c, row), expected[row].values[c]));
        }
    }
    assert_int_equal(row, count);
    assert_int_equal(runs, view.run_count);
}

// ---- random rows --------------------------------------------------------------------------

static decimal_t random_value(seeded_t *random, unsigned spread)
{
    if (seeded_below(random, 10) == 0)
        return DECIMAL_NULL;
    decimal_t value = { 0 };
    char text[64];
    snprintf(text, sizeof text, "%s%u.%ue%d", seeded_below(random, 2) ? "-" : "",
             (unsigned) seeded_below(random, 100000), (unsigned) seeded_below(random, 100000),
             (int) seeded_below(random, spread) - (int) spread / 2);
    assert_int_equal(decimal_parse(&value, text, strlen(text)), DECIMAL_EXACT);
    return value;
}

static unsigned random_rows(seeded_t *random, row_t *rows, unsigned columns)
{
    unsigned count = 1 + (unsigned) seeded_below(random, ROWS_MOST - 1);
    unsigned series = 1 + (unsigned) seeded_below(random, SERIES_MOST);
    unsigned disorder = (unsigned) seeded_below(random, 3); // none, some, newest first
    unsigned spread = seeded_below(random, 2) ? 4 : 60;     // fits one exponent or not
    bool identities = seeded_below(random, 2);
    for (unsigned i = 0; i < count; i++) {
        row_t *row = &rows[i];
        memset(row, 0, sizeof *row);
        snprintf(row->series, sizeof row->series, "candle:s%u",
                 (unsigned) seeded_below(random, series));
        row->ts = disorder == 2 ? 100000 - (int64_t) i / 3 : 100000 + (int64_t) i / 3;
        if (disorder == 1)
            row->ts += (int64_t) seeded_below(random, 20);
        for (unsigned c = 0; c < columns; c++)
            row->values[c] = random_value(random, spread);
        if (identities && seeded_below(random, 3))
            snprintf(row->identity, sizeof row->identity, "%u", i);
        row->row = i * 2;
    }
    return count;
}

static partitions_t random_partitions(seeded_t *random)
{
    partitions_t set = { { 0 } };
    for (unsigned i = 0; i < PARTITIONS; i++)
        if (seeded_below(random, 2))
            partitions_add(&set, i);
    return set;
}

static void builder_equals_the_reference(void **state)
{
    (void) state;
    static row_t rows[ROWS_MOST], expected[ROWS_MOST];
    seeded_t random = { 41 };
    owned(rows_destroy) rows_t *builder = rows_new();
    owned(buffer_destroy) buffer_t out = { 0 };
    for (int round = 0; round < 1500; round++) {
        unsigned columns = (unsigned) seeded_below(&random, COLUMNS_MOST + 1);
        unsigned count = random_rows(&random, rows, columns);
        const rows_head_t head = head_of(columns);
        rows_begin(builder, &head);
        for (unsigned i = 0; i < count; i++) {
            int series = rows_series(builder, slice_text(rows[i].series));
            assert_true(rows_add(builder, series, rows[i].ts, rows[i].values,
                                 slice_text(rows[i].identity), rows[i].row));
        }
        assert_int_equal(rows_count(builder), count);
        for (int part = 0; part < 3; part++) {
            partitions_t wanted = part == 0 ? everything() : random_partitions(&random);
            unsigned left = arrange(rows, count, &wanted, expected);
            buffer_clear(&out);
            bool any = rows_encode(builder, &wanted, &out);
            assert_int_equal(any, left > 0);
            assert_false(out.failed);
            if (any)
                check_block(buffer_slice(&out), expected, left, columns);
            else
                assert_int_equal(out.size, 0);
        }
    }
}

// The same rows by rows_add and by rows_add_columns give the same bytes.
static void bulk_equals_one_by_one(void **state)
{
    (void) state;
    seeded_t random = { 42 };
    owned(rows_destroy) rows_t *single = rows_new(), *bulk = rows_new();
    for (int round = 0; round < 500; round++) {
        uint32_t series[ROWS_MOST];
        int64_t times[ROWS_MOST], mantissas[2][ROWS_MOST];
        const int8_t exponents[2] = { (int8_t) ((int) seeded_below(&random, 10) - 8), -2 };
        uint32_t count = (uint32_t) seeded_below(&random, ROWS_MOST);
        bool leave_out = seeded_below(&random, 2);
        const rows_head_t head = head_of(2);
        rows_begin(single, &head);
        rows_begin(bulk, &head);
        for (unsigned i = 0; i < SERIES_MOST; i++) {
            char id[32];
            snprintf(id, sizeof id, "candle:s%u", i);
            assert_int_equal(rows_series(single, slice_text(id)), i);
            assert_int_equal(rows_series(bulk, slice_text(id)), i);
        }
        unsigned kept = 0;
        for (uint32_t i = 0; i < count; i++) {
            bool out = leave_out && seeded_below(&random, 4) == 0;
            series[i] = out ? ROWS_LEFT_OUT : (uint32_t) seeded_below(&random, SERIES_MOST);
            times[i] = out ? INT64_MAX : 5000 + (int64_t) i + (int64_t) seeded_below(&random, 9);
            for (int c = 0; c < 2; c++)
                mantissas[c][i] = (int64_t) (seeded_next(&random) >> 20) | 1;
            if (seeded_below(&random, 10) == 0)
                mantissas[0][i] = DECIMAL_NULL_MANTISSA;
            const decimal_t values[2] = { { mantissas[0][i], exponents[0] },
                                          { mantissas[1][i], exponents[1] } };
            kept += !out;
            if (!out)
                assert_true(
                    rows_add(single, (int) series[i], times[i], values, (slice_t){ 0 }, 1000 + i));
        }
        const rows_bulk_t columns[2] = { { (const uint8_t *) mantissas[0], exponents[0] },
                                         { (const uint8_t *) mantissas[1], exponents[1] } };
        uint32_t half = count / 2; // in two parts: a block may be added to
        const rows_bulk_t rest[2] = { { columns[0].mantissas + 8 * half, exponents[0] },
                                      { columns[1].mantissas + 8 * half, exponents[1] } };
        assert_true(rows_add_columns(bulk, half, series, (uint8_t *) times, columns, 1000));
        assert_true(rows_add_columns(bulk, count - half, series + half, (uint8_t *) (times + half),
                                     rest, 1000 + half));
        assert_int_equal(rows_count(bulk), kept);
        owned(buffer_destroy) buffer_t a = { 0 }, b = { 0 };
        const partitions_t all = everything();
        assert_int_equal(rows_encode(single, &all, &a), kept > 0);
        assert_int_equal(rows_encode(bulk, &all, &b), kept > 0);
        assert_true(slice_same(buffer_slice(&a), buffer_slice(&b)));
    }
}

// ---- particular cases ---------------------------------------------------------------------

static void encode_sample(buffer_t *out)
{
    owned(rows_destroy) rows_t *builder = rows_new();
    const rows_head_t head = head_of(2);
    rows_begin(builder, &head);
    int usd = rows_series(builder, slice_text("candle:kraken:XBT%2FUSD"));
    int eur = rows_series(builder, slice_text("candle:kraken:XBT%2FEUR"));
    const decimal_t first[2] = { { 2712345, -2 }, { 1, 40 } }, second[2] = { { 5, 0 }, { 1, -40 } };
    const decimal_t third[2] = { DECIMAL_NULL, { 0, 0 } };
    assert_true(rows_add(builder, usd, 2000, first, (slice_t){ 0 }, 0));
    assert_true(rows_add(builder, eur, 1000, second, slice_text("id"), 1));
    assert_true(rows_add(builder, usd, 1500, third, (slice_t){ 0 }, 2));
    const partitions_t all = everything();
    assert_true(rows_encode(builder, &all, out));
}

static void a_block_keeps_its_bytes(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    encode_sample(&out);
    golden_same("block-v1.msgpack", buffer_slice(&out));
    rows_view_t view;
    assert_true(rows_decode(&view, buffer_slice(&out), NULL));
    assert_true(view.columns[0].uniform && view.columns[0].exponent == -2);
    assert_true(rows_load_i64(view.columns[0].mantissas, 0) == 500);
    assert_true(decimal_is_null(rows_value(&view, 0, 1)));
    assert_false(view.columns[1].uniform); // 10^40 and 10^-40 share no exponent
    assert_true(slice_is(rows_identity(&view, 0), "id"));
    assert_int_equal(rows_identity(&view, 1).size, 0);
}

static void the_edge_of_64_bits_decides_the_exponent(void **state)
{
    (void) state;
    static const struct {
        decimal_t large;
        bool uniform;
    } cases[] = {
        { { 922337203685477580, 1 }, true },  // 9223372036854775800 < 2^63
        { { 922337203685477581, 1 }, false }, // 9223372036854775810 > 2^63
        { { -922337203685477580, 1 }, true }, // stays above -2^63, which means NULL
        { { -922337203685477581, 1 }, false }, { { 1, 18 }, true }, { { 1, 19 }, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        owned(rows_destroy) rows_t *builder = rows_new();
        owned(buffer_destroy) buffer_t out = { 0 };
        const rows_head_t head = head_of(1);
        rows_begin(builder, &head);
        int series = rows_series(builder, slice_text("t:a"));
        const decimal_t one = { 1, 0 };
        assert_true(rows_add(builder, series, 1, &cases[i].large, (slice_t){ 0 }, 0));
        assert_true(rows_add(builder, series, 2, &one, (slice_t){ 0 }, 1));
        const partitions_t all = everything();
        assert_true(rows_encode(builder, &all, &out));
        rows_view_t view;
        assert_true(rows_decode(&view, buffer_slice(&out), NULL));
        assert_int_equal(view.columns[0].uniform, cases[i].uniform);
        assert_true(same_number(rows_value(&view, 0, 0), cases[i].large));
        assert_true(same_number(rows_value(&view, 0, 1), one));
    }
}

static void bounds_hold(void **state)
{
    (void) state;
    owned(rows_destroy) rows_t *builder = rows_new();
    assert_int_equal(rows_series(builder, slice_text("t:a")), -1); // not begun
    const rows_head_t head = head_of(1);
    rows_begin(builder, &head);
    assert_int_equal(rows_series(builder, slice_text("")), -1);
    assert_int_equal(rows_series(builder, slice_text("t:a b")), -1);
    int series = rows_series(builder, slice_text("t:a"));
    const decimal_t one = { 1, 0 };
    char identity[IDENTITY_BYTES_MAX + 1] = { 0 };
    assert_false(rows_add(builder, series, ROWS_TS_MAX + 1, &one, (slice_t){ 0 }, 0));
    assert_false(rows_add(builder, series, ROWS_TS_MIN - 1, &one, (slice_t){ 0 }, 0));
    assert_false(rows_add(builder, series, 0, &one, slice_of(identity, sizeof identity), 0));
    const uint32_t numbers[2] = { (uint32_t) series, (uint32_t) series };
    const int64_t times[2] = { 1, ROWS_TS_MAX + 1 }, mantissas[2] = { 1, 1 };
    const rows_bulk_t column = { (const uint8_t *) mantissas, 0 };
    assert_false(rows_add_columns(builder, 2, numbers, (const uint8_t *) times, &column, 0));
    assert_int_equal(rows_count(builder), 0);
    const partitions_t all = everything(), none = { { 0 } };
    owned(buffer_destroy) buffer_t out = { 0 };
    assert_true(rows_add(builder, series, ROWS_TS_MAX, &one, slice_of(identity, 128), 0));
    assert_false(rows_encode(builder, &none, &out));
    assert_int_equal(out.size, 0);
    assert_true(rows_encode(builder, &all, &out));
    rows_begin(builder, &head); // forgets
    assert_int_equal(rows_count(builder), 0);
    assert_false(rows_encode(builder, &all, &out));
    assert_false(out.failed);
}

static void a_full_block_takes_no_more(void **state)
{
    (void) state;
    owned(rows_destroy) rows_t *builder = rows_new();
    const rows_head_t head = head_of(0);
    rows_begin(builder, &head);
    int series = rows_series(builder, slice_text("t"));
    for (uint32_t i = 0; i < ROWS_PER_BLOCK_MAX; i++)
        if (!rows_add(builder, series, i, NULL, (slice_t){ 0 }, i))
            fail();
    assert_false(rows_add(builder, series, 0, NULL, (slice_t){ 0 }, 0));
    assert_int_equal(rows_count(builder), ROWS_PER_BLOCK_MAX);
}

static void damage_is_refused(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    encode_sample(&out);
    rows_view_t view;
    fault_t fault;
    for (size_t size = 0; size < out.size; size++)
        assert_false(rows_decode(&view, slice_of(out.data, size), &fault));
    buffer_append(&out, "\0", 1);
    assert_false(rows_decode(&view, buffer_slice(&out), &fault));
    assert_string_equal(fault.text, "block: bytes after the end");
    out.size--;
    // Times that fall within a run, a run in a wrong partition, a wrong number of rows.
    uint8_t *kraken = memmem(out.data, out.size, "USD", 3);
    assert_non_null(kraken);
    kraken[0] = 'V';
    assert_false(rows_decode(&view, buffer_slice(&out), &fault));
    assert_string_equal(fault.text, "block: a run is not in the partition of its series");
    kraken[0] = '%';
    assert_false(rows_decode(&view, buffer_slice(&out), &fault));
    assert_string_equal(fault.text, "block: a run is not [series, partition, rows]");
    kraken[0] = 'U';
    uint8_t *time = memmem(out.data, out.size, "\xd0\x07\0\0\0\0\0\0", 8); // 2000, after 1500
    assert_non_null(time);
    time[1] = 1;
    assert_false(rows_decode(&view, buffer_slice(&out), &fault));
    assert_string_equal(fault.text, "block: times of a run fall or are out of range");
    time[1] = 7;
    time[7] = 0x7f;
    assert_false(rows_decode(&view, buffer_slice(&out), &fault));
    time[7] = 0;
    assert_true(rows_decode(&view, buffer_slice(&out), &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builder_equals_the_reference),
        cmocka_unit_test(bulk_equals_one_by_one),
        cmocka_unit_test(a_block_keeps_its_bytes),
        cmocka_unit_test(the_edge_of_64_bits_decides_the_exponent),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(a_full_block_takes_no_more),
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
