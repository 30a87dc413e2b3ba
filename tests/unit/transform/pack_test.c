/*  Packed numbers come back, in as few bytes as promised; cut or forged bytes do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/transform/pack.h"
#include "tests/unit/proto/seeded.h"

static unpack_t reader(const buffer_t *bytes)
{
    return (unpack_t){ .at = bytes->data, .end = bytes->data + bytes->size };
}

static void test_single(void **state)
{
    (void) state;
    const uint64_t numbers[] = { 0, 1, 127, 128, 16383, 16384, UINT64_MAX - 1, UINT64_MAX };
    const size_t sizes[] = { 1, 1, 1, 2, 2, 3, 10, 10 };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        buffer_t bytes = { 0 };
        pack_u64(&bytes, numbers[i]);
        assert_int_equal(bytes.size, sizes[i]);
        unpack_t in = reader(&bytes);
        assert_true(unpack_u64(&in) == numbers[i] && !in.bad && in.at == in.end);
        in = reader(&bytes);
        in.end--;
        assert_true(unpack_u64(&in) == 0 && in.bad);
        buffer_clear(&bytes);
        pack_i64(&bytes, (int64_t) numbers[i]);
        in = reader(&bytes);
        assert_true(unpack_i64(&in) == (int64_t) numbers[i] && !in.bad);
        buffer_destroy(&bytes);
    }
}

static void test_forged(void **state)
{
    (void) state;
    const struct {
        const char *bytes;
        size_t size;
    } forged[] = { { "\x80\x00", 2 }, // not the shortest form
                   { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10 },
                   { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 } };
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        unpack_t in = { .at = (const uint8_t *) forged[i].bytes };
        in.end = in.at + forged[i].size;
        assert_true(unpack_u64(&in) == 0 && in.bad);
        assert_int_equal(unpack_byte(&in), 0); // once bad, always bad
    }
    unpack_t in = { .at = (const uint8_t *) "\x05"
                                            "ab" };
    in.end = in.at + 3;
    assert_int_equal(unpack_bytes(&in).size, 0);
    assert_true(in.bad);
}

static void test_lists(void **state)
{
    (void) state;
    seeded_t seed = { .state = 77 };
    for (unsigned width = 0; width <= 8; width++) {
        int64_t numbers[100];
        for (size_t i = 0; i < 100; i++) {
            uint64_t noise = width == 0 ? 0 : seeded_next(&seed) >> (64 - 8 * width);
            numbers[i] = (int64_t) ((uint64_t) (width == 8 ? 0 : -1000000) + noise);
        }
        buffer_t bytes = { 0 };
        pack_list(&bytes, numbers, 100, width == 3 ? 5 : 0);
        assert_true(bytes.size <= 11 + 100 * (width == 3 ? 5 : width));
        unpack_t in = reader(&bytes);
        unpack_list_t list = unpack_list(&in, 100, 0);
        assert_true(!in.bad && in.at == in.end);
        for (size_t i = 0; i < 100; i++)
            assert_true(unpack_at(&list, i) == numbers[i]);
        in = reader(&bytes);
        list = unpack_list(&in, 101, 1); // more than the bytes bear out
        assert_true(in.bad);
        buffer_destroy(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
