/*  partition -- see partition.h. */
#include "actors/transform/partition.h"

#include <assert.h>
#include <stdlib.h>

enum { TABLE_FIRST = 16 };

void partition_init(partition_t *self, uint32_t open_rows_max)
{
    *self = (partition_t){ .open_rows_max = open_rows_max };
}

static void branch_close(branch_t *self)
{
    for (size_t i = 0; self->table && i <= self->mask; i++)
        series_destroy(&self->table[i]);
    free(self->table);
    layouts_destroy(&self->layouts);
}

void partition_close(partition_t *self)
{
    for (size_t i = 0; i < self->branch_count; i++)
        branch_close(&self->branches[i]);
    free(self->branches);
    buffer_destroy(&self->delta);
    *self = (partition_t){ 0 };
}

branch_t *partition_find(partition_t *self, slice_t stream)
{
    for (size_t i = 0; i < self->branch_count; i++)
        if (slice_same(slice_of(self->branches[i].name, self->branches[i].name_size), stream))
            return &self->branches[i];
    return NULL;
}

branch_t *partition_branch(partition_t *self, slice_t stream)
{
    assert(stream.size <= STREAM_NAME_MAX);
    branch_t *known = partition_find(self, stream);
    if (known)
        return known;
    branch_t *branches = realloc(self->branches, (self->branch_count + 1) * sizeof *branches);
    if (!branches)
        return NULL;
    self->branches = branches;
    branch_t *branch = &branches[self->branch_count];
    *branch = (branch_t){ .name_size = (uint8_t) stream.size, .mask = TABLE_FIRST - 1 };
    memcpy(branch->name, stream.data, stream.size);
    branch->layouts = layouts_new(NULL, self->open_rows_max);
    branch->table = calloc(TABLE_FIRST, sizeof(series_t *));
    if (!branch->layouts || !branch->table) {
        branch_close(branch);
        return NULL;
    }
    self->branch_count++;
    return branch;
}

// Series of this branch leave the queue of those not shown yet.
static void s_show_none(partition_t *self, const branch_t *branch)
{
    series_t *rest = self->hidden;
    self->hidden = self->hidden_last = NULL;
    while (rest) {
        series_t *series = rest;
        rest = series->next_hidden;
        series->hidden = false;
        if (branch_find(branch, series_name(series), series->hash) != series)
            partition_hide(self, series);
    }
}

void partition_forget(partition_t *self, branch_t *branch)
{
    s_show_none(self, branch);
    branch_close(branch);
    *branch = self->branches[--self->branch_count];
}

series_t *branch_find(const branch_t *self, slice_t id, uint64_t hash)
{
    for (size_t at = hash & self->mask; self->table[at]; at = (at + 1) & self->mask)
        if (self->table[at]->hash == hash && slice_same(series_name(self->table[at]), id))
            return self->table[at];
    return NULL;
}

series_t *branch_find_tag(const branch_t *self, uint64_t tag)
{
    static const uint64_t bits = (UINT64_C(1) << SERIES_TAG_BITS) - 1;
    series_t *found = NULL;
    assert(self->mask <= bits); // so all of them stand in one run of the table
    for (size_t at = tag & self->mask; self->table[at]; at = (at + 1) & self->mask) {
        if ((self->table[at]->hash & bits) != tag)
            continue;
        if (found)
            return NULL;
        found = self->table[at];
    }
    return found;
}

static void table_put(series_t **table, size_t mask, series_t *series)
{
    size_t at = series->hash & mask;
    while (table[at])
        at = (at + 1) & mask;
    table[at] = series;
}

static bool table_grow(branch_t *self)
{
    size_t mask = 2 * self->mask + 1;
    series_t **table = calloc(mask + 1, sizeof(series_t *));
    if (!table)
        return false;
    for (size_t i = 0; i <= self->mask; i++)
        if (self->table[i])
            table_put(table, mask, self->table[i]);
    free(self->table);
    self->table = table;
    self->mask = mask;
    return true;
}

series_t *branch_add(branch_t *self, slice_t id, uint64_t hash)
{
    if (2 * self->count > self->mask && !table_grow(self))
        return NULL;
    const layout_t *layout = layouts_find(self->layouts, id);
    series_t *series = layout ? series_new(id, hash, layout) : NULL;
    if (!series)
        return NULL;
    table_put(self->table, self->mask, series);
    self->count++;
    return series;
}

static int by_name(const void *a, const void *b)
{
    slice_t x = series_name(*(series_t *const *) a), y = series_name(*(series_t *const *) b);
    int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);
    return order ? order : (x.size > y.size) - (x.size < y.size);
}

series_t **branch_sorted(const branch_t *self, branch_pick_t *pick, const void *context,
                         size_t *count)
{
    size_t wanted = 0;
    for (size_t i = 0; i <= self->mask; i++)
        wanted += self->table[i] && (!pick || pick(self->table[i], context));
    series_t **sorted = malloc((wanted + 1) * sizeof(series_t *));
    if (!sorted)
        return NULL;
    *count = 0;
    for (size_t i = 0; i <= self->mask; i++)
        if (self->table[i] && (!pick || pick(self->table[i], context)))
            sorted[(*count)++] = self->table[i];
    qsort(sorted, *count, sizeof *sorted, by_name);
    return sorted;
}

bool branch_replan(branch_t *self, layouts_t *layouts)
{
    layouts_t *before = self->layouts; // until all series have left it
    self->layouts = layouts_retain(layouts);
    self->quiet_us = 0;
    bool ok = true;
    for (size_t i = 0; ok && i <= self->mask; i++) {
        series_t *series = self->table[i];
        if (!series)
            continue;
        const layout_t *layout = layouts_find(layouts, series_name(series));
        ok = layout && series_reshape(series, layout);
    }
    layouts_destroy(&before);
    return ok;
}

void branch_touch(branch_t *self, series_t *series)
{
    series->changed = true;
    if (series->touched)
        return;
    series->touched = true;
    series->next_touched = self->touched;
    self->touched = series;
}

void partition_hide(partition_t *self, series_t *series)
{
    if (series->hidden)
        return;
    series->hidden = true;
    series->next_hidden = NULL;
    if (self->hidden_last)
        self->hidden_last->next_hidden = series;
    else
        self->hidden = series;
    self->hidden_last = series;
}

series_t *partition_reveal(partition_t *self)
{
    series_t *series = self->hidden;
    if (!series)
        return NULL;
    self->hidden = series->next_hidden;
    if (!self->hidden)
        self->hidden_last = NULL;
    series->hidden = false;
    return series;
}

size_t partition_series(const partition_t *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->branch_count; i++)
        count += self->branches[i].count;
    return count;
}

size_t partition_bytes(const partition_t *self)
{
    size_t bytes = sizeof *self + self->delta.capacity;
    for (size_t b = 0; b < self->branch_count; b++) {
        const branch_t *branch = &self->branches[b];
        bytes += sizeof *branch + (branch->mask + 1) * sizeof(series_t *);
        for (size_t i = 0; i <= branch->mask; i++)
            if (branch->table[i])
                bytes += series_bytes(branch->table[i]);
    }
    return bytes;
}
