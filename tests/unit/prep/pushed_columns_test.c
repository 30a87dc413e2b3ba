/*  Pushed frames: columns of every type become the same rows as the same data in text. */
#include <math.h>

#include "proto/push.h"
#include "proto/wire.h"
#include "tests/unit/prep/mapped.h"

static setting_pair_t PAIR[] = { { .name = "venue", .value = "=x" },
                                 { .name = "pair", .value = "/pair" } };
static setting_pair_t TWO[] = { { .name = "venue", .value = "/venue" },
                                { .name = "pair", .value = "/pair" } };
static setting_pair_t PRICE_SIZE[] = { { .name = "price", .value = "/p" },
                                       { .name = "size", .value = "size" } };
static setting_pair_t PRICE_CHECK[] = { { .name = "price", .value = "> 0" } };
static const char *REQUIRED[] = { "price" };
static const char *ID[] = { "/id" };
static const char *BY_PAIR[] = { "/pair" };

static source_t pushed_source(void)
{
    return (source_t){
        .kind = SOURCE_PUSH,
        .format = FORMAT_JSONL,
        .rows = "",
        .table = "trade",
        .key = MAPPED_PAIRS(PAIR),
        .time_at = "/ts",
        .time_unit = "us",
        .columns = MAPPED_PAIRS(PRICE_SIZE),
    };
}

static void begin(buffer_t *frame, unsigned columns)
{
    buffer_clear(frame);
    push_head(frame, slice_text("feed"), slice_text("c1"), 7);
    push_rows(frame, columns);
}

static void expect(mapped_t *mapped, const buffer_t *frame, const char *outcome)
{
    buffer_t text = { 0 };
    mapped_apply(mapped, buffer_slice(frame));
    assert_string_equal(mapped_outcome(mapped, &text), outcome);
    buffer_destroy(&text);
}

static const int64_t TS[] = { 3, 1, 2, 1 };
static const uint16_t PAIRS[] = { 0, 1, 0, 1 };

static void bulk_columns(void **state)
{
    (void) state;
    source_t source = pushed_source();
    mapped_t mapped;
    buffer_t frame = { 0 };
    slice_t texts[] = { slice_text("BTC/USD"), slice_text("ETH") };
    static const double PRICES[] = { 0.1, NAN, -0.0, 1234567.25 };
    static const int64_t SIZES[] = { 15, INT64_MIN, 0, -1 };
    mapped_open(&mapped, &source);
    begin(&frame, 4);
    push_column_i64(&frame, "ts", TS, 4);
    push_column_dict(&frame, "pair", texts, 2, PAIRS, 4);
    push_column_f64(&frame, "p", PRICES, 4);
    push_column_dec(&frame, "size", -1, SIZES, 4);
    expect(&mapped, &frame,
           "trade:x:ETH 1 null null #1\ntrade:x:ETH 1 1234567.25 -0.1 #3\n"
           "trade:x:BTC%2FUSD 2 0 0 #2\ntrade:x:BTC%2FUSD 3 0.1 1.5 #0\n");
    buffer_destroy(&frame);
    mapped_close(&mapped);
}

static void columns_may_be_named_by_their_purpose_or_be_missing(void **state)
{
    (void) state;
    source_t source = pushed_source();
    mapped_t mapped;
    buffer_t frame = { 0 };
    slice_t texts[] = { slice_text("A"), slice_text("B") };
    static const int64_t PRICES[] = { 1, 2, 3, 4 };
    mapped_open(&mapped, &source);
    begin(&frame, 3);
    push_column_dict(&frame, "pair", texts, 2, PAIRS, 4);
    push_column_i64(&frame, "price", PRICES, 4); // "/p" is not there, the column's own name is
    push_column_i64(&frame, "ts", TS, 4);
    expect(&mapped, &frame,
           "trade:x:B 1 2 null #1\ntrade:x:B 1 4 null #3\n"
           "trade:x:A 2 3 null #2\ntrade:x:A 3 1 null #0\n");
    begin(&frame, 1);
    push_column_i64(&frame, "price", PRICES, 1);
    expect(&mapped, &frame, "! 0: key pair: missing | \n");
    begin(&frame, 2);
    push_column_i64(&frame, "price", PRICES, 1);
    push_column_dict(&frame, "pair", texts, 2, PAIRS, 1);
    expect(&mapped, &frame, "! 0: time: missing | \n");
    begin(&frame, 1);
    push_column_i64(&frame, "ts", TS, 0);
    expect(&mapped, &frame, "");
    buffer_destroy(&frame);
    mapped_close(&mapped);
}

