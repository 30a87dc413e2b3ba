/*  Known values of RFC 3720, and both ways of computing agree. */
#include "broker/stage/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void known_values(void **state)
{
    (void) state;
    uint8_t bytes[32];
    assert_int_equal(crc32c(0, "", 0), 0);
    assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x8A9136AA);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x62A8AB43);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t) i;
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x46DD794E);
}

static void instruction_and_table_agree_in_any_pieces(void **state)
{
    (void) state;
    uint8_t bytes[300];
    srand(7);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t) rand();
    for (size_t start = 0; start < 9; start++) {
        for (size_t size = 0; start + size <= sizeof bytes; size++) {
            uint32_t whole = crc32c_by_table(0, bytes + start, size);
            assert_int_equal(crc32c(0, bytes + start, size), whole);
            size_t part = size / 3;
            uint32_t first = crc32c(0, bytes + start, part);
            assert_int_equal(crc32c(first, bytes + start + part, size - part), whole);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(instruction_and_table_agree_in_any_pieces),
    };
    return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
