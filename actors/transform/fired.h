/*  fired -- what rules have said of which open rows of a series, and how they stood.
 *
 *  Pure. A rule goes by its name and verdict here, not by its place in a plan: what it has said of
 *  a row is remembered until the row closes, whatever the plans in between. So a rule that was
 *  removed or changed and is given back says nothing twice, and an alert id comes once.
 *
 *  Of rules that recall (ruleset.h) it is remembered, too, that they held for a row when it was
 *  judged last: the row behind it is no step then. For that the row before the open ones stays.
 */
#pragma once
#include "actors/rules/ruleset.h"

enum {
    SAID_ALERT = 1,      // it was published
    SAID_SUPPRESSED = 2, // it was held back
    SAID_TRUE = 3,       // one of both
    SAID_INCIDENT = 4,   // it began an incident
    SAID_ANYTHING = 7,
    SAID_HELD = 8, // nothing was said by that: the condition holds, of a rule that recalls
    SAID_ALL = 15,
};

typedef struct {
    uint64_t position; // of an open row
    rule_id_t rule;
    uint8_t said; // SAID_*, not 0
} fired_row_t;

typedef struct {
    size_t count, capacity;
    fired_row_t *rows; // in order of (position, rule)
} fired_t;

void fired_close(fired_t *self);
unsigned fired_said(const fired_t *self, uint64_t position, const rule_id_t *rule); // 0: nothing
// It has said this, too. False: out of memory.
bool fired_say(fired_t *self, uint64_t position, const rule_id_t *rule, unsigned said);
void fired_move_up(fired_t *self, uint64_t from);                  // a row was put in there
void fired_unsay(fired_t *self, uint64_t position, unsigned said); // none has said this of the row
void fired_forget(fired_t *self, uint64_t before);  // rows that are not open any more
void fired_keep_held(fired_t *self, uint64_t open); // the same, but for SAID_HELD of the row before
void fired_drop(fired_t *self, uint64_t from);      // rows that are told again
size_t fired_from(const fired_t *self, uint64_t position); // the first in `rows` from there on
