/*  plan_record -- the payload of a RECORD_PLAN, and the body of a rule. See plan.h.
 *
 *      [ engine, from: hash or nil (a snapshot), to: hash, [[kind, name, body or nil], ...] ]
 *
 *  Entries in strict order of (kind, name); nil instead of a body removes the entry.
 */
#include "proto/owned.h"
#include "proto/plan.h"
#include "proto/plan_entries.h"
#include "proto/wire.h"

enum { RECORD_FIELDS = 4, ENTRY_FIELDS = 3 };
// Of the body of a rule: what is written (more if it asks for silence, for flaps, for windows that
// stand still), and the forms that stand in logs from before there were incidents, or `emit`.
enum {
    RULE_FIELDS_FREEZE = 16,
    RULE_FIELDS_FLAP = 15,
    RULE_FIELDS_SILENCE = 13,
    RULE_FIELDS = 12,
    RULE_FIELDS_ALERTS = 10,
    RULE_FIELDS_FIRST = 8,
};

// ---- writing ------------------------------------------------------------------------------

static void encode_entry(const plan_entry_t *entry, bool removed, buffer_t *out)
{
    wire_array(out, ENTRY_FIELDS);
    wire_u64(out, entry->kind);
    wire_text(out, entry->name);
    if (removed)
        wire_nil(out);
    else
        wire_bytes(out, entry->body);
}

// Walk both plans side by side; count what differs and, if `out`, write it.
static size_t difference(const plan_t *from, const plan_t *to, buffer_t *out)
{
    size_t changes = 0, i = 0, j = 0;
    while (i < from->count || j < to->count) {
        const plan_entry_t *old = i < from->count ? &from->entries[i] : NULL;
        const plan_entry_t *new = j < to->count ? &to->entries[j] : NULL;
        int order = !old ? 1 : !new ? -1 : plan_compare(old, new->kind, new->name);
        bool same = order == 0 && slice_same(old->body, new->body);
        if (!same) {
            changes++;
            if (out)
                encode_entry(order < 0 ? old : new, order < 0, out);
        }
        i += order <= 0;
        j += order >= 0;
    }
    return changes;
}

bool plan_encode(const plan_t *self, const plan_t *from, buffer_t *out)
{
    size_t changes = from ? difference(from, self, NULL) : 0;
    if (changes > PLAN_CHANGES_MAX)
        from = NULL;
    wire_array(out, RECORD_FIELDS);
    wire_u64(out, PLAN_ENGINE);
    plan_hash_t hash;
    if (from) {
        hash = plan_hash(from);
        wire_bytes(out, slice_of(hash.bytes, sizeof hash.bytes));
    } else
        wire_nil(out);
    hash = plan_hash(self);
    wire_bytes(out, slice_of(hash.bytes, sizeof hash.bytes));
    if (from) {
        wire_array(out, (uint32_t) changes);
        difference(from, self, out);
    } else {
        wire_array(out, (uint32_t) self->count);
        for (size_t i = 0; i < self->count; i++)
            encode_entry(&self->entries[i], false, out);
    }
    return !out->failed;
}

// ---- reading ------------------------------------------------------------------------------

typedef struct {
    bool snapshot;
    plan_hash_t from, to;
    uint32_t changes;
} record_head_t;

static bool read_hash(wire_reader_t *in, plan_hash_t *hash)
{
    slice_t bytes;
    if (!wire_read_bytes(in, &bytes, sizeof hash->bytes) || bytes.size != sizeof hash->bytes)
        return false;
    memcpy(hash->bytes, bytes.data, sizeof hash->bytes);
    return true;
}

static bool read_head(wire_reader_t *in, record_head_t *head, fault_t *fault)
{
    uint32_t fields;
    uint64_t engine;
    if (!wire_read_array(in, &fields) || fields != RECORD_FIELDS || !wire_read_u64(in, &engine))
        return fault_set(fault, "plan: not a plan record");
    if (engine != PLAN_ENGINE)
        return fault_set(fault, "plan: of engine %llu, this program computes engine %d",
                         (unsigned long long) engine, PLAN_ENGINE);
    head->snapshot = wire_peek(in) == WIRE_NIL;
    bool from = head->snapshot ? wire_read_nil(in) : read_hash(in, &head->from);
    uint32_t most = head->snapshot ? PLAN_ENTRIES_MAX : PLAN_CHANGES_MAX;
    if (!from || !read_hash(in, &head->to) || !wire_read_array(in, &head->changes) ||
        head->changes > most)
        return fault_set(fault, "plan: no hashes, or more entries than allowed");
    return true;
}