// Columns of one byte a row become columns of nine.
static void what_a_block_cannot_carry_is_refused(void **state)
{
    (void) state;
    enum { COLUMNS = 60, ROWS = 262144 };
    static char names[COLUMNS][16];
    static setting_pair_t columns[COLUMNS];
    static int64_t times[ROWS];
    static uint16_t zeros[ROWS];
    slice_t pair = slice_text("A"), number = slice_text("1.5");
    source_t source = pushed_source();
    source.columns = (setting_pairs_t) MAPPED_PAIRS(columns);
    buffer_t frame = { 0 };
    begin(&frame, COLUMNS + 2);
    push_column_i64(&frame, "ts", times, ROWS);
    push_column_dict(&frame, "pair", &pair, 1, zeros, ROWS);
    for (int i = 0; i < COLUMNS; i++) {
        snprintf(names[i], sizeof names[i], "c%d", i);
        columns[i] = (setting_pair_t){ .name = names[i], .value = names[i] };
        push_column_dict(&frame, names[i], &number, 1, zeros, ROWS);
    }
    uint64_t rows = 0;
    for (int turn = 0; turn < 2; turn++) {
        source.newest_first = turn == 1; // one by one, not at once
        mapped_t mapped;
        mapped_open(&mapped, &source);
        mapped_apply(&mapped, buffer_slice(&frame));
        assert_true(mapped.block.size <= ROWS_BYTES_MAX && mapped.block.size > 100 << 20);
        assert_int_equal(mapped.refused, 1);
        assert_int_equal(mapped.refused_rows[0], UINT32_MAX);
        char reason[MAPPING_REASON_MAX];
        snprintf(reason, sizeof reason,
                 "rows of more than 126 MB: the rest is not read, from row %d",
                 (int) mapped.count.rows);
        assert_string_equal(mapped.reasons[0], reason);
        assert_true(rows == 0 || rows == mapped.count.rows);
        rows = mapped.count.rows;
        mapped_close(&mapped);
    }
    buffer_destroy(&frame);
}

static void rows_are_refused_one_by_one(void **state)
{
    (void) state;
    source_t source = pushed_source();
    source.required = REQUIRED;
    source.required_count = 1;
    source.validate = (setting_pairs_t) MAPPED_PAIRS(PRICE_CHECK);
    mapped_t mapped;
    buffer_t frame = { 0 };
    slice_t texts[] = { slice_text("A"), slice_text("") };
    static const int64_t TIMES[] = { 1,
                                     -1,
                                     MAPPED_RECV_US + MAPPING_FUTURE_US,
                                     MAPPED_RECV_US + MAPPING_FUTURE_US + 1,
                                     INT64_MAX,
                                     5,
                                     6,
                                     7 };
    static const uint16_t KEYS[] = { 0, 0, 0, 0, 0, 1, 0, 0 };
    static const int64_t PRICES[] = { 1, 1, 1, 1, 1, 1, 0, INT64_MIN };
    mapped_open(&mapped, &source);
    begin(&frame, 3);
    push_column_i64(&frame, "ts", TIMES, 8);
    push_column_dict(&frame, "pair", texts, 2, KEYS, 8);
    push_column_dec(&frame, "p", 0, PRICES, 8);
    expect(&mapped, &frame,
           "trade:x:A 1 1 null #0\ntrade:x:A 1700000300000000 1 null #2\n"
           "! 5: key pair: empty | \n"
           "! 1: time out of range: -1 | \n"
           "! 3: time: dated 300 s in the future: 1700000300000001 | \n"
           "! 4: time out of range: 9223372036854775807 | \n"
           "! 6: column price: 0 is not > 0 | \n"
           "! 7: column price: required, but null | \n");
    buffer_destroy(&frame);
    mapped_close(&mapped);
}

