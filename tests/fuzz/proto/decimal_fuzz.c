/*  decimal_fuzz -- any text as a number, judged by strtod; any double and back. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "proto/decimal.h"

// What strtod takes beyond us: spaces, '+', hex, inf, nan.
static bool has_only_number_bytes(const char *text)
{
    return strspn(text, "0123456789.eE+-") == strlen(text) && text[0] != '+';
}

static void try_double(const uint8_t *data, size_t size)
{
    double number;
    if (size < sizeof number)
        return;
    memcpy(&number, data, sizeof number);
    decimal_t value;
    decimal_result_t result = decimal_from_double(&value, number);
    assert((result == DECIMAL_NOT_A_NUMBER) == !isfinite(number));
    if (result == DECIMAL_EXACT)
        assert(decimal_to_double(value) == number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_double(data, size);
    char *text = malloc(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    char *end;
    double expected = strtod(text, &end);
    bool number = size > 0 && strlen(text) == size && *end == '\0' && end != text &&
                  has_only_number_bytes(text);
    decimal_t value = DECIMAL_NULL;
    decimal_result_t result = decimal_parse(&value, text, size);
    assert((result != DECIMAL_NOT_A_NUMBER) == number);
    if (result == DECIMAL_OUT_OF_RANGE)
        assert(fabs(expected) >= 1e63);
    if (result == DECIMAL_EXACT)
        assert(decimal_to_double(value) == expected);
    if (result == DECIMAL_ROUNDED)
        assert(fabs(decimal_to_double(value) - expected) <= fabs(expected) * 1e-17 + 1e-64 ||
               fabs(decimal_to_double(value) / expected - 1) < 1e-15);
    if (result == DECIMAL_EXACT || result == DECIMAL_ROUNDED) {
        char printed[DECIMAL_TEXT_MAX];
        decimal_t again;
        int length = decimal_print(value, printed);
        assert(decimal_parse(&again, printed, (size_t) length) == DECIMAL_EXACT);
        assert(again.mantissa == value.mantissa && again.exponent == value.exponent);
        assert(llabs(value.mantissa) < 1000000000000000000);
    }
    free(text);
    return 0;
}
