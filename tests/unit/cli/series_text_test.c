/*  series_text_test -- the notation of values over time: what it stands for, to the last digit, and
 *  what is refused, at its place.
 */
#include "actors/cli/series_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/buffer.h"
#include "proto/owned.h"

enum { MEMORY_MAX = 64 << 20, MOST = 1000 };

static void put_values(const series_values_t *values, buffer_t *out)
{
    for (size_t i = 0; i < values->count; i++) {
        char text[DECIMAL_TEXT_MAX];
        decimal_print(values->values[i], text);
        buffer_printf(out, "%s%s", i > 0 ? " " : "", text);
    }
}

static void stands_for(const char *text, const char *expected)
{
    owned(arena_destroy) arena_t *arena = arena_new(MEMORY_MAX);
    owned(buffer_destroy) buffer_t out = { 0 };
    series_values_t values;
    fault_t fault = { 0 };
    if (!series_text(text, MOST, arena, &values, &fault))
        fail_msg("%s: %s", text, fault.text);
    put_values(&values, &out);
    assert_string_equal(buffer_string(&out), expected);
}

static void refused(const char *text, int line, int column, const char *why)
{
    owned(arena_destroy) arena_t *arena = arena_new(MEMORY_MAX);
    series_values_t values;
    fault_t fault = { 0 };
    assert_false(series_text(text, MOST, arena, &values, &fault));
    if (fault.line != line || fault.column != column || !strstr(fault.text, why))
        fail_msg("%s: %d:%d: %s", text, fault.line, fault.column, fault.text);
}

static void items_stand_for_values(void **state)
{
    (void) state;
    stands_for("", "");
    stands_for(" \n\t", "");
    stands_for("7", "7");
    stands_for("7x3", "7 7 7 7"); // as promtool: the value, and so many more
    stands_for("7x0", "7");
    stands_for("1+2x3", "1 3 5 7");
    stands_for("-2+4x3", "-2 2 6 10");
    stands_for("1-2x3", "1 -1 -3 -5");
    stands_for("-1-1x2", "-1 -2 -3");
    stands_for("_ 1 _x3 2", "null 1 null null null 2");
    stands_for("_x0", "");
    stands_for(" 10x2\n35 ", "10 10 10 35");
    stands_for("0x1 0+0x1", "0 0 0 0");
    stands_for("0+1e-40x1 0+1e40x1", "0 0.0000000000000000000000000000000000000001 0 "
                                     "10000000000000000000000000000000000000000");
}

static void numbers_are_exact(void **state)
{
    (void) state;
    stands_for("0.1+0.1x9", "0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1");
    stands_for("1e-3+1e-3x2 1e+3x1 1E2-5e1x1", "0.001 0.002 0.003 1000 1000 100 50");
    stands_for("999999999999999997+1x2",
               "999999999999999997 999999999999999998 999999999999999999");
    stands_for("999999999999999999+1x1", "999999999999999999 1000000000000000000"); // one digit
    stands_for("1e60x1 -1e-60", "1"
                                "000000000000000000000000000000000000000000000000000000000000"
                                " 1"
                                "000000000000000000000000000000000000000000000000000000000000"
                                " -0."
                                "000000000000000000000000000000000000000000000000000000000001");
}

static void what_is_none_is_refused(void **state)
{
    (void) state;
    refused("1 2 three", 1, 5, "expected a value");
    refused("1\n 2 \n  nan", 3, 3, "expected a value");
    refused("1 +1x3", 1, 3, "expected a value"); // a feed's numbers have no plus
    refused("1++1x3", 1, 1, "expected a value");
    refused("1+x3", 1, 1, "expected a value");
    refused("x3", 1, 1, "expected a value");
    refused("1x", 1, 1, "a number of times");
    refused("1x-1", 1, 1, "a number of times");
    refused("1x1.5", 1, 1, "a number of times");
    refused("1x99999999", 1, 1, "a number of times");
    refused("1x2x3", 1, 1, "a number of times");
    refused("_x", 1, 1, "a number of times");
    refused("__", 1, 1, "expected a value");
    refused("1+1", 1, 1, "needs a number of times");
    refused("1234567890123456789", 1, 1, "18 digits");
    refused("999999999999999998+1.5x3", 1, 1, "18 digits");
    refused("1e17+1e-17x1", 1, 1, "18 digits");
    refused("1e60+1x1", 1, 1, "18 digits");
    refused("1e64", 1, 1, "out of range");
    refused("1x1000", 1, 1, "more values");
    refused("1x998 _x2", 1, 7, "more values");
}

// Random series against their own writing out in long integers.
static void random_series_count_as_integers_do(void **state)
{
    (void) state;
    enum { ROUNDS = 2000, ITEMS = 6, TIMES = 9 };
    srand(6);
    for (int round = 0; round < ROUNDS; round++) {
        owned(buffer_destroy) buffer_t text = { 0 };
        owned(buffer_destroy) buffer_t expected = { 0 };
        for (int item = 0; item < 1 + rand() % ITEMS; item++) {
            long base = rand() % 20001 - 10000, step = rand() % 2001 - 1000;
            int times = rand() % TIMES;
            buffer_printf(&text, "%ld%+ldx%d ", base, step, times);
            for (int i = 0; i <= times; i++)
                buffer_printf(&expected, "%s%ld", expected.size > 0 ? " " : "", base + i * step);
        }
        stands_for(buffer_string(&text), buffer_string(&expected));
    }
}

static void without_memory_it_is_refused(void **state)
{
    (void) state;
    owned(arena_destroy) arena_t *arena = arena_new(1000);
    series_values_t values;
    fault_t fault = { 0 };
    assert_false(series_text("1x900", MOST, arena, &values, &fault));
    assert_non_null(strstr(fault.text, "out of memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_stand_for_values),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(random_series_count_as_integers_do),
        cmocka_unit_test(without_memory_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