// A column of msgpack scalars, written by hand: every kind that a client may send.
static void scalars(void **state)
{
    (void) state;
    source_t source = pushed_source();
    source.identity = ID;
    source.identity_count = 1;
    source.time_unit = "s";
    mapped_t mapped;
    buffer_t frame = { 0 };
    mapped_open(&mapped, &source);
    begin(&frame, 4);
    wire_string(&frame, "ts");
    wire_array(&frame, 5);
    wire_i64(&frame, 1);
    wire_double(&frame, 2.5);
    wire_string(&frame, "3.25");
    wire_nil(&frame);
    wire_string(&frame, "x");
    wire_string(&frame, "pair");
    wire_array(&frame, 5);
    wire_string(&frame, "A");
    wire_i64(&frame, 17);
    wire_bool(&frame, true);
    wire_string(&frame, "A");
    wire_string(&frame, "A");
    wire_string(&frame, "p");
    wire_array(&frame, 5);
    wire_double(&frame, 0.3);
    wire_string(&frame, "0.1234567890123456789");
    wire_i64(&frame, INT64_C(1234567890123456789));
    wire_nil(&frame);
    wire_nil(&frame);
    wire_string(&frame, "id");
    wire_array(&frame, 5);
    wire_i64(&frame, 9);
    wire_string(&frame, "ab");
    for (int i = 0; i < 3; i++)
        wire_nil(&frame);
    expect(&mapped, &frame,
           "trade:x:A 1000000 0.3 null 0139 #0\n"
           "trade:x:17 2500000 0.123456789012345679 null 026162 #1\n"
           "trade:x:true 3250000 1234567890123456790 null ff #2\n"
           "! 3: time: null | \n"
           "! 4: time: cannot read \"x\" | \n");
    assert_int_equal(mapped.count.rounded, 2);

    begin(&frame, 3);
    wire_string(&frame, "ts");
    wire_array(&frame, 3);
    for (int i = 0; i < 3; i++)
        wire_i64(&frame, i);
    wire_string(&frame, "pair");
    wire_array(&frame, 3);
    for (int i = 0; i < 3; i++)
        wire_string(&frame, "A");
    wire_string(&frame, "p");
    wire_array(&frame, 3);
    wire_double(&frame, INFINITY);
    wire_bool(&frame, true);
    wire_string(&frame, "?");
    expect(&mapped, &frame,
           "! 0: column price: not a number: not finite | \n"
           "! 1: column price: not a number: true | \n"
           "! 2: column price: not a number: \"?\" | \n");
    buffer_destroy(&frame);
    mapped_close(&mapped);
}

static void raw_payloads_are_mapped_as_the_format_says(void **state)
{
    (void) state;
    source_t source = pushed_source();
    mapped_t mapped;
    buffer_t frame = { 0 };
    mapped_open(&mapped, &source);
    push_head(&frame, slice_text("feed"), slice_text("c1"), 7);
    push_raw(&frame, slice_text("{\"pair\":\"A\",\"ts\":5,\"p\":1,\"size\":\"2\"}\n{\"pair\":"));
    expect(&mapped, &frame,
           "trade:x:A 5 1 2 #0\n"
           "! 1: bad JSON at byte 8 of the line: no closing bracket at the end | {\"pair\":\n");
    mapped_apply(&mapped, slice_text("not a frame"));
    assert_int_equal(mapped.refused, 1);
    assert_int_equal(mapped.refused_rows[0], UINT32_MAX);
    assert_non_null(strstr(mapped.reasons[0], "bad frame: "));
    buffer_destroy(&frame);
    mapped_close(&mapped);
}

static void pushed_rows_have_no_star_to_match(void **state)
{
    (void) state;
    static setting_pair_t MATCH[] = { { .name = "pair", .value = "~1" } };
    source_t source = pushed_source();
    source.rows = "/*";
    source.key = (setting_pairs_t) MAPPED_PAIRS(MATCH);
    mapped_t mapped;
    buffer_t frame = { 0 };
    mapped_open(&mapped, &source);
    begin(&frame, 1);
    push_column_i64(&frame, "ts", TS, 4);
    expect(&mapped, &frame, "! record: key pair: pushed rows have no * to match | \n");
    buffer_destroy(&frame);
    mapped_close(&mapped);
}

// ---- the same data, as columns and as lines -----------------------------------------------------

enum { ROWS_MAX = 600, TEXTS_MAX = 40 };

