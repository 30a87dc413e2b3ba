/*  follower -- see follower.h. */
#include "actors/api/follower.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/glob.h"
#include "proto/owned.h"

struct follower {
    char *rule, *series; // or NULL: all
    bool greeted;
    uint64_t latest, health, pings; // versions that it has
    reel_id_t alert;                // that it is behind
    reel_id_t told;                 // the entry of which it knows that others are missing before
    frame_t *frame;                 // that is on the way, or NULL
    size_t sent;                    // bytes of it
};

// ---- the scene -------------------------------------------------------------------------------

bool scene_open(scene_t *self)
{
    *self = (scene_t){ 0 };
    self->board = board_new();
    self->reel = reel_new();
    self->hello = frame_plain("retry: 3000\n\n");
    self->ping = frame_plain(": ping\n\n");
    return self->board && self->reel && self->hello && self->ping;
}

void scene_close(scene_t *self)
{
    board_destroy(&self->board);
    reel_destroy(&self->reel);
    frame_drop(&self->health);
    frame_drop(&self->hello);
    frame_drop(&self->ping);
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
    self->alert = behind ? *behind : reel_last(scene->reel);
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

static bool s_fits(const char *pattern, slice_t text)
{
    return !pattern || glob_fits(slice_text(pattern), text);
}

// NULL: no memory.
static frame_t *s_gap(reel_id_t from, reel_id_t to)
{
    char from_text[REEL_ID_MAX], to_text[REEL_ID_MAX], text[2 * REEL_ID_MAX + 32];
    reel_id_write(from, from_text);
    reel_id_write(to, to_text);
    snprintf(text, sizeof text, "{\"from\":\"%s\",\"to\":\"%s\"}", from_text, to_text);
    return frame_new("gap", NULL, slice_text(text));
}

// The next alert that it wants, or a gap before it. False: no memory.
static bool s_take_alert(follower_t *self, const scene_t *scene)
{
    for (reel_entry_t entry; !self->frame && reel_next(scene->reel, self->alert, &entry);) {
        if (entry.gap && reel_id_compare(self->told, entry.id) != 0) {
            self->frame = s_gap(self->alert, entry.id);
            self->told = entry.id;
            return self->frame != NULL;
        }
        self->alert = entry.id;
        if (s_fits(self->rule, entry.rule) && s_fits(self->series, entry.series))
            self->frame = frame_hold(entry.frame);
    }
    return true;
}

static void s_take_latest(follower_t *self, const scene_t *scene)
{
    const char *series;
    for (frame_t *frame;
         !self->frame && (frame = board_next(scene->board, &self->latest, &series));)
        if (s_fits(self->series, slice_text(series)))
            self->frame = frame_hold(frame);
}

// The next frame for it, if there is one. False: no memory.
static bool s_take(follower_t *self, const scene_t *scene)
{
    if (!self->greeted) {
        self->greeted = true;
        self->frame = frame_hold(scene->hello);
        return true;
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
    if (!self->frame && self->pings != scene->pings) {
        self->pings = scene->pings;
        self->frame = frame_hold(scene->ping);
    }
    return true;
}

long follower_read(follower_t *self, const scene_t *scene, uint8_t *out, size_t room)
{
    size_t used = 0;
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
    return (long) used;
}
