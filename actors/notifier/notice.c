/*  notice -- see notice.h. */
#include "actors/notifier/notice.h"

#include <stdio.h>
#include <time.h>

#include "actors/notifier/bulletin.h"
#include "proto/json.h"

enum { NAME_BYTES_MAX = 128, KEY_VALUE_MAX = SERIES_ID_MAX };

static bool is_number(slice_t value)
{
    wire_reader_t reader = wire_reader(value);
    wire_kind_t kind = wire_peek(&reader);
    return kind == WIRE_INT || kind == WIRE_DOUBLE;
}

bool notice_next(wire_reader_t *map, slice_t *name, slice_t *value)
{
    return wire_read_text(map, name, NAME_BYTES_MAX) && wire_skip(map, value);
}

// nil is as good as nothing.
static bool read_text(wire_reader_t *reader, slice_t *text, size_t most)
{
    return wire_peek(reader) == WIRE_NIL ? wire_read_nil(reader)
                                         : wire_read_text(reader, text, most);
}

static bool read_any(wire_reader_t *reader, wire_kind_t kind, slice_t *value)
{
    bool wanted = wire_peek(reader) == kind;
    slice_t bytes = { 0 };
    bool good = wire_skip(reader, &bytes);
    if (good && wanted)
        *value = bytes;
    return good;
}

static bool read_number(wire_reader_t *reader, slice_t *value)
{
    slice_t bytes = { 0 };
    bool good = wire_skip(reader, &bytes);
    if (good && is_number(bytes))
        *value = bytes;
    return good;
}

static bool read_key(wire_reader_t *reader, notice_t *self)
{
    uint32_t count = 0;
    self->key_count = 0; // of two, the last
    if (!wire_read_map(reader, &count) || count > SERIES_KEYS_MAX)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!wire_read_text(reader, &self->key_names[i], NAME_BYTES_MAX) ||
            !wire_read_text(reader, &self->key_values[i], KEY_VALUE_MAX))
            return false;
        self->key_count++;
    }
    return true;
}

static bool read_field(wire_reader_t *reader, slice_t name, notice_t *self)
{
    if (slice_is(name, "id"))
        return wire_read_text(reader, &self->id, NAME_BYTES_MAX);
    if (slice_is(name, "kind"))
        return wire_read_text(reader, &self->kind, NOTICE_KIND_MAX);
    if (slice_is(name, "rule"))
        return wire_read_text(reader, &self->rule, BULLETIN_NAME_MAX);
    if (slice_is(name, "series"))
        return wire_read_text(reader, &self->series, BULLETIN_SERIES_MAX);
    if (slice_is(name, "severity"))
        return read_text(reader, &self->severity, BULLETIN_NAME_MAX);
    if (slice_is(name, "when"))
        return read_text(reader, &self->when, NOTICE_TEXT_MAX);
    if (slice_is(name, "note"))
        return read_text(reader, &self->note, NOTICE_TEXT_MAX);
    if (slice_is(name, "ts"))
        return wire_read_i64(reader, &self->ts_us);
    if (slice_is(name, "since") && wire_peek(reader) == WIRE_INT)
        return wire_read_i64(reader, &self->since_us);
    if (slice_is(name, "changes") && wire_peek(reader) == WIRE_INT)
        return wire_read_u64(reader, &self->changes);
    if (slice_is(name, "key") && wire_peek(reader) == WIRE_MAP)
        return read_key(reader, self);
    if (slice_is(name, "columns"))
        return read_any(reader, WIRE_MAP, &self->columns);
    if (slice_is(name, "evidence"))
        return read_any(reader, WIRE_ARRAY, &self->evidence);
    if (slice_is(name, "threshold"))
        return read_number(reader, &self->threshold);
    if (slice_is(name, "ratio"))
        return read_number(reader, &self->ratio);
    if (slice_is(name, "rules"))
        return read_any(reader, WIRE_ARRAY, &self->rules);
    if (slice_is(name, "rules_total") && wire_peek(reader) == WIRE_INT)
        return wire_read_u64(reader, &self->rules_total);
    return wire_skip(reader, NULL);
}

bool notice_read(notice_t *self, slice_t body)
{
    wire_reader_t reader = wire_reader(body);
    uint32_t count = 0;
    *self = (notice_t){ .body = body, .ts_us = -1, .since_us = -1 };
    if (!wire_read_map(&reader, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        slice_t name;
        if (!wire_read_text(&reader, &name, NAME_BYTES_MAX) || !read_field(&reader, name, self))
            return false;
    }
    return wire_done(&reader) && self->id.size > 0 && self->kind.size > 0 && self->rule.size > 0 &&
           self->series.size > 0 && self->ts_us >= 0;
}

bool notice_is_over(const notice_t *self)
{
    return slice_is(self->kind, "resolved") || slice_is(self->kind, "correction") ||
           slice_is(self->kind, "data") || slice_is(self->kind, "restored");
}

bool notice_is_of_silence(const notice_t *self)
{
    return slice_is(self->kind, "nodata") || slice_is(self->kind, "data");
}

bool notice_is_own(const notice_t *self)
{
    return slice_is(self->kind, "degraded") || slice_is(self->kind, "restored");
}

slice_t notice_key(const notice_t *self, slice_t name)
{
    for (unsigned i = 0; i < self->key_count; i++)
        if (slice_same(self->key_names[i], name))
            return self->key_values[i];
    return slice_of(NULL, 0);
}

slice_t notice_column(const notice_t *self, slice_t name)
{
    wire_reader_t reader = wire_reader(self->columns);
    uint32_t count = 0;
    wire_read_map(&reader, &count);
    slice_t found, value;
    for (uint32_t i = 0; i < count && notice_next(&reader, &found, &value); i++)
        if (slice_same(found, name))
            return is_number(value) ? value : slice_of(NULL, 0);
    return slice_of(NULL, 0);
}

void notice_number(buffer_t *out, slice_t number)
{
    if (number.size > 0 && is_number(number))
        (void) json_from_wire(out, number);
}

void notice_time(int64_t us, char text[NOTICE_TIME_TEXT])
{
    time_t seconds = (time_t) (us / 1000000);
    int fraction = (int) (us % 1000000);
    struct tm date;
    if (us < 0 || !gmtime_r(&seconds, &date)) {
        text[0] = '\0';
        return;
    }
    size_t size = strftime(text, NOTICE_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &date);
    char *end = text + size;
    if (fraction > 0) {
        end += snprintf(end, NOTICE_TIME_TEXT - size, ".%06d", fraction);
        while (end[-1] == '0')
            end--;
    }
    snprintf(end, (size_t) (text + NOTICE_TIME_TEXT - end), "Z");
}