typedef struct {
    uint64_t random;
    uint32_t rows, text_count;
    char names[TEXTS_MAX][16];
    slice_t texts[TEXTS_MAX];
    uint16_t pairs[ROWS_MAX], venues[ROWS_MAX];
    int64_t ts[ROWS_MAX], mantissas[ROWS_MAX];
    double doubles[ROWS_MAX];
    int exponent;
} data_t;

static uint32_t next(data_t *self, uint32_t below)
{
    self->random = self->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t) (self->random >> 33) % below;
}

// Doubles as feeds have them: few decimals, artefacts, integers, tiny and huge ones.
static double some_double(data_t *self, uint32_t flavour)
{
    double small = (double) next(self, 2000000) / 100 - 10000;
    switch (flavour) {
    case 0:
        return small;
    case 1:
        return (double) (float) (small / 7);
    case 2:
        return (double) next(self, 1u << 31) * 1e9;
    case 3:
        return small * 1e-9;
    case 4:
        return next(self, 20) ? small : NAN;
    case 5:
        return small * pow(10, (int) next(self, 60) - 30);
    default:
        return next(self, 50) ? (double) next(self, 1000) : small / 3;
    }
}

static void make(data_t *self)
{
    uint32_t flavour = next(self, 7);
    self->rows = next(self, ROWS_MAX);
    self->text_count = 1 + next(self, TEXTS_MAX);
    self->exponent = (int) next(self, 20) - 12;
    for (uint32_t i = 0; i < self->text_count; i++) {
        self->names[i][0] = '\0';
        if (next(self, 30))
            snprintf(self->names[i], sizeof self->names[i], "P%u/%%", i);
        self->texts[i] = slice_text(self->names[i]);
    }
    for (uint32_t i = 0; i < self->rows; i++) {
        self->pairs[i] = (uint16_t) next(self, self->text_count);
        self->venues[i] = (uint16_t) next(self, self->text_count);
        self->ts[i] = (int64_t) next(self, 100) * 1000000 - (next(self, 200) == 0);
        if (next(self, 200) == 0)
            self->ts[i] = INT64_MAX - next(self, 1000);
        self->mantissas[i] =
            next(self, 40) ? (int64_t) next(self, 1u << 31) - (1 << 30) : INT64_MIN;
        if (next(self, 300) == 0)
            self->mantissas[i] = INT64_MAX / (1 + next(self, 9));
        self->doubles[i] = some_double(self, flavour);
    }
}

static void as_columns(const data_t *self, buffer_t *out)
{
    buffer_clear(out);
    push_head(out, slice_text("feed"), slice_text("c"), 1);
    push_rows(out, 5);
    push_column_dict(out, "venue", self->texts, self->text_count, self->venues, self->rows);
    push_column_dict(out, "pair", self->texts, self->text_count, self->pairs, self->rows);
    push_column_i64(out, "ts", self->ts, self->rows);
    push_column_f64(out, "p", self->doubles, self->rows);
    push_column_dec(out, "size", self->exponent, self->mantissas, self->rows);
}

static void as_lines(const data_t *self, buffer_t *out)
{
    buffer_t lines = { 0 };
    for (uint32_t i = 0; i < self->rows; i++) {
        char price[DECIMAL_TEXT_MAX] = "null";
        decimal_t value;
        if (!isnan(self->doubles[i])) {
            assert_true(decimal_from_double(&value, self->doubles[i]) <= DECIMAL_ROUNDED);
            decimal_print(value, price);
        }
        buffer_printf(&lines, "{\"venue\":\"%s\",\"pair\":\"%s\",\"ts\":%lld,\"p\":%s,\"size\":",
                      self->names[self->venues[i]], self->names[self->pairs[i]],
                      (long long) self->ts[i], price);
        if (self->mantissas[i] == INT64_MIN)
            buffer_text(&lines, "null}\n");
        else
            buffer_printf(&lines, "%llde%d}\n", (long long) self->mantissas[i], self->exponent);
    }
    if (self->rows == 0)
        buffer_text(&lines, "{}\n"); // no line at all would be an empty record
    buffer_clear(out);
    push_head(out, slice_text("feed"), slice_text("c"), 1);
    push_raw(out, buffer_slice(&lines));
    buffer_destroy(&lines);
}

