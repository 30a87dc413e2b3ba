/*  receivers -- who is told by webhook, in memory: they answer 200, or 500, or not at all. */
#pragma once
#include <stddef.h>
#include <stdint.h>

// From now until then of 1,000 letters so many fail, in one way or another.
void receivers_bad(unsigned of_1000, int64_t until_us);

// Letters that were taken with 200, in order: the webhook-id and body each came with.
typedef struct {
    char url[64];
    char id[160];
    char *body;
} letter_taken_t;
size_t receivers_count(void);
const letter_taken_t *receivers_at(size_t index);
