/*  store -- typed verbs on the shared state in Redis; the only file that includes hiredis.
 *
 *  One store_t is one connection, used by one thread. Every call has a timeout. A call that
 *  cannot reach Redis returns STORE_DOWN and the connection is closed; the next call connects
 *  again (at most once per back-off, 100 ms doubling to 5 s; in between it is STORE_DOWN at
 *  once). `epoch` rises with every new connection: positions read from Redis under an older
 *  epoch must be read again. Key text lives in broker/keys.c alone.
 */
#pragma once
#include "proto/fault.h"
#include "proto/rows.h"
#include "proto/seal.h"
#include "proto/slice.h"

enum {
    GROUPS = 16,               // hash tags {0}..{15}; group of a partition = p mod 16
    STORE_TIMEOUT_MS = 5000,   // of one answer
    STORE_NAMESPACE_MAX = 32,  // bytes of a namespace
    STORE_NAME_MAX = 63,       // bytes of the name of an actor or owner
    STORE_FIELDS_MAX = 80,     // fields of one hash that are passed on
    STORE_CURSOR_MAX = 32,     // bytes of a cursor of SCAN, NUL included
    STORE_OFFSETS_MAX = 1024,  // streams in one commit
    STORE_ALERTS_MAX = 100000, // alerts in one commit
    BASE_PIECE_BYTES = 256 * 1024,
    OUTBOX_ENTRIES_MAX = 1000000,    // per group: beyond, commits answer STORE_FULL
    OUTBOX_ID_MAX = 48,              // bytes of an entry id "<ms>-<n>", NUL included
    ALERT_LOG_ENTRIES_MAX = 1000000, // of <ns>:alerts, and ids remembered beside it
    DELIVERIES_MAX = 1000000,        // waiting at the same time
    DELIVERIES_EACH_MAX = 100000,    // of these, to one subscriber
    DELIVERIES_DEAD_MAX = 10000,     // given up, and remembered so that they can be sent again
    DELIVERY_KEPT_S = 7 * 24 * 3600, // how long <ns>:delivery:<id> is kept
    DELIVERY_WAITS_S = DELIVERY_KEPT_S - 3600, // how long one may be due, while it can be kept dead
    QUARANTINE_ENTRIES_MAX = 1000,             // newest refused rows kept, per source
    QUARANTINE_IDS_MAX = 10000,                // refused rows remembered, per source and stream
    QUARANTINE_SNIPPET_MAX = 256,              // bytes; longer ones are cut
};

typedef enum {
    STORE_OK,
    STORE_DUP,    // this very commit was already taken
    STORE_STALE,  // Redis is at another head: reload and replay
    STORE_FENCED, // another owner: drop the partition
    STORE_FULL,   // outbox full: wait
    STORE_DOWN,   // no answer; nothing is known
    STORE_REFUSED // Redis answered with an error that is none of these (in the fault)
} store_status_t;

typedef struct {
    uint8_t bytes[16];
} store_id_t; // random: owner token, commit id, base id

typedef struct store store_t;

// url: "unix:///path", "redis://host:port/db". Does not connect yet. Loads the functions of this
// version and namespace on each new connection if they are missing.
store_t *store_new(const char *url, const char *password, const char *namespace, fault_t *fault);
void store_destroy(store_t **self_p);
uint64_t store_epoch(const store_t *self);
const char *store_error(const store_t *self); // why the last call was DOWN or REFUSED
// Also checks that nothing may be lost: REFUSED without appendonly, or if keys may be evicted.
store_status_t store_ping(store_t *self);
// Connects, which loads the functions. OK: they are there, as this program carries them.
store_status_t store_prepare(store_t *self);

// The bounds above as this connection uses them; tests lower them.
typedef struct {
    uint32_t outbox_entries, alert_log_entries, deliveries, deliveries_each, quarantine_entries,
        quarantine_ids;
} store_limits_t;
store_limits_t *store_limits(store_t *self);

// ---- actors: who is alive -----------------------------------------------------------------

typedef struct {
    const char *name;
    const char *value;
} store_field_t;

typedef struct {
    char role[16], name[64];
    size_t count;
    store_field_t fields[STORE_FIELDS_MAX]; // valid during the visit
} store_actor_t;
typedef void store_actor_visit_t(void *context, const store_actor_t *actor);

// The value of a field, or NULL.
static inline const char *store_actor_field(const store_actor_t *actor, const char *name)
{
    for (size_t i = 0; i < actor->count; i++)
        if (strcmp(actor->fields[i].name, name) == 0)
            return actor->fields[i].value;
    return NULL;
}

// I live for `lease_ms` more; fields replace the earlier ones (endpoint, pid, host, counters ...).
store_status_t store_beat(store_t *self, const char *role, const char *name, int lease_ms,
                          const store_field_t *fields, size_t count);
