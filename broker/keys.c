/*  keys -- see keys.h. */
#include "broker/keys.h"

#include <assert.h>
#include <string.h>

#include "broker/store.h"

static const char OFFSET_FIELD[] = "off:", SENT_FIELD[] = "sent:", FLOOR_FIELD[] = "floor:";

bool keys_init(keys_t *self, const char *namespace)
{
    *self = (keys_t){ 0 };
    size_t size = strlen(namespace);
    if (size == 0 || size > KEYS_NAMESPACE_MAX || namespace[0] < 'a' || namespace[0] > 'z')
        return false;
    if (strspn(namespace, "abcdefghijklmnopqrstuvwxyz0123456789_") != size)
        return false;
    memcpy(self->namespace, namespace, size + 1);
    return true;
}

void keys_clear(keys_t *self)
{
    buffer_destroy(&self->text);
}

// "<namespace>:<kind><name>". Names are appended as bytes: a NUL in one must not shorten it,
// else two names could meet in one key.
static slice_t named(keys_t *self, const char *kind, slice_t name)
{
    buffer_clear(&self->text);
    buffer_text(&self->text, self->namespace);
    buffer_text(&self->text, kind);
    buffer_append(&self->text, name.data, name.size);
    return buffer_slice(&self->text);
}

static slice_t joined(keys_t *self, const char *kind, slice_t name, const char *by, slice_t other)
{
    named(self, kind, name);
    buffer_text(&self->text, by);
    buffer_append(&self->text, other.data, other.size);
    return buffer_slice(&self->text);
}

static slice_t fixed(keys_t *self, const char *kind)
{
    return named(self, kind, slice_text(""));
}

static slice_t partitioned(keys_t *self, char kind, unsigned partition)
{
    assert(partition < PARTITIONS);
    buffer_clear(&self->text);
    buffer_printf(&self->text, "%s:%c:{%u}:%u", self->namespace, kind, partition % GROUPS,
                  partition);
    return buffer_slice(&self->text);
}

static slice_t grouped(keys_t *self, char kind, unsigned group)
{
    assert(group < GROUPS);
    buffer_clear(&self->text);
    buffer_printf(&self->text, "%s:%c:{%u}", self->namespace, kind, group);
    return buffer_slice(&self->text);
}

slice_t keys_meta(keys_t *self, unsigned partition)
{
    return partitioned(self, 'm', partition);
}

slice_t keys_journal(keys_t *self, unsigned partition)
{
    return partitioned(self, 'j', partition);
}

slice_t keys_base(keys_t *self, unsigned partition)
{
    return partitioned(self, 'b', partition);
}

slice_t keys_restored(keys_t *self, unsigned partition)
{
    return partitioned(self, 'h', partition);
}

slice_t keys_offset_field(keys_t *self, slice_t stream)
{
    buffer_clear(&self->text);
    buffer_text(&self->text, OFFSET_FIELD);
    buffer_append(&self->text, stream.data, stream.size);
    return buffer_slice(&self->text);
}

static bool stream_after(const char *prefix, slice_t field, slice_t *stream)
{
    size_t skip = strlen(prefix);
    if (field.size <= skip || memcmp(field.data, prefix, skip) != 0)
        return false;
    *stream = slice_of(field.data + skip, field.size - skip);
    return true;
}

bool keys_offset_stream(slice_t field, slice_t *stream)
{
    return stream_after(OFFSET_FIELD, field, stream);
}

bool keys_sent_stream(slice_t field, slice_t *stream)
{
    return stream_after(SENT_FIELD, field, stream);
}

slice_t keys_outbox(keys_t *self, unsigned group)
{
    return grouped(self, 'o', group);
}

slice_t keys_notifier(keys_t *self, unsigned group)
{
    return grouped(self, 'n', group);
}

slice_t keys_actors(keys_t *self)
{
    return fixed(self, ":{actors}");
}

slice_t keys_actor(keys_t *self, slice_t member)
{
    return named(self, ":{actors}:", member);
}

slice_t keys_failing(keys_t *self, const char *collector)
{
    return named(self, ":{failing}:", slice_text(collector));
}

slice_t keys_plan(keys_t *self, const char *hash)
{
    return named(self, ":{plan}:", slice_text(hash));
}

