/*  docket_keys -- see docket_keys.h. */
#include "actors/transform/docket_keys.h"

void keys_asked(asked_t *self, const table_plan_t *plan, const expr_t *when)
{
    size_t keys = plan->linear ? 0 : plan->key_count;
    self->count = 0;
    for (size_t i = 0; i < keys && i < SERIES_KEYS_MAX; i++)
        if (family_key(when, i, &self->keys[self->count]))
            self->count++;
}

spread_t keys_spread(const asked_t *asked, size_t most)
{
    spread_t self = { .places = 1 };
    for (size_t i = 0; i < asked->count; i++) {
        const key_condition_t *key = &asked->keys[i];
        if (self.places * key->count > most)
            continue;
        self.places *= key->count;
        self.mask |= UINT32_C(1) << key->key;
        self.keys[self.count++] = key;
    }
    return self;
}

// The values count up like digits.
void spread_values(const spread_t *self, size_t place, slice_t *values)
{
    for (size_t i = 0; i < self->count; i++) {
        values[i] = self->keys[i]->texts[place % self->keys[i]->count];
        place /= self->keys[i]->count;
    }
}

void spreads_count(spreads_t *self, const asked_t *asked)
{
    self->conditions++;
    for (unsigned bits = 0; bits <= PLACES_BITS; bits++)
        self->totals[bits] += keys_spread(asked, (size_t) 1 << bits).places;
}

size_t spreads_each(const spreads_t *self, const table_plan_t *plan, size_t *total)
{
    size_t rules = plan->plan_rule_count > 0 ? plan->plan_rule_count : 1;
    size_t share = self->conditions * (DOCKET_PLACES_PLAN / rules);
    unsigned bits = PLACES_BITS;
    while (bits > 0 && self->totals[bits] > share)
        bits--;
    *total = self->totals[bits];
    return (size_t) 1 << bits;
}
