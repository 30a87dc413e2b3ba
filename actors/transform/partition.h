/*  partition -- the series of one partition, by stream, and what of them is not in a delta yet.
 *
 *  Pure. A series lives in one stream; its table's layout comes from the plan in force there.
 */
#pragma once
#include "actors/transform/series.h"

// Layouts of the tables of one plan, shared by all partitions and streams under it.
typedef struct layouts layouts_t;

// NULL rules: no table has a plan. NULL: out of memory.
layouts_t *layouts_new(ruleset_t *rules, uint32_t open_rows_max);
layouts_t *layouts_retain(layouts_t *self);
void layouts_destroy(layouts_t **self_p);   // drops one reference
bool layouts_shared(const layouts_t *self); // by more than one
ruleset_t *layouts_rules(const layouts_t *self);
const layout_t *layouts_find(layouts_t *self, slice_t series); // of its table; NULL: out of memory

enum { STREAM_NAME_MAX = 64 };

// The series of one stream.
typedef struct {
    uint8_t name[STREAM_NAME_MAX];
    uint8_t name_size;
    layouts_t *layouts; // of the plan in force
    series_t **table;   // open addressing by hash
    size_t mask, count;
    series_t *touched; // list of those with something that is in no delta yet
    // Until then (receipt) no silence can be due, unless a tick or row says that clocks stepped
    // back since it was reckoned. It spares work and decides nothing: so it is in no journal.
    int64_t quiet_us, quiet_at_us, quiet_since_us;
} branch_t;

typedef struct {
    uint32_t open_rows_max; // of a series
    size_t branch_count;
    branch_t *branches;
    series_t *hidden, *hidden_last; // queue of those whose latest row nobody was shown yet

    buffer_t delta;      // encoded so far
    size_t pending_rows; // accepted, but not encoded yet
} partition_t;

void partition_init(partition_t *self, uint32_t open_rows_max);
void partition_close(partition_t *self); // also of a zeroed one

// The branch of a stream; made, under no plan, if it is new. NULL: out of memory.
branch_t *partition_branch(partition_t *self, slice_t stream);
branch_t *partition_find(partition_t *self, slice_t stream);            // or NULL
series_t *branch_find(const branch_t *self, slice_t id, uint64_t hash); // or NULL
series_t *branch_add(branch_t *self, slice_t id, uint64_t hash);        // NULL: out of memory
// The one series with these low bits of its hash; NULL: none, or several.
enum { SERIES_TAG_BITS = 40 };
series_t *branch_find_tag(const branch_t *self, uint64_t tag);

// Those of its series that are picked (NULL: all), in order of their names: an order that hangs on
// nothing but them. The caller frees the list. NULL: out of memory.
typedef bool branch_pick_t(const series_t *series, const void *context);
series_t **branch_sorted(const branch_t *self, branch_pick_t *pick, const void *context,
                         size_t *count);

// Drop the branch with all its series. Others may move.
void partition_forget(partition_t *self, branch_t *branch);

// Put another plan in force. False: out of memory; the branch can then only be destroyed.
bool branch_replan(branch_t *self, layouts_t *layouts);

void branch_touch(branch_t *self, series_t *series);      // something of it is in no delta
void partition_hide(partition_t *self, series_t *series); // its latest row changed
series_t *partition_reveal(partition_t *self);            // the next to be shown, or NULL
size_t partition_bytes(const partition_t *self);
size_t partition_series(const partition_t *self);
