/*  simulate -- the built-in market: a feed without a network, for demo, tests and bench.
 *
 *      simulate://market?seed=1&series=20&rate=50
 *
 *  Pure and deterministic: the same parameters and start give the same bytes on every host (only
 *  + - * / of doubles, no libm, no clock). Prices walk at random; volumes lie log-normally around a
 *  base of the series, and every 10 to 15 seconds of rows one series has a burst of 5 to 10 times
 *  its base, more than `volume > 3 * avg(volume) OVER last_1h` needs; nothing else does.
 *
 *  Payloads are as an exchange would send them, times in milliseconds:
 *
 *      [{"symbol":"ARC-USD","price":104.27,"volume":12.1031,"ts":1700000000250}, ...]
 *
 *  First comes a history of one row a minute and series for the last hour, so that windows are
 *  full at once; then `rate` rows a second in SIMULATE_PAYLOADS_PER_S payloads.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/fault.h"

enum {
    SIMULATE_SERIES_MAX = 10000,
    SIMULATE_RATE_MAX = 1000000,    // rows/s in all
    SIMULATE_SERIES_RATE_MAX = 500, // rows/s of one series: times are milliseconds and must rise
    SIMULATE_PAYLOADS_PER_S = 4,
    SIMULATE_HISTORY_MIN = 60, // minutes
};

typedef struct {
    uint64_t seed;   // default 1
    unsigned series; // default 20
    unsigned rate;   // rows/s, default 50
} simulate_settings_t;

// Unknown words and values out of bounds are refused.
bool simulate_parse(simulate_settings_t *settings, const char *url, fault_t *fault);

typedef struct simulate simulate_t;

// history_us: rows before this are not repeated; pass 0 on the very first start, later the time of
// the last payload staged.
simulate_t *simulate_new(const simulate_settings_t *settings, int64_t start_us, int64_t history_us);
void simulate_destroy(simulate_t **self_p);

int64_t simulate_due_us(const simulate_t *self); // when the next payload would have come

// Append the next payload. False: out of memory; the payload is lost.
bool simulate_next(simulate_t *self, buffer_t *out);

// Time stood still for us (the disk was full): go on from here without making up for it.
void simulate_skip(simulate_t *self, int64_t now_us);
