/*  copy_reader -- a copy of Redis that can be relied on.
 *
 *  Opening reads all of it: every checksum, every section, all 256 partitions with as many pieces
 *  and deltas as they say they have. A copy that is torn, damaged or of another version is refused
 *  as a whole. Memory: an entry a section, and one section at a time.
 */
#pragma once
#include "broker/held/copy_format.h"
#include "broker/held/position.h"

typedef struct copy_reader copy_reader_t;

// NULL with fault.
copy_reader_t *copy_reader_open(int directory, int64_t created_us, fault_t *fault);
copy_reader_t *copy_reader_take(int file, fault_t *fault); // takes the descriptor over
void copy_reader_destroy(copy_reader_t **self_p);

const copy_head_t *copy_reader_head(const copy_reader_t *self);
uint64_t copy_reader_bytes(const copy_reader_t *self);
const position_t *copy_reader_positions(const copy_reader_t *self); // of all PARTITIONS

// Sections by index; those of a partition follow each other, and its PARTITION comes first.
size_t copy_reader_count(const copy_reader_t *self);
copy_kind_t copy_reader_kind(const copy_reader_t *self, size_t section);
size_t copy_reader_partition(const copy_reader_t *self, unsigned partition); // its first section
// Read and check one again. Valid until the next call. False with fault.
bool copy_reader_body(copy_reader_t *self, size_t section, slice_t *body, fault_t *fault);
