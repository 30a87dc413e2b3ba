/*  gate -- when the next request to one host may begin.
 *
 *  Pure: time is an argument, jitter comes from a seed. All sources of a host go through one
 *  gate. It is closed while as many requests as the budget allows began within its window; while
 *  the host asked to be left alone; while it does not answer (then one request at a time tries,
 *  twice as long after the last each time); and what the host says is left of an allowance is
 *  spread over the time until there is more.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "broker/runtime/settings.h"

enum {
    GATE_UNDER_WAY_MAX = 32,             // requests to one host at once
    GATE_BACKOFF_US_MAX = 300 * 1000000, // longest pause after failures, unless polled more rarely
    GATE_BACKOFF_US_MIN = 1000000,       // first pause of a host, unless polled more rarely
    GATE_BACKOFF_PERCENT = 20,           // jitter of a pause, to both sides
    GATE_RETRY_AFTER_S_MAX = 3600,       // more is not believed
    GATE_SPENT_US = 60 * 1000000,        // nothing is left, and nobody says when there is more
};

typedef enum {
    ANSWER_GOOD,
    ANSWER_BAD,     // the host is well; only what this source asks for is not there
    ANSWER_NONE,    // nothing came, or what speaks for the whole host (502, 503, 504)
    ANSWER_REFUSED, // the host wants fewer requests (429, 418, or it says when to come again)
} answer_kind_t;

typedef struct {
    answer_kind_t kind;
    int64_t retry_after_us; // as the host asked; 0 = it did not
    unsigned followed;      // redirects: requests beyond the first
    bool limited;           // the host said how many requests are left:
    int64_t left;
    int64_t renewed_us; // and in how long there are more; 0 = not said
} answer_t;

typedef struct {
    budget_t budget;
    int64_t *begun;  // when the last budget.count requests began, a ring
    uint32_t oldest; // place in it
    int64_t begun_us;
    unsigned under_way;
    int64_t closed_us;            // nothing begins before
    int64_t gap_us, gap_until_us; // between two requests, until then
    unsigned failures;            // of the host, in a row
    int64_t failed_us, good_us;   // when the last of either came back
} gate_t;

bool gate_init(gate_t *self, budget_t budget); // false: out of memory
void gate_clear(gate_t *self);

// The same host under other settings: what it asked for and what began there goes on to count.
// What is under way does not come over.
void gate_inherit(gate_t *self, const gate_t *old);

// When the next request may begin; INT64_MAX: not before one comes back.
int64_t gate_open_us(const gate_t *self);

void gate_begin(gate_t *self, int64_t now_us);

// A request that began at begun_us came back; its source is polled every every_us. True: whatever
// failed is the host's failure, not that of the source.
bool gate_end(gate_t *self, int64_t begun_us, int64_t every_us, const answer_t *answer,
              uint64_t *random, int64_t now_us);

// The pause after so many failures (> 0) in a row of what is else done every `every_us`.
int64_t gate_backoff_us(int64_t every_us, unsigned failures, uint64_t *random);

// duration +- percent of it
int64_t gate_jitter_us(int64_t duration_us, int percent, uint64_t *random);
