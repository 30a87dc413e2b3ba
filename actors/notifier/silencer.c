/*  silencer -- see silencer.h. */
#include "actors/notifier/silencer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "actors/notifier/silence_look.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "broker/store_silences.h"
#include "proto/owned.h"

enum {
    SECOND_US = 1000 * 1000,
    PAUSE_US = SECOND_US / 5,       // between two looks, at least
    PAUSE_TIMES = 20,               // and so many times as long as a look took
    LOOK_US = 10 * SECOND_US,       // without notifications, and after a look that failed
    LIVE_LOOK_US = 300 * SECOND_US, // with them: they do not tell everything
    SWEEP_US = 60 * SECOND_US,      // what waits is looked at so often
    SWEEP_COUNT = 256,              // at a time
    TELL_US = 60 * SECOND_US,       // between two lines about the same trouble
};

typedef struct {
    bool told; // ever
    int64_t told_us;
} trouble_t;

struct silencer {
    store_t *store;
    store_watch_t *watch;
    silences_t *silences; // in force
    silence_look_t *look;
    bool known;            // Redis was asked, and has answered
    bool stale;            // one has changed since
    bool live;             // notifications are on
    bool failed;           // the last look
    bool looking;          // one is under way
    int64_t took_us;       // so far
    bool sweeping, urgent; // what waits is being looked at; perhaps to let something go
    int64_t look_us;       // when to look next
    int64_t swept_us;      // when the last sweep began
    int64_t sweep_us;      // when to go on with it
    trouble_t unread, unanswered, crowded, unswept;
};

silencer_t *silencer_new(store_t *store, store_watch_t *watch, fault_t *fault)
{
    owned(silencer_destroy) silencer_t *self = calloc(1, sizeof *self);
    if (self)
        self->watch = watch;
    else
        store_watch_destroy(&watch);
    if (!self || !(self->silences = silences_new()))
        return fault_set(fault, "out of memory"), NULL;
    self->store = store;
    self->look = silence_look_new(store, fault);
    if (!self->look)
        return NULL;
    silencer_t *given = self;
    self = NULL;
    return given;
}

void silencer_destroy(silencer_t **self_p)
{
    silencer_t *self = *self_p;
    if (!self)
        return;
    store_watch_destroy(&self->watch);
    silence_look_destroy(&self->look);
    silences_destroy(&self->silences);
    free(self);
    *self_p = NULL;
}

const silences_t *silencer_silences(const silencer_t *self)
{
    return self->silences;
}

bool silencer_failed(const silencer_t *self)
{
    return self->failed;
}

int silencer_descriptor(const silencer_t *self)
{
    return store_watch_descriptor(self->watch);
}

static void sweep_from(silencer_t *self, int64_t mono_us, bool urgent)
{
    self->sweeping = true;
    self->urgent |= urgent;
    self->swept_us = mono_us;
}

// It lasts, so it is said again, though not at every step.
static bool is_to_be_told(trouble_t *trouble, int64_t mono_us)
{
    if (trouble->told && mono_us - trouble->told_us < TELL_US)
        return false;
    *trouble = (trouble_t){ true, mono_us };
    return true;
}

// ---- the silences of Redis ------------------------------------------------------------------

static void tell_of_look(silencer_t *self, int64_t mono_us)
{
    silence_look_count_t count = silence_look_count(self->look);
    if (count.unanswered > 0 && is_to_be_told(&self->unanswered, mono_us))
        log_event(LOG_WARNING, "answers to silences cannot be written; the silences are in force",
                  "count=%zu error=%s", count.unanswered, log_quote(count.error.text));
    if (count.written > SILENCES_ANSWERED_MAX && is_to_be_told(&self->crowded, mono_us))
        log_event(LOG_ERROR, "too many silences; those beyond are not in force",
                  "count=%zu limit=%d", count.written, SILENCES_ANSWERED_MAX);
}

static void take_look(silencer_t *self, int64_t mono_us)
{
    bool ended = silences_take(self->silences, silence_look_found(self->look));
    if (ended || !self->known)
        sweep_from(self, mono_us, true);
    if (self->failed)
        log_event(LOG_INFO, "silences can be read again", NULL);
    self->known = true;
    self->failed = false;
    tell_of_look(self, mono_us);
}

