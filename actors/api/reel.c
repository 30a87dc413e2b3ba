/*  reel -- see reel.h. A ring; entry i of all that ever were is at i mod its size. */
#include "actors/api/reel.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    reel_id_t id;
    reel_id_t after; // the entry of the log before it; s_all: nobody knows which
    frame_t *frame;
    size_t rule_size, series_size;
    uint8_t *names; // of both, one behind the other
} shot_t;

static const reel_id_t s_all = { UINT64_MAX, UINT64_MAX };

struct reel {
    uint64_t first, end; // running numbers
    size_t bytes;
    bool torn; // nobody knows what will be before the next one
    shot_t shots[REEL_ENTRIES_MAX];
};

// ---- ids -------------------------------------------------------------------------------------

static const char *s_number(const char *text, char stop, uint64_t *number)
{
    *number = 0;
    if (*text == '0' && text[1] != stop)
        return NULL;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t) (*at - '0');
        if (*number > (UINT64_MAX - digit) / 10)
            return NULL;
        *number = *number * 10 + digit;
    }
    return at > text && *at == stop ? at : NULL;
}

bool reel_id_read(const char *text, reel_id_t *id)
{
    reel_id_t read;
    const char *dash = s_number(text, '-', &read.ms);
    if (!dash || !s_number(dash + 1, '\0', &read.n))
        return false;
    *id = read;
    return true;
}

void reel_id_write(reel_id_t id, char text[REEL_ID_MAX])
{
    snprintf(text, REEL_ID_MAX, "%" PRIu64 "-%" PRIu64, id.ms, id.n);
}

int reel_id_compare(reel_id_t a, reel_id_t b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return a.n < b.n ? -1 : a.n > b.n;
}

// ---- entries ---------------------------------------------------------------------------------

reel_t *reel_new(void)
{
    reel_t *self = calloc(1, sizeof *self);
    if (self)
        self->torn = true;
    return self;
}

static shot_t *s_at(const reel_t *self, uint64_t number)
{
    return (shot_t *) &self->shots[number % REEL_ENTRIES_MAX];
}

static size_t s_bytes(const shot_t *shot)
{
    return shot->frame->size + shot->rule_size + shot->series_size;
}

static void s_drop(reel_t *self, shot_t *shot)
{
    self->bytes -= s_bytes(shot);
    frame_drop(&shot->frame);
    free(shot->names);
    *shot = (shot_t){ 0 };
}

static void s_drop_first(reel_t *self)
{
    s_drop(self, s_at(self, self->first++));
}

void reel_rewind(reel_t *self, reel_id_t to)
{
    while (self->first < self->end && reel_id_compare(s_at(self, self->end - 1)->id, to) > 0)
        s_drop(self, s_at(self, --self->end));
    self->torn = self->first == self->end;
}

void reel_destroy(reel_t **self_p)
{
    if (!*self_p)
        return;
    reel_is_empty(*self_p);
    free(*self_p);
    *self_p = NULL;
}

void reel_is_empty(reel_t *self)
{
    reel_rewind(self, (reel_id_t){ 0 });
    self->torn = false;
}

void reel_skip(reel_t *self)
{
    self->torn = true;
}

static uint8_t *s_names(slice_t rule, slice_t series)
{
    uint8_t *names = malloc(rule.size + series.size + 1);
    if (names && rule.size > 0)
        memcpy(names, rule.data, rule.size);
    if (names && series.size > 0)
        memcpy(names + rule.size, series.data, series.size);
    return names;
}

bool reel_add(reel_t *self, reel_id_t id, slice_t rule, slice_t series, slice_t item)
{
    char text[REEL_ID_MAX];
    if (reel_id_compare(id, reel_last(self)) <= 0)
        return false;
    reel_id_write(id, text);
    shot_t shot = { .id = id, .rule_size = rule.size, .series_size = series.size };
    bool fits = item.size > 0 && rule.size + series.size + item.size <= FRAME_BYTES_MAX;
    shot.frame = fits ? frame_new("alert", text, item) : NULL;
    shot.names = shot.frame ? s_names(rule, series) : NULL;
    if (!shot.names) {
        frame_drop(&shot.frame);
        self->torn = true;
        return false;
    }
    shot.after = self->torn ? s_all : reel_last(self);
    while (self->end - self->first == REEL_ENTRIES_MAX ||
           (self->end > self->first && self->bytes + s_bytes(&shot) > REEL_BYTES_MAX))
        s_drop_first(self);
    self->torn = false;
    self->bytes += s_bytes(&shot);
    *s_at(self, self->end++) = shot;
    return true;
}

size_t reel_count(const reel_t *self)
{
    return (size_t) (self->end - self->first);
}

reel_id_t reel_last(const reel_t *self)
{
    return self->end > self->first ? s_at(self, self->end - 1)->id : (reel_id_t){ 0 };
}

// The number of the first one behind that id.
static uint64_t s_behind(const reel_t *self, reel_id_t id)
{
    uint64_t low = self->first, high = self->end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (reel_id_compare(s_at(self, middle)->id, id) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

reel_id_t reel_before(const reel_t *self, reel_id_t id)
{
    uint64_t at = s_behind(self, id);
    while (at > self->first && reel_id_compare(s_at(self, at - 1)->id, id) >= 0)
        at--;
    return at > self->first ? s_at(self, at - 1)->id : (reel_id_t){ 0 };
}

bool reel_next(const reel_t *self, reel_id_t behind, reel_entry_t *entry)
{
    uint64_t at = s_behind(self, behind);
    if (at == self->end)
        return false;
    const shot_t *shot = s_at(self, at);
    *entry = (reel_entry_t){ .id = shot->id,
                             .rule = slice_of(shot->names, shot->rule_size),
                             .series = slice_of(shot->names + shot->rule_size, shot->series_size),
                             .frame = shot->frame,
                             .gap = reel_id_compare(behind, shot->after) != 0 };
    return true;
}
