/*  reach -- which rules a cause makes worse: those on the tables that it is about.
 *
 *  Whose tables is said by the configuration of the notifier. What that does not know may be
 *  anywhere: an unknown source or collector reaches all rules, and an unknown rule is reached.
 */
#pragma once
#include "broker/runtime/settings.h"
#include "broker/store.h"

typedef struct reach reach_t;

// cause: as vigil has it: "source:<name>", "log:<collector>", "collector:<collector>"; any other is
// about everything. The settings must live longer. NULL: out of memory.
reach_t *reach_new(const settings_t *settings, const char *cause);
void reach_destroy(reach_t **self_p);

// Ask Redis what each rule is on; not needed, and nothing asked, where all are reached.
store_status_t reach_load(reach_t *self, store_t *store);
bool reach_wants(const reach_t *self, slice_t rule);

bool reach_is_all(
    const reach_t *self); // every table, those that the configuration lacks among them
// Else the tables, each once, in order of their sources: at most as many as there are sources.
size_t reach_tables(const reach_t *self, const char **tables);
