/*  ring_fit -- columns of a ring: their memory, and the exponent and width that fit their
 *  numbers. For ring*.c only.
 */
#pragma once
#include "actors/transform/ring.h"

bool column_open(column_t *self, size_t capacity);  // narrow, all NULL, exponent 0
void column_close(column_t *self, size_t capacity); // also of a zeroed one
void column_get(const column_t *self, size_t index, figure_t *value);

wide_t *wide_new(size_t capacity); // all NULL
void wide_destroy(wide_t **self_p, size_t capacity);
