/*  keys_pattern -- patterns of all keys of a kind, for the rights of Redis' users; see keys.h. */
#include "broker/keys.h"

static slice_t in_namespace(keys_t *self, const char *before, const char *name, const char *behind)
{
    buffer_clear(&self->text);
    buffer_printf(&self->text, "%s%s%s%s", self->namespace, before, name, behind);
    return buffer_slice(&self->text);
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
        [KEYS_OF_INCIDENT] = ":incident:*",
        [KEYS_OF_ALERTS] = ":alerts",
        [KEYS_OF_SUBS] = ":subs:*",
        [KEYS_OF_SUBSCRIBER] = ":subscriber:*",
        [KEYS_OF_SILENCE] = ":silence:*",
        [KEYS_OF_DELIVERY] = ":delivery:*",
        [KEYS_OF_DELIVERIES] = ":{deliveries}*",
        [KEYS_OF_DEGRADED] = ":{degraded}:*",
        [KEYS_OF_HELD] = ":{held}*",
        [KEYS_OF_ALL] = ":*",
    };
    if (kind == KEYS_OF_SEEN)
        return keys_alerts_seen(self);
    if (kind != KEYS_OF_OWN_ACTOR)
        return in_namespace(self, patterns[kind], "", "");
    return in_namespace(self, ":{actors}:", role, ":*");
}
