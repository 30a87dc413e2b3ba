/*  number -- see number.h. */
#include "proto/number.h"

#include <stdlib.h>

#include "proto/decimal.h"
#include "proto/wire.h"

static bool parse(const char *text, decimal_t *value, decimal_result_t *result)
{
    if (!text)
        return false;
    *result = decimal_parse(value, text, strlen(text));
    return *result != DECIMAL_NOT_A_NUMBER;
}

void number_wire(buffer_t *out, const char *text)
{
    const int64_t whole_max = (INT64_C(1) << 53) - 1;
    decimal_t value;
    decimal_result_t result;
    int64_t whole;
    if (!parse(text, &value, &result))
        wire_nil(out);
    else if (result == DECIMAL_EXACT && decimal_rescale(value, 0, &whole) && whole <= whole_max &&
             whole >= -whole_max)
        wire_i64(out, whole);
    else
        wire_double(out, strtod(text, NULL)); // of the text: it may have more than 18 digits
}

void number_json(buffer_t *out, const char *text)
{
    decimal_t value;
    decimal_result_t result;
    buffer_text(out, parse(text, &value, &result) ? text : "null");
}