// Set or remove one entry; *last is the one before it.
static plan_result_t refuse(fault_t *fault, const char *why)
{
    fault_set(fault, "plan: %s", why);
    return PLAN_REFUSED;
}

static plan_result_t apply_entry(plan_t *self, wire_reader_t *in, bool snapshot, plan_entry_t *last,
                                 fault_t *fault)
{
    uint32_t fields;
    uint64_t kind;
    plan_entry_t entry = { .body = { 0 } };
    if (!wire_read_array(in, &fields) || fields != ENTRY_FIELDS || !wire_read_u64(in, &kind) ||
        kind < PLAN_SOURCE || kind > PLAN_LIMIT || !wire_read_text(in, &entry.name, PLAN_NAME_MAX))
        return refuse(fault, "an entry is not [kind, name, body]");
    entry.kind = (plan_kind_t) kind;
    if (last->name.size > 0 && plan_compare(last, entry.kind, entry.name) >= 0)
        return refuse(fault, "entries out of order");
    *last = entry;
    if (!snapshot && wire_peek(in) == WIRE_NIL) {
        wire_read_nil(in);
        plan_remove(self, entry.kind, entry.name);
        return PLAN_APPLIED;
    }
    if (!wire_read_bytes(in, &entry.body, PLAN_BODY_MAX))
        return refuse(fault, "the body of an entry is out of bounds");
    return plan_put(self, entry.kind, entry.name, entry.body, fault);
}

bool plan_peek(plan_change_t *change, slice_t payload, fault_t *fault)
{
    wire_reader_t in = wire_reader(payload);
    record_head_t head = { .snapshot = false };
    if (!read_head(&in, &head, fault))
        return false;
    *change = (plan_change_t){ .snapshot = head.snapshot, .from = head.from, .to = head.to };
    return true;
}

plan_result_t plan_follow(plan_t *self, slice_t payload, fault_t *fault)
{
    wire_reader_t in = wire_reader(payload);
    record_head_t head;
    if (!read_head(&in, &head, fault))
        return PLAN_REFUSED;
    plan_hash_t hash = plan_hash(self);
    if (!head.snapshot && memcmp(&hash, &head.from, sizeof hash) != 0)
        return refuse(fault, "the change builds on another plan than ours");
    owned(plan_destroy) plan_t *next = head.snapshot ? plan_new() : plan_copy(self);
    if (!next) {
        fault_set(fault, "out of memory");
        return PLAN_NO_MEMORY;
    }
    plan_entry_t last = { .name = { 0 } };
    // In order of name a full plan may get a rule before another leaves it.
    next->changing = !head.snapshot;
    for (uint32_t i = 0; i < head.changes; i++) {
        plan_result_t applied = apply_entry(next, &in, head.snapshot, &last, fault);
        if (applied != PLAN_APPLIED)
            return applied;
    }
    next->changing = false;
    if (!plan_is_within(next, fault))
        return PLAN_REFUSED;
    if (!wire_done(&in))
        return refuse(fault, "bytes after the end");
    hash = plan_hash(next);
    if (memcmp(&hash, &head.to, sizeof hash) != 0)
        return refuse(fault, "the change does not lead to the plan it promises");
    plan_take(self, next);
    return PLAN_APPLIED;
}

// ---- the body of a rule -------------------------------------------------------------------

void rule_encode(const rule_t *rule, buffer_t *out)
{
    // Other bodies, and so the plans of them, stay as they were.
    bool flap = rule->freeze || rule->flap_changes > 0, silence = flap || rule->nodata_us > 0;
    wire_array(out, rule->freeze ? RULE_FIELDS_FREEZE
                    : flap       ? RULE_FIELDS_FLAP
                    : silence    ? RULE_FIELDS_SILENCE
                                 : RULE_FIELDS);
    wire_text(out, rule->on);
    wire_text(out, rule->when);
    wire_text(out, rule->severity);
    wire_text(out, rule->note);
    wire_u64(out, rule->min_rows);
    wire_bool(out, rule->positive);
    wire_bool(out, rule->enabled);
    wire_i64(out, rule->cooldown_us);
    wire_u64(out, rule->emit);
    wire_u64(out, rule->alerts_max);
    wire_i64(out, rule->for_us);
    wire_text(out, rule->resolve);
    if (silence)
        wire_i64(out, rule->nodata_us);
    if (flap) {
        wire_u64(out, rule->flap_changes);
        wire_i64(out, rule->flap_us);
    }
    if (rule->freeze)
        wire_bool(out, true);
}

