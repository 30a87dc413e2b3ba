/*  crc32c -- see crc32c.h: SSE 4.2 where the processor has it, eight tables elsewhere. */
#include "broker/stage/crc32c.h"

#include <string.h>

enum { WORD = 8 }; // bytes taken in one step

// tables[k][b]: what byte b contributes when k more bytes follow it in the word.
static uint32_t tables[WORD][256];

// Before main, so that readers in many threads need no lock.
__attribute__((constructor)) static void s_fill_tables(void)
{
    const uint32_t polynomial = 0x82F63B78u; // reflected
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
        tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++)
        for (int k = 1; k < WORD; k++)
            tables[k][byte] = tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 0xff];
}

uint32_t crc32c_by_table(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *at = (const uint8_t *) data;
    crc = ~crc;
    for (; size >= WORD; at += WORD, size -= WORD) {
        crc ^= (uint32_t) at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 |
               (uint32_t) at[3] << 24;
        crc = tables[7][crc & 0xff] ^ tables[6][crc >> 8 & 0xff] ^ tables[5][crc >> 16 & 0xff] ^
              tables[4][crc >> 24] ^ tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^
              tables[0][at[7]];
    }
    for (; size > 0; at++, size--)
        crc = crc >> 8 ^ tables[0][(crc ^ *at) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)

#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t s_by_instruction(uint32_t crc, const void *data,
                                                                   size_t size)
{
    const uint8_t *at = (const uint8_t *) data;
    uint64_t wide = ~crc;
    for (; size >= WORD; at += WORD, size -= WORD) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t) wide;
    for (; size > 0; at++, size--)
        crc = _mm_crc32_u8(crc, *at);
    return ~crc;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
    return __builtin_cpu_supports("sse4.2") ? s_by_instruction(crc, data, size)
                                            : crc32c_by_table(crc, data, size);
}

#else

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
    return crc32c_by_table(crc, data, size);
}

#endif
