/*  lag -- how far behind the head of a log those are who work on it. Pure.
 *
 *  The log says how far it is, the workers how far they have committed; in between are remembered
 *  moments at which the log had come so far. At most LAG_MARKS of them: when there are more, every
 *  second is forgotten and new ones come half as often, so that the age of a long queue is known to
 *  a hundredth of itself.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LAG_MARKS = 256 };

typedef struct {
    uint64_t durable, committed; // seqs; the highest that were ever told
    int64_t step_us;             // marks are not closer than this
    size_t count;
    struct {
        uint64_t seq;
        int64_t us;
    } marks[LAG_MARKS]; // rising in both, beyond `committed`
} lag_t;

// Now (monotonic, microseconds) this much is durable and that much committed. `committed` 0: nobody
// says, what was known holds.
void lag_note(lag_t *self, uint64_t durable, uint64_t committed, int64_t now_us);

uint64_t lag_records(const lag_t *self);
// How long the oldest record that is not committed has been durable, or a little less; 0 if all are
// committed.
int64_t lag_us(const lag_t *self, int64_t now_us);
