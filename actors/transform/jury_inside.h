/*  jury_inside -- between the files of the jury. */
#pragma once
#include "actors/transform/jury.h"
#include "actors/transform/still.h"

static inline sight_t jury_sight(const hearing_t *hearing)
{
    return (sight_t){ .layout = hearing->series->layout, .moment = hearing->moment };
}

// What expressions see: windows that move, or that stand still.
frame_t jury_frame(const hearing_t *hearing);
frame_t jury_frame_still(const hearing_t *hearing, const still_t *still);

// Are the windows of a condition covered, and no coarse one ahead of what its cells have?
bool jury_sees(const hearing_t *hearing, const compiled_rule_t *compiled);
