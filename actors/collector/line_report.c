/*  line_report -- see line.h: what a line says of itself in the registry. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "actors/collector/line_inside.h"

typedef struct {
    registry_field_t *fields;
    size_t count, most;
} report_t;

static void __attribute__((format(printf, 3, 4)))
s_put(report_t *self, const char *name, const char *format, ...)
{
    if (self->count == self->most)
        return;
    registry_field_t *field = &self->fields[self->count++];
    snprintf(field->name, sizeof field->name, "%s", name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(field->value, sizeof field->value, format, arguments);
    va_end(arguments);
}

static void s_put_rates(line_t *self, report_t *report, moment_t now)
{
    stream_count_t staged = stream_count(self->stream);
    int64_t since_us = now.mono_us - self->report_us;
    if (self->report_us && since_us > 0) {
        double seconds = (double) since_us / 1e6;
        s_put(report, "records_s", "%.0f",
              (double) (staged.records - self->reported_records) / seconds);
        s_put(report, "bytes_s", "%.0f", (double) (staged.bytes - self->reported_bytes) / seconds);
    }
    self->report_us = now.mono_us;
    self->reported_records = staged.records;
    self->reported_bytes = staged.bytes;
    s_put(report, "records", "%" PRIu64, staged.records);
    s_put(report, "bytes", "%" PRIu64, staged.bytes);
    s_put(report, "gaps", "%" PRIu64, staged.gaps);
}

size_t line_report(line_t *self, registry_field_t *fields, size_t most, moment_t now)
{
    report_t report = { .fields = fields, .most = most };
    forward_count_t sent = forward_count(self->forward);
    bool planned = stream_plan_in_force(self->stream) != NULL;
    s_put(&report, "stream", "%s", forward_name(self->forward));
    s_put(&report, "raw", "%s", forward_raw_endpoint(self->forward));
    s_put(&report, "ack", "%s", forward_ack_endpoint(self->forward));
    s_put(&report, "state", "%s",
          line_is_stalled(self) ? "disk-stalled"
          : !planned            ? "waiting-for-plan"
                                : "collecting");
    if (line_is_stalled(self))
        s_put(&report, "reason", "%s", self->disk.on ? self->disk.why.text : self->room.why.text);
    s_put(&report, "first_seq", "%" PRIu64, stream_first_seq(self->stream));
    s_put(&report, "begin_seq", "%" PRIu64, line_begin(self));
    s_put(&report, "last_seq", "%" PRIu64, stream_durable(self->stream));
    s_put(&report, "committed", "%" PRIu64, sent.durable);
    lag_note(&self->lag, stream_durable(self->stream), sent.durable, now.mono_us);
    s_put(&report, "lag", "%" PRIu64, lag_records(&self->lag));
    s_put(&report, "lag_s", "%" PRId64, lag_us(&self->lag, now.mono_us) / 1000000);
    s_put(&report, "amended", "%" PRIu64, amendments_seq(stream_amendments(self->stream)));
    slice_t answered = amendments_request(stream_amendments(self->stream));
    s_put(&report, "answered", "%.*s", (int) answered.size,
          answered.data ? (const char *) answered.data : "");
    s_put(&report, "workers", "%zu", sent.workers);
    s_put_rates(self, &report, now);
    s_put(&report, "sent", "%" PRIu64, sent.messages);
    s_put(&report, "needs", "%" PRIu64, sent.needs);
    s_put(&report, "gone", "%" PRIu64, sent.gone);
    s_put(&report, "ahead", "%" PRIu64, sent.ahead);
    s_put(&report, "acks_beyond", "%" PRIu64, sent.acks_beyond);
    s_put(&report, "malformed", "%" PRIu64, sent.malformed);
    s_put(&report, "damaged", "%" PRIu64, stream_damaged(self->stream) + sent.damaged);
    return report.count;
}
