/*  decimal: what is read, rounded, refused; values against references computed another way. */
#include "tests/unit/proto/checked.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/decimal.h"
#include "tests/unit/proto/seeded.h"

static decimal_result_t parse(const char *text, decimal_t *value)
{
    return decimal_parse(value, text, strlen(text));
}

static void reads_numbers_as_written(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        int64_t mantissa;
        int exponent;
    } cases[] = {
        { "0", 0, 0 },
        { "-0", 0, 0 },
        { "0.000", 0, 0 },
        { "0e500", 0, 0 },
        { "1", 1, 0 },
        { "-1", -1, 0 },
        { "10", 1, 1 },
        { "1500", 15, 2 },
        { "007", 7, 0 },
        { "0000000000000000000000000000001", 1, 0 },
        { ".5", 5, -1 },
        { "-.5", -5, -1 },
        { "5.", 5, 0 },
        { "27123.45000000", 2712345, -2 },
        { "0.00000001", 1, -8 },
        { "1e3", 1, 3 },
        { "1E+3", 1, 3 },
        { "12.5e-2", 125, -3 },
        { "999999999999999999", 999999999999999999, 0 },
        { "-999999999999999999", -999999999999999999, 0 },
        { "1000000000000000000", 1, 18 },
        { "1.00000000000000000000000", 1, 0 },
        { "1e63", 100000000000000000, 46 }, // the exponent ends at 46, the mantissa does not
        { "9e46", 9, 46 },
        { "9e47", 90, 46 },
        { "1e-64", 1, -64 },
        { "100e-66", 1, -64 },
        { "0.0000000000000000000000000000000000000000000000000000000000000001", 1, -64 },
        { "1e000000000000000000000000000000002", 1, 2 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        decimal_t value;
        if (parse(cases[i].text, &value) != DECIMAL_EXACT || value.mantissa != cases[i].mantissa ||
            value.exponent != cases[i].exponent)
            fail_msg("%s: %lld e %d", cases[i].text, (long long) value.mantissa, value.exponent);
    }
}

static void rounds_half_away_from_zero(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        int64_t mantissa;
        int exponent;
    } cases[] = {
        { "1234567890123456784", 123456789012345678, 1 },
        { "1234567890123456785", 123456789012345679, 1 },
        { "-1234567890123456785", -123456789012345679, 1 },
        { "1234567890123456784999999", 123456789012345678, 7 },
        { "9999999999999999995", 1, 19 },
        { "0.1234567890123456785", 123456789012345679, -18 },
        { "1.00000000000000000000000001", 1, 0 },
        { "1e-65", 0, 0 },
        { "5e-65", 1, -64 },
        { "4.9e-65", 0, 0 },
        { "-5e-65", -1, -64 },
        { "9e-66", 0, 0 },
        { "1e-1000000", 0, 0 },
        { "123e-66", 1, -64 },
        { "1.5e-64", 2, -64 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        decimal_t value;
        if (parse(cases[i].text, &value) != DECIMAL_ROUNDED ||
            value.mantissa != cases[i].mantissa || value.exponent != cases[i].exponent)
            fail_msg("%s: %lld e %d", cases[i].text, (long long) value.mantissa, value.exponent);
    }
}

static void refuses_what_is_no_number(void **state)
{
    (void) state;
    static const char *const texts[] = { "",     "-",         "+1",   " 1",    "1 ",    ".",
                                         "-.",   "e5",        ".e5",  "1e",    "1e+",   "1e-",
                                         "1e5 ", "1e5.5",     "--1",  "1.2.3", "nan",   "NaN",
                                         "inf",  "-Infinity", "0x10", "1,5",   "1_000", "null",
                                         "1f",   "\xd9\xa1" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        decimal_t value = { .mantissa = 77, .exponent = 7 };
        if (parse(texts[i], &value) != DECIMAL_NOT_A_NUMBER)
            fail_msg("'%s' was read", texts[i]);
        assert_int_equal(value.mantissa, 77); // untouched
    }
    decimal_t value = { .mantissa = 77 };
    assert_int_equal(decimal_parse(&value, "1\0", 2), DECIMAL_NOT_A_NUMBER);
    static const char *const large[] = {
        "1e64", "-1e64", "1e1000000000000", "10e63", "9999999999999999999e45", "0.1e65"
    };
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
        assert_int_equal(parse(large[i], &value), DECIMAL_OUT_OF_RANGE);
    assert_int_equal(value.mantissa, 77);
}

