/*  alerts -- the newest entries of the alert log, of which any number can be told. Pure. */
#pragma once
#include "actors/api/asked.h" // ALERTS_MAX
#include "proto/buffer.h"

typedef struct {
    buffer_t text; // JSON of each entry, one behind the other
    size_t count, ends[ALERTS_MAX];
} alerts_t;

void alerts_clear(alerts_t *self);
void alerts_destroy(alerts_t *self);
// Newer than those before. Beyond ALERTS_MAX, and what is no object of JSON, is left out: false.
bool alerts_add(alerts_t *self, slice_t body);
// The document with the newest `most` of them, the newest first. marks NULL, or of ALERTS_MAX + 1:
// with n of them it would be the same up to marks[n], and behind the last mark.
void alerts_document(const alerts_t *self, size_t most, buffer_t *out, size_t *marks);
