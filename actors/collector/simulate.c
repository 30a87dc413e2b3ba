/*  simulate -- see simulate.h. Prices in 1/100, volumes in 1/10,000, as integers, so that what is
 *  printed is exact.
 */
#include "actors/collector/simulate.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/collector/random.h"

enum {
    PERIOD_US = 1000000 / SIMULATE_PAYLOADS_PER_S,
    MINUTE_US = 60 * 1000000,
    HISTORY_ROWS_MAX = 4096, // of one payload
    BURST_LEAST_US = 10 * 1000000,
    BURST_SPREAD_US = 5 * 1000000,
    BURST_LEAST_ROWS = 25, // between two, so that bursts stay rare in slow markets
    SYMBOL_MAX = 16,
    PRICE_LEAST = 100, // 1.00
};

typedef struct {
    char symbol[SYMBOL_MAX];
    int64_t price;       // in 1/100
    int64_t base_volume; // in 1/10,000
    int64_t last_ms;     // of its last row
} instrument_t;

struct simulate {
    simulate_settings_t settings;
    uint64_t random;
    int64_t start_us, history_us;
    int64_t period; // number of the next live payload, from 1
    uint64_t rows;  // live rows made
    int64_t burst_at_us;
    uint64_t burst_at_row;
    unsigned history_next; // series whose history comes next; settings.series = all done
    unsigned turn;         // series of the next live row
    instrument_t instruments[];
};

bool simulate_parse(simulate_settings_t *settings, const char *url, fault_t *fault)
{
    static const char head[] = "simulate://market";
    *settings = (simulate_settings_t){ .seed = 1, .series = 20, .rate = 50 };
    if (strncmp(url, head, sizeof head - 1) != 0)
        return fault_set(fault, "'%s' is not %s?seed=..&series=..&rate=..", url, head);
    const char *rest = url + sizeof head - 1;
    for (char lead = '?'; *rest; lead = '&') {
        char name[8];
        uint64_t value;
        int used = 0;
        if (*rest != lead ||
            sscanf(rest + 1, "%7[a-z]=%19" SCNu64 "%n", name, &value, &used) != 2 ||
            !isdigit((unsigned char) rest[strlen(name) + 2]))
            return fault_set(fault, "'%s': expected %cseed=, series= or rate= and a number at '%s'",
                             url, lead, rest);
        rest += 1 + used;
        if (strcmp(name, "seed") == 0)
            settings->seed = value;
        else if (strcmp(name, "series") == 0 && value >= 1 && value <= SIMULATE_SERIES_MAX)
            settings->series = (unsigned) value;
        else if (strcmp(name, "rate") == 0 && value >= 1 && value <= SIMULATE_RATE_MAX)
            settings->rate = (unsigned) value;
        else
            return fault_set(fault,
                             "'%s': %s=%" PRIu64 " is unknown or out of bounds (series 1 to "
                             "%d, rate 1 to %d)",
                             url, name, value, SIMULATE_SERIES_MAX, SIMULATE_RATE_MAX);
    }
    if (settings->rate / SIMULATE_SERIES_RATE_MAX > settings->series)
        return fault_set(fault, "'%s': more than %d rows/s of one series; raise series=", url,
                         SIMULATE_SERIES_RATE_MAX);
    return true;
}

// "ARC-USD", "BEL-USD", ...: three letters from the number, always the same ones.
static void s_name(char symbol[SYMBOL_MAX], unsigned number)
{
    static const char first[] = "ABCDEFGHIKLMNOPRSTUVXYZ", second[] = "AEIOU";
    static const char third[] = "BCDFGKLMNPRSTVXZ";
    unsigned a = number % (sizeof first - 1), rest = number / (sizeof first - 1);
    unsigned b = (number + rest) % (sizeof second - 1);
    unsigned c = (number * 7 + rest / (sizeof second - 1)) % (sizeof third - 1);
    unsigned size =
        (unsigned) snprintf(symbol, SYMBOL_MAX, "%c%c%c", first[a], second[b], third[c]);
    if (number >= sizeof first - 1) // letters alone would repeat
        size += (unsigned) snprintf(symbol + size, SYMBOL_MAX - size, "%u", rest);
    snprintf(symbol + size, SYMBOL_MAX - size, "-USD");
}

// Nearly normal, mean 0, deviation 1, within +-3: the sum of twelve uniforms, bounded so that no
// ordinary volume ever looks like a burst.
static double s_normal(uint64_t *random)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += random_unit(random);
    return sum < -3 ? -3 : sum > 3 ? 3 : sum;
}

// e^x for |x| <= 1, by ten squarings: exact enough, and the same on every host, unlike libm's.
static double s_exp(double x)
{
    double power = 1 + x / 1024 + x * x / (2.0 * 1024 * 1024);
    for (int i = 0; i < 10; i++)
        power *= power;
    return power;
}

// Rows of a period: those due by its end less those due by its begin, so fractions carry over.
static uint64_t s_rows_of(const simulate_t *self, int64_t period)
{
    uint64_t rate = self->settings.rate, end = (uint64_t) period;
    return end * rate / SIMULATE_PAYLOADS_PER_S - (end - 1) * rate / SIMULATE_PAYLOADS_PER_S;
}

