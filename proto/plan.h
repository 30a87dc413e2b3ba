/*  plan -- the mappings, derived columns and rules in force from a control record on.
 *
 *  Pure: text in, text out; nothing is compiled here. A plan is an ordered set of entries
 *  (kind, name) -> body; a control record carries a change: entries to set or remove, or a
 *  snapshot of all. Bodies are opaque here: a source's is its mapping definition (msgpack), a
 *  derived column's is its SQL text, a rule's is rule_t (msgpack), a limit's its number as text.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/fault.h"
#include "proto/slice.h"

enum {
    PLAN_NAME_MAX = 128,       // bytes of an entry's name
    PLAN_BODY_MAX = 64 * 1024, // bytes of an entry's body
    PLAN_CHANGES_MAX = 1000,   // entries in one control record that is not a snapshot
    PLAN_ENTRIES_MAX = 262144, // entries of a plan
    PLAN_BYTES_MAX = 60 << 20, // of all names and bodies: a snapshot has to fit into a record
    PLAN_ENGINE = 1,           // version of what prep and transform compute; part of the hash
};

typedef enum { PLAN_SOURCE = 1, PLAN_DERIVE = 2, PLAN_RULE = 3, PLAN_LIMIT = 4 } plan_kind_t;

// The one limit that verdicts depend on: rows of a series that a window by time sees one by one.
#define PLAN_WINDOW_ROWS_MAX "window_rows_max"

typedef struct {
    uint8_t bytes[16]; // first half of the SHA-256 over engine and all entries in order
} plan_hash_t;

typedef struct {
    plan_kind_t kind;
    slice_t name; // of a derived column: "<table>.<column>"
    slice_t body;
} plan_entry_t;

typedef struct plan plan_t;

plan_t *plan_new(void); // empty
plan_t *plan_copy(const plan_t *self);
void plan_destroy(plan_t **self_p);

bool plan_set(plan_t *self, plan_kind_t kind, slice_t name, slice_t body, fault_t *fault);
void plan_remove(plan_t *self, plan_kind_t kind, slice_t name);
size_t plan_count(const plan_t *self);
size_t plan_bytes(const plan_t *self);                  // of all names and bodies
plan_entry_t plan_at(const plan_t *self, size_t index); // in order of (kind, name)
const plan_entry_t *plan_find(const plan_t *self, plan_kind_t kind, slice_t name); // or NULL
plan_hash_t plan_hash(const plan_t *self);

// Append the payload of a control record that turns `from` into `self`; from NULL = a snapshot.
// It holds the whole difference if that is at most PLAN_CHANGES_MAX changes, otherwise a snapshot.
// False: out of memory.
bool plan_encode(const plan_t *self, const plan_t *from, buffer_t *out);

// What a control record's payload says of itself, without applying it. False: not one.
typedef struct {
    bool snapshot;
    plan_hash_t from; // the plan it builds on; zero for a snapshot
    plan_hash_t to;   // the plan it leads to
} plan_change_t;
bool plan_peek(plan_change_t *change, slice_t payload, fault_t *fault);

// Apply a control record's payload. A difference names the hash it builds on and is refused if
// ours differs; afterwards the hash must be the one it promises. Unless PLAN_APPLIED, *self is
// unchanged. Whoever reads a log may go on after PLAN_REFUSED, until a snapshot sets it right;
// after PLAN_NO_MEMORY he would take an older plan for the one in force.
typedef enum { PLAN_APPLIED, PLAN_REFUSED, PLAN_NO_MEMORY } plan_result_t;
plan_result_t plan_follow(plan_t *self, slice_t payload, fault_t *fault);

// The same where it does not matter why not.
static inline bool plan_apply(plan_t *self, slice_t payload, fault_t *fault)
{
    return plan_follow(self, payload, fault) == PLAN_APPLIED;
}

// ---- the body of a rule -------------------------------------------------------------------

// Which rows alert: all for which the condition holds, or the step from not holding to holding.
// Without a word it is by row if the condition has a window, else by edge.
typedef enum { RULE_EMIT_ROW = 0, RULE_EMIT_EDGE = 1, RULE_EMIT_DEFAULT = 2 } rule_emit_t;

enum { RULE_ALERTS_MAX_DEFAULT = 1000, RULE_ALERTS_MAX_MOST = 1000000 };

enum { RULE_FLAP_LEAST = 3, RULE_FLAP_MOST = 20 }; // changes of an incident
#define RULE_FLAP_US_MAX INT64_C(31622400000000)   // 366 days
#define RULE_NODATA_US_MAX INT64_C(31622400000000) // 366 days

typedef struct {
    slice_t on;       // table
    slice_t when;     // the condition, as written
    slice_t severity; // "info", "warning" (default), "critical" or the user's own word
    slice_t note;
    uint32_t min_rows;   // default 10
    bool positive;       // default true
    bool enabled;        // default true
    int64_t cooldown_us; // default 0
    rule_emit_t emit;
    uint32_t alerts_max;   // of a series and minute of event time; 0 = no limit
    int64_t for_us;        // default 0
    slice_t resolve;       // condition that ends an incident; empty: `when` does not hold
    uint32_t flap_changes; // an incident flaps that changes so often; 0: whatever it does
    int64_t flap_us;       // within less than that
    int64_t nodata_us;     // a series is silent after so long without a row; 0: nobody asks
    bool freeze;           // windows stand still from where the condition holds to its end
} rule_t;

void rule_encode(const rule_t *rule, buffer_t *out);
// Points into body. One of a log before there was `emit` means what it meant: every row, no limit.
bool rule_decode(rule_t *rule, slice_t body, fault_t *fault);
