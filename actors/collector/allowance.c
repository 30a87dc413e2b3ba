/*  allowance -- see allowance.h. */
#include "actors/collector/allowance.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum { SAYS_REMAINING, SAYS_LIMIT, SAYS_RESET, SAYS_RESET_MS } meaning_t;

static const struct {
    const char *name;
    meaning_t meaning;
} words[] = {
    { "ratelimit-remaining", SAYS_REMAINING }, // drafts of the IETF
    { "ratelimit-limit", SAYS_LIMIT },
    { "ratelimit-reset", SAYS_RESET },
    { "x-ratelimit-remaining", SAYS_REMAINING }, // GitHub, BitMEX and most others
    { "x-ratelimit-limit", SAYS_LIMIT },
    { "x-ratelimit-reset", SAYS_RESET },
    { "x-rate-limit-remaining", SAYS_REMAINING },
    { "x-rate-limit-limit", SAYS_LIMIT },
    { "x-rate-limit-reset", SAYS_RESET },
    { "x-bapi-limit-status", SAYS_REMAINING }, // Bybit
    { "x-bapi-limit", SAYS_LIMIT },
    { "x-bapi-limit-reset-timestamp", SAYS_RESET },
    { "x-gate-ratelimit-requests-remain", SAYS_REMAINING }, // Gate.io
    { "x-gate-ratelimit-limit", SAYS_LIMIT },
    { "x-gate-ratelimit-reset-timestamp", SAYS_RESET },
    { "gw-ratelimit-remaining", SAYS_REMAINING }, // KuCoin
    { "gw-ratelimit-limit", SAYS_LIMIT },
    { "gw-ratelimit-reset", SAYS_RESET_MS },
};

static const char used_weight[] = "x-mbx-used-weight-"; // Binance, then "1m"

#define SECOND_US INT64_C(1000000)
#define SAID_MAX INT64_C(1000000000000000) // more is no number of requests and no time

void allowance_begin(allowance_t *self)
{
    *self = (allowance_t){ .remaining = ALLOWANCE_UNSAID,
                           .limit = ALLOWANCE_UNSAID,
                           .renewed_us = ALLOWANCE_UNSAID,
                           .used = ALLOWANCE_UNSAID };
}

// A whole number; what may follow it are its decimals, or parameters.
static bool s_read(const char *text, int64_t *number)
{
    char *end;
    if (*text != '-' && (*text < '0' || *text > '9'))
        return false;
    *number = strtoll(text, &end, 10);
    return end > text && (*end == '\0' || strchr(".,; ", *end)) && *number >= -SAID_MAX &&
           *number <= SAID_MAX;
}

// Seconds from now, or a time in seconds or milliseconds since 1970: sizes tell which.
static int64_t s_from_now_us(int64_t said, int64_t wall_us)
{
    const int64_t time_s_min = INT64_C(100000000), time_ms_min = INT64_C(100000000000);
    int64_t us = said >= time_ms_min  ? said * 1000 - wall_us
                 : said >= time_s_min ? said * SECOND_US - wall_us
                                      : said * SECOND_US;
    return us > 0 ? us : 0;
}

// "1m" after the prefix.
static void s_read_used(allowance_t *self, const char *window, const char *value)
{
    static const struct {
        char letter;
        int64_t us;
    } units[] = { { 's', SECOND_US },
                  { 'm', 60 * SECOND_US },
                  { 'h', 3600 * SECOND_US },
                  { 'd', 86400 * SECOND_US } };
    enum { WINDOWS_MAX = 1000 };
    char *unit;
    long count = strtol(window, &unit, 10);
    int64_t used;
    if (count <= 0 || count > WINDOWS_MAX || strlen(unit) != 1 || !s_read(value, &used) || used < 0)
        return;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if ((*unit | 0x20) == units[i].letter) {
            self->used = used;
            self->window_us = count * units[i].us;
        }
    }
}

void allowance_header(allowance_t *self, const char *name, const char *value, int64_t wall_us)
{
    size_t prefix = sizeof used_weight - 1;
    if (strncasecmp(name, used_weight, prefix) == 0) {
        s_read_used(self, name + prefix, value);
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        int64_t number;
        if (strcasecmp(name, words[i].name) != 0 || !s_read(value, &number))
            continue;
        switch (words[i].meaning) {
        case SAYS_REMAINING:
            self->remaining = number;
            return;
        case SAYS_LIMIT:
            self->limit = number;
            return;
        case SAYS_RESET:
            self->renewed_us = s_from_now_us(number, wall_us);
            return;
        case SAYS_RESET_MS:
            self->renewed_us = number > 0 ? number * 1000 : 0;
            return;
        }
    }
}

void allowance_settle(const allowance_t *self, const budget_t *budget, int64_t wall_us,
                      answer_t *answer)
{
    bool limited = self->limit == ALLOWANCE_UNSAID || self->limit > 0;
    bool renewed = self->renewed_us == 0;
    if (self->remaining >= 0 && limited && !renewed) {
        answer->limited = true;
        answer->left = self->remaining;
        answer->renewed_us = self->renewed_us > 0 ? self->renewed_us : 0;
    } else if (self->used >= 0 && self->window_us == budget->window_us) {
        // One request may weigh many: the last tenth is not touched.
        int64_t count = budget->count, left = count - self->used;
        answer->limited = true;
        answer->left = left > count / 10 ? left : 0;
        answer->renewed_us = self->window_us - wall_us % self->window_us;
    }
}