store_status_t store_leave(store_t *self, const char *role, const char *name);
// All live actors of a role (NULL = all), in order of role and name. Redis' own clock decides.
store_status_t store_actors(store_t *self, const char *role, store_actor_visit_t *visit,
                            void *context);

// Sources that a collector cannot poll now, or must not. They replace what it said before, and are
// forgotten with its lease.
enum { STORE_FAILING_MAX = 64, STORE_REASON_MAX = 160 };
typedef struct {
    const char *source;
    const char *reason; // at most STORE_REASON_MAX bytes
    uint64_t failures;  // ever
    int64_t since_ms;   // Unix time of the first of those in a row
} store_failing_t;
store_status_t store_failing_put(store_t *self, const char *collector, int lease_ms,
                                 const store_failing_t *items, size_t count);
typedef void store_failing_visit_t(void *context, const store_failing_t *failing);
store_status_t store_failing(store_t *self, const char *collector, store_failing_visit_t *visit,
                             void *context); // in order of name

// ---- partitions: ownership, commits, recovery ---------------------------------------------

typedef struct {
    slice_t stream;
    uint64_t seq;  // everything up to this record is in
    uint64_t sent; // alerts of records after it that are in the outbox already
} store_offset_t;

// Claim if nobody holds a live lease on it (or `worker` itself does): new token. OK, FENCED if
// somebody else holds it, DOWN. `owner` is "<worker name>".
store_status_t store_claim(store_t *self, unsigned partition, const char *owner, int lease_ms,
                           store_id_t *token);
// The same for all of *wanted in one round trip: tokens[p] for each; those of others are removed
// from *wanted. Not OK: whatever was claimed is ours by name only, claim again.
store_status_t store_claim_all(store_t *self, const char *owner, int lease_ms,
                               store_id_t tokens[PARTITIONS], partitions_t *wanted);
// Renew the leases of these partitions in one round trip; those lost are removed from *held.
store_status_t store_renew(store_t *self, int lease_ms, const store_id_t tokens[PARTITIONS],
                           partitions_t *held);
store_status_t store_release_all(store_t *self, const store_id_t tokens[PARTITIONS],
                                 const partitions_t *held); // OK: none of them is ours any more
store_status_t store_release(store_t *self, unsigned partition, store_id_t token);
// Who holds what now (lease still running): owner names, "" = free.
store_status_t store_owners(store_t *self, char owners[PARTITIONS][64]);

// What every partition has committed of the stream, at least. A partition without any: 0.
store_status_t store_committed(store_t *self, slice_t stream, uint64_t *lowest);

// Everything a new owner needs: head, offsets, then base pieces in order, then deltas in order.
typedef struct {
    void (*offset)(void *context, const store_offset_t *offset);
    bool (*base)(void *context, slice_t whole); // all pieces joined; false stops
    bool (*delta)(void *context, slice_t delta);
} store_load_t;
store_status_t store_load(store_t *self, unsigned partition, const store_load_t *load,
                          void *context, store_id_t *head, size_t *base_bytes,
                          size_t *journal_bytes, uint64_t *journal_count);

typedef struct {
    slice_t id;    // 32 hex digits
    slice_t topic; // "alert/<rule>/<series>/"
    slice_t body;  // msgpack map
} store_alert_t;

// One commit of one partition: alerts to the outbox, delta to the journal, offsets, new head;
// all or nothing, guarded by token and predecessor.
typedef struct {
    unsigned partition;
    store_id_t token, previous, mine;
    slice_t delta; // empty = offsets only
    const store_offset_t *offsets;
    size_t offset_count;
    const store_alert_t *alerts;
    size_t alert_count;
} store_commit_t;

// A new random id: for `mine` of every commit and swap, and for every base.
store_id_t store_id_new(void);

// Send commits (one function call per group, pipelined) without waiting for answers; at most
// PARTITIONS of them, each of another partition. At most one batch is under way. OK or DOWN.
store_status_t store_commit_send(store_t *self, const store_commit_t *commits, size_t count);
int store_descriptor(const store_t *self); // readable when replies are there; -1 = not connected
// Take the replies of the batch: status[i] for commits[i]. Blocks up to the timeout. OK or DOWN.
// After DOWN, and after REFUSED of a commit, nobody knows whether it was taken: send the very
// same commit again (DUP: it was) or load the partition again.
store_status_t store_commit_take(store_t *self, store_status_t *status, size_t count);
// It has taken too long (the caller's clock; the descriptor of a connection that was cut in silence
// never becomes readable): close it. What is under way is DOWN then, without waiting.
void store_give_up(store_t *self);
// Another verb takes the answers first; the descriptor is silent then. True: taking does not wait.
bool store_commit_answered(const store_t *self);

