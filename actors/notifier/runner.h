/*  runner -- runs what must not hold us up as processes of their own, a few at a time: the
 *  operator's commands, and mails, which our own program sends (mailer.h).
 *
 *  A command is a program with an absolute path: no shell, no words that come from elsewhere. It
 *  has an environment of its own (PATH, TIDEWIRE_ID, TIDEWIRE_SUBSCRIBER), the letter's body on
 *  its standard input, and nowhere to write to. When it ends, or when its time is over,
 *  everything of its group is killed. One that does not die then keeps its place until it does,
 *  and nobody waits for it.
 */
#pragma once
#include "actors/notifier/deliver.h"

enum { RUNNER_AT_ONCE_MAX = 4 };

typedef struct runner runner_t;

runner_t *runner_new(fault_t *fault);
void runner_destroy(runner_t **self_p); // what runs is killed

// A command or a mail. DELIVER_REFUSED: in the fault, why it cannot be run.
deliver_status_t runner_start(runner_t *self, const letter_t *letter, size_t tag, int64_t now_us,
                              fault_t *fault);
bool runner_has_room(const runner_t *self);
// *answer is of one that ended or whose time is over. False: none just now.
bool runner_next(runner_t *self, int64_t now_us, answer_t *answer);

// Each is readable when one ended; -1 = none. Their number is RUNNER_AT_ONCE_MAX.
void runner_descriptors(const runner_t *self, int descriptors[RUNNER_AT_ONCE_MAX]);
// When the next has run for too long (monotonic us); INT64_MAX = none runs.
int64_t runner_due_us(const runner_t *self);
