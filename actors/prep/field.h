/*  field -- what was found at one place of a row: nothing yet judged, numbers still as written.
 *
 *  Every format (JSON, CSV, pushed columns) fills an array of these, one per place that the
 *  mapping reads; assembly.c makes the row. Texts belong to the reader and live until its next
 *  row is read.
 */
#pragma once
#include "proto/slice.h"

typedef enum {
    FIELD_MISSING, // the place is not there
    FIELD_NULL,    // null, or an empty cell
    FIELD_FALSE,
    FIELD_TRUE,
    FIELD_NUMBER,    // `text` is the token as it was written
    FIELD_TEXT,      // `text` is the string, unescaped; may hold a number
    FIELD_CONTAINER, // an object or an array
    FIELD_TWICE,     // the same member twice: nobody can say which one is meant
} field_kind_t;

typedef struct {
    field_kind_t kind;
    slice_t text;
} field_t;
