/*  metric -- see metric.h. */
#include "proto/metric.h"

#include "proto/number.h"
#include "proto/wire.h"

enum { METRIC_VERSION = 1, METRIC_KEYS = 4, HUGZ_KEYS = 2 };

void metric_topic(slice_t series, buffer_t *out)
{
    buffer_text(out, "metric/");
    buffer_append(out, series.data, series.size);
    buffer_text(out, "/");
}

void metric_encode(slice_t series, int64_t ts_us, unsigned count, const alert_value_t *values,
                   buffer_t *out)
{
    wire_map(out, METRIC_KEYS);
    wire_string(out, "v");
    wire_u64(out, METRIC_VERSION);
    wire_string(out, "series");
    wire_text(out, series);
    wire_string(out, "ts");
    wire_i64(out, ts_us);
    wire_string(out, "columns");
    wire_map(out, count);
    for (unsigned i = 0; i < count; i++) {
        wire_string(out, values[i].name);
        number_wire(out, values[i].text);
    }
}

void hugz_encode(int64_t at_us, buffer_t *out)
{
    wire_map(out, HUGZ_KEYS);
    wire_string(out, "v");
    wire_u64(out, METRIC_VERSION);
    wire_string(out, "at");
    wire_i64(out, at_us);
}
