/*  Any text as the values of a column: refused with a place within it, or values that, written
 *  one by one, stand for themselves.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/cli/series_text.h"
#include "proto/buffer.h"
#include "proto/owned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_MAX = 4 << 20, MOST = 5000 };

static void stands_for_itself(const series_values_t *values, arena_t *arena)
{
    owned(buffer_destroy) buffer_t text = { 0 };
    for (size_t i = 0; i < values->count; i++) {
        char one[DECIMAL_TEXT_MAX] = "_";
        if (!decimal_is_null(values->values[i]))
            decimal_print(values->values[i], one);
        buffer_printf(&text, "%s ", one);
    }
    series_values_t again;
    fault_t fault = { 0 };
    assert(series_text(buffer_string(&text), MOST, arena, &again, &fault));
    assert(again.count == values->count);
    for (size_t i = 0; i < again.count; i++) {
        bool null = decimal_is_null(values->values[i]);
        assert(null == decimal_is_null(again.values[i]));
        assert(null || decimal_compare(values->values[i], again.values[i]) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    owned(arena_destroy) arena_t *arena = arena_new(MEMORY_MAX);
    owned(buffer_destroy) buffer_t text = { 0 };
    buffer_append(&text, data, size);
    const char *string = buffer_string(&text);
    series_values_t values;
    fault_t fault = { 0 };
    if (series_text(string, MOST, arena, &values, &fault)) {
        assert(values.count <= MOST);
        stands_for_itself(&values, arena);
    } else {
        assert(fault.text[0] != '\0' && fault.line >= 0 && fault.column >= 0);
        assert((size_t) fault.line <= size + 1 && (size_t) fault.column <= size + 1);
    }
    return 0;
}
