/*  alert_line -- see alert_line.h. */
#include "actors/cli/alert_line.h"

#include <stdio.h>
#include <time.h>

#include "proto/json.h"
#include "proto/owned.h"
#include "proto/wire.h"

enum { KEY_MAX = 64, TEXT_MAX = 4096 };

typedef struct {
    slice_t id, prev, rule, series, severity, when, kind;
    slice_t columns; // bytes of the map
    slice_t threshold, ratio;
    int64_t ts_us, since_us;
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
        if (slice_is(key, "id"))
            wire_read_text(&reader, &fields->id, KEY_MAX);
        else if (slice_is(key, "prev") && wire_peek(&reader) == WIRE_TEXT)
            wire_read_text(&reader, &fields->prev, KEY_MAX);
        else if (slice_is(key, "since"))
            wire_read_i64(&reader, &fields->since_us);
        else if (slice_is(key, "rule"))
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

static void put_time(const char *format, int64_t us, buffer_t *out)
{
    time_t seconds = us / 1000000;
    struct tm utc;
    char text[32];
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, format, &utc);
    buffer_text(out, text);
}

// What kind of entry it is, and how far beyond the threshold.
static void put_remark(const fields_t *fields, buffer_t *out)
{
    double threshold, ratio;
    bool still = slice_is(fields->kind, "still");
    if (slice_is(fields->kind, "correction")) {
        buffer_text(out, "(correction: it does not hold)");
    } else if (slice_is(fields->kind, "resolved")) {
        buffer_text(out, "(resolved)");
    } else if (slice_is(fields->kind, "flapping")) {
        put_time("(flapping, since %Y-%m-%d %H:%M:%S)", fields->since_us, out);
    } else if (slice_is(fields->kind, "nodata")) {
        put_time("(no data, last received %Y-%m-%d %H:%M:%S)", fields->since_us, out);
    } else if (slice_is(fields->kind, "data")) {
        buffer_text(out, "(data again)");
    } else if (still || slice_is(fields->kind, "firing")) {
        buffer_text(out, still ? "(still firing, since " : "(firing, since ");
        put_time("%Y-%m-%d %H:%M:%S)", fields->since_us, out);
    } else if (read_number(fields->threshold, &threshold) && read_number(fields->ratio, &ratio)) {
        buffer_printf(out, "(%.3g times the threshold of %.10g)", ratio, threshold);
    }
}

// An incident that begins with the alert that was told just before says nothing new.
static bool says_nothing(const fields_t *fields, char last[ALERT_LINE_ID])
{
    bool follows = slice_is(fields->kind, "firing") && slice_is(fields->prev, last);
    snprintf(last, ALERT_LINE_ID, "%.*s", (int) fields->id.size, (const char *) fields->id.data);
    return follows;
}

alert_line_t alert_line(slice_t body, bool colour, char last[ALERT_LINE_ID], buffer_t *out)
{
    fields_t fields = { 0 };
    if (!read_fields(body, &fields))
        return ALERT_LINE_NONE;
    if (says_nothing(&fields, last))
        return ALERT_LINE_SILENT;
    const char *strong = "", *dim = "", *plain = "";
    if (colour) {
        strong = slice_is(fields.severity, "critical") ? "\033[1;31m" : "\033[1;33m";
        dim = "\033[2m";
        plain = "\033[0m";
    }
    buffer_text(out, dim);
    put_time("%Y-%m-%d %H:%M:%S", fields.ts_us, out);
    buffer_printf(out, "%s  %s%.*s%s  %.*s", plain, strong, (int) fields.rule.size,
                  fields.rule.data, plain, (int) fields.series.size, fields.series.data);
    put_columns(fields.columns, out);
    owned(buffer_destroy) buffer_t remark = { 0 };
    put_remark(&fields, &remark);
    if (remark.size > 0)
        buffer_printf(out, "  %s%s%s", dim, buffer_string(&remark), plain);
    if (remark.failed || out->failed)
        return ALERT_LINE_NONE;
    return slice_is(fields.kind, "alert") ? ALERT_LINE_ALERT : ALERT_LINE_OTHER;
}
