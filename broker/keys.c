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

slice_t keys_rule_events(keys_t *self, int database)
{
    buffer_clear(&self->text);
    buffer_printf(&self->text, "__keyspace@%d__:%s:rule:*", database, self->namespace);
    return buffer_slice(&self->text);
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
    return name_behind(fixed(self, ":status:"), key, name);
}

slice_t keys_latest(keys_t *self, slice_t series)
{
    return named(self, ":latest:", series);
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
    named(self, ":{quarantine}:seen:", source);
    buffer_text(&self->text, "/");
    buffer_append(&self->text, stream.data, stream.size);
    return buffer_slice(&self->text);
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

slice_t keys_subscriptions(keys_t *self, slice_t rule, slice_t series)
{
    named(self, ":subs:", rule);
    if (series.size > 0) {
        buffer_text(&self->text, ":");
        buffer_append(&self->text, series.data, series.size);
    }
    return buffer_slice(&self->text);
}

slice_t keys_subscriber(keys_t *self, slice_t name)
{
    return named(self, ":subscriber:", name);
}

slice_t keys_delivery(keys_t *self, slice_t alert_id)
{
    return named(self, ":delivery:", alert_id);
}

slice_t keys_delivery_body(keys_t *self, slice_t alert_id)
{
    return named(self, ":{deliveries}:body:", alert_id);
}

slice_t keys_delivery_due(keys_t *self)
{
    return fixed(self, ":{deliveries}");
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
    static const char *const kinds[] = { ":subscriber:", ":subs:", ":silence:", ":{plan}:" };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (name_behind(fixed(self, kinds[i]), key, name))
            return KEYS_KEPT;
    return name_behind(fixed(self, ":{deliveries}:body:"), key, name) ? KEYS_DELIVERY
                                                                      : KEYS_PASSED_OVER;
}

slice_t keys_pattern(keys_t *self, keys_kind_t kind, const char *role)
{
    static const char *const patterns[KEYS_KINDS] = {
        [KEYS_OF_META] = ":m:*",
        [KEYS_OF_JOURNAL] = ":j:*",
        [KEYS_OF_BASE] = ":b:*",
        [KEYS_OF_RESTORED] = ":h:*",
        [KEYS_OF_OUTBOX] = ":o:*",
        [KEYS_OF_NOTIFIER] = ":n:*",
        [KEYS_OF_ACTORS] = ":{actors}",
        [KEYS_OF_ACTOR] = ":{actors}:*",
        [KEYS_OF_FAILING] = ":{failing}:*",
        [KEYS_OF_PLAN] = ":{plan}:*",
        [KEYS_OF_LOGS] = ":{logs}",
        [KEYS_OF_SECRETS] = ":{secrets}",
        [KEYS_OF_RULE] = ":rule:*",
        [KEYS_OF_STATUS] = ":status:*",
        [KEYS_OF_LATEST] = ":latest:*",
        [KEYS_OF_QUARANTINE] = ":{quarantine}*",
        [KEYS_OF_ALERTS] = ":alerts",
        [KEYS_OF_SUBS] = ":subs:*",
        [KEYS_OF_SUBSCRIBER] = ":subscriber:*",
        [KEYS_OF_SILENCE] = ":silence:*",
        [KEYS_OF_DELIVERY] = ":delivery:*",
        [KEYS_OF_DELIVERIES] = ":{deliveries}*",
        [KEYS_OF_HELD] = ":{held}*",
        [KEYS_OF_ALL] = ":*",
    };
    if (kind == KEYS_OF_SEEN)
        return keys_alerts_seen(self);
    if (kind != KEYS_OF_OWN_ACTOR)
        return fixed(self, patterns[kind]);
    buffer_clear(&self->text);
    buffer_printf(&self->text, "%s:{actors}:%s:*", self->namespace, role);
    return buffer_slice(&self->text);
}
