/*  crc32c -- the Castagnoli checksum (RFC 3720), the one that processors compute in hardware.
 *
 *  Pure. crc32c(crc32c(0, a), b) is the checksum of a followed by b.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *data, size_t size);

// The same without special instructions; for tests, and what other processors get.
uint32_t crc32c_by_table(uint32_t crc, const void *data, size_t size);
