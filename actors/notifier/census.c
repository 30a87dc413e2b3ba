/*  census -- see census.h. */
#include "actors/notifier/census.h"

#include <stdlib.h>
#include <string.h>

#include "proto/owned.h"

typedef struct {
    const char *subscriber, *rule; // while adding: offsets into `names`
    size_t subscriber_at, rule_at;
} pair_t;

struct census {
    buffer_t names;
    size_t rule_at, rule_size; // of the rule added last: subscriptions come by rule
    size_t count, room, next;
    pair_t *pairs;
};

census_t *census_new(void)
{
    return calloc(1, sizeof(census_t));
}

void census_destroy(census_t **self_p)
{
    census_t *self = *self_p;
    if (!self)
        return;
    buffer_destroy(&self->names);
    free(self->pairs);
    free(self);
    *self_p = NULL;
}

static bool grow(census_t *self)
{
    if (self->count < self->room)
        return true;
    size_t room = self->room > 0 ? 2 * self->room : 1024;
    pair_t *pairs = realloc(self->pairs, room * sizeof *pairs);
    if (!pairs)
        return false;
    self->pairs = pairs;
    self->room = room;
    return true;
}

static size_t keep(census_t *self, slice_t name)
{
    size_t at = self->names.size;
    buffer_append(&self->names, name.data, name.size);
    buffer_append(&self->names, "", 1);
    return at;
}

bool census_add(census_t *self, slice_t rule, const char *subscriber)
{
    if (self->count == CENSUS_PAIRS_MAX || self->names.size > CENSUS_BYTES_MAX || !grow(self))
        return false;
    bool same = self->count > 0 && rule.size == self->rule_size &&
                memcmp(self->names.data + self->rule_at, rule.data, rule.size) == 0;
    if (!same) {
        self->rule_at = keep(self, rule);
        self->rule_size = rule.size;
    }
    pair_t pair = { .rule_at = self->rule_at, .subscriber_at = keep(self, slice_text(subscriber)) };
    self->pairs[self->count] = pair;
    self->count += !self->names.failed;
    return !self->names.failed;
}

static int by_name(const void *a, const void *b)
{
    const pair_t *one = a, *other = b;
    int order = strcmp(one->subscriber, other->subscriber);
    return order != 0 ? order : strcmp(one->rule, other->rule);
}

void census_sort(census_t *self)
{
    const char *names = (const char *) self->names.data;
    for (size_t i = 0; i < self->count; i++) {
        self->pairs[i].subscriber = names + self->pairs[i].subscriber_at;
        self->pairs[i].rule = names + self->pairs[i].rule_at;
    }
    if (self->count > 1)
        qsort(self->pairs, self->count, sizeof *self->pairs, by_name);
}

const char *census_next(census_t *self, buffer_t *rules)
{
    if (self->next == self->count)
        return NULL;
    const char *subscriber = self->pairs[self->next].subscriber, *before = NULL;
    size_t count = 0;
    owned(buffer_destroy) buffer_t named = { 0 };
    for (; self->next < self->count; self->next++) {
        const pair_t *pair = &self->pairs[self->next];
        if (strcmp(pair->subscriber, subscriber) != 0)
            break;
        if (before && strcmp(before, pair->rule) == 0)
            continue;
        before = pair->rule;
        if (count++ < CENSUS_NAMED_MAX)
            buffer_printf(&named, "%s%s", count > 1 ? "," : " ", pair->rule);
    }
    buffer_clear(rules);
    buffer_printf(rules, "%zu%s", count, buffer_string(&named));
    rules->failed |= named.failed;
    return subscriber;
}
