/*  evidence -- what an alert rests on, for a person: the rule, the rows that it saw, what they come
 *  to.
 *
 *  Pure. Rows of one series are given as the fold takes them in. Those that the windows which it
 *  was logged with may see of the row that it rests on are kept, in their last revision, by time
 *  and arrival (docs/rules.md): the row of the alert, or that from which on windows stand still.
 *  However long they do, what lies between is kept only as long as it may be revised.
 */
#pragma once
#include "actors/cli/logged_alert.h"
#include "actors/cli/retell.h"

typedef struct evidence evidence_t;

// Rows kept up to the one that it rests on; beyond, the oldest go, and it is said.
enum { EVIDENCE_ROWS_MAX = 4 << 20 };

// `logged` must outlive it.
evidence_t *evidence_new(const logged_alert_t *logged, size_t rows_max);
void evidence_destroy(evidence_t **self_p);

// A row that came in; of another series it is passed over. False: no memory.
bool evidence_add(evidence_t *self, const fold_taken_t *taken);

// The alert as it came out, just now. False: no memory.
bool evidence_judge(evidence_t *self, const retell_alert_t *said);

// All of it; of each window the first and last rows, or all. False: no memory.
bool evidence_print(const evidence_t *self, bool all_rows, buffer_t *out);
