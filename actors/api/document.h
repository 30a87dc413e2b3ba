/*  document -- the JSON of what the API tells. Pure.
 *
 *  One document: {"status":"success","data":{"<name>":[ item, ... ]}}. Items follow each other:
 *  document_begin, then items by document_next, document_end.
 */
#pragma once
#include "broker/store.h"
#include "proto/buffer.h"

void document_begin(buffer_t *out, const char *name);
void document_next(buffer_t *out); // before each item
void document_end(buffer_t *out);

// {"status":"error","errorType":..,"error":..}
void document_error(buffer_t *out, const char *type, const char *text);

// Members of an object that is open: `,"name":value` each. A value that is a number of JSON, to
// the letter, stays one; everything else is text. `only` NULL: all; else only these are numbers,
// a list apart by spaces.
void document_fields(buffer_t *out, const store_field_t *fields, size_t count, const char *only);

// {"series":..,"ts":..,"values":{..}} of a hash of latest values. A `ts` that is no time is null.
void document_latest(buffer_t *out, const store_rule_t *series);
// {"rule":..,"series":..,"state":..,"since":..,"ts":..,"severity":..,"id":..,"entry":{..}} of a
// hash of an incident. False: it is none, a time of it is no integer of 64 bits, or its entry is
// no object of JSON (strict.h).
bool document_incident(buffer_t *out, const store_rule_t *incident);
// {"role":..,"name":..,<figures>}
void document_actor(buffer_t *out, const store_actor_t *actor);
