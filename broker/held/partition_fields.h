/*  partition_fields -- the meta key of a partition, as it stands in a copy: what of it counts.
 *
 *  Pure.
 */
#pragma once
#include "broker/held/copy_format.h"
#include "broker/held/position.h"

typedef struct {
    slice_t head, base;
    uint64_t pieces, deltas;
} partition_fields_t;

// Of a list of fields and their values. The position is filled in (its former content is not looked
// at). False: not one that we wrote, or no memory.
bool partition_fields_read(partition_fields_t *self, copy_items_t items, position_t *position);