// A random decimal of 1 to 18 digits in the full range of exponents.
static decimal_t random_decimal(seeded_t *random)
{
    char text[64];
    int64_t mantissa = (int64_t) (seeded_next(random) >> (seeded_below(random, 60) + 4));
    mantissa %= 1000000000000000000;
    snprintf(text, sizeof text, "%s%llde%d", seeded_below(random, 2) ? "-" : "",
             (long long) mantissa, (int) seeded_below(random, 110) - 64);
    decimal_t value;
    return parse(text, &value) == DECIMAL_EXACT ? value : (decimal_t){ .mantissa = 1 };
}

static void prints_and_reads_back(void **state)
{
    (void) state;
    seeded_t random = { 1 };
    for (int i = 0; i < 200000; i++) {
        decimal_t value = random_decimal(&random), again;
        char text[DECIMAL_TEXT_MAX];
        int size = decimal_print(value, text);
        assert_int_equal(size, strlen(text));
        assert_null(strchr(text, 'e'));
        assert_int_equal(parse(text, &again), DECIMAL_EXACT);
        assert_int_equal(again.mantissa, value.mantissa);
        assert_int_equal(again.exponent, value.exponent);
    }
}

// Digits are read eight at a time: every length before and after the point, against one at a time;
// and no byte around the text matters.
static void reads_every_length(void **state)
{
    (void) state;
    seeded_t seed = { 7 };
    for (int round = 0; round < 40; round++) {
        for (int whole = 0; whole <= 18; whole++) {
            for (int part = 0; whole + part <= 18; part++) {
                if (whole + part == 0)
                    continue;
                char text[64];
                memset(text, '0' + round % 10, sizeof text);
                size_t size = 0, start = 8;
                int64_t expected = 0;
                for (int i = 0; i < whole + part; i++) {
                    if (i == whole)
                        text[start + size++] = '.';
                    int digit = (int) (seeded_next(&seed) % (round % 3 ? 10 : 2));
                    text[start + size++] = (char) ('0' + digit);
                    expected = expected * 10 + digit;
                }
                decimal_t value;
                assert_int_equal(decimal_parse(&value, text + start, size), DECIMAL_EXACT);
                for (int exponent = value.exponent; exponent > -part; exponent--)
                    value.mantissa *= 10;
                assert_int_equal(value.mantissa, expected);
                for (size_t i = 0; i < size; i++) { // one character that is no digit
                    char kept = text[start + i];
                    text[start + i] = i % 2 ? '/' : ':';
                    assert_int_equal(decimal_parse(&value, text + start, size),
                                     DECIMAL_NOT_A_NUMBER);
                    text[start + i] = kept;
                }
            }
        }
    }
}

