/*  plan -- the set of entries; see plan.h. Its control records are in plan_record.c.
 *
 *  A sorted array: a plan changes seldom, is walked often, and holds a few thousand entries.
 */
#include "proto/plan.h"

#include <stdlib.h>

#include "proto/digest.h"
#include "proto/plan_entries.h"

plan_t *plan_new(void)
{
    return calloc(1, sizeof(plan_t));
}

static void clear(plan_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        free((void *) self->entries[i].name.data); // name and body are one allocation
    free(self->entries);
    *self = (plan_t){ 0 };
}

void plan_destroy(plan_t **self_p)
{
    plan_t *self = *self_p;
    if (!self)
        return;
    clear(self);
    free(self);
    *self_p = NULL;
}

void plan_take(plan_t *self, plan_t *other)
{
    clear(self);
    *self = *other;
    *other = (plan_t){ 0 };
}

int plan_compare(const plan_entry_t *entry, plan_kind_t kind, slice_t name)
{
    if (entry->kind != kind)
        return entry->kind < kind ? -1 : 1;
    size_t shorter = entry->name.size < name.size ? entry->name.size : name.size;
    int order = memcmp(entry->name.data, name.data, shorter);
    if (order != 0)
        return order;
    return (entry->name.size > name.size) - (entry->name.size < name.size);
}

// The place of the entry, or where it would be inserted.
static size_t place_of(const plan_t *self, plan_kind_t kind, slice_t name, bool *found)
{
    size_t low = 0, high = self->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = plan_compare(&self->entries[middle], kind, name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool make_room(plan_t *self)
{
    if (self->count < self->capacity)
        return true;
    size_t capacity = self->capacity ? self->capacity * 2 : 16;
    plan_entry_t *entries = realloc(self->entries, capacity * sizeof *entries);
    if (!entries)
        return false;
    self->entries = entries;
    self->capacity = capacity;
    return true;
}

// A copy of both texts in one allocation, which starts at the name.
static bool copy_entry(plan_entry_t *entry, plan_kind_t kind, slice_t name, slice_t body)
{
    uint8_t *bytes = malloc(name.size + body.size);
    if (!bytes)
        return false;
    memcpy(bytes, name.data, name.size);
    if (body.size > 0)
        memcpy(bytes + name.size, body.data, body.size);
    *entry = (plan_entry_t){ .kind = kind,
                             .name = slice_of(bytes, name.size),
                             .body = slice_of(bytes + name.size, body.size) };
    return true;
}

static size_t bytes_of(const plan_entry_t *entry)
{
    return entry->name.size + entry->body.size;
}

static bool is_within(size_t count, size_t bytes, fault_t *fault)
{
    if (count > PLAN_ENTRIES_MAX)
        return fault_set(fault, "the plan is full: %d entries", PLAN_ENTRIES_MAX);
    return bytes <= PLAN_BYTES_MAX ||
           fault_set(fault, "the plan is full: %d bytes", PLAN_BYTES_MAX);
}

// False with fault: no plan holds such an entry, or this one holds no more. `old`: the entry of
// that name, or NULL.
static bool is_allowed(const plan_t *self, const plan_entry_t *old, slice_t name, slice_t body,
                       fault_t *fault)
{
    if (name.size == 0 || name.size > PLAN_NAME_MAX)
        return fault_set(fault, "name of %zu bytes; 1 to %d are allowed", name.size, PLAN_NAME_MAX);
    if (body.size > PLAN_BODY_MAX)
        return fault_set(fault, "%.*s: %zu bytes; at most %d are allowed", (int) name.size,
                         (const char *) name.data, body.size, PLAN_BODY_MAX);
    size_t count = self->count + (old ? 0 : 1);
    size_t bytes = self->bytes - (old ? bytes_of(old) : 0) + name.size + body.size;
    return self->changing || is_within(count, bytes, fault);
}

bool plan_is_within(const plan_t *self, fault_t *fault)
{
    return is_within(self->count, self->bytes, fault);
}

plan_result_t plan_put(plan_t *self, plan_kind_t kind, slice_t name, slice_t body, fault_t *fault)
{
    bool found;
    size_t place = place_of(self, kind, name, &found);
    if (!is_allowed(self, found ? &self->entries[place] : NULL, name, body, fault))
        return PLAN_REFUSED;
    plan_entry_t entry;
    if (!make_room(self) || !copy_entry(&entry, kind, name, body)) {
        fault_set(fault, "out of memory");
        return PLAN_NO_MEMORY;
    }
    if (found) {
        self->bytes -= bytes_of(&self->entries[place]);
        free((void *) self->entries[place].name.data);
    } else {
        memmove(&self->entries[place + 1], &self->entries[place],
                (self->count - place) * sizeof entry);
        self->count++;
    }
    self->entries[place] = entry;
    self->bytes += bytes_of(&entry);
    return PLAN_APPLIED;
}

bool plan_set(plan_t *self, plan_kind_t kind, slice_t name, slice_t body, fault_t *fault)
{
    return plan_put(self, kind, name, body, fault) == PLAN_APPLIED;
}

void plan_remove(plan_t *self, plan_kind_t kind, slice_t name)
{
    bool found;
    size_t place = place_of(self, kind, name, &found);
    if (!found)
        return;
    self->bytes -= bytes_of(&self->entries[place]);
    free((void *) self->entries[place].name.data);
    self->count--;
    memmove(&self->entries[place], &self->entries[place + 1],
            (self->count - place) * sizeof *self->entries);
}

plan_t *plan_copy(const plan_t *self)
{
    plan_t *copy = plan_new();
    for (size_t i = 0; copy && i < self->count; i++) {
        const plan_entry_t *entry = &self->entries[i];
        if (!plan_set(copy, entry->kind, entry->name, entry->body, NULL))
            plan_destroy(&copy);
    }
    return copy;
}

size_t plan_count(const plan_t *self)
{
    return self->count;
}

size_t plan_bytes(const plan_t *self)
{
    return self->bytes;
}

plan_entry_t plan_at(const plan_t *self, size_t index)
{
    return self->entries[index];
}

const plan_entry_t *plan_find(const plan_t *self, plan_kind_t kind, slice_t name)
{
    bool found;
    size_t place = place_of(self, kind, name, &found);
    return found ? &self->entries[place] : NULL;
}

plan_hash_t plan_hash(const plan_t *self)
{
    digest_t digest;
    digest_begin(&digest);
    digest_add_u32(&digest, PLAN_ENGINE);
    for (size_t i = 0; i < self->count; i++) {
        const plan_entry_t *entry = &self->entries[i];
        digest_add_u32(&digest, entry->kind);
        digest_add_sized(&digest, entry->name);
        digest_add_sized(&digest, entry->body);
    }
    uint8_t bytes[DIGEST_BYTES];
    digest_end(&digest, bytes);
    plan_hash_t hash;
    memcpy(hash.bytes, bytes, sizeof hash.bytes);
    return hash;
}