// Redis answers, but not this: another user's rights, or a key that is none of ours. It may stay so
// for ever, and an alert that does not come is worse than one too many.
static void go_on_without(silencer_t *self, int64_t mono_us)
{
    if (is_to_be_told(&self->unread, mono_us))
        log_event(LOG_ERROR, "silences cannot be read; those known are in force",
                  "known=%zu error=%s", silences_count(self->silences),
                  log_quote(store_error(self->store)));
    self->known = true;
    self->failed = true;
}

static void end_look(silencer_t *self, int64_t mono_us)
{
    int64_t pause_us = self->took_us * PAUSE_TIMES;
    self->looking = false;
    self->look_us = mono_us + (pause_us > PAUSE_US ? pause_us : PAUSE_US);
}

static void look_on(silencer_t *self, int64_t mono_us)
{
    bool done;
    int64_t began_us = life_mono_us();
    if (!self->looking) {
        silence_look_begin(self->look);
        self->looking = true;
        self->stale = false;
        self->took_us = 0;
    }
    store_status_t status = silence_look_step(self->look, &done);
    self->took_us += life_mono_us() - began_us;
    if (status == STORE_OK && !done)
        return;
    end_look(self, mono_us);
    if (status == STORE_OK)
        take_look(self, mono_us);
    else if (status == STORE_DOWN)
        self->stale = true;
    else
        go_on_without(self, mono_us);
}

// ---- what waits -----------------------------------------------------------------------------

static bool is_silenced(void *context, const store_waiting_t *waiting)
{
    return silences_find(context, waiting->rule, waiting->series) != NULL;
}

static void sweep(silencer_t *self, int64_t mono_us)
{
    uint64_t looked = 0, told = 0;
    store_status_t status =
        store_delivery_silenced(self->store, SWEEP_COUNT, (mono_us - self->swept_us) / 1000,
                                is_silenced, self->silences, &looked, &told);
    self->sweep_us = mono_us + (status == STORE_DOWN ? PAUSE_US : 0);
    if (status == STORE_DOWN)
        return;
    if (status != STORE_OK && is_to_be_told(&self->unswept, mono_us))
        log_event(LOG_ERROR, "what waits for the end of a silence cannot be looked at", "error=%s",
                  log_quote(store_error(self->store)));
    if (told > 0)
        log_event(LOG_INFO, "a silence is over; who was not told is told now",
                  "deliveries=%" PRIu64, told);
    if (looked < SWEEP_COUNT)
        self->sweeping = self->urgent = false;
}

// How long the silences are taken for those of Redis without asking.
static int64_t patience_us(const silencer_t *self)
{
    return self->live && !self->failed ? LIVE_LOOK_US : LOOK_US;
}

bool silencer_step(silencer_t *self, int64_t mono_us, int64_t wall_us)
{
    if (store_watch_take(self->watch, &self->live))
        self->stale = true;
    bool due = !self->known || self->stale || mono_us >= self->look_us + patience_us(self);
    if (self->looking || (due && mono_us >= self->look_us))
        look_on(self, mono_us);
    if (!self->known)
        return false;
    if (silences_tick(self->silences, wall_us))
        sweep_from(self, mono_us, true);
    else if (!self->sweeping && mono_us >= self->swept_us + SWEEP_US)
        sweep_from(self, mono_us, false);
    if (self->sweeping && mono_us >= self->sweep_us)
        sweep(self, mono_us);
    return !self->urgent;
}

static int64_t sooner(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

int64_t silencer_due_us(const silencer_t *self, int64_t mono_us, int64_t wall_us)
{
    if (self->looking)
        return mono_us;
    if (!self->known)
        return self->look_us;
    if (self->sweeping)
        return self->sweep_us;
    if (self->stale)
        return self->look_us;
    int64_t end_us = silences_end_us(self->silences);
    int64_t due_us = sooner(self->swept_us + SWEEP_US, self->look_us + patience_us(self));
    return end_us == INT64_MAX ? due_us : sooner(due_us, mono_us + (end_us - wall_us));
}