static void prints_plainly(void **state)
{
    (void) state;
    static const struct {
        decimal_t value;
        const char *text;
    } cases[] = {
        { { 15, 2 }, "1500" },
        { { -1, -5 }, "-0.00001" },
        { { 0, 0 }, "0" },
        { { 12345, -2 }, "123.45" },
        { { 150000, -4 }, "15" },
        { { 5, -1 }, "0.5" },
        { { 0, 20 }, "0" },
        { { -100, -2 }, "-1" },
        { { INT64_MAX, -19 }, "0.9223372036854775807" },
    };
    char text[DECIMAL_TEXT_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        decimal_print(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
    decimal_print(DECIMAL_NULL, text);
    assert_string_equal(text, "null");
    assert_int_equal(decimal_print((decimal_t){ -INT64_MAX, 46 }, text), 66);
    assert_int_equal(decimal_print((decimal_t){ -INT64_MAX, -64 }, text), 67);
}

// The value as 66 digits before and 64 behind the point, so that text order is number order.
static void fixed_point(decimal_t value, char digits[132])
{
    char text[DECIMAL_TEXT_MAX];
    decimal_print(value, text);
    const char *whole = text + (text[0] == '-');
    size_t whole_size = strcspn(whole, ".");
    memset(digits, '0', 131);
    digits[131] = '\0';
    memcpy(digits + 66 - whole_size, whole, whole_size);
    if (whole[whole_size] == '.')
        memcpy(digits + 66, whole + whole_size + 1, strlen(whole + whole_size + 1));
}

static int reference_compare(decimal_t a, decimal_t b)
{
    char left[132], right[132];
    fixed_point(a, left);
    fixed_point(b, right);
    int a_sign = (a.mantissa > 0) - (a.mantissa < 0), b_sign = (b.mantissa > 0) - (b.mantissa < 0);
    if (a_sign != b_sign)
        return a_sign > b_sign ? 1 : -1;
    int order = strcmp(left, right);
    return ((order > 0) - (order < 0)) * (a_sign ? a_sign : 1);
}

static void compares_exactly(void **state)
{
    (void) state;
    seeded_t random = { 2 };
    for (int i = 0; i < 100000; i++) {
        decimal_t a = random_decimal(&random), b = random_decimal(&random);
        if (seeded_below(&random, 2)) { // near: the same number, or the next mantissa
            b = a;
            b.mantissa += (int64_t) seeded_below(&random, 3) - 1;
            if (b.exponent > -64 && llabs(b.mantissa) < 900000000000000000) {
                b.mantissa *= 10;
                b.exponent--;
            }
        }
        assert_int_equal(decimal_compare(a, b), reference_compare(a, b));
        assert_int_equal(decimal_compare(b, a), -decimal_compare(a, b));
    }
    assert_int_equal(decimal_compare((decimal_t){ 0, 40 }, (decimal_t){ 0, -40 }), 0);
    assert_true(decimal_compare((decimal_t){ INT64_MAX, 46 }, (decimal_t){ INT64_MAX, -64 }) > 0);
    assert_true(decimal_compare((decimal_t){ 0, 46 }, (decimal_t){ -1, -64 }) > 0);
}

static void becomes_the_nearest_double(void **state)
{
    (void) state;
    seeded_t random = { 3 };
    for (int i = 0; i < 200000; i++) {
        decimal_t value = random_decimal(&random);
        if (seeded_below(&random, 2)) { // any mantissa, exponents of prices
            value.mantissa = (int64_t) seeded_next(&random) | 1;
            value.exponent = (int8_t) ((int) seeded_below(&random, 50) - 25);
        }
        char text[DECIMAL_TEXT_MAX];
        decimal_print(value, text);
        double expected = strtod(text, NULL), got = decimal_to_double(value);
        if (memcmp(&expected, &got, sizeof got) != 0)
            fail_msg("%s: %.17g, not %.17g", text, got, expected);
    }
    assert_true(isnan(decimal_to_double(DECIMAL_NULL)));
    // Halfway between two doubles, and a hair above: one rounding, to even and up.
    assert_true(decimal_to_double((decimal_t){ 9007199254740993, 0 }) == 9007199254740992.0);
    assert_true(decimal_to_double((decimal_t){ 90071992547409930, -1 }) == 9007199254740992.0);
    assert_true(decimal_to_double((decimal_t){ 900719925474099301, -2 }) == 9007199254740994.0);
}

static int digits_of(decimal_t value)
{
    int count = 0;
    for (int64_t rest = value.mantissa; rest != 0; rest /= 10)
        count += rest % 10 != 0 || count > 0;
    return count;
}

static void takes_the_shortest_of_a_double(void **state)
{
    (void) state;
    seeded_t random = { 4 };
    for (int i = 0; i < 100000; i++) {
        double number;
        uint64_t bits = seeded_next(&random);
        memcpy(&number, &bits, sizeof number);
        if (i % 4 == 1) // a price
            number = (double) seeded_below(&random, 1000000000) / pow(10, (double) (i % 9));
        if (i % 4 == 3) // all 53 bits, near 1
            number = (double) (bits >> 11) / pow(2, (double) (i % 64));
        decimal_t value;
        decimal_result_t result = decimal_from_double(&value, number);
        if (!isfinite(number)) {
            assert_int_equal(result, DECIMAL_NOT_A_NUMBER);
        } else if (fabs(number) >= 1e64) {
            assert_int_equal(result, DECIMAL_OUT_OF_RANGE);
        } else if (fabs(number) > 1e-40) {
            char text[40];
            int digits = 1;
            for (;; digits++) {
                snprintf(text, sizeof text, "%.*g", digits, number);
                if (strtod(text, NULL) == number)
                    break;
            }
            decimal_t shortest;
            assert_int_equal(parse(text, &shortest), DECIMAL_EXACT);
            assert_int_equal(result, DECIMAL_EXACT);
            assert_true(decimal_to_double(value) == number);
            assert_true(digits_of(value) <= digits);
            if (digits <= 15)
                assert_int_equal(decimal_compare(value, shortest), 0);
        }
    }
    decimal_t value;
    assert_int_equal(decimal_from_double(&value, -0.0), DECIMAL_EXACT);
    assert_int_equal(value.mantissa, 0);
    assert_int_equal(decimal_from_double(&value, 0.1), DECIMAL_EXACT);
    assert_int_equal(value.mantissa, 1);
    assert_int_equal(value.exponent, -1);
    assert_int_equal(decimal_from_double(&value, 0.1 + 0.2), DECIMAL_EXACT);
    assert_int_equal(value.mantissa, 30000000000000004);
    assert_int_equal(decimal_from_double(&value, 9007199254740992.0), DECIMAL_EXACT);
    assert_int_equal(value.mantissa, 9007199254740992);
    assert_int_equal(decimal_from_double(&value, 5e-324), DECIMAL_ROUNDED);
    assert_int_equal(value.mantissa, 0);
}

static void takes_ints(void **state)
{
    (void) state;
    decimal_t value = decimal_from_int(INT64_MIN);
    assert_int_equal(value.mantissa, -922337203685477581);
    assert_int_equal(value.exponent, 1);
    value = decimal_from_int(INT64_MAX);
    assert_int_equal(value.mantissa, 922337203685477581);
    value = decimal_from_int(-1200);
    assert_int_equal(value.mantissa, -12);
    assert_int_equal(value.exponent, 2);
    value = decimal_from_int(0);
    assert_int_equal(value.exponent, 0);
}

static void rescales_only_exactly(void **state)
{
    (void) state;
    int64_t mantissa = 5;
    assert_true(decimal_rescale((decimal_t){ 15, 2 }, 0, &mantissa));
    assert_int_equal(mantissa, 1500);
    assert_true(decimal_rescale((decimal_t){ 1500, -2 }, 0, &mantissa));
    assert_int_equal(mantissa, 15);
    assert_false(decimal_rescale((decimal_t){ 1501, -2 }, 0, &mantissa));
    assert_int_equal(mantissa, 15); // untouched
    assert_true(decimal_rescale((decimal_t){ 9, 18 }, 0, &mantissa));
    assert_false(decimal_rescale((decimal_t){ 1, 19 }, 0, &mantissa));
    assert_false(decimal_rescale((decimal_t){ 922337203685477581, 1 }, 0, &mantissa));
    assert_false(decimal_rescale((decimal_t){ -1, 46 }, -64, &mantissa));
    assert_false(decimal_rescale((decimal_t){ 10, -64 }, 46, &mantissa));
    assert_false(decimal_rescale((decimal_t){ 1, -19 }, 0, &mantissa));
    assert_true(decimal_rescale((decimal_t){ 0, 46 }, -64, &mantissa));
    assert_int_equal(mantissa, 0);
    assert_true(decimal_rescale(DECIMAL_NULL, -64, &mantissa));
    assert_true(mantissa == DECIMAL_NULL_MANTISSA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_numbers_as_written),
        cmocka_unit_test(rounds_half_away_from_zero),
        cmocka_unit_test(refuses_what_is_no_number),
        cmocka_unit_test(prints_and_reads_back),
        cmocka_unit_test(reads_every_length),
        cmocka_unit_test(prints_plainly),
        cmocka_unit_test(compares_exactly),
        cmocka_unit_test(becomes_the_nearest_double),
        cmocka_unit_test(takes_the_shortest_of_a_double),
        cmocka_unit_test(takes_ints),
        cmocka_unit_test(rescales_only_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
