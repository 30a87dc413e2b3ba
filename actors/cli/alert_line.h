/*  alert_line -- an alert of the alert socket as one line for a person. */
#pragma once
#include <stdbool.h>

#include "proto/buffer.h"

// Append the line (no newline). False: the body is not an alert's map.
bool alert_line(slice_t body, bool colour, buffer_t *out);