slice_t keys_logs(keys_t *self)
{
    return fixed(self, ":{logs}");
}

slice_t keys_secrets(keys_t *self)
{
    return fixed(self, ":{secrets}");
}

slice_t keys_rule(keys_t *self, const char *name)
{
    return named(self, ":rule:", slice_text(name));
}

slice_t keys_rule_pattern(keys_t *self)
{
    return fixed(self, ":rule:*"); // a namespace holds nothing that a pattern could mean
}

static slice_t events_of(keys_t *self, int database, const char *kind)
{
    buffer_clear(&self->text);
    buffer_printf(&self->text, "__keyspace@%d__:%s:%s:*", database, self->namespace, kind);
    return buffer_slice(&self->text);
}

slice_t keys_rule_events(keys_t *self, int database)
{
    return events_of(self, database, "rule");
}

// What follows the prefix of a kind of key.
static bool name_behind(slice_t prefix, slice_t key, slice_t *name)
{
    if (key.size <= prefix.size || memcmp(key.data, prefix.data, prefix.size) != 0)
        return false;
    *name = slice_of(key.data + prefix.size, key.size - prefix.size);
    return true;
}

bool keys_rule_name(keys_t *self, slice_t key, slice_t *name)
{
    return name_behind(fixed(self, ":rule:"), key, name);
}

slice_t keys_status(keys_t *self, const char *name)
{
    return named(self, ":status:", slice_text(name));
}

slice_t keys_status_pattern(keys_t *self)
{
    return fixed(self, ":status:*");
}

bool keys_status_name(keys_t *self, slice_t key, slice_t *name)
{
    slice_t silence;
    return !keys_silence_status_name(self, key, &silence) &&
           name_behind(fixed(self, ":status:"), key, name);
}

slice_t keys_silence(keys_t *self, const char *name)
{
    return named(self, ":silence:", slice_text(name));
}

slice_t keys_silence_pattern(keys_t *self)
{
    return fixed(self, ":silence:*");
}

slice_t keys_silences_pattern(keys_t *self)
{
    return fixed(self, ":*silence:*");
}

slice_t keys_silence_events(keys_t *self, int database)
{
    return events_of(self, database, "silence");
}

bool keys_silence_name(keys_t *self, slice_t key, slice_t *name)
{
    return name_behind(fixed(self, ":silence:"), key, name);
}

slice_t keys_silence_status(keys_t *self, const char *name)
{
    return named(self, ":status:silence:", slice_text(name));
}

bool keys_silence_status_name(keys_t *self, slice_t key, slice_t *name)
{
    return name_behind(fixed(self, ":status:silence:"), key, name);
}

slice_t keys_latest(keys_t *self, slice_t series)
{
    return named(self, ":latest:", series);
}

slice_t keys_latest_of(keys_t *self, const char *series)
{
    return keys_latest(self, slice_text(series));
}

slice_t keys_latest_pattern(keys_t *self)
{
    return fixed(self, ":latest:*");
}

bool keys_latest_series(keys_t *self, slice_t key, slice_t *name)
{
    return name_behind(fixed(self, ":latest:"), key, name);
}

slice_t keys_quarantine(keys_t *self, slice_t source)
{
    return named(self, ":{quarantine}:count:", source);
}

slice_t keys_floor_field(keys_t *self, slice_t stream)
{
    buffer_clear(&self->text);
    buffer_text(&self->text, FLOOR_FIELD);
    buffer_append(&self->text, stream.data, stream.size);
    return buffer_slice(&self->text);
}

bool keys_floor_stream(slice_t field, slice_t *stream)
{
    return stream_after(FLOOR_FIELD, field, stream);
}

slice_t keys_quarantine_log(keys_t *self, slice_t source)
{
    return named(self, ":{quarantine}:log:", source);
}

// Neither names of sources nor of streams hold a '/', so no two pairs meet.
slice_t keys_quarantine_seen(keys_t *self, slice_t source, slice_t stream)
{
    return joined(self, ":{quarantine}:seen:", source, "/", stream);
}

slice_t keys_quarantine_sources(keys_t *self)
{
    return fixed(self, ":{quarantine}");
}

