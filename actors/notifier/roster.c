/*  roster -- see roster.h. Two chained hash tables, of names and of sets; a set is an array of
 *  names.
 */
#include "actors/notifier/roster.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/buffer.h"
#include "proto/owned.h"

typedef struct node node_t;
struct node { // what both tables hold begins with it
    node_t *next;
    uint32_t hash, size;
};

typedef struct {
    size_t count, capacity; // capacity: a power of two, or 0
    node_t **chains;
} table_t;

typedef struct {
    node_t node;
    uint32_t references; // sets that it is in
    char text[];
} name_t;

typedef enum { SET_KNOWN, SET_DOUBTFUL } set_state_t;

typedef struct set set_t;
struct set {
    node_t node;
    set_state_t state;
    bool queued; // among the doubts
    set_t *next_doubt;
    uint32_t count;
    name_t **members;
    char text[];
};

struct roster {
    table_t names, sets;
    size_t members;
    set_t *first_doubt, **last_doubt;
    buffer_t key;    // "<rule>:<series>"
    buffer_t answer; // of const char *
};

// ---- tables -----------------------------------------------------------------------------------

static uint32_t hash_of(slice_t text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); // FNV-1a
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ text.data[i]) * UINT64_C(0x100000001b3);
    return (uint32_t) (hash ^ hash >> 32);
}

static bool table_grow(table_t *self)
{
    if (self->count < self->capacity)
        return true;
    size_t capacity = self->capacity ? 2 * self->capacity : 64;
    node_t **chains = calloc(capacity, sizeof(node_t *));
    if (!chains)
        return false;
    for (size_t i = 0; i < self->capacity; i++) {
        for (node_t *node = self->chains[i], *next; node; node = next) {
            next = node->next;
            node_t **chain = &chains[node->hash & (capacity - 1)];
            node->next = *chain;
            *chain = node;
        }
    }
    free(self->chains);
    self->chains = chains;
    self->capacity = capacity;
    return true;
}

// Where it is held, or would be: NULL there. `offset` is that of the text behind the node.
static node_t **table_find(const table_t *self, slice_t text, uint32_t hash, size_t offset)
{
    if (!self->capacity)
        return NULL;
    node_t **at = &self->chains[hash & (self->capacity - 1)];
    while (*at && ((*at)->hash != hash || (*at)->size != text.size ||
                   memcmp((const char *) *at + offset, text.data, text.size) != 0))
        at = &(*at)->next;
    return at;
}

// A new node of this many bytes in front of its text, zeroed.
static void *table_add(table_t *self, slice_t text, uint32_t hash, size_t offset)
{
    node_t *made = table_grow(self) ? calloc(1, offset + text.size + 1) : NULL;
    if (!made)
        return NULL;
    memcpy((char *) made + offset, text.data, text.size);
    node_t **chain = &self->chains[hash & (self->capacity - 1)];
    *made = (node_t){ .next = *chain, .hash = hash, .size = (uint32_t) text.size };
    *chain = made;
    self->count++;
    return made;
}

static void table_remove(table_t *self, node_t *node)
{
    node_t **at = &self->chains[node->hash & (self->capacity - 1)];
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    self->count--;
    free(node);
}

// ---- names and sets ---------------------------------------------------------------------------

static name_t *take_name(roster_t *self, slice_t text)
{
    uint32_t hash = hash_of(text);
    node_t **at = table_find(&self->names, text, hash, offsetof(name_t, text));
    name_t *name =
        at && *at ? (name_t *) *at : table_add(&self->names, text, hash, offsetof(name_t, text));
    if (name)
        name->references++;
    return name;
}

static void drop_name(roster_t *self, name_t *name)
{
    if (--name->references == 0)
        table_remove(&self->names, &name->node);
}

static set_t *find_set(const roster_t *self, slice_t key)
{
    node_t **at = table_find(&self->sets, key, hash_of(key), offsetof(set_t, text));
    return at ? (set_t *) *at : NULL;
}

static set_t *need_set(roster_t *self, slice_t key)
{
    set_t *set = find_set(self, key);
    return set ? set : table_add(&self->sets, key, hash_of(key), offsetof(set_t, text));
}

static void drop_members(roster_t *self, set_t *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        drop_name(self, set->members[i]);
    self->members -= set->count;
    free(set->members);
    set->members = NULL;
    set->count = 0;
}

// What is known to be empty need not be there.
static void settle(roster_t *self, set_t *set)
{
    if (set->count > 0 || set->state != SET_KNOWN || set->queued)
        return;
    free(set->members); // room for none
    table_remove(&self->sets, &set->node);
}