// A new base: pieces first (invisible), then the swap, which drops the first `drop` deltas.
store_status_t store_base_put(store_t *self, unsigned partition, store_id_t token, store_id_t base,
                              unsigned piece, slice_t bytes);
store_status_t store_base_swap(store_t *self, unsigned partition, store_id_t token,
                               store_id_t previous, store_id_t mine, store_id_t base,
                               unsigned pieces, uint64_t drop);

// Plans by hash (hex), written before the control record that names them, and as it says them.
store_status_t store_plan_put(store_t *self, const char *hash, slice_t snapshot);
store_status_t store_plan_add(store_t *self, const char *hash, slice_t change); // if none is there
store_status_t store_plan_known(store_t *self, const char *hash, bool *known);
typedef void store_bytes_visit_t(void *context, slice_t bytes);
store_status_t store_plan_get(store_t *self, const char *hash, store_bytes_visit_t *visit,
                              void *context); // REFUSED if there is none

// ---- logs: whose positions are these? -----------------------------------------------------

typedef enum {
    STORE_LOG_OURS,
    STORE_LOG_NEW,   // no log of this stream is known
    STORE_LOG_OTHER, // another is, and the positions in Redis are of that one
} store_log_t;

// Is the log of this mark (stage_mark) the one that is known, and in which edition was it told
// last (0 = none)?
store_status_t store_log_get(store_t *self, slice_t stream, uint32_t mark, store_log_t *known,
                             uint64_t *edition);
store_status_t store_log_set(store_t *self, slice_t stream, uint32_t mark, uint64_t edition);

// What messages of a stream are sealed with. *secret is a proposal, and after STORE_OK the one that
// counts: whoever came first made it. After anything else, FULL too, it is a proposal still, which
// Redis may or may not have: nothing is to be sealed with it.
store_status_t store_secret_agree(store_t *self, slice_t stream, seal_secret_t *secret);
// Of each stream: has it one, and which? At most STORE_SECRETS_MAX.
enum { STORE_SECRETS_MAX = 64 };
typedef struct {
    slice_t stream;
    bool known;
    seal_secret_t secret;
} store_secret_t;
store_status_t store_secrets(store_t *self, store_secret_t *items, size_t count);

// ---- rules, subscribers: what people write ------------------------------------------------

typedef struct {
    const char *name; // rule name
    size_t count;
    store_field_t fields[STORE_FIELDS_MAX];
} store_rule_t;
typedef void store_rule_visit_t(void *context, const store_rule_t *rule);
store_status_t store_rules(store_t *self, store_rule_visit_t *visit, void *context);
store_status_t store_rule_set(store_t *self, const char *name, const store_field_t *fields,
                              size_t count);
store_status_t store_rule_remove(store_t *self, const char *name);
// What <ns>:status:<name> says of a rule. Pipelined: many at once. What cannot be written, because
// its key is of another type, keeps none of the others from being.
typedef struct {
    const char *name;
    const char *state; // NULL: the rule is gone, its status with it
    const char *error; // NULL: none
    const char *by;
    uint32_t cost; // ns of CPU a row; 0: not known
} store_verdict_t;
store_status_t store_rule_verdicts(store_t *self, const store_verdict_t *items, size_t count);
// All of them, in order of name.
store_status_t store_rule_statuses(store_t *self, store_rule_visit_t *visit, void *context);

// <ns>:latest:<series>, refused (still OK) where the stored ts is newer. Pipelined: many at once.
typedef struct {
    slice_t series;
    int64_t ts_us;
    const store_field_t *fields;
    size_t count;
} store_latest_t;
store_status_t store_latest_put(store_t *self, const store_latest_t *items, size_t count);

// Refused rows of a source: idempotent (a replay adds nothing), newest 1,000 kept, all counted.
typedef struct {
    slice_t stream;
    uint64_t seq;
    uint32_t row; // UINT32_MAX = the record as a whole
    const char *reason;
    slice_t snippet;
} store_quarantine_t;
store_status_t store_quarantine_add(store_t *self, const char *source,
                                    const store_quarantine_t *items, size_t count);
typedef void store_quarantine_visit_t(void *context, const char *source, uint64_t total,
                                      const char *newest_reason);
store_status_t store_quarantine_summary(store_t *self, store_quarantine_visit_t *visit,
                                        void *context);

// ---- the outbox, as the notifier reads it -------------------------------------------------
//
// An entry waits there until it is taken. The store_t that reads keeps positions ahead of what is
// taken; they go back to the beginning by themselves on every new connection, and by
// store_outbox_rewind (call it after every claim and after FENCED).
//
// The way of one entry, each step harmless when repeated after a crash: publish, plan its
// deliveries, put it into the alert log, take it. Plan before log: an id that the log knows is
// never planned again.

// Become the notifier if nobody holds a live lease (or `owner` itself does): one new token for
// all groups. OK, FENCED, DOWN.
store_status_t store_outbox_claim(store_t *self, const char *owner, int lease_ms,
                                  store_id_t *token);
