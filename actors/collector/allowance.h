/*  allowance -- what the headers of an answer say about how many more requests the host takes.
 *
 *  Pure. Every API has names of its own for the same three numbers; Binance counts upwards instead,
 *  and how far it may is what the budget says. What makes no sense (limits of 0 and -1 mean "none"
 *  here and there) is not believed.
 */
#pragma once
#include "actors/collector/gate.h"

#define ALLOWANCE_UNSAID INT64_MIN

typedef struct {
    int64_t remaining, limit; // requests, or ALLOWANCE_UNSAID
    int64_t renewed_us;       // from now; 0 = already
    int64_t used, window_us;  // of the weight that may be used in a window
} allowance_t;

void allowance_begin(allowance_t *self);

// One header; those that say nothing of it are passed over. wall_us: Unix time.
void allowance_header(allowance_t *self, const char *name, const char *value, int64_t wall_us);

// All headers were seen: fill in what the answer says is left, if it does.
void allowance_settle(const allowance_t *self, const budget_t *budget, int64_t wall_us,
                      answer_t *answer);
