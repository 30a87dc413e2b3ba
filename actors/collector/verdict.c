/*  verdict -- see verdict.h. */
#include "actors/collector/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actors/collector/request.h"

enum { QUOTE_MAX = 80 }; // bytes

static bool s_is_success(int status)
{
    return status >= 200 && status < 300;
}

answer_kind_t verdict_kind(const verdict_t *self)
{
    if (self->status == 0)
        return ANSWER_NONE;
    if (s_is_success(self->status))
        return self->error ? ANSWER_BAD : ANSWER_GOOD;
    if (self->status == 304 && self->conditional && !self->error)
        return ANSWER_GOOD;
    // 418 is how Binance says that it means it.
    if (self->status == 429 || self->status == 418 || self->retry_after_us > 0)
        return ANSWER_REFUSED;
    bool gateway = self->status >= 502 && self->status <= 504;
    bool cloudflare = self->status >= 520 && self->status <= 527; // the same, of its own making
    return gateway || cloudflare ? ANSWER_NONE : ANSWER_BAD;
}

static void s_print(char *reason, size_t size, const char *text, size_t text_size)
{
    size_t used = strlen(reason);
    for (size_t i = 0; i < text_size && used + 1 < size; i++) {
        bool printable = text[i] >= ' ' && text[i] <= '~';
        bool space = text[i] == '\n' || text[i] == '\r' || text[i] == '\t';
        reason[used++] = printable ? text[i] : space ? ' ' : '?';
    }
    reason[used] = '\0';
}

// Servers repeat what they were sent: escaped, decoded, in part. To look for secrets in what they
// say would not find all, so where there may be any, nothing of it is quoted.
static void s_quote(const verdict_t *self, const source_t *source, char *reason, size_t size)
{
    slice_t said = self->body;
    if (said.size == 0 || request_may_hold_secrets(source))
        return;
    s_print(reason, size, ": ", 2);
    s_print(reason, size, (const char *) said.data, said.size < QUOTE_MAX ? said.size : QUOTE_MAX);
}

void verdict_reason(const verdict_t *self, const source_t *source, char *reason, size_t size)
{
    reason[0] = '\0';
    if (self->error) {
        if (s_is_success(self->status) && self->body.size)
            snprintf(reason, size, "broke off after %zu bytes: ", self->body.size);
        s_print(reason, size, self->error, strlen(self->error));
        return;
    }
    snprintf(reason, size, "HTTP status %d", self->status);
    if (self->status >= 300 && self->status < 400) {
        const char *why = "; to another place, where headers and body are not sent";
        s_print(reason, size, why, strlen(why));
        return;
    }
    s_quote(self, source, reason, size);
    if (self->retry_after_us > 0) {
        char pause[64];
        int used = snprintf(pause, sizeof pause, " (asks for a pause of %" PRId64 " s)",
                            self->retry_after_us / 1000000);
        s_print(reason, size, pause, (size_t) used);
    }
}
