/*  alert_line -- see alert_line.h. */
#include "actors/cli/alert_line.h"

#include <stdio.h>
#include <time.h>

#include "proto/json.h"
#include "proto/wire.h"

enum { KEY_MAX = 64, TEXT_MAX = 4096 };

typedef struct {
    slice_t rule, series, severity, when, kind;
    slice_t columns; // bytes of the map
    slice_t threshold, ratio;
    int64_t ts_us;
} fields_t;

static bool read_fields(slice_t body, fields_t *fields)
{
    wire_reader_t reader = wire_reader(body);
    uint32_t count;
    if (!wire_read_map(&reader, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        slice_t key, skipped;
        if (!wire_read_text(&reader, &key, KEY_MAX))
            return false;
        if (slice_is(key, "rule"))
            wire_read_text(&reader, &fields->rule, TEXT_MAX);
        else if (slice_is(key, "series"))
            wire_read_text(&reader, &fields->series, TEXT_MAX);
        else if (slice_is(key, "severity"))
            wire_read_text(&reader, &fields->severity, TEXT_MAX);
        else if (slice_is(key, "when"))
            wire_read_text(&reader, &fields->when, TEXT_MAX);
        else if (slice_is(key, "kind"))
            wire_read_text(&reader, &fields->kind, TEXT_MAX);
        else if (slice_is(key, "ts"))
            wire_read_i64(&reader, &fields->ts_us);
        else if (slice_is(key, "columns"))
            wire_skip(&reader, &fields->columns);
        else if (slice_is(key, "threshold"))
            wire_skip(&reader, &fields->threshold);
        else if (slice_is(key, "ratio"))
            wire_skip(&reader, &fields->ratio);
        else
            wire_skip(&reader, &skipped);
    }
    return wire_done(&reader) && fields->rule.size > 0;
}

static bool read_number(slice_t bytes, double *number)
{
    wire_reader_t reader = wire_reader(bytes);
    return bytes.size > 0 && wire_peek(&reader) != WIRE_NIL && wire_read_double(&reader, number);
}

static void put_columns(slice_t bytes, buffer_t *out)
{
    wire_reader_t reader = wire_reader(bytes);
    uint32_t count;
    if (!wire_read_map(&reader, &count))
        return;
    for (uint32_t i = 0; i < count; i++) {
        slice_t name, value;
        double number;
        if (!wire_read_text(&reader, &name, KEY_MAX) || !wire_skip(&reader, &value))
            return;
        if (read_number(value, &number))
            buffer_printf(out, "  %.*s %.10g", (int) name.size, name.data, number);
    }
}

bool alert_line(slice_t body, bool colour, buffer_t *out)
{
    fields_t fields = { 0 };
    if (!read_fields(body, &fields))
        return false;
    const char *strong = "", *dim = "", *plain = "";
    if (colour) {
        strong = slice_is(fields.severity, "critical") ? "\033[1;31m" : "\033[1;33m";
        dim = "\033[2m";
        plain = "\033[0m";
    }
    time_t seconds = fields.ts_us / 1000000;
    struct tm utc;
    char when[32];
    gmtime_r(&seconds, &utc);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &utc);
    buffer_printf(out, "%s%s%s  %s%.*s%s  %.*s", dim, when, plain, strong, (int) fields.rule.size,
                  fields.rule.data, plain, (int) fields.series.size, fields.series.data);
    put_columns(fields.columns, out);
    double threshold, ratio;
    if (slice_is(fields.kind, "correction"))
        buffer_printf(out, "  %s(correction: it does not hold)%s", dim, plain);
    else if (read_number(fields.threshold, &threshold) && read_number(fields.ratio, &ratio))
        buffer_printf(out, "  %s(%.3g times the threshold of %.10g)%s", dim, ratio, threshold,
                      plain);
    return !out->failed;
}
