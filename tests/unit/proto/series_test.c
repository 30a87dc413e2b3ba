/*  series: ids as documented, one spelling each, and back again. */
#include "tests/unit/proto/checked.h"

#include <stdio.h>

#include "proto/owned.h"
#include "proto/series.h"
#include "tests/unit/proto/seeded.h"

static void builds_as_documented(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    slice_t values[] = { slice_text("kraken"), slice_text("XBT/USD") };
    assert_true(series_build(&out, slice_text("ticker"), values, 2));
    assert_string_equal(buffer_string(&out), "ticker:kraken:XBT%2FUSD");
    buffer_clear(&out);
    assert_true(series_build(&out, slice_text("t"), NULL, 0));
    assert_string_equal(buffer_string(&out), "t");
    buffer_clear(&out);
    slice_t odd[] = { slice_text("a:b"), slice_text(""), slice_text("%\xc3\xa9 ~") };
    assert_true(series_build(&out, slice_text("t"), odd, 3));
    assert_string_equal(buffer_string(&out), "t:a%3Ab::%25%C3%A9%20%7E");
}

static void refuses_what_is_too_long(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    char text[SERIES_ID_MAX + 1];
    memset(text, 'a', sizeof text);
    slice_t value = slice_of(text, SERIES_ID_MAX - 2);
    assert_true(series_build(&out, slice_text("t"), &value, 1));
    assert_int_equal(out.size, SERIES_ID_MAX);
    value.size++;
    assert_false(series_build(&out, slice_text("t"), &value, 1));
    assert_int_equal(out.size, SERIES_ID_MAX);
    slice_t two[] = { slice_of(text, SERIES_ID_MAX - 2), slice_text("") };
    assert_false(series_build(&out, slice_text("t"), two, 2));
    memset(text, '/', sizeof text);
    value = slice_of(text, 85);
    assert_false(series_build(&out, slice_text("t"), &value, 1));
    out.limit = SERIES_ID_MAX;
    value = slice_text("b");
    assert_false(series_build(&out, slice_text("t"), &value, 1)); // no room
}

static void splits_what_it_built(void **state)
{
    (void) state;
    seeded_t random = { 21 };
    owned(buffer_destroy) buffer_t out = { 0 };
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[SERIES_KEYS_MAX][8];
        slice_t values[SERIES_KEYS_MAX];
        unsigned count = (unsigned) seeded_below(&random, 8);
        for (unsigned i = 0; i < count; i++) {
            size_t size = seeded_below(&random, 8);
            for (size_t k = 0; k < size; k++)
                bytes[i][k] = (uint8_t) seeded_next(&random);
            values[i] = slice_of(bytes[i], size);
        }
        buffer_clear(&out);
        assert_true(series_build(&out, slice_text("table_1"), values, count));
        series_parts_t parts;
        assert_true(series_split(&parts, buffer_slice(&out)));
        assert_true(slice_is(parts.table, "table_1"));
        assert_int_equal(parts.count, count);
        for (unsigned i = 0; i < count; i++)
            assert_true(slice_same(parts.values[i], values[i]));
    }
}

static void splits_nothing_else(void **state)
{
    (void) state;
    static const char *const bad[] = { "",       ":a",    "t:a/b",
                                       "t:%2f",  "t:%41", "t:%4",
                                       "t:%",    "t:%GG", "t:a b",
                                       "t:\xc3", "t:%2",  "t:::::::::::::::::" /* 17 keys */ };
    series_parts_t parts;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (series_split(&parts, slice_text(bad[i])) || series_valid(slice_text(bad[i])))
            fail_msg("'%s' was split", bad[i]);
    assert_true(series_split(&parts, slice_text("t::::::::::::::::")));
    assert_int_equal(parts.count, SERIES_KEYS_MAX);
    char text[SERIES_ID_MAX + 1];
    memset(text, 'a', sizeof text);
    assert_false(series_valid(slice_of(text, sizeof text)));
    assert_true(series_valid(slice_of(text, SERIES_ID_MAX)));
}

static void shards_are_those_of_any_crc32(void **state)
{
    (void) state;
    // 123456789 is the check value of every CRC-32 (cbf43926); the others are from Python's zlib.
    assert_int_equal(series_shard(slice_text("123456789"), 64), 0xcbf43926 % 64);
    assert_int_equal(series_shard(slice_text("123456789"), 3), 0xcbf43926 % 3);
    assert_int_equal(series_shard(slice_text("trade:kraken:XBT%2FUSD"), 1), 0);
    unsigned counts[3] = { 0 };
    for (int i = 0; i < 3000; i++) {
        char id[32];
        int size = snprintf(id, sizeof id, "trade:x:S%d", i);
        counts[series_shard(slice_of(id, (size_t) size), 3)]++;
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(counts[i], 900, 1100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_as_documented),          cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(splits_what_it_built),          cmocka_unit_test(splits_nothing_else),
        cmocka_unit_test(shards_are_those_of_any_crc32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
