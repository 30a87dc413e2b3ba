/*  fault -- see fault.h. */
#include "proto/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void write_text(fault_t *fault, const char *format, va_list arguments)
{
    if (vsnprintf(fault->text, sizeof fault->text, format, arguments) < 0)
        fault->text[0] = '\0';
}

bool fault_set(fault_t *fault, const char *format, ...)
{
    if (!fault)
        return false;
    va_list arguments;
    va_start(arguments, format);
    write_text(fault, format, arguments);
    va_end(arguments);
    fault->line = fault->column = 0;
    return false;
}

bool fault_set_at(fault_t *fault, int line, int column, const char *format, ...)
{
    if (!fault)
        return false;
    va_list arguments;
    va_start(arguments, format);
    write_text(fault, format, arguments);
    va_end(arguments);
    fault->line = line;
    fault->column = column;
    return false;
}

bool fault_is_no_memory(const fault_t *fault)
{
    return strcmp(fault->text, "out of memory") == 0;
}
