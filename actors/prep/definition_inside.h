/*  definition_inside -- for definition*.c only. */
#pragma once
#include "actors/prep/definition.h"
#include "proto/wire.h"

// The number of the place that `text` names, a new one if need be; -1 with fault.
int definition_place(definition_t *self, slice_t text, fault_t *fault);

// What few sources have: the map at the end of a body.
bool definition_read_extras(definition_t *self, wire_reader_t *reader, fault_t *fault);
