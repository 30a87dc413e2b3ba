/*  scratch -- memory that lives as long as one record is worked on. Pure. */
#pragma once
#include <stddef.h>

typedef struct {
    void *blocks; // a list of what was taken
} scratch_t;

void *scratch_take(scratch_t *self, size_t count, size_t size); // not zeroed; NULL: no memory
void scratch_release(scratch_t *self);