slice_t keys_alerts(keys_t *self)
{
    return fixed(self, ":alerts");
}

// The braces put it into the slot of the alert log itself.
slice_t keys_alerts_seen(keys_t *self)
{
    buffer_clear(&self->text);
    buffer_printf(&self->text, "%s:seen:{%s:alerts}", self->namespace, self->namespace);
    return buffer_slice(&self->text);
}

slice_t keys_incident(keys_t *self, slice_t rule, slice_t series)
{
    return joined(self, ":incident:", rule, ":", series);
}

slice_t keys_incident_of(keys_t *self, const char *name)
{
    return named(self, ":incident:", slice_text(name));
}

slice_t keys_incident_pattern(keys_t *self)
{
    return fixed(self, ":incident:*");
}

bool keys_incident_name(keys_t *self, slice_t key, slice_t *name)
{
    return name_behind(fixed(self, ":incident:"), key, name);
}

slice_t keys_subscriptions(keys_t *self, slice_t rule, slice_t series)
{
    named(self, ":subs:", rule);
    if (series.size > 0) {
        buffer_text(&self->text, ":");
        buffer_append(&self->text, series.data, series.size);
    }
    return buffer_slice(&self->text);
}

slice_t keys_subscriptions_events(keys_t *self, int database)
{
    return events_of(self, database, "subs");
}

slice_t keys_subscriber(keys_t *self, slice_t name)
{
    return named(self, ":subscriber:", name);
}

slice_t keys_subscriber_of(keys_t *self, const char *name)
{
    return keys_subscriber(self, slice_text(name));
}

slice_t keys_subscriber_pattern(keys_t *self)
{
    return fixed(self, ":subscriber:*");
}

bool keys_subscriber_name(keys_t *self, slice_t key, slice_t *name)
{
    return name_behind(fixed(self, ":subscriber:"), key, name);
}

slice_t keys_subscriptions_pattern(keys_t *self)
{
    return fixed(self, ":subs:*");
}

bool keys_subscriptions_name(keys_t *self, slice_t key, slice_t *name)
{
    return name_behind(fixed(self, ":subs:"), key, name);
}

slice_t keys_delivery(keys_t *self, slice_t alert_id)
{
    return named(self, ":delivery:", alert_id);
}

slice_t keys_delivery_body(keys_t *self, slice_t alert_id)
{
    return named(self, ":{deliveries}:body:", alert_id);
}

slice_t keys_delivery_asleep(keys_t *self, slice_t recipient)
{
    return named(self, ":{deliveries}:asleep:", recipient); // as the functions build it
}

slice_t keys_delivery_group(keys_t *self, slice_t alert_id, slice_t recipient)
{
    return joined(self, ":{deliveries}:group:", alert_id, "/", recipient); // the same
}

slice_t keys_delivery_due(keys_t *self)
{
    return fixed(self, ":{deliveries}");
}

slice_t keys_degraded(keys_t *self)
{
    return fixed(self, ":{degraded}:causes");
}

slice_t keys_degraded_told(keys_t *self, const char *cause)
{
    return named(self, ":{degraded}:told:", slice_text(cause));
}

slice_t keys_held(keys_t *self)
{
    return fixed(self, ":{held}");
}

slice_t keys_held_mark(keys_t *self)
{
    return fixed(self, ":{held}:now");
}

slice_t keys_ready(keys_t *self, unsigned group)
{
    return grouped(self, 'h', group);
}

bool keys_inside(keys_t *self, slice_t key, slice_t *inside)
{
    return name_behind(fixed(self, ":"), key, inside);
}

slice_t keys_outside(keys_t *self, slice_t inside)
{
    return named(self, ":", inside);
}

slice_t keys_all_pattern(keys_t *self)
{
    return fixed(self, ":*");
}

keys_kept_t keys_kept(keys_t *self, slice_t key, slice_t *name)
{
    static const char *const kinds[] = { ":subscriber:", ":subs:", ":silence:", ":{plan}:",
                                         ":{degraded}:" };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (name_behind(fixed(self, kinds[i]), key, name))
            return KEYS_KEPT;
    return name_behind(fixed(self, ":{deliveries}:body:"), key, name) ? KEYS_DELIVERY
                                                                      : KEYS_PASSED_OVER;
}
