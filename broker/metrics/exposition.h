/*  exposition -- figures as Prometheus' text format 0.0.4 has them. Pure.
 *
 *  One scrape's worth is built from the beginning each time: begin, add for each set of figures
 *  (a collector has one a stream), end.
 */
#pragma once
#include <stdint.h>

#include "broker/store.h" // store_field_t
#include "proto/buffer.h"

typedef struct exposition exposition_t;

// role must outlive it. NULL: out of memory.
exposition_t *exposition_new(const char *role);
void exposition_destroy(exposition_t **self_p);

void exposition_begin(exposition_t *self);
// Figures of a stream (NULL: of the actor). Those that the table does not have, and those that are
// no numbers, are left out. A figure that was added without a stream stands for the whole actor.
void exposition_add(exposition_t *self, const char *stream, const store_field_t *figures,
                    size_t count);
// The whole text; `out` is cleared first.
void exposition_end(const exposition_t *self, buffer_t *out);
