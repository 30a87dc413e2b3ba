/*  fired -- see fired.h. */
#include "actors/transform/fired.h"

#include <stdlib.h>
#include <string.h>

enum { FIRED_FIRST = 4 };

void fired_close(fired_t *self)
{
    free(self->rows);
    *self = (fired_t){ 0 };
}

static int order(const fired_row_t *row, uint64_t position, const rule_id_t *rule)
{
    if (row->position != position)
        return row->position < position ? -1 : 1;
    return memcmp(row->rule.bytes, rule->bytes, sizeof rule->bytes);
}

// Where (position, rule) stands or would stand.
static size_t place(const fired_t *self, uint64_t position, const rule_id_t *rule)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (order(&self->rows[middle], position, rule) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

unsigned fired_said(const fired_t *self, uint64_t position, const rule_id_t *rule)
{
    size_t at = place(self, position, rule);
    bool known = at < self->count && order(&self->rows[at], position, rule) == 0;
    return known ? self->rows[at].said : 0;
}

bool fired_say(fired_t *self, uint64_t position, const rule_id_t *rule, unsigned said)
{
    size_t at = place(self, position, rule);
    if (at < self->count && order(&self->rows[at], position, rule) == 0) {
        self->rows[at].said |= (uint8_t) said;
        return true;
    }
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : FIRED_FIRST;
        fired_row_t *rows = realloc(self->rows, capacity * sizeof *rows);
        if (!rows)
            return false;
        self->rows = rows;
        self->capacity = capacity;
    }
    memmove(self->rows + at + 1, self->rows + at, (self->count - at) * sizeof *self->rows);
    self->rows[at] = (fired_row_t){ .position = position, .rule = *rule, .said = (uint8_t) said };
    self->count++;
    return true;
}

size_t fired_from(const fired_t *self, uint64_t position)
{
    static const rule_id_t least = { { 0 } };
    return place(self, position, &least);
}

void fired_move_up(fired_t *self, uint64_t from)
{
    for (size_t i = self->count; i-- > 0 && self->rows[i].position >= from;)
        self->rows[i].position++;
}

void fired_forget(fired_t *self, uint64_t before)
{
    size_t gone = fired_from(self, before);
    if (gone == 0)
        return;
    self->count -= gone;
    memmove(self->rows, self->rows + gone, self->count * sizeof *self->rows);
}

void fired_unsay(fired_t *self, uint64_t position, unsigned said)
{
    size_t next = fired_from(self, position), left = next;
    for (; next < self->count && self->rows[next].position == position; next++) {
        fired_row_t row = self->rows[next];
        row.said &= (uint8_t) ~said;
        if (row.said)
            self->rows[left++] = row;
    }
    if (left == next)
        return;
    memmove(self->rows + left, self->rows + next, (self->count - next) * sizeof *self->rows);
    self->count -= next - left;
}

void fired_keep_held(fired_t *self, uint64_t open)
{
    if (self->count == 0 || self->rows[0].position >= open)
        return;
    fired_forget(self, open - 1);
    fired_unsay(self, open - 1, SAID_ANYTHING);
}

void fired_drop(fired_t *self, uint64_t from)
{
    self->count = fired_from(self, from);
}
