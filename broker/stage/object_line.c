/*  object_line -- see object_line.h. */
#include "broker/stage/object_line.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

#include "broker/stage/crc32c.h"
#include "proto/json.h"
#include "proto/utf8.h"

enum { TIME_BYTES = 27, DAY_S = 86400, PLACE_MAX = 255 };

// ---- writing --------------------------------------------------------------------------------

static void s_put_time(buffer_t *out, int64_t us)
{
    int64_t seconds = us / 1000000 - (us % 1000000 < 0);
    time_t whole = (time_t) seconds;
    struct tm utc;
    gmtime_r(&whole, &utc);
    buffer_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                  utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, (int) (us - seconds * 1000000));
}

static void s_put_base64(buffer_t *out, slice_t bytes)
{
    size_t size = (bytes.size + 2) / 3 * 4;
    uint8_t *to = buffer_extend(out, size + 1); // EVP ends it with a NUL
    if (!to)
        return;
    EVP_EncodeBlock(to, bytes.data, (int) bytes.size);
    out->size--;
}

static bool s_is_line(slice_t bytes)
{
    return bytes.size == 0 ||
           (!memchr(bytes.data, '\n', bytes.size) && !memchr(bytes.data, '\r', bytes.size));
}

// Would the string be shorter than base64?
static bool s_is_text(slice_t bytes)
{
    size_t size = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t c = bytes.data[i];
        bool brief = c == '\n' || c == '\r' || c == '\t' || c == '"' || c == '\\';
        size += brief ? 2 : c < ' ' || c == 0x7f ? 6 : 1;
    }
    return size <= (bytes.size + 2) / 3 * 4 && utf8_valid(bytes);
}

bool object_line_write(buffer_t *out, const char *stream, const record_t *record, bool is_json)
{
    slice_t payload = record->payload;
    buffer_printf(out, "{\"stream\":\"%s\",\"seq\":%" PRIu64 ",\"recv\":\"", stream, record->seq);
    s_put_time(out, record->recv_us);
    buffer_printf(out, "\",\"source\":\"%.*s\"", (int) record->source.size, record->source.data);
    if (record->kind == RECORD_TORN)
        buffer_text(out, ",\"torn\":true");
    if (record->place.size > 0) {
        buffer_text(out, ",\"place\":\"");
        for (size_t i = 0; i < record->place.size; i++)
            buffer_printf(out, "%02x", record->place.data[i]);
        buffer_text(out, "\"");
    }
    buffer_printf(out, ",\"crc\":\"%08x\",", crc32c(0, payload.data, payload.size));
    if (is_json && s_is_line(payload)) {
        buffer_text(out, "\"payload\":");
        buffer_append(out, payload.data, payload.size);
    } else if (s_is_text(payload)) {
        buffer_text(out, "\"text\":");
        json_text(out, payload);
    } else {
        buffer_text(out, "\"base64\":\"");
        s_put_base64(out, payload);
        buffer_text(out, "\"");
    }
    buffer_text(out, "}\n");
    return !out->failed;
}

// ---- reading --------------------------------------------------------------------------------

typedef struct {
    const uint8_t *at, *end;
} cursor_t;

static bool s_skip(cursor_t *self, const char *text)
{
    size_t size = strlen(text);
    if ((size_t) (self->end - self->at) < size || memcmp(self->at, text, size) != 0)
        return false;
    self->at += size;
    return true;
}

// A string without escapes, its closing quote skipped.
static bool s_plain(cursor_t *self, slice_t *text)
{
    const uint8_t *begin = self->at;
    while (self->at < self->end && *self->at != '"') {
        if (*self->at == '\\' || *self->at < ' ')
            return false;
        self->at++;
    }
    *text = slice_of(begin, (size_t) (self->at - begin));
    return self->at++ < self->end;
}

static bool s_number(cursor_t *self, int digits_max, uint64_t *number)
{
    const uint8_t *begin = self->at;
    *number = 0;
    for (; self->at < self->end && *self->at >= '0' && *self->at <= '9'; self->at++)
        if (self->at - begin >= digits_max || __builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (uint64_t) (*self->at - '0'), number))
            return false;
    return self->at > begin;
}

static bool s_digits(cursor_t *self, int count, int *number)
{
    const uint8_t *begin = self->at;
    uint64_t value;
    if (!s_number(self, count, &value) || self->at - begin != count)
        return false;
    *number = (int) value;
    return true;
}

static bool s_time(cursor_t *self, int64_t *us)
{
    struct tm utc = { 0 };
    int fraction;
    if (!s_digits(self, 4, &utc.tm_year) || !s_skip(self, "-") || !s_digits(self, 2, &utc.tm_mon) ||
        !s_skip(self, "-") || !s_digits(self, 2, &utc.tm_mday) || !s_skip(self, "T") ||
        !s_digits(self, 2, &utc.tm_hour) || !s_skip(self, ":") || !s_digits(self, 2, &utc.tm_min) ||
        !s_skip(self, ":") || !s_digits(self, 2, &utc.tm_sec) || !s_skip(self, ".") ||
        !s_digits(self, 6, &fraction) || !s_skip(self, "Z\""))
        return false;
    utc.tm_year -= 1900;
    utc.tm_mon -= 1;
    *us = (int64_t) timegm(&utc) * 1000000 + fraction;
    return true;
}

