/*  settings_read -- one value of the tree into one field, as its row of the table says.
 *
 *  Private to broker/runtime.
 */
#pragma once
#include "broker/runtime/settings_table.h"
#include "broker/runtime/settings_tree.h"

typedef struct {
    arena_t *arena;
    fault_t *fault;
    bool keys; // the file names a folder of keys: then we may listen off loopback
} settings_reader_t;

// Fill target (of that section) from a map: unknown names are refused, what is missing gets its
// default. `what` names the map in messages.
bool settings_read_map(settings_reader_t *self, setting_section_t section, const char *what,
                       const node_t *map, void *target);

// A map from names to texts; `identifiers`: the names are columns or keys.
bool settings_read_pairs(settings_reader_t *self, const char *what, const node_t *node,
                         bool identifiers, int64_t least, int64_t most, setting_pairs_t *pairs);

// A refusal at a node. Returns false.
bool settings_refuse(settings_reader_t *self, const node_t *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool settings_refuse_name(settings_reader_t *self, const node_t *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// settings_source.c: the values of a source that are more than one text.
bool settings_read_time(settings_reader_t *self, const node_t *node, source_t *source);
bool settings_read_missing(settings_reader_t *self, const setting_t *setting, const node_t *node,
                           source_t *source);
bool settings_read_required(settings_reader_t *self, const setting_t *setting, const node_t *node,
                            source_t *source);
bool settings_read_identity(settings_reader_t *self, const setting_t *setting, const node_t *node,
                            source_t *source);
bool settings_read_query(settings_reader_t *self, const setting_t *setting, const node_t *node,
                         source_t *source);
bool settings_read_pages(settings_reader_t *self, const node_t *node, source_t *source);
bool settings_read_headers(settings_reader_t *self, const setting_t *setting, const node_t *node,
                           setting_pairs_t *headers);

// settings_channels.c: the operator's ways to tell subscribers.
bool settings_read_means(settings_reader_t *self, const setting_t *setting, const node_t *node,
                         settings_t *settings);

// settings_shards.c: a pushed feed in several shards.
bool settings_read_shards(settings_reader_t *self, const node_t *node, source_t *source);
// How many sources a source that was read stands for: one, or its shards here.
size_t settings_shard_count(const source_t *source);
// Write them to `out`. `node` is its place, for refusals.
bool settings_spread(settings_reader_t *self, const node_t *node, const source_t *source,
                     source_t *out);

// settings_budget.c
bool settings_read_budget(settings_reader_t *self, const char *what, const node_t *node,
                          budget_t *budget);
bool settings_read_flap(settings_reader_t *self, const char *what, const node_t *node,
                        budget_t *flap);
bool settings_read_budgets(settings_reader_t *self, const setting_t *setting, const node_t *node,
                           settings_t *settings);

// settings_address.c: may it be used? A refusal says what would be needed.
bool settings_read_url(settings_reader_t *self, const node_t *node, source_t *source);
bool settings_check_endpoint(settings_reader_t *self, const setting_t *setting, const node_t *node);
bool settings_check_host(settings_reader_t *self, const setting_t *setting, const node_t *node);
bool settings_check_store(settings_reader_t *self, const node_t *node);
bool settings_check_stage(settings_reader_t *self, const node_t *node);
bool settings_is_loopback_url(const char *url); // of redis://
// {role} in the address and in the file of the password: a user for each role, or one for all.
bool settings_check_role(settings_reader_t *self, const node_t *node, const settings_t *settings);
