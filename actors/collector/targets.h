/*  targets -- the http(s) sources of a configuration and the hosts they are asked of.
 *
 *  Private to the poller: what it knows of each source beside when it is due.
 */
#pragma once
#include "actors/collector/poller.h"
#include "actors/collector/request.h"
#include "broker/runtime/settings.h"

typedef struct {
    const source_t *source;
    unsigned host;         // number of its host
    char *etag, *modified; // of what was staged last; NULL = none
    page_t *page;          // the next to ask for; NULL unless paged
    bool failing;
    int64_t since_us;  // it is failing
    int64_t told_us;   // when that was logged last
    uint64_t untold;   // failures since then
    uint64_t failures; // ever
    char reason[POLLER_REASON_MAX];
    int64_t gap_from_us, gap_to_us; // it was failing then; to 0 = that was told
} target_t;

typedef struct {
    size_t count, host_count;
    target_t *items;
    char **hosts;      // their names, as in `budgets`
    budget_t *budgets; // and theirs
} targets_t;

// `settings` must outlive it. False: out of memory; clear it nevertheless.
bool targets_init(targets_t *self, const settings_t *settings);
void targets_clear(targets_t *self);

bool targets_find_host(const targets_t *self, const char *name, unsigned *host);

// "Only if it is not what we have": where the answer is one body, and the same body says nothing
// new.
bool target_is_conditional(const target_t *self);

// Remember the validators of what was staged; NULL = it had none.
void target_remember(target_t *self, const char *etag, const char *modified);

// The next poll begins with the first page.
void target_turn_back(target_t *self);