static int s_hex(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Pairs of hex digits, over what was a place of ours: at most PLACE_MAX bytes.
static bool s_place(cursor_t *self, buffer_t *bytes)
{
    slice_t text;
    if (!s_plain(self, &text) || text.size % 2 != 0 || text.size > 2 * PLACE_MAX)
        return false;
    uint8_t *to = buffer_extend(bytes, text.size / 2);
    for (size_t i = 0; to && i < text.size; i += 2) {
        int high = s_hex(text.data[i]), low = s_hex(text.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        to[i / 2] = (uint8_t) (16 * high + low);
    }
    return to != NULL;
}

static bool s_crc(cursor_t *self, uint32_t *crc)
{
    slice_t text;
    if (!s_plain(self, &text) || text.size != 8)
        return false;
    *crc = 0;
    for (size_t i = 0; i < text.size; i++) {
        int digit = s_hex(text.data[i]);
        if (digit < 0)
            return false;
        *crc = *crc << 4 | (uint32_t) digit;
    }
    return true;
}

// One escape as json_text writes it, after the backslash.
static bool s_escape(cursor_t *self, buffer_t *bytes)
{
    static const char names[] = "\"\\nrt", meant[] = "\"\\\n\r\t";
    if (self->at == self->end)
        return false;
    uint8_t c = *self->at++;
    const char *known = c ? strchr(names, c) : NULL;
    uint8_t byte = known ? (uint8_t) meant[known - names] : 0;
    if (!known) {
        if (c != 'u' || self->end - self->at < 4 || self->at[0] != '0' || self->at[1] != '0')
            return false;
        int high = s_hex(self->at[2]), low = s_hex(self->at[3]);
        if (high < 0 || high > 7 || low < 0)
            return false;
        byte = (uint8_t) (16 * high + low);
        self->at += 4;
    }
    buffer_append(bytes, &byte, 1);
    return true;
}

static bool s_text(cursor_t *self, buffer_t *bytes)
{
    for (;;) {
        const uint8_t *begin = self->at;
        while (self->at < self->end && *self->at != '"' && *self->at != '\\')
            self->at++;
        if (self->at > begin)
            buffer_append(bytes, begin, (size_t) (self->at - begin));
        if (self->at == self->end)
            return false;
        if (*self->at++ == '"')
            return true;
        if (!s_escape(self, bytes))
            return false;
    }
}

static bool s_base64(cursor_t *self, buffer_t *bytes)
{
    slice_t text;
    if (!s_plain(self, &text) || text.size % 4 != 0 || text.size > 2u * STAGE_PAYLOAD_BYTES_MAX)
        return false;
    if (text.size == 0)
        return true;
    uint8_t *to = buffer_extend(bytes, text.size / 4 * 3);
    if (!to || EVP_DecodeBlock(to, text.data, (int) text.size) != (int) (text.size / 4 * 3))
        return false;
    bytes->size -= (text.data[text.size - 1] == '=') + (text.data[text.size - 2] == '=');
    return true;
}

// The last member. A payload that stands there as it is ends where the line does.
static bool s_payload(cursor_t *self, buffer_t *bytes, slice_t *payload)
{
    size_t begin = bytes->size;
    if (s_skip(self, "\"payload\":")) {
        if (self->at == self->end)
            return false;
        *payload = slice_of(self->at, (size_t) (self->end - self->at) - 1);
        self->at = self->end - 1;
        return true;
    }
    bool good = s_skip(self, "\"text\":\"")     ? s_text(self, bytes)
                : s_skip(self, "\"base64\":\"") ? s_base64(self, bytes)
                                                : false;
    *payload = bytes->size > begin ? slice_of(bytes->data + begin, bytes->size - begin)
                                   : slice_of(NULL, 0);
    return good;
}

bool object_line_read(slice_t line, record_t *record, slice_t *stream, buffer_t *bytes,
                      fault_t *fault)
{
    cursor_t in = { line.data, line.data + line.size };
    if (line.size > 0 && in.end[-1] == '\n')
        in.end--;
    buffer_clear(bytes);
    *record = (record_t){ .kind = RECORD_PAYLOAD };
    uint32_t crc;
    bool good = s_skip(&in, "{\"stream\":\"") && s_plain(&in, stream) && s_skip(&in, ",\"seq\":") &&
                s_number(&in, 20, &record->seq) && s_skip(&in, ",\"recv\":\"") &&
                s_time(&in, &record->recv_us) && s_skip(&in, ",\"source\":\"") &&
                s_plain(&in, &record->source);
    if (good && s_skip(&in, ",\"torn\":true"))
        record->kind = RECORD_TORN;
    if (good && s_skip(&in, ",\"place\":\""))
        good = s_place(&in, bytes);
    size_t place_size = bytes->size;
    good = good && s_skip(&in, ",\"crc\":\"") && s_crc(&in, &crc) && s_skip(&in, ",") &&
           s_payload(&in, bytes, &record->payload) && s_skip(&in, "}") && in.at == in.end;
    if (bytes->failed)
        return fault_set(fault, "out of memory");
    if (!good)
        return fault_set(fault, "not a line of a stage object");
    record->place = slice_of(bytes->data, place_size);
    if (record->payload.size > 0 &&
        (record->payload.data < line.data || record->payload.data >= line.data + line.size))
        record->payload.data = bytes->data + place_size; // the buffer may have moved
    if (crc32c(0, record->payload.data, record->payload.size) != crc)
        return fault_set(fault, "the payload of record %" PRIu64 " is damaged", record->seq);
    return true;
}

uint64_t object_line_sum(const record_t *record)
{
    uint8_t seq[8];
    for (int i = 0; i < 8; i++)
        seq[i] = (uint8_t) (record->seq >> 8 * i);
    uint64_t a = crc32c(0, seq, sizeof seq);
    return a << 32 | crc32c((uint32_t) a, record->payload.data, record->payload.size);
}
