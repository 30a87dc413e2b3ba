/*  findings -- what was found out of the row in hand, once for all rules that ask it.
 *
 *  Values of columns and aggregates, for programs (actors/rules/program.h), and which sets of
 *  guards hold. A table has few of either, and may have very many rules.
 */
#pragma once
#include "actors/rules/program.h"
#include "actors/transform/layout.h"

typedef struct {
    leaves_t leaves;
    size_t capacity;
    uint64_t *guards; // of each set of guards of the docket: row << 1 | they hold
} findings_t;

bool findings_begin(findings_t *self, const layout_t *layout); // another row; false: out of memory
void findings_close(findings_t *self);

// Do the guards of this set hold? False: nobody asked of this row yet.
static inline bool findings_guards(const findings_t *self, uint32_t set, bool *hold)
{
    *hold = self->guards[set] & 1;
    return self->guards[set] >> 1 == self->leaves.row;
}

static inline void findings_note(findings_t *self, uint32_t set, bool hold)
{
    self->guards[set] = self->leaves.row << 1 | hold;
}
