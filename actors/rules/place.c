/*  place -- see place.h. */
#include "actors/rules/place.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/utf8.h"

bool place_refuse(fault_t *fault, slice_t text, int place, const char *format, ...)
{
    char message[FAULT_TEXT_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (place < 0)
        return fault_set(fault, "%s", message);
    int line = 1, column = 1;
    for (size_t i = 0; i < (size_t) place && i < text.size; i++, column++)
        if (text.data[i] == '\n') {
            line++;
            column = 0;
        }
    return fault_set_at(fault, line, column, "%s", message);
}

int place_of_character(slice_t text, int character)
{
    size_t byte = 0;
    for (; character > 1 && byte < text.size; character--)
        byte += utf8_character(slice_of(text.data + byte, text.size - byte));
    return (int) (byte < text.size ? byte : text.size);
}
