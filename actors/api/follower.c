/*  follower -- see follower.h. */
#include "actors/api/follower.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/glob.h"
#include "proto/owned.h"

// Of the log, until an entry that another api has told is here, too: the first may have begun
// before the viewer came.
enum { LOOKS_ENOUGH = 2 };

struct follower {
    char *rule, *series; // or NULL: all
    bool greeted;
    uint64_t latest, health, pings; // versions that it has
    reel_id_t alert;                // that it is behind
    reel_id_t told;                 // the entry of which it knows that others are missing before
    bool ahead;                     // `alert` is not here yet, or the log has lost it
    reel_id_t came;                 // the last one that was here when it came,
    uint64_t looks;                 // and how many looks there had been
    bool lost;                      // it has to be told that the log has lost
    reel_id_t lost_from;            // what was seen up to this one
    frame_t *frame;                 // that is on the way, or NULL
    size_t sent;                    // bytes of it
    int64_t steps;                  // that this read may still take
};

// ---- the scene -------------------------------------------------------------------------------

bool scene_open(scene_t *self)
{
    *self = (scene_t){ 0 };
    self->board = board_new();
    self->reel = reel_new();
    return self->board && self->reel;
}

void scene_close(scene_t *self)
{
    board_destroy(&self->board);
    reel_destroy(&self->reel);
    frame_drop(&self->health);
}

bool scene_health(scene_t *self, slice_t item)
{
    frame_t *frame = frame_new("health", NULL, item);
    if (!frame)
        return false;
    if (self->health && slice_same(slice_of(frame->bytes, frame->size),
                                   slice_of(self->health->bytes, self->health->size))) {
        frame_drop(&frame);
        return true;
    }
    frame_drop(&self->health);
    self->health = frame;
    self->health_version++;
    return true;
}

// ---- a viewer --------------------------------------------------------------------------------

follower_t *follower_new(const scene_t *scene, const char *rule, const char *series,
                         const reel_id_t *behind)
{
    owned(follower_destroy) follower_t *self = calloc(1, sizeof *self);
    if (!self || (rule && !(self->rule = strdup(rule))) ||
        (series && !(self->series = strdup(series))))
        return NULL;
    self->came = reel_last(scene->reel);
    self->looks = scene->looks;
    self->alert = behind ? *behind : self->came;
    self->ahead = reel_id_compare(self->alert, self->came) > 0;
    self->pings = scene->pings;
    follower_t *given = self;
    self = NULL;
    return given;
}

void follower_destroy(follower_t **self_p)
{
    follower_t *self = *self_p;
    if (!self)
        return;
    frame_drop(&self->frame);
    free(self->rule);
    free(self->series);
    free(self);
    *self_p = NULL;
}

static bool s_fits(follower_t *self, const char *pattern, slice_t text)
{
    if (!pattern)
        return true;
    size_t steps = FOLLOWER_LOOK_STEPS;
    bool fits = glob_fits_counted(slice_text(pattern), text, &steps);
    self->steps -= (int64_t) steps;
    return fits;
}

// May not go on where it compares, until it is given more steps.
static bool s_is_spent(const follower_t *self)
{
    return self->steps <= 0 && (self->rule || self->series);
}

// NULL: no memory. known: it may go on from `to`.
static frame_t *s_gap(reel_id_t from, reel_id_t to, bool known)
{
    char from_text[REEL_ID_MAX], to_text[REEL_ID_MAX], text[2 * REEL_ID_MAX + 32];
    reel_id_write(from, from_text);
    reel_id_write(to, to_text);
    snprintf(text, sizeof text, "{\"from\":\"%s\",\"to\":\"%s\"}", from_text, to_text);
    return frame_new("gap", known ? to_text : NULL, slice_text(text));
}

// A line, and the id from which it would go on; no event of a browser's. NULL: no memory.
static frame_t *s_mark(const follower_t *self, const char *line)
{
    char id[REEL_ID_MAX], text[REEL_ID_MAX + 32];
    reel_id_write(self->alert, id);
    snprintf(text, sizeof text, "%s\nid: %s\n\n", line, id);
    return frame_plain(text);
}

void follower_rewind(follower_t *self, reel_id_t to)
{
    if (reel_id_compare(self->alert, to) <= 0)
        return;
    if (!self->lost)
        self->lost_from = self->alert;
    self->lost = true;
    self->alert = to;
    self->ahead = false;
}

// What it has seen is here by now, or never will be.
static void s_place(follower_t *self, const scene_t *scene)
{
    if (reel_id_compare(reel_last(scene->reel), self->alert) >= 0)
        self->ahead = false;
    else if (scene->looks - self->looks >= LOOKS_ENOUGH)
        follower_rewind(self, self->came);
}

// The next alert that it wants, or a gap before it. False: no memory.
static bool s_take_alert(follower_t *self, const scene_t *scene)
{
    if (self->ahead)
        s_place(self, scene);
    if (self->lost) {
        self->lost = false;
        self->frame = s_gap(self->lost_from, self->alert, true);
        return self->frame != NULL;
    }
    for (reel_entry_t entry;
         !self->frame && !s_is_spent(self) && reel_next(scene->reel, self->alert, &entry);) {
        if (entry.gap && reel_id_compare(self->told, entry.id) != 0) {
            self->frame = s_gap(self->alert, entry.id, false);
            self->told = entry.id;
            return self->frame != NULL;
        }
        self->alert = entry.id;
        if (s_fits(self, self->rule, entry.rule) && s_fits(self, self->series, entry.series))
            self->frame = frame_hold(entry.frame);
    }
    return true;
}

static void s_take_latest(follower_t *self, const scene_t *scene)
{
    const char *series;
    for (frame_t *frame; !self->frame && !s_is_spent(self) &&
                         (frame = board_next(scene->board, &self->latest, &series));)
        if (s_fits(self, self->series, slice_text(series)))
            self->frame = frame_hold(frame);
}

// The next frame for it, if there is one. False: no memory.
static bool s_take(follower_t *self, const scene_t *scene)
{
    if (!self->greeted) {
        self->greeted = true; // with no id that hides a gap which is still to be told
        self->frame = self->lost ? frame_plain("retry: 3000\n\n") : s_mark(self, "retry: 3000");
        return self->frame != NULL;
    }
    if (scene->health && self->health != scene->health_version) {
        self->health = scene->health_version;
        self->frame = frame_hold(scene->health);
        return true;
    }
    if (!s_take_alert(self, scene))
        return false;
    if (!self->frame)
        s_take_latest(self, scene);
    if (!self->frame && !s_is_spent(self) && self->pings != scene->pings) {
        self->pings = scene->pings;
        self->frame = s_mark(self, ": ping");
        return self->frame != NULL;
    }
    return true;
}

long follower_read(follower_t *self, const scene_t *scene, uint8_t *out, size_t room,
                   int64_t *steps, bool *more)
{
    size_t used = 0;
    self->steps = *steps;
    while (used < room) {
        if (!self->frame && !s_take(self, scene))
            return -1;
        if (!self->frame)
            break;
        size_t left = self->frame->size - self->sent;
        size_t size = left < room - used ? left : room - used;
        memcpy(out + used, self->frame->bytes + self->sent, size);
        used += size;
        self->sent += size;
        if (self->sent == self->frame->size) {
            frame_drop(&self->frame);
            self->sent = 0;
        }
    }
    *steps = self->steps;
    *more = s_is_spent(self);
    return (long) used;
}
