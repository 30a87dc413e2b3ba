/*  alert_line -- an entry of the alert socket as one line for a person. */
#pragma once
#include <stdbool.h>

#include "proto/buffer.h"

enum { ALERT_LINE_ID = 40 };

// Append the line (no newline). `last`: the id of the entry before, which is replaced; an incident
// that begins with the alert before says nothing. NONE: the body is not an alert's map. OTHER: it
// is no alert, but a correction or what became of an incident.
typedef enum {
    ALERT_LINE_NONE,
    ALERT_LINE_ALERT,
    ALERT_LINE_OTHER,
    ALERT_LINE_SILENT,
} alert_line_t;
alert_line_t alert_line(slice_t body, bool colour, char last[ALERT_LINE_ID], buffer_t *out);
