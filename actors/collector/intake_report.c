/*  intake_report -- see intake.h: what an intake says of itself in the registry and in the log. */
#include <inttypes.h>
#include <stdio.h>

#include "actors/collector/intake_inside.h"
#include "broker/runtime/log.h"

enum {
    SAY_AGAIN_US = 60 * 1000000,
    PUSH_TOLD_MAX = 8, // endpoints of pushed sources in the registry: a beat has few fields
};

static size_t s_put_number(registry_field_t *fields, size_t most, size_t count, const char *name,
                           uint64_t number)
{
    if (count == most)
        return count;
    snprintf(fields[count].name, sizeof fields[count].name, "%s", name);
    snprintf(fields[count].value, sizeof fields[count].value, "%" PRIu64, number);
    return count + 1;
}

// `push`, `push_2` and so on, in the order of the configuration.
static size_t s_put_endpoints(const intake_t *self, registry_field_t *fields, size_t most,
                              size_t count)
{
    size_t sockets = push_feed_sockets(self->push);
    for (size_t i = 0; i < sockets && i < PUSH_TOLD_MAX && count < most; i++) {
        registry_field_t *field = &fields[count++];
        if (i == 0)
            snprintf(field->name, sizeof field->name, "push");
        else
            snprintf(field->name, sizeof field->name, "push_%zu", i + 1);
        snprintf(field->value, sizeof field->value, "%s", push_feed_endpoint(self->push, i));
    }
    return count;
}

size_t intake_report(intake_t *self, registry_field_t *fields, size_t most)
{
    size_t count = 0;
    poller_count_t polls = poller_count(self->sources.poller);
    count = s_put_number(fields, most, count, "polls", polls.good);
    count = s_put_number(fields, most, count, "polls_failed", polls.failed);
    count = s_put_number(fields, most, count, "polls_unchanged", polls.unchanged);
    count = s_put_number(fields, most, count, "polls_torn", polls.torn);
    count = s_put_number(fields, most, count, "sources_failing", polls.failing);
    count = s_put_number(fields, most, count, "polls_late_p99_us",
                         (uint64_t) poller_late_us(self->sources.poller, 0.99));
    uint64_t troubles = 0;
    for (size_t i = 0; i < self->sources.file_count; i++)
        troubles += file_feed_troubles(self->sources.files[i]);
    count = s_put_number(fields, most, count, "files_failed", troubles);
    for (int r = 0; r < PUSH_REFUSALS; r++) {
        char name[sizeof fields[0].name];
        snprintf(name, sizeof name, "push_%s", push_refusal_text((push_refusal_t) r));
        count = s_put_number(fields, most, count, name,
                             push_feed_refused(self->push, (push_refusal_t) r));
    }
    count = s_put_number(fields, most, count, "push_gaps", push_feed_gaps(self->push));
    return s_put_endpoints(self, fields, most, count);
}

size_t intake_failing(const intake_t *self, moment_t now, registry_failing_t *items, size_t most)
{
    size_t count = 0;
    poller_trouble_t trouble;
    for (size_t at = 0;
         count < most && poller_trouble(self->sources.poller, now.mono_us, &at, &trouble);) {
        registry_failing_t *item = &items[count++];
        snprintf(item->source, sizeof item->source, "%s", trouble.source);
        snprintf(item->reason, sizeof item->reason, "%s", trouble.reason);
        item->failures = trouble.failures;
        item->since_ms = (now.recv_us - (now.mono_us - trouble.since_us)) / 1000;
    }
    return count;
}

void intake_log(intake_t *self, moment_t now)
{
    if (now.mono_us < self->log_us)
        return;
    // Repeated frames are how resending works, and no news.
    uint64_t refused = push_feed_refused(self->push, PUSH_REFUSED_MALFORMED) +
                       push_feed_refused(self->push, PUSH_REFUSED_SOURCE) +
                       push_feed_refused(self->push, PUSH_REFUSED_EARLY) +
                       push_feed_refused(self->push, PUSH_REFUSED_CLIENT);
    uint64_t gaps = push_feed_gaps(self->push);
    if (refused == self->refused_told && gaps == self->gaps_told)
        return;
    if (refused != self->refused_told)
        log_event(LOG_WARNING, "pushed frames refused", "frames=%" PRIu64 " last=%s",
                  refused - self->refused_told, log_quote(push_feed_last_refusal(self->push)));
    if (gaps != self->gaps_told)
        log_event(LOG_WARNING, "pushed frames are missing and never came", "gaps=%" PRIu64,
                  gaps - self->gaps_told);
    self->refused_told = refused;
    self->gaps_told = gaps;
    self->log_us = now.mono_us + SAY_AGAIN_US;
}
