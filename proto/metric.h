/*  metric -- the transformed rows and the sign of life on the alert socket.
 *
 *  Pure. `metric/<series>/` carries the newest row of a series with its derived columns; `hugz/`
 *  comes once a second, so that silence means a broken link. Fields: docs/protocol.md.
 */
#pragma once
#include "proto/alert.h"

void metric_topic(slice_t series, buffer_t *out);
void metric_encode(slice_t series, int64_t ts_us, unsigned count, const alert_value_t *values,
                   buffer_t *out);

// The body beside topic "hugz/".
void hugz_encode(int64_t at_us, buffer_t *out);