// A slow market has periods without rows: nothing is sent then, not even an empty list.
static void s_find_period(simulate_t *self)
{
    while (s_rows_of(self, self->period) == 0)
        self->period++;
}

simulate_t *simulate_new(const simulate_settings_t *settings, int64_t start_us, int64_t history_us)
{
    simulate_t *self = calloc(1, sizeof *self + settings->series * sizeof self->instruments[0]);
    if (!self)
        return NULL;
    self->settings = *settings;
    self->random = settings->seed;
    self->start_us = start_us;
    self->history_us = history_us;
    self->period = 1;
    s_find_period(self);
    if (history_us >= start_us - MINUTE_US / 2)
        self->history_next = settings->series; // we were here half a minute ago
    for (unsigned i = 0; i < settings->series; i++) {
        instrument_t *instrument = &self->instruments[i];
        s_name(instrument->symbol, i);
        instrument->price = 1000 + (int64_t) random_below(&self->random, 50000 * 100);
        instrument->base_volume = 10000 + (int64_t) random_below(&self->random, 200 * 10000);
        instrument->last_ms = history_us / 1000;
    }
    self->burst_at_us = start_us + BURST_LEAST_US / 2; // the first soon: somebody may be watching
    return self;
}

void simulate_destroy(simulate_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

int64_t simulate_due_us(const simulate_t *self)
{
    if (self->history_next < self->settings.series)
        return self->start_us;
    return self->start_us + self->period * PERIOD_US;
}

// One row; times of a series rise by at least a millisecond.
static void s_row(simulate_t *self, instrument_t *instrument, int64_t ts_us, bool burst,
                  buffer_t *out)
{
    int64_t step = (int64_t) (s_normal(&self->random) * (double) (instrument->price / 2000 + 1));
    instrument->price += step;
    if (instrument->price < PRICE_LEAST)
        instrument->price = PRICE_LEAST;
    double factor = s_exp(0.25 * s_normal(&self->random));
    if (burst)
        factor = 5 + 5 * random_unit(&self->random);
    int64_t volume = (int64_t) ((double) instrument->base_volume * factor);
    int64_t ts_ms = ts_us / 1000;
    if (ts_ms <= instrument->last_ms)
        ts_ms = instrument->last_ms + 1;
    instrument->last_ms = ts_ms;
    buffer_printf(out,
                  "%s{\"symbol\":\"%s\",\"price\":%" PRId64 ".%02d,\"volume\":%" PRId64
                  ".%04d,\"ts\":%" PRId64 "}",
                  out->data[out->size - 1] == '[' ? "" : ",", instrument->symbol,
                  instrument->price / 100, (int) (instrument->price % 100), volume / 10000,
                  (int) (volume % 10000), ts_ms);
}

static void s_history(simulate_t *self, buffer_t *out)
{
    unsigned count = HISTORY_ROWS_MAX / SIMULATE_HISTORY_MIN;
    for (; count && self->history_next < self->settings.series; count--, self->history_next++) {
        instrument_t *instrument = &self->instruments[self->history_next];
        for (int i = SIMULATE_HISTORY_MIN; i > 0; i--) {
            // Half a minute off, so that none lies on the very edge of the hour.
            int64_t ts_us = self->start_us - (int64_t) i * MINUTE_US + MINUTE_US / 2;
            if (ts_us > self->history_us)
                s_row(self, instrument, ts_us, false, out);
        }
    }
}

static bool s_burst_is_due(simulate_t *self, int64_t ts_us)
{
    if (ts_us < self->burst_at_us || self->rows < self->burst_at_row)
        return false;
    self->burst_at_us =
        ts_us + BURST_LEAST_US + (int64_t) random_below(&self->random, BURST_SPREAD_US);
    self->burst_at_row = self->rows + BURST_LEAST_ROWS;
    return true;
}

static void s_live(simulate_t *self, buffer_t *out)
{
    int64_t from_us = self->start_us + (self->period - 1) * PERIOD_US;
    uint64_t count = s_rows_of(self, self->period);
    for (uint64_t i = 0; i < count; i++) {
        int64_t ts_us = from_us + (int64_t) (PERIOD_US * (i + 1) / count);
        bool burst = s_burst_is_due(self, ts_us);
        s_row(self, &self->instruments[self->turn], ts_us, burst, out);
        self->turn = (self->turn + 1) % self->settings.series;
        self->rows++;
    }
    self->period++;
    s_find_period(self);
}

bool simulate_next(simulate_t *self, buffer_t *out)
{
    size_t begin = out->size;
    buffer_text(out, "[");
    if (out->failed)
        return false;
    if (self->history_next < self->settings.series)
        s_history(self, out);
    else
        s_live(self, out);
    buffer_text(out, "]");
    if (out->failed)
        out->size = begin;
    return !out->failed;
}

void simulate_skip(simulate_t *self, int64_t now_us)
{
    int64_t period = (now_us - self->start_us) / PERIOD_US;
    if (period > self->period)
        self->period = period;
    s_find_period(self);
}
