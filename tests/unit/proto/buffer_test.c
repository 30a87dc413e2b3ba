/*  buffer and fault: growth, limits, latching; text that fits. */
#include "tests/unit/proto/checked.h"

#include <stdlib.h>

#include "proto/buffer.h"
#include "proto/fault.h"
#include "proto/owned.h"

static void grows_and_keeps_its_bytes(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t buffer = { 0 };
    for (int i = 0; i < 100000; i++) {
        uint8_t byte = (uint8_t) (i * 7);
        buffer_append(&buffer, &byte, 1);
    }
    assert_int_equal(buffer.size, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buffer.data[i], (uint8_t) (i * 7));
    assert_true(buffer.capacity < 2 * 100000);
    uint8_t *memory = buffer.data;
    buffer_clear(&buffer);
    assert_int_equal(buffer.size, 0);
    assert_ptr_equal(buffer.data, memory);
}

static void latches_at_its_limit(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t buffer = { .limit = 1000 };
    assert_non_null(buffer_extend(&buffer, 999));
    buffer_text(&buffer, "ab");
    assert_true(buffer.failed);
    assert_int_equal(buffer.size, 999);
    buffer_text(&buffer, "a"); // would fit, but a hole in the bytes must not be
    assert_int_equal(buffer.size, 999);
    assert_null(buffer_extend(&buffer, 0));
    assert_string_equal(buffer_string(&buffer), "");
    buffer_clear(&buffer);
    assert_non_null(buffer_extend(&buffer, 1000));
    assert_true(buffer.capacity <= 1000);
    assert_null(buffer_extend(&buffer, SIZE_MAX));
    assert_true(buffer.failed);
    buffer_destroy(&buffer);
    assert_int_equal(buffer.limit, 1000);
    assert_false(buffer.failed);
}

static void prints(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t buffer = { 0 };
    assert_string_equal(buffer_string(&buffer), "");
    buffer_printf(&buffer, "%s-%d", "a", 12);
    buffer_printf(&buffer, "%0300d", 5);
    assert_int_equal(buffer.size, 304);
    assert_memory_equal(buffer_string(&buffer), "a-12000", 7);
    assert_int_equal(strlen(buffer_string(&buffer)), 304);
    owned(buffer_destroy) buffer_t small = { .limit = 6 };
    buffer_printf(&small, "%d", 12345);
    assert_false(small.failed);
    buffer_printf(&small, "%d", 67);
    assert_true(small.failed);
    assert_int_equal(small.size, 5);
}

static void faults_fit_and_name_the_place(void **state)
{
    (void) state;
    fault_t fault = { .line = 7 };
    assert_false(fault_set(&fault, "wrong: %d", 3));
    assert_string_equal(fault.text, "wrong: 3");
    assert_int_equal(fault.line, 0);
    assert_false(fault_set_at(&fault, 4, 9, "%0600d", 1));
    assert_int_equal(fault.line, 4);
    assert_int_equal(fault.column, 9);
    assert_int_equal(strlen(fault.text), FAULT_TEXT_MAX);
    assert_false(fault_set(NULL, "nobody listens"));
    assert_false(fault_set_at(NULL, 1, 1, "nobody listens"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_keeps_its_bytes),
        cmocka_unit_test(latches_at_its_limit),
        cmocka_unit_test(prints),
        cmocka_unit_test(faults_fit_and_name_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