store_status_t store_outbox_renew(store_t *self, store_id_t token, int lease_ms); // OK, FENCED
store_status_t store_outbox_release(store_t *self, store_id_t token);

typedef struct {
    unsigned group;
    const char *entry; // id within the group's outbox, rising
    slice_t id;        // 32 hex digits
    slice_t topic;
    slice_t body; // msgpack map
} store_entry_t;
typedef void store_entry_visit_t(void *context, const store_entry_t *entry);

// Visit the entries after the read positions, at most `count` of each group, in order within a
// group, and move the positions behind them. Slices are valid during the visit.
// block_ms > 0: wait that long for a first one; a store_t that does so should do nothing else.
store_status_t store_outbox_read(store_t *self, unsigned count, int block_ms,
                                 store_entry_visit_t *visit, void *context);
// The same in two halves, for a loop that waits on descriptors: send, wait until
// store_descriptor is readable, receive. No other verb on this store_t in between.
store_status_t store_outbox_send(store_t *self, unsigned count, int block_ms);
store_status_t store_outbox_receive(store_t *self, store_entry_visit_t *visit, void *context);
void store_outbox_rewind(store_t *self);

typedef struct {
    const char *entry;
    slice_t id; // of its alert
} store_taken_t;

// These entries of a group, as they were visited, are done: dropped. OK, also for those that are
// not there any more or are other alerts by now; FENCED: somebody else is the notifier.
store_status_t store_outbox_take(store_t *self, store_id_t token, unsigned group,
                                 const store_taken_t *entries, size_t count);
store_status_t store_outbox_length(store_t *self, uint64_t *entries); // waiting, of all groups

// ---- the alert log, subscribers, deliveries -----------------------------------------------

typedef struct {
    slice_t id; // 32 hex digits
    slice_t rule, series, severity, topic;
    int64_t ts_us;
    uint64_t seq;
    slice_t body; // JSON
    bool planned; // with store_delivery_plan
} store_logged_t;

// Which of these ids (32 hex digits each) the alert log knows. Any number of them.
store_status_t store_alert_log_knows(store_t *self, const slice_t *ids, size_t count, bool *known);
// How many more ids it can learn before it forgets its oldest, and would take those for new.
store_status_t store_alert_log_room(store_t *self, uint64_t *ids);
// Append to <ns>:alerts those whose id it does not know, in this order. Any number of them. STALE:
// this Redis has lost the plan of one; it and those near it are not in the log, plan again.
store_status_t store_alert_log_put(store_t *self, const store_logged_t *items, size_t count);

typedef struct {
    const char *name; // valid, with the fields, during the visit
    size_t count;     // 0 = no such subscriber
    store_field_t fields[STORE_FIELDS_MAX];
} store_subscriber_t;
typedef void store_subscriber_visit_t(void *context, const store_subscriber_t *subscriber);

// Who wants this: members of <ns>:subs:<rule> and <ns>:subs:<rule>:<series>, each once, by name. A
// key of another type is as good as none, and told: *unread counts those.
store_status_t store_subscribers(store_t *self, slice_t rule, slice_t series, unsigned *unread,
                                 store_subscriber_visit_t *visit, void *context);
// One by name, as it is now: called once, with count 0 if there is none.
store_status_t store_subscriber(store_t *self, const char *name, store_subscriber_visit_t *visit,
                                void *context);

// The receiver at this address wants no more: a field of the subscriber says so, if there still is
// one.
store_status_t store_subscriber_gone(store_t *self, const char *name, const char *field,
                                     const char *address);

// ---- a second connection that hears of changed keys ---------------------------------------

typedef struct store_watch store_watch_t;
typedef void store_watch_visit_t(void *context, const slice_t *key);
typedef enum { STORE_WATCH_RULES, STORE_WATCH_SILENCES, STORE_WATCH_SUBSCRIPTIONS } store_watched_t;
// Keyspace notifications for <ns>:rule:*, :silence:* or :subs:* (not for a user of Redis), which it
// switches on where CONFIG is allowed. *live: known to be on. A reconnect counts as a change.
store_watch_t *store_watch_new(const char *url, const char *password, const char *namespace,
                               store_watched_t what, fault_t *fault);
void store_watch_destroy(store_watch_t **self_p);
int store_watch_descriptor(const store_watch_t *self);  // -1 while not connected
bool store_watch_take(store_watch_t *self, bool *live); // true: something may have changed
// The same, and which keys, without <ns>:rule: and so on; NULL: any. Valid during the visit.
bool store_watch_take_keys(store_watch_t *self, bool *live, store_watch_visit_t *visit,
                           void *context);
void store_watch_renew(store_watch_t *self); // connects anew: are notifications still on?
