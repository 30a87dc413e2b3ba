/*  vigil -- see vigil.h. */
#include "actors/notifier/vigil.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const phases[] = { "", "telling", "degraded", "restoring" };
enum { PHASES = sizeof phases / sizeof phases[0] };

typedef enum { SAMPLE_GOOD, SAMPLE_BAD, SAMPLE_UNKNOWN } sample_t;

typedef struct {
    vigil_state_t state;
    char text[VIGIL_TEXT_BYTES]; // of this round
    vigil_phase_t before;        // the round before
    sample_t sample;             // of this round
    bool decided;                // a step is due that is not noted yet
    int64_t decided_us;          // Unix time: when
    int64_t mono_us, wall_us;    // since when looks contradict the phase; mono_us -1 = they do not
} cause_t;

struct vigil {
    int64_t looked_us; // monotonic: the look before; -1 = none
    size_t count;
    cause_t causes[VIGIL_CAUSES_MAX];
};

vigil_t *vigil_new(void)
{
    vigil_t *self = calloc(1, sizeof *self);
    if (self)
        self->looked_us = -1;
    return self;
}

void vigil_destroy(vigil_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

// ---- notes ----------------------------------------------------------------------------------

void vigil_write(const vigil_state_t *state, char note[VIGIL_NOTE_BYTES])
{
    note[0] = '\0';
    if (state->phase != VIGIL_WELL)
        snprintf(note, VIGIL_NOTE_BYTES, "%s %" PRId64 " %" PRId64 " %s", phases[state->phase],
                 state->since_us, state->at_us, state->text);
}

// A number that is not negative, and the space behind it.
static bool read_time(const char **at, int64_t *us)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    *us = strtoll(*at, &end, 10);
    if (*end != ' ')
        return false;
    *at = end + 1;
    return true;
}

bool vigil_read(vigil_state_t *state, const char *cause, const char *note)
{
    size_t size = strcspn(note, " "), phase = VIGIL_TELLING;
    while (phase < PHASES &&
           (strlen(phases[phase]) != size || memcmp(phases[phase], note, size) != 0))
        phase++;
    const char *at = note + size + (note[size] == ' ');
    *state = (vigil_state_t){ .phase = VIGIL_WELL };
    if (phase == PHASES || !read_time(&at, &state->since_us) || !read_time(&at, &state->at_us) ||
        cause[0] == '\0' || strlen(cause) >= VIGIL_CAUSE_BYTES || strlen(at) >= VIGIL_TEXT_BYTES)
        return false;
    state->phase = (vigil_phase_t) phase;
    strcpy(state->cause, cause);
    strcpy(state->text, at);
    return true;
}

// ---- a round --------------------------------------------------------------------------------

static cause_t *find(const vigil_t *self, const char *cause)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->causes[i].state.cause, cause) == 0)
            return (cause_t *) &self->causes[i];
    return NULL;
}

static cause_t *find_or_add(vigil_t *self, const char *cause)
{
    cause_t *found = find(self, cause);
    if (found || self->count == VIGIL_CAUSES_MAX || strlen(cause) >= VIGIL_CAUSE_BYTES)
        return found;
    found = &self->causes[self->count++];
    *found = (cause_t){ .mono_us = -1 };
    strcpy(found->state.cause, cause);
    return found;
}

void vigil_begin(vigil_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        cause_t *cause = &self->causes[i];
        cause->sample = SAMPLE_GOOD;
        cause->decided = false;
        cause->before = cause->state.phase;
        cause->state.phase = VIGIL_WELL;
    }
}

bool vigil_note(vigil_t *self, const vigil_state_t *noted)
{
    cause_t *cause = find_or_add(self, noted->cause);
    if (!cause)
        return false;
    cause->state = *noted;
    return true;
}

bool vigil_bad(vigil_t *self, const char *name, const char *text)
{
    cause_t *cause = find_or_add(self, name);
    if (!cause)
        return false;
    bool first = cause->sample != SAMPLE_BAD;
    size_t used = first ? 0 : strlen(cause->text);
    cause->sample = SAMPLE_BAD;
    snprintf(cause->text + used, sizeof cause->text - used, "%s%s", first ? "" : "; ", text);
    return true;
}

void vigil_unknown(vigil_t *self, const char *prefix)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->causes[i].sample == SAMPLE_GOOD &&
            strncmp(self->causes[i].state.cause, prefix, strlen(prefix)) == 0)
            self->causes[i].sample = SAMPLE_UNKNOWN;
}

static bool contradicts(const cause_t *cause)
{
    switch (cause->state.phase) {
    case VIGIL_WELL:
        return cause->sample == SAMPLE_BAD;
    case VIGIL_DEGRADED:
        return cause->sample == SAMPLE_GOOD;
    case VIGIL_TELLING:
    case VIGIL_RESTORING:
        break; // first what is decided is told
    }
    return false;
}

static void judge(cause_t *cause, const vigil_time_t *now)
{
    if (!contradicts(cause)) {
        cause->mono_us = -1;
        return;
    }
    if (cause->mono_us < 0) {
        cause->mono_us = now->mono_us;
        cause->wall_us = now->wall_us;
    }
    cause->decided = now->mono_us - cause->mono_us >= now->after_us;
    cause->decided_us = now->wall_us;
}

static bool is_over(const cause_t *cause)
{
    return cause->state.phase == VIGIL_WELL && cause->sample != SAMPLE_BAD;
}

void vigil_end(vigil_t *self, const vigil_time_t *now)
{
    bool late = self->looked_us < 0 || now->mono_us - self->looked_us >= now->late_us;
    size_t kept = 0;
    self->looked_us = now->mono_us;
    for (size_t i = 0; i < self->count; i++) {
        cause_t *cause = &self->causes[i];
        // A note that somebody else wrote, or removed: what was seen before it says nothing.
        if (late || cause->before != cause->state.phase)
            cause->mono_us = -1;
        judge(cause, now);
        if (!is_over(cause))
            self->causes[kept++] = *cause;
    }
    self->count = kept;
}

// ---- between rounds -------------------------------------------------------------------------

bool vigil_due(const vigil_t *self, size_t *at, vigil_state_t *now, vigil_state_t *next)
{
    for (; *at < self->count; ++*at) {
        const cause_t *cause = &self->causes[*at];
        bool open = cause->state.phase == VIGIL_TELLING || cause->state.phase == VIGIL_RESTORING;
        if (!open && !cause->decided)
            continue;
        *now = *next = cause->state;
        if (cause->decided && now->phase == VIGIL_WELL) {
            next->phase = VIGIL_TELLING;
            next->since_us = cause->wall_us;
            next->at_us = cause->decided_us;
            strcpy(next->text, cause->text);
        } else if (cause->decided) {
            next->phase = VIGIL_RESTORING;
            next->at_us = cause->wall_us;
        }
        ++*at;
        return true;
    }
    return false;
}

vigil_phase_t vigil_phase(const vigil_t *self, const char *cause)
{
    const cause_t *found = find(self, cause);
    return found ? found->state.phase : VIGIL_WELL;
}

bool vigil_is_bad(const vigil_t *self, const char *cause)
{
    const cause_t *found = find(self, cause);
    return found && found->sample == SAMPLE_BAD;
}

size_t vigil_degraded(const vigil_t *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        count += self->causes[i].state.phase != VIGIL_WELL;
    return count;
}

void vigil_noted(const vigil_t *self, vigil_visit_t *visit, void *context)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->causes[i].state.phase != VIGIL_WELL)
            visit(context, &self->causes[i].state);
}
