/*  keys -- the text of every Redis key, and nothing else; the one place that knows it.
 *
 *  Pure. A key is valid until the next one is made from the same keys_t. The keys that people
 *  write are the contract (docs/redis.md); those with a '{' are ours: all keys that one
 *  function call touches for one partition, outbox or log share the text in the braces.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/slice.h"

enum { KEYS_NAMESPACE_MAX = 32 }; // bytes

typedef struct {
    char namespace[KEYS_NAMESPACE_MAX + 1];
    buffer_t text; // of the newest key; `failed` says that there was no memory for it
} keys_t;

bool keys_init(keys_t *self, const char *namespace); // false: not [a-z][a-z0-9_]{0,31}
void keys_clear(keys_t *self);                       // frees what it holds

// Ownership, offsets and head; deltas; pieces of the base.
slice_t keys_meta(keys_t *self, unsigned partition);
slice_t keys_journal(keys_t *self, unsigned partition);
slice_t keys_base(keys_t *self, unsigned partition);
slice_t keys_restored(keys_t *self, unsigned partition); // a journal while a copy is put back
slice_t keys_offset_field(keys_t *self, slice_t stream); // a field of meta
bool keys_offset_stream(slice_t field, slice_t *stream); // and back
bool keys_sent_stream(slice_t field, slice_t *stream);   // of a field beside it

slice_t keys_outbox(keys_t *self, unsigned group);
slice_t keys_notifier(keys_t *self, unsigned group); // token and lease beside it

slice_t keys_actors(keys_t *self);
slice_t keys_actor(keys_t *self, slice_t member); // "<role>:<name>"

slice_t keys_failing(keys_t *self, const char *collector);

slice_t keys_plan(keys_t *self, const char *hash);
slice_t keys_logs(keys_t *self);
slice_t keys_secrets(keys_t *self); // that messages are sealed with

slice_t keys_rule(keys_t *self, const char *name);
slice_t keys_rule_pattern(keys_t *self);                       // for SCAN
slice_t keys_rule_events(keys_t *self, int database);          // for PSUBSCRIBE
bool keys_rule_name(keys_t *self, slice_t key, slice_t *name); // of a rule's key
slice_t keys_status(keys_t *self, const char *name);
slice_t keys_status_pattern(keys_t *self);                       // for SCAN
bool keys_status_name(keys_t *self, slice_t key, slice_t *name); // of a rule's status key
slice_t keys_silence(keys_t *self, const char *name);
slice_t keys_silence_pattern(keys_t *self);                       // for SCAN
slice_t keys_silences_pattern(keys_t *self);                      // the same, and the answers
slice_t keys_silence_events(keys_t *self, int database);          // for PSUBSCRIBE
bool keys_silence_name(keys_t *self, slice_t key, slice_t *name); // of a silence's key
slice_t keys_silence_status(keys_t *self, const char *name);
bool keys_silence_status_name(keys_t *self, slice_t key, slice_t *name);
slice_t keys_latest(keys_t *self, slice_t series);
slice_t keys_latest_of(keys_t *self, const char *series);          // the same
slice_t keys_latest_pattern(keys_t *self);                         // for SCAN
bool keys_latest_series(keys_t *self, slice_t key, slice_t *name); // of a key of latest values

slice_t keys_quarantine(keys_t *self, slice_t source);  // counters and floors
slice_t keys_floor_field(keys_t *self, slice_t stream); // a field of it
bool keys_floor_stream(slice_t field, slice_t *stream); // and back
slice_t keys_quarantine_log(keys_t *self, slice_t source);
slice_t keys_quarantine_seen(keys_t *self, slice_t source, slice_t stream);
slice_t keys_quarantine_sources(keys_t *self);

slice_t keys_incident(keys_t *self, slice_t rule, slice_t series);
slice_t keys_incident_of(keys_t *self, const char *name);          // "<rule>:<series>"
slice_t keys_incident_pattern(keys_t *self);                       // for SCAN
bool keys_incident_name(keys_t *self, slice_t key, slice_t *name); // and back
slice_t keys_alerts(keys_t *self);
slice_t keys_alerts_seen(keys_t *self);
slice_t keys_subscriptions(keys_t *self, slice_t rule, slice_t series); // series empty = all
slice_t keys_subscriptions_pattern(keys_t *self);                       // for SCAN
// What follows `subs:`: "<rule>", or "<rule>:<series>".
bool keys_subscriptions_name(keys_t *self, slice_t key, slice_t *name);
slice_t keys_subscriptions_events(keys_t *self, int database); // for PSUBSCRIBE
slice_t keys_subscriber(keys_t *self, slice_t name);
slice_t keys_subscriber_of(keys_t *self, const char *name); // the same
slice_t keys_subscriber_pattern(keys_t *self);              // for SCAN
bool keys_subscriber_name(keys_t *self, slice_t key, slice_t *name);
slice_t keys_delivery(keys_t *self, slice_t alert_id);
slice_t keys_delivery_body(keys_t *self, slice_t alert_id);
slice_t keys_delivery_due(keys_t *self);
slice_t keys_delivery_asleep(keys_t *self, slice_t recipient);
slice_t keys_delivery_group(keys_t *self, slice_t alert_id, slice_t recipient);

// What is told of Tidewire's own illness, and to whom.
slice_t keys_degraded(keys_t *self);
slice_t keys_degraded_told(keys_t *self, const char *cause);

// Which copies of this Redis are held beside the stages, a field a collector.
slice_t keys_held(keys_t *self);
slice_t keys_held_mark(keys_t *self); // and who is copying it, or putting a copy back, just now
// Whatever a copy has of outboxes, alert log and deliveries is back: partitions may follow.
slice_t keys_ready(keys_t *self, unsigned group);

// What a copy holds of everything that is neither a partition, an outbox nor the alert log.
typedef enum {
    KEYS_PASSED_OVER, // no part of it, or told again by whoever wrote it
    KEYS_KEPT,        // what people write, rules excepted (the log has them), plans, and what
                      // people were told of our illness
    KEYS_DELIVERY,    // the body of an alert with deliveries that wait: *name is its id
} keys_kept_t;
keys_kept_t keys_kept(keys_t *self, slice_t key, slice_t *name);
bool keys_inside(keys_t *self, slice_t key, slice_t *inside); // what follows the namespace
slice_t keys_outside(keys_t *self, slice_t inside);           // and back
slice_t keys_all_pattern(keys_t *self);                       // for SCAN

// What one user of Redis may have rights on: each a pattern over whole keys.
typedef enum {
    KEYS_OF_META,
    KEYS_OF_JOURNAL,
    KEYS_OF_BASE,
    KEYS_OF_RESTORED, // journals being put back, and keys_ready
    KEYS_OF_OUTBOX,
    KEYS_OF_NOTIFIER,
    KEYS_OF_ACTORS,    // the index
    KEYS_OF_ACTOR,     // of any role
    KEYS_OF_OWN_ACTOR, // of the role given
    KEYS_OF_FAILING,
    KEYS_OF_PLAN,
    KEYS_OF_LOGS,
    KEYS_OF_SECRETS,
    KEYS_OF_RULE,
    KEYS_OF_STATUS,
    KEYS_OF_LATEST,
    KEYS_OF_QUARANTINE,
    KEYS_OF_INCIDENT,
    KEYS_OF_ALERTS,
    KEYS_OF_SEEN,
    KEYS_OF_SUBS,
    KEYS_OF_SUBSCRIBER,
    KEYS_OF_SILENCE,
    KEYS_OF_DELIVERY,
    KEYS_OF_DELIVERIES,
    KEYS_OF_DEGRADED,
    KEYS_OF_HELD,
    KEYS_OF_ALL,
    KEYS_KINDS
} keys_kind_t;
slice_t keys_pattern(keys_t *self, keys_kind_t kind, const char *role);
