/*  decimal_scale -- powers of ten, for decimal*.c and rows*.c only. */
#pragma once
#include <stdint.h>

enum { DECIMAL_TEN_MAX = 19 }; // the highest that fits 64 bits

extern const uint64_t decimal_ten[DECIMAL_TEN_MAX + 1];