roster_t *roster_new(void)
{
    roster_t *self = calloc(1, sizeof *self);
    if (self)
        self->last_doubt = &self->first_doubt;
    return self;
}

void roster_clear(roster_t *self)
{
    for (size_t i = 0; i < self->sets.capacity; i++)
        for (node_t *node = self->sets.chains[i], *next; node; node = next) {
            next = node->next;
            free(((set_t *) node)->members);
            free(node);
        }
    for (size_t i = 0; i < self->names.capacity; i++)
        for (node_t *node = self->names.chains[i], *next; node; node = next) {
            next = node->next;
            free(node);
        }
    free(self->sets.chains);
    free(self->names.chains);
    self->sets = self->names = (table_t){ 0 };
    self->members = 0;
    self->first_doubt = NULL;
    self->last_doubt = &self->first_doubt;
}

void roster_destroy(roster_t **self_p)
{
    roster_t *self = *self_p;
    if (!self)
        return;
    roster_clear(self);
    buffer_destroy(&self->key);
    buffer_destroy(&self->answer);
    free(self);
    *self_p = NULL;
}

bool roster_set(roster_t *self, slice_t key, const slice_t *names, size_t count)
{
    set_t *set = need_set(self, key);
    name_t **members = calloc(count + 1, sizeof(name_t *));
    size_t taken = 0;
    while (set && members && taken < count && (members[taken] = take_name(self, names[taken])))
        taken++;
    bool good = set && members && taken == count;
    if (good) {
        drop_members(self, set); // after: names of both stay where they are
        set->members = members;
        set->count = (uint32_t) count;
        self->members += count;
        set->state = set->queued ? SET_DOUBTFUL : SET_KNOWN; // it changed since it was read
        settle(self, set);
        return true;
    }
    for (size_t i = 0; i < taken; i++)
        drop_name(self, members[i]);
    free(members);
    if (set)
        set->state = SET_DOUBTFUL;
    return false;
}

bool roster_doubt(roster_t *self, slice_t key)
{
    set_t *set = need_set(self, key);
    if (!set)
        return false;
    set->state = SET_DOUBTFUL;
    if (!set->queued) {
        set->queued = true;
        set->next_doubt = NULL;
        *self->last_doubt = set;
        self->last_doubt = &set->next_doubt;
    }
    return true;
}

void roster_foreign(roster_t *self, slice_t key)
{
    set_t *set = find_set(self, key);
    assert(set && set->state == SET_DOUBTFUL);
    drop_members(self, set);
}

size_t roster_doubts(roster_t *self, slice_t *keys, size_t most)
{
    size_t count = 0;
    while (count < most && self->first_doubt) {
        set_t *set = self->first_doubt;
        self->first_doubt = set->next_doubt;
        set->queued = false;
        keys[count++] = slice_of(set->text, set->node.size);
    }
    if (!self->first_doubt)
        self->last_doubt = &self->first_doubt;
    return count;
}

bool roster_has_doubts(const roster_t *self)
{
    return self->first_doubt != NULL;
}

// ---- asking -----------------------------------------------------------------------------------

static bool append(roster_t *self, slice_t key)
{
    const set_t *set = find_set(self, key);
    if (set && set->state == SET_DOUBTFUL)
        return false;
    for (uint32_t i = 0; set && i < set->count; i++) {
        const char *name = set->members[i]->text;
        buffer_append(&self->answer, &name, sizeof name);
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

bool roster_names(roster_t *self, slice_t rule, slice_t series, roster_names_t *names)
{
    buffer_clear(&self->answer);
    buffer_clear(&self->key);
    buffer_append(&self->key, rule.data, rule.size);
    buffer_append(&self->key, ":", 1);
    buffer_append(&self->key, series.data, series.size);
    if (self->key.failed || !append(self, rule) || !append(self, buffer_slice(&self->key)) ||
        self->answer.failed) {
        buffer_destroy(&self->answer);
        return false;
    }
    const char **list = (const char **) (void *) self->answer.data;
    size_t count = self->answer.size / sizeof *list, kept = 0;
    if (count > 0)
        qsort(list, count, sizeof *list, by_name);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || list[kept - 1] != list[i])
            list[kept++] = list[i];
    *names = (roster_names_t){ list, kept };
    return true;
}

roster_count_t roster_count(const roster_t *self)
{
    return (roster_count_t){ .sets = self->sets.count,
                             .members = self->members,
                             .names = self->names.count };
}
