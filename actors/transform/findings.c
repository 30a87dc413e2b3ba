/*  findings -- see findings.h. */
#include "actors/transform/findings.h"

#include <stdlib.h>
#include <string.h>

bool findings_begin(findings_t *self, const layout_t *layout)
{
    size_t count = layout->docket->guard_sets;
    if (count > self->capacity) {
        uint64_t *guards = realloc(self->guards, count * sizeof *guards);
        if (!guards)
            return false;
        self->guards = guards;
        memset(guards + self->capacity, 0, (count - self->capacity) * sizeof *guards);
        self->capacity = count;
    }
    return leaves_begin(&self->leaves, layout->plan);
}

void findings_close(findings_t *self)
{
    leaves_close(&self->leaves);
    free(self->guards);
    *self = (findings_t){ 0 };
}
