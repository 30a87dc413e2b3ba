/*  rows_builder -- the inside of rows_t, for rows*.c only.
 *
 *      rows_series.c  names -> numbers          rows_order.c   sort, group, choose exponents
 *      rows_build.c   adding rows               rows_encode.c  writing the block
 */
#pragma once
#include "proto/rows.h"

typedef struct {
    uint64_t hash;   // XXH3_64 of the id
    uint32_t offset; // of the id in rows_t.names
    uint32_t size;
    uint32_t first, count; // its run in rows_t.order, set by rows_arrange
} rows_series_t;

typedef struct {
    int64_t *mantissas;
    int8_t *exponents; // without meaning where the mantissa is 0 or NULL
    size_t capacity;   // rows
    int least, most;   // exponents of values that are neither 0 nor NULL; least > most: none yet
    bool uniform;      // set by rows_arrange: all mantissas are at exponent `least`
} rows_values_t;

struct rows {
    rows_head_t head;
    bool failed;   // out of memory while beginning
    bool arranged; // order, runs and uniform exponents are in place ...
    bool grouped;  // ... and order is 0, 1, 2 ...

    size_t count, capacity; // rows
    size_t room;            // rows that every array in use has room for
    int64_t *ts;
    uint32_t *series, *row;
    bool rising; // ts never fell from one row to the next
    rows_values_t columns[ROWS_COLUMNS_MAX];

    bool any_identity;
    buffer_t identities;     // one after the other
    uint32_t *identity_ends; // end of each row's; valid if any_identity

    buffer_t names;
    rows_series_t *entries;
    size_t entry_count, entry_capacity;
    uint32_t *slots;                  // see rows_series.c
    size_t slot_count, slot_capacity; // in use by this block, a power of two or 0; allocated

    uint32_t *order; // rows in the order of the block
    uint32_t *scratch;
    uint32_t *runs; // series in the order of the block
    size_t run_count, run_capacity;
};

// Grow an array to hold `capacity` items; its contents stay. False: no memory, unchanged.
bool rows_grow(void **array, size_t capacity, size_t item_size);

// Sort, group, choose exponents. False: no memory.
bool rows_arrange(rows_t *self);
