/*  plan_fuzz -- any bytes as a control record on a small plan, and as the body of a rule.
 *
 *  The hashes of a record cannot be guessed, so the bytes are also tried behind a head with the
 *  hash of the plan they build on.
 */
#include <assert.h>

#include "proto/plan.h"
#include "proto/wire.h"

static void try_record(slice_t payload)
{
    plan_t *plan = plan_new();
    assert(plan_set(plan, PLAN_RULE, slice_text("a"), slice_text("x"), NULL));
    plan_hash_t before = plan_hash(plan);
    fault_t fault;
    if (!plan_apply(plan, payload, &fault)) {
        plan_hash_t after = plan_hash(plan);
        assert(memcmp(&before, &after, sizeof before) == 0);
    }
    plan_destroy(&plan);
}

static void try_changes(slice_t changes, bool snapshot)
{
    plan_t *plan = plan_new();
    assert(plan_set(plan, PLAN_RULE, slice_text("a"), slice_text("x"), NULL));
    plan_hash_t hash = plan_hash(plan);
    buffer_t out = { 0 };
    wire_array(&out, 4);
    wire_u64(&out, PLAN_ENGINE);
    if (snapshot)
        wire_nil(&out);
    else
        wire_bytes(&out, slice_of(hash.bytes, sizeof hash.bytes));
    wire_bytes(&out, slice_of(hash.bytes, sizeof hash.bytes));
    buffer_append(&out, changes.data, changes.size);
    try_record(buffer_slice(&out));
    buffer_destroy(&out);
    plan_destroy(&plan);
}

static void try_rule(slice_t body)
{
    rule_t rule, again;
    fault_t fault;
    if (!rule_decode(&rule, body, &fault))
        return;
    buffer_t out = { 0 };
    rule_encode(&rule, &out);
    assert(rule_decode(&again, buffer_slice(&out), &fault));
    assert(slice_same(again.when, rule.when) && again.cooldown_us == rule.cooldown_us &&
           again.flap_changes == rule.flap_changes && again.flap_us == rule.flap_us &&
           again.freeze == rule.freeze);
    buffer_destroy(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t bytes = slice_of(data, size);
    try_record(bytes);
    try_changes(bytes, true);
    try_changes(bytes, false);
    try_rule(bytes);
    return 0;
}
