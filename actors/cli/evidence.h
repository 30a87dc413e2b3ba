/*  evidence -- what an alert rests on, for a person: the rule, the rows that it saw, what they come
 *  to.
 *
 *  Pure. Rows of one series are given in the order of the log; those that the windows of a row at
 *  the alert's time may see are kept: the accepted ones, in their last revision, by time and
 *  arrival (docs/rules.md).
 */
#pragma once
#include "actors/cli/logged_alert.h"
#include "actors/cli/retell.h"

typedef struct evidence evidence_t;

enum { EVIDENCE_ROWS_MAX = 4 << 20 }; // kept at a time; beyond, the oldest go and are counted

evidence_t *evidence_new(const logged_alert_t *logged); // which must outlive it
void evidence_destroy(evidence_t **self_p);

// Rows of a record; those of other series are passed over. False: no memory.
bool evidence_add(evidence_t *self, const retell_run_t *run);

// The alert as it came out, just now. False: no memory.
bool evidence_judge(evidence_t *self, const alert_t *alert);

// All of it; of each window the first and last rows, or all. False: no memory.
bool evidence_print(const evidence_t *self, bool all_rows, buffer_t *out);
