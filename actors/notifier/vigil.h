/*  vigil -- when is the watch degraded, and when is it back? The state of each cause. Pure.
 *
 *  Looks come in rounds. A cause that is bad in every look for a while is degraded; one that is
 *  good in every look for as long is restored; what goes to and fro within that tells nothing.
 *  Between deciding and having told everybody a cause waits in a phase of its own, so that whoever
 *  takes over knows what is to be finished:
 *
 *      well --bad--> telling --told--> degraded --good--> restoring --told--> well
 *
 *  Phases live in notes outside; here is only what was seen since. So each round begins with all
 *  notes there are. A look that came late, or none for a while, begins all stretches anew.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VIGIL_CAUSES_MAX = 64,   // at a time; more are not followed
    VIGIL_CAUSE_BYTES = 160, // of a name, NUL included
    VIGIL_TEXT_BYTES = 400,  // of what is wrong, NUL included; longer ones are cut
    VIGIL_NOTE_BYTES = VIGIL_TEXT_BYTES + 80,
};

typedef enum { VIGIL_WELL, VIGIL_TELLING, VIGIL_DEGRADED, VIGIL_RESTORING } vigil_phase_t;

typedef struct {
    char cause[VIGIL_CAUSE_BYTES]; // "source:candles"
    char text[VIGIL_TEXT_BYTES];   // what is wrong, for people
    vigil_phase_t phase;
    int64_t since_us; // Unix time: when it began to be bad
    int64_t at_us;    // Unix time: when the phase was decided
} vigil_state_t;

// "degraded <since_us> <at_us> <text>"; "" of one that is well.
void vigil_write(const vigil_state_t *state, char note[VIGIL_NOTE_BYTES]);
// False: it is no such note, or the cause is no name.
bool vigil_read(vigil_state_t *state, const char *cause, const char *note);

typedef struct vigil vigil_t;

vigil_t *vigil_new(void); // NULL: out of memory
void vigil_destroy(vigil_t **self_p);

typedef struct {
    int64_t mono_us, wall_us;
    int64_t after_us; // how long it takes to be degraded, or restored
    int64_t late_us;  // a look so long after the one before begins anew
} vigil_time_t;

// ---- a round: begin, then notes, then what is bad or not known, then end --------------------

void vigil_begin(vigil_t *self);
// This is noted. What is not, is well. False: too many.
bool vigil_note(vigil_t *self, const vigil_state_t *noted);
// False: too many causes, it is not followed.
bool vigil_bad(vigil_t *self, const char *cause, const char *text);
// Nothing can be said now of causes that begin so, unless they are bad: their stretches begin anew.
void vigil_unknown(vigil_t *self, const char *prefix);
void vigil_end(vigil_t *self, const vigil_time_t *now);

// ---- between rounds -------------------------------------------------------------------------

// One that a step is due for, by order; false: no more. *next is the state to be noted: TELLING or
// RESTORING, or the same as now where telling is to be finished.
bool vigil_due(const vigil_t *self, size_t *at, vigil_state_t *now, vigil_state_t *next);
// In this phase of the notes; WELL: none. For those who ask what is known of a cause.
vigil_phase_t vigil_phase(const vigil_t *self, const char *cause);
bool vigil_is_bad(const vigil_t *self, const char *cause); // in this round
size_t vigil_degraded(const vigil_t *self);                // in any phase but well
// Every cause there is a note of.
typedef void vigil_visit_t(void *context, const vigil_state_t *state);
void vigil_noted(const vigil_t *self, vigil_visit_t *visit, void *context);
