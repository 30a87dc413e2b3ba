/*  board -- see board.h.
 *
 *  Changes stand in the order of their versions, each with its series; one that was overtaken by a
 *  newer one of the same series is passed over, and thrown away when the list is full. So there are
 *  at most twice as many as series.
 */
#include "actors/api/board.h"

#include <stdlib.h>

enum {
    ROOM_FIRST = 64,
    NAME_MAX_BYTES = 1024,
    HEAD_BYTES = sizeof "event: latest\ndata: " - 1, // as frame_new writes it
    TAIL_BYTES = 2,                                  // the end of the line, and of the event
};

typedef struct {
    uint64_t version; // of the frame
    bool seen;        // since board_begin
    frame_t *frame;
    char series[];
} place_t;

typedef struct {
    uint64_t version;
    const place_t *place;
} change_t;

struct board {
    size_t count, room;
    place_t **places; // by series
    size_t change_count, change_room;
    change_t *changes; // by version
    uint64_t version;
};

board_t *board_new(void)
{
    return calloc(1, sizeof(board_t));
}

static void s_free(place_t *place)
{
    frame_drop(&place->frame);
    free(place);
}

void board_destroy(board_t **self_p)
{
    board_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        s_free(self->places[i]);
    free(self->places);
    free(self->changes);
    free(self);
    *self_p = NULL;
}

// Where the series stands, or would stand.
static size_t s_place(const board_t *self, const char *series)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(self->places[middle]->series, series) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static place_t *s_at(const board_t *self, size_t at, const char *series)
{
    bool there = at < self->count && strcmp(self->places[at]->series, series) == 0;
    return there ? self->places[at] : NULL;
}

static place_t *s_insert(board_t *self, size_t at, const char *series)
{
    size_t size = strlen(series) + 1;
    if (self->count == BOARD_SERIES_MAX || size > NAME_MAX_BYTES)
        return NULL;
    if (self->count == self->room) {
        size_t room = self->room ? 2 * self->room : ROOM_FIRST;
        place_t **places = reallocarray(self->places, room, sizeof(place_t *));
        if (!places)
            return NULL;
        self->places = places;
        self->room = room;
    }
    place_t *place = calloc(1, sizeof *place + size);
    if (!place)
        return NULL;
    memcpy(place->series, series, size);
    memmove(self->places + at + 1, self->places + at, (self->count - at) * sizeof(place_t *));
    self->places[at] = place;
    self->count++;
    return place;
}

// Changes that were overtaken, and those of series that are gone, are.
static void s_compact(board_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->change_count; i++)
        if (self->changes[i].place->frame &&
            self->changes[i].place->version == self->changes[i].version)
            self->changes[kept++] = self->changes[i];
    self->change_count = kept;
}

// Room for one more.
static bool s_make_room(board_t *self)
{
    if (self->change_count < self->change_room)
        return true;
    s_compact(self);
    size_t wanted = 2 * self->count + ROOM_FIRST;
    if (self->change_room >= wanted)
        return true;
    change_t *changes = reallocarray(self->changes, 2 * wanted, sizeof *changes);
    if (!changes)
        return self->change_count < self->change_room;
    self->changes = changes;
    self->change_room = 2 * wanted;
    return true;
}

static slice_t s_item(const frame_t *frame)
{
    return slice_of(frame->bytes + HEAD_BYTES, frame->size - HEAD_BYTES - TAIL_BYTES);
}

void board_begin(board_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        self->places[i]->seen = false;
}

board_word_t board_set(board_t *self, const char *series, slice_t item)
{
    size_t at = s_place(self, series);
    place_t *place = s_at(self, at, series);
    if (place && place->frame && slice_same(s_item(place->frame), item)) {
        place->seen = true;
        return BOARD_SAME;
    }
    frame_t *frame = frame_new("latest", NULL, item);
    if (!frame || !s_make_room(self) || !(place || (place = s_insert(self, at, series)))) {
        frame_drop(&frame);
        return BOARD_LEFT_OUT; // what is there of it is old, and goes at the end
    }
    frame_drop(&place->frame); // who is sending it holds it
    place->frame = frame;
    place->seen = true;
    place->version = ++self->version;
    self->changes[self->change_count++] = (change_t){ place->version, place };
    return BOARD_CHANGED;
}

void board_end(board_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (!self->places[i]->seen)
            frame_drop(&self->places[i]->frame);
    s_compact(self); // nothing leads to them now
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (self->places[i]->frame)
            self->places[kept++] = self->places[i];
        else
            s_free(self->places[i]);
    }
    self->count = kept;
}

size_t board_count(const board_t *self)
{
    return self->count;
}

slice_t board_find(const board_t *self, const char *series)
{
    const place_t *place = s_at(self, s_place(self, series), series);
    return place && place->frame ? s_item(place->frame) : (slice_t){ 0 };
}

frame_t *board_next(const board_t *self, uint64_t *version, const char **series)
{
    size_t low = 0, high = self->change_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->changes[middle].version <= *version)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < self->change_count; low++) {
        const change_t *change = &self->changes[low];
        if (change->place->version == change->version) {
            *version = change->version;
            *series = change->place->series;
            return change->place->frame;
        }
    }
    return NULL;
}
