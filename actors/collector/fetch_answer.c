/*  fetch_answer -- see fetch_inside.h: what libcurl knows of a finished transfer. */
#include <string.h>
#include <time.h>

#include "actors/collector/fetch_inside.h"

// Of the last answer, behind all redirects. NULL: not there.
static const char *s_header(const transfer_t *self, const char *name)
{
    struct curl_header *header;
    if (curl_easy_header(self->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    return header->value;
}

coding_t fetch_coding(const transfer_t *self)
{
    coding_t coding = CODING_NONE;
    struct curl_header *header;
    size_t amount = 1;
    for (size_t i = 0; i < amount; i++) {
        if (curl_easy_header(self->easy, "Content-Encoding", i, CURLH_HEADER, -1, &header) !=
            CURLHE_OK)
            break;
        coding = coding_with(coding, header->value);
        amount = header->amount;
    }
    return coding;
}

// One that could not be sent back is none: remembered, it would make every later request fail.
static const char *s_validator(const transfer_t *self, const char *name)
{
    const char *value = s_header(self, name);
    bool good = value && *value && strlen(value) <= FETCH_VALIDATOR_MAX && fetch_is_plain(value);
    return good ? value : NULL;
}

// Seconds, or a date: then from the server's own clock, if it tells it, because ours may differ.
static int64_t s_retry_after_us(const transfer_t *self, int64_t wall_us)
{
    enum { SECONDS_MAX = 86400 * 366 };
    const char *value = s_header(self, "Retry-After");
    if (!value)
        return 0;
    int64_t seconds = 0;
    size_t digits = strspn(value, "0123456789");
    if (digits && value[digits] == '\0') {
        for (size_t i = 0; i < digits && seconds <= SECONDS_MAX; i++)
            seconds = seconds * 10 + (value[i] - '0');
    } else {
        const char *date = s_header(self, "Date");
        time_t then = curl_getdate(value, NULL), now = date ? curl_getdate(date, NULL) : -1;
        if (then != -1)
            seconds = (int64_t) then - (now != -1 ? (int64_t) now : wall_us / 1000000);
    }
    if (seconds > SECONDS_MAX)
        seconds = SECONDS_MAX;
    return seconds > 0 ? seconds * 1000000 : 0;
}

static allowance_t s_allowance(const transfer_t *self, int64_t wall_us)
{
    allowance_t allowance;
    allowance_begin(&allowance);
    struct curl_header *header = NULL;
    while ((header = curl_easy_nextheader(self->easy, CURLH_HEADER, -1, header)))
        allowance_header(&allowance, header->name, header->value, wall_us);
    return allowance;
}

static const char *s_error(const transfer_t *self)
{
    if (self->result == CURLE_OK)
        return self->unpack && !unpack_has_ended(self->unpack)
                   ? "the compressed answer stops before its end"
                   : NULL;
    if (self->overflowed)
        return "all answers together are too large to hold";
    if (self->lured)
        return "a redirect to a private address, which is not followed";
    if (self->swollen)
        return "the answer is a bomb: it grows too much when it is decompressed";
    if (self->damaged)
        return "the answer cannot be decompressed: it is damaged";
    if (self->body.failed || self->result == CURLE_FILESIZE_EXCEEDED)
        return "the answer is larger than 64 MB";
    return self->error[0] ? self->error : curl_easy_strerror(self->result);
}

void fetch_answer(transfer_t *self, int64_t wall_us, fetched_t *fetched)
{
    long status = 0, redirects = 0;
    curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(self->easy, CURLINFO_REDIRECT_COUNT, &redirects);
    bool fits = !self->overflowed && !self->swollen && !self->body.failed &&
                self->result != CURLE_FILESIZE_EXCEEDED;
    *fetched = (fetched_t){
        .tag = self->tag,
        .error = s_error(self),
        .status = (int) status,
        .retry_after_us = s_retry_after_us(self, wall_us),
        .redirects = redirects > 0 ? (unsigned) redirects : 0,
        .allowance = s_allowance(self, wall_us),
        .etag = s_validator(self, "ETag"),
        .modified = s_validator(self, "Last-Modified"),
        .body = fits ? buffer_slice(&self->body) : (slice_t){ 0 },
    };
}
