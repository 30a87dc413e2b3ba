/*  registry_verdicts -- what people are told of their rules; see registry.h. Runs in the registry's
 *  own thread, after the plan was handed out: a hundred thousand verdicts keep no rule waiting.
 */
#include "actors/collector/registry_inside.h"
#include "broker/runtime/life.h"

enum {
    TELL_MAX = 4096, // verdicts written at once: then a beat may be due
    UNTOLD_AGAIN_US = 10 * 1000000,
};

static void s_note_verdict(registry_t *self, const planner_verdict_t *verdict)
{
    if (verdict->kind == PLAN_DERIVE)
        registry_note(self, LOG_ERROR, "derived column left out", "column", verdict->name, "error",
                      verdict->error);
    else if (verdict->error)
        registry_note(self, LOG_WARNING, "rule refused", "rule", verdict->name, "error",
                      verdict->error);
    else
        registry_note(self, LOG_INFO, "rule", "rule", verdict->name, "state",
                      verdict->state ? verdict->state : "removed");
}

typedef struct {
    registry_t *self;
    size_t count;
    store_verdict_t items[TELL_MAX];
} telling_t;

static void s_on_verdict(void *context, const planner_verdict_t *verdict)
{
    telling_t *telling = context;
    if (!verdict->again) // else the log has it
        s_note_verdict(telling->self, verdict);
    if (verdict->kind == PLAN_RULE)
        telling->items[telling->count++] =
            (store_verdict_t){ verdict->name, verdict->state, verdict->error, telling->self->name,
                               verdict->cost };
}

// All of them with the next look, which meets a Redis that is not known.
static void s_meet_again(registry_t *self)
{
    int64_t again_us = life_mono_us() + REGISTRY_BEAT_MS * INT64_C(1000);
    self->telling = false;
    self->epoch = 0;
    self->look_us = self->look_us < again_us ? self->look_us : again_us;
}

// Redis goes on as it is, and what it did not take is asked for by nobody: all again, later.
static void s_wait_for_room(registry_t *self)
{
    self->telling = false;
    self->untold = true;
    self->untold_us = life_mono_us() + UNTOLD_AGAIN_US;
    registry_tell_no_room(self, NO_ROOM_VERDICTS, NULL,
                          "what status:<rule> says may be out of date; it is written when Redis "
                          "has room");
}

// A look may have begun to tell what is new: the rest goes with it.
static void s_begin_again(registry_t *self)
{
    if (self->untold && life_mono_us() >= self->untold_us) {
        planner_tell_again(self->planner);
        self->telling = true;
        self->untold = false;
    }
}

void registry_tell_verdicts(registry_t *self)
{
    s_begin_again(self);
    if (!self->telling)
        return;
    telling_t telling = { .self = self };
    self->telling = planner_tell(self->planner, TELL_MAX, s_on_verdict, &telling);
    // One that is refused has a name that no key can have: the log tells it.
    store_status_t status =
        telling.count ? store_rule_verdicts(self->store, telling.items, telling.count) : STORE_OK;
    if (status == STORE_DOWN) {
        registry_heard(self, status);
        s_meet_again(self);
    } else if (status == STORE_FULL) {
        s_wait_for_room(self);
    }
}
