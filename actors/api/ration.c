/*  ration -- see ration.h. */
#include "actors/api/ration.h"

static int64_t s_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void ration_turn(ration_t *self, size_t unfinished)
{
    int64_t all = unfinished > 0 ? (int64_t) unfinished : 1;
    self->turn++;
    self->left = s_least(self->left + RATION_STEPS_MAX, RATION_STEPS_MAX);
    // Half of it is shared out: were it all, who is last would have to wait for a turn in which no
    // other takes more than its share.
    self->share = s_least(RATION_STEPS_MAX / 2 / all + 1, RATION_SHARE_MAX);
}

int64_t ration_left(const ration_t *self, portion_t *portion)
{
    int64_t turns = (int64_t) (self->turn - portion->turn);
    if (turns > 0)
        portion->left = s_least(portion->left + turns * self->share, self->share);
    portion->turn = self->turn;
    return s_least(portion->left, self->left);
}

void ration_take(ration_t *self, portion_t *portion, int64_t steps)
{
    portion->left -= steps;
    self->left -= steps;
}
