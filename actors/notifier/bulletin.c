/*  bulletin -- see bulletin.h. */
#include "actors/notifier/bulletin.h"

#include "proto/wire.h"

enum { KEY_BYTES_MAX = 64 };

bool bulletin_name_is_good(slice_t name)
{
    if (name.size == 0 || name.size > BULLETIN_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-';
        if (!good)
            return false;
    }
    return true;
}

bool bulletin_read(bulletin_t *self, slice_t body)
{
    wire_reader_t reader = wire_reader(body);
    bulletin_t read = { .ts_us = -1, .since_us = -1 };
    uint32_t count = 0;
    wire_read_map(&reader, &count);
    for (uint32_t i = 0; i < count && !reader.failed; i++) {
        slice_t key = { 0 };
        wire_read_text(&reader, &key, KEY_BYTES_MAX);
        if (slice_is(key, "rule"))
            wire_read_text(&reader, &read.rule, BULLETIN_NAME_MAX);
        else if (slice_is(key, "series"))
            wire_read_text(&reader, &read.series, BULLETIN_SERIES_MAX);
        else if (slice_is(key, "severity") && wire_peek(&reader) == WIRE_TEXT)
            wire_read_text(&reader, &read.severity, BULLETIN_NAME_MAX);
        else if (slice_is(key, "kind") && wire_peek(&reader) == WIRE_TEXT)
            wire_read_text(&reader, &read.kind, KEY_BYTES_MAX);
        else if (slice_is(key, "ts"))
            wire_read_i64(&reader, &read.ts_us);
        else if (slice_is(key, "since") && wire_peek(&reader) == WIRE_INT)
            wire_read_i64(&reader, &read.since_us);
        else if (slice_is(key, "seq"))
            wire_read_u64(&reader, &read.seq);
        else
            wire_skip(&reader, NULL);
    }
    if (!wire_done(&reader) || read.rule.size == 0 || read.series.size == 0 || read.ts_us < 0 ||
        read.seq == 0)
        return false;
    if (read.since_us < 0)
        read.since_us = read.ts_us;
    *self = read;
    return true;
}

bool bulletin_is_state(const bulletin_t *self)
{
    return slice_is(self->kind, "firing") || slice_is(self->kind, "still") ||
           slice_is(self->kind, "resolved") || slice_is(self->kind, "flapping");
}

bool bulletin_is_news(const bulletin_t *self)
{
    return bulletin_is_state(self) || slice_is(self->kind, "nodata") ||
           slice_is(self->kind, "data");
}