static void columns_and_lines_give_the_same_rows(void **state)
{
    (void) state;
    static data_t data = { .random = 20231114 };
    static const char *const UNITS[] = { "s", "ms", "us", "ns" };
    buffer_t frame = { 0 }, by_columns = { 0 }, by_lines = { 0 };
    uint64_t rows = 0, refused = 0;
    for (int round = 0; round < 600; round++) {
        source_t source = pushed_source();
        source.key = (setting_pairs_t) MAPPED_PAIRS(TWO);
        source.time_unit = UNITS[round % 4];
        source.newest_first = round % 5 == 1;
        if (round % 3 == 1)
            source.validate = (setting_pairs_t) MAPPED_PAIRS(PRICE_CHECK);
        if (round % 7 == 1) {
            source.identity = BY_PAIR;
            source.identity_count = 1;
        }
        mapped_t a, b;
        mapped_open(&a, &source);
        mapped_open(&b, &source);
        make(&data);
        as_columns(&data, &frame);
        mapped_apply(&a, buffer_slice(&frame));
        as_lines(&data, &frame);
        mapped_apply(&b, buffer_slice(&frame));
        assert_string_equal(mapped_text(&a, &by_columns), mapped_text(&b, &by_lines));
        assert_int_equal(a.count.rows, b.count.rows);
        if (data.rows > 0)
            assert_int_equal(a.refused, b.refused);
        rows += a.count.rows;
        refused += a.refused;
        mapped_close(&a);
        mapped_close(&b);
    }
    assert_true(rows > 50000 && refused > 1000);
    buffer_destroy(&frame);
    buffer_destroy(&by_columns);
    buffer_destroy(&by_lines);
}

// CRC-32 of trade:x:BTC%2FUSD is d297a0b3, of trade:x:ETH 32a31405.
static void a_series_has_one_shard(void **state)
{
    (void) state;
    source_t source = pushed_source();
    source.shards = 64;
    source.shard = 0xd297a0b3 % 64;
    mapped_t mapped;
    buffer_t frame = { 0 };
    slice_t texts[] = { slice_text("BTC/USD"), slice_text("ETH") };
    static const double PRICES[] = { 1, 2, 3, 4 };
    mapped_open(&mapped, &source);
    begin(&frame, 3);
    push_column_i64(&frame, "ts", TS, 4);
    push_column_f64(&frame, "p", PRICES, 4);
    push_column_dict(&frame, "pair", texts, 2, PAIRS, 4);
    expect(&mapped, &frame,
           "trade:x:BTC%2FUSD 2 3 null #2\n"
           "trade:x:BTC%2FUSD 3 1 null #0\n"
           "! 1: wrong shard: \"trade:x:ETH\" belongs to shard 5 of 64, not 51 | \n"
           "! 3: wrong shard: \"trade:x:ETH\" belongs to shard 5 of 64, not 51 | \n");
    // A payload to be mapped is judged likewise.
    buffer_clear(&frame);
    push_head(&frame, slice_text("feed"), slice_text("c1"), 8);
    push_raw(&frame, slice_text("{\"pair\":\"ETH\",\"ts\":1,\"p\":1}\n"
                                "{\"pair\":\"BTC/USD\",\"ts\":2,\"p\":2}\n"));
    mapped_apply(&mapped, buffer_slice(&frame));
    assert_int_equal(mapped.count.rows, 1);
    assert_int_equal(mapped.count.quarantined, 1);
    assert_string_equal(mapped.reasons[0],
                        "wrong shard: \"trade:x:ETH\" belongs to shard 5 of 64, not 51");
    mapped_close(&mapped);
    buffer_destroy(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bulk_columns),
        cmocka_unit_test(columns_may_be_named_by_their_purpose_or_be_missing),
        cmocka_unit_test(rows_are_refused_one_by_one),
        cmocka_unit_test(what_a_block_cannot_carry_is_refused),
        cmocka_unit_test(scalars),
        cmocka_unit_test(raw_payloads_are_mapped_as_the_format_says),
        cmocka_unit_test(pushed_rows_have_no_star_to_match),
        cmocka_unit_test(columns_and_lines_give_the_same_rows),
        cmocka_unit_test(a_series_has_one_shard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