static bool read_alerts(wire_reader_t *in, rule_t *rule)
{
    uint64_t emit, alerts_max;
    if (!wire_read_u64(in, &emit) || emit > RULE_EMIT_DEFAULT || !wire_read_u64(in, &alerts_max) ||
        alerts_max > RULE_ALERTS_MAX_MOST)
        return false;
    rule->emit = (rule_emit_t) emit;
    rule->alerts_max = (uint32_t) alerts_max;
    return true;
}

static bool read_incidents(wire_reader_t *in, rule_t *rule)
{
    return wire_read_i64(in, &rule->for_us) && rule->for_us >= 0 &&
           wire_read_text(in, &rule->resolve, PLAN_BODY_MAX);
}

static bool read_silence(wire_reader_t *in, rule_t *rule, int64_t least_us)
{
    return wire_read_i64(in, &rule->nodata_us) && rule->nodata_us >= least_us &&
           rule->nodata_us <= RULE_NODATA_US_MAX;
}

static bool read_flap(wire_reader_t *in, rule_t *rule, bool needed)
{
    uint64_t changes;
    if (!wire_read_u64(in, &changes) || !wire_read_i64(in, &rule->flap_us))
        return false;
    rule->flap_changes = (uint32_t) changes;
    if (changes == 0)
        return !needed && rule->flap_us == 0;
    return changes >= RULE_FLAP_LEAST && changes <= RULE_FLAP_MOST && rule->flap_us > 0 &&
           rule->flap_us <= RULE_FLAP_US_MAX;
}

static bool read_freeze(wire_reader_t *in, rule_t *rule)
{
    return wire_read_bool(in, &rule->freeze) && rule->freeze;
}

// What has come since the first form of a body.
static bool read_later(wire_reader_t *in, uint32_t fields, rule_t *rule)
{
    switch (fields) {
    case RULE_FIELDS_FIRST:
        return true;
    case RULE_FIELDS_ALERTS:
        return read_alerts(in, rule);
    case RULE_FIELDS:
        return read_alerts(in, rule) && read_incidents(in, rule);
    case RULE_FIELDS_SILENCE:
        return read_alerts(in, rule) && read_incidents(in, rule) && read_silence(in, rule, 1);
    case RULE_FIELDS_FLAP:
        return read_alerts(in, rule) && read_incidents(in, rule) && read_silence(in, rule, 0) &&
               read_flap(in, rule, true);
    case RULE_FIELDS_FREEZE:
        return read_alerts(in, rule) && read_incidents(in, rule) && read_silence(in, rule, 0) &&
               read_flap(in, rule, false) && read_freeze(in, rule);
    default:
        return false;
    }
}

bool rule_decode(rule_t *rule, slice_t body, fault_t *fault)
{
    wire_reader_t in = wire_reader(body);
    uint32_t fields;
    uint64_t min_rows;
    rule_t read = { .emit = RULE_EMIT_ROW };
    if (!wire_read_array(&in, &fields) || !wire_read_text(&in, &read.on, PLAN_NAME_MAX) ||
        !wire_read_text(&in, &read.when, PLAN_BODY_MAX) ||
        !wire_read_text(&in, &read.severity, PLAN_BODY_MAX) ||
        !wire_read_text(&in, &read.note, PLAN_BODY_MAX) || !wire_read_u64(&in, &min_rows) ||
        min_rows > UINT32_MAX || !wire_read_bool(&in, &read.positive) ||
        !wire_read_bool(&in, &read.enabled) || !wire_read_i64(&in, &read.cooldown_us) ||
        read.cooldown_us < 0 || !read_later(&in, fields, &read) || !wire_done(&in))
        return fault_set(fault, "not the body of a rule");
    read.min_rows = (uint32_t) min_rows;
    *rule = read;
    return true;
}
