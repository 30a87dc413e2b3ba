/*  number -- exact decimal text in messages for the world, for alert.c and metric.c only. */
#pragma once
#include "proto/buffer.h"

// As msgpack: int if whole and below 2^53, else the nearest float64. NULL or no number: nil.
void number_wire(buffer_t *out, const char *text);

// As JSON: the text itself. NULL or no number: null.
void number_json(buffer_t *out, const char *text);
