/*  plan_entries -- the inside of plan_t, for plan*.c only. */
#pragma once
#include "proto/plan.h"

struct plan {
    plan_entry_t *entries; // in order of (kind, name); each name starts an allocation of its own
    size_t count, capacity;
    size_t bytes;  // of all names and bodies
    bool changing; // a difference is being applied: only where it leads has to be within the limits
};

// plan_set, and why not.
plan_result_t plan_put(plan_t *self, plan_kind_t kind, slice_t name, slice_t body, fault_t *fault);

// Does it hold no more than a plan may? False with fault.
bool plan_is_within(const plan_t *self, fault_t *fault);

// <0, 0, >0: the entry against (kind, name).
int plan_compare(const plan_entry_t *entry, plan_kind_t kind, slice_t name);

// Become `other`, which is empty afterwards.
void plan_take(plan_t *self, plan_t *other);
