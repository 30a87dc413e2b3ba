/*  arena -- memory that is taken piece by piece and given back all at once.
 *
 *  Pure. For what lives and dies together: a compiled ruleset, a configuration. Nothing is freed
 *  alone. Failure is latched, as in buffer_t: out of memory or over the limit, every further
 *  piece is NULL, and the owner looks once.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "proto/slice.h"

typedef struct arena arena_t;

arena_t *arena_new(size_t limit); // bytes it may take altogether
void arena_destroy(arena_t **self_p);
void *arena_take(arena_t *self, size_t size);  // zeroed, aligned for any type; or NULL
char *arena_text(arena_t *self, slice_t text); // a NUL-terminated copy, or NULL
char *arena_printf(arena_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool arena_failed(const arena_t *self);
bool arena_starved(const arena_t *self); // it failed for lack of memory, not by its limit
void arena_fail(arena_t *self);          // latch it: memory ran out elsewhere

// Room for one more in an array of `count` items of `size` bytes that starts as NULL and grows
// by doubling: the array, perhaps moved, or NULL.
void *arena_grow(arena_t *self, const void *items, size_t count, size_t size);
