/*  hash -- a quick hash of short bytes, for tables in memory and for the tags of series in
 *  journals: another hash is another JOURNAL_VERSION.
 */
#pragma once
#include <endian.h>

#include "proto/slice.h"

static inline uint64_t hash_bytes(slice_t bytes)
{
    uint64_t hash = bytes.size * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < bytes.size; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes.data + i, bytes.size - i < 8 ? bytes.size - i : 8);
        hash = (hash ^ le64toh(word)) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    return hash;
}
