/*  collector_report -- see collector_inside.h: what a collector says of itself. */
#include "actors/collector/collector_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "broker/runtime/life.h"
#include "broker/trust/lookout.h"

static void s_put_field(registry_field_t *field, const char *name, const char *value)
{
    snprintf(field->name, sizeof field->name, "%s", name);
    snprintf(field->value, sizeof field->value, "%s", value);
}

// The same figures to whoever watches us, by the name of the stream.
static void s_expose(collector_t *self, const line_t *line, const registry_field_t *fields,
                     size_t count)
{
    store_field_t figures[REGISTRY_FIELDS_MAX];
    for (size_t i = 0; i < count; i++)
        figures[i] = (store_field_t){ fields[i].name, fields[i].value };
    metrics_add(self->metrics, stream_name(line_stream(line)), figures, count);
}

void collector_report(collector_t *self, moment_t now)
{
    char pid[16], clock_ms[24], failed[24];
    snprintf(pid, sizeof pid, "%d", (int) getpid());
    // O9: a clock that was set shows here; receive times go on undisturbed.
    snprintf(clock_ms, sizeof clock_ms, "%" PRId64, (life_wall_us() - now.recv_us) / 1000);
    snprintf(failed, sizeof failed, "%" PRIu64, lookout_count());
    metrics_begin(self->metrics);
    (void) lines_trim(self->lines, self->registry, archivist_trimmer(self->archivist), now);
    for (size_t i = 0; i < lines_count(self->lines); i++) {
        line_t *line = lines_at(self->lines, i);
        registry_field_t fields[REGISTRY_FIELDS_MAX];
        size_t count = line_report(line, fields, REGISTRY_FIELDS_MAX - 8, now);
        s_put_field(&fields[count++], "host", self->host);
        s_put_field(&fields[count++], "pid", pid);
        s_put_field(&fields[count++], "incarnation", self->incarnation);
        s_put_field(&fields[count++], "sources", self->sources);
        s_put_field(&fields[count++], "clock_off_ms", clock_ms);
        s_put_field(&fields[count++], "rules",
                    registry_rules_are_live(self->registry) ? "live" : "10s");
        if (i == 0) {
            s_put_field(&fields[count++], "handshakes_failed", failed);
            count +=
                archivist_report(self->archivist, fields + count, REGISTRY_FIELDS_MAX - 1 - count);
            count += intake_report(self->intake, fields + count, REGISTRY_FIELDS_MAX - 1 - count);
        }
        if (self->metrics)
            s_put_field(&fields[count++], "metrics", metrics_address(self->metrics));
        registry_edition(self->registry, i, line_edition(line));
        registry_tell(self->registry, i, line_name(line), fields, count);
        s_expose(self, line, fields, count);
    }
    metrics_end(self->metrics, registry_is_heard(self->registry));
    registry_failing_t failing[STORE_FAILING_MAX];
    registry_tell_failing(self->registry, failing,
                          intake_failing(self->intake, now, failing, STORE_FAILING_MAX));
}
