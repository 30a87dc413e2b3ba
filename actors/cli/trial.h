/*  trial -- what a source gives, now and once: fetched as the collector fetches it, mapped as prep
 *  maps it. No actor runs and nothing is kept.
 */
#pragma once
#include "broker/runtime/settings.h"
#include "proto/slice.h"

enum { TRIAL_BODY_BYTES_MAX = 64 << 20 }; // of all that is fetched

// Point a source at another URL, which must outlive it. False with fault: nothing to fetch there.
bool trial_aim(source_t *source, const char *url, fault_t *fault);

// The URL of a file that was named by its path alone; a URL as it is. False with fault: there is no
// such file, or no memory.
bool trial_url(const char *url_or_path, buffer_t *url, fault_t *fault);

// Fetch the source's URL, file:// (all that match) or http(s)://, into an empty `body`. False with
// fault: there was no answer, or one that is no success.
bool trial_fetch(const source_t *source, buffer_t *body, fault_t *fault);

typedef struct {
    bool json;              // a JSON object per row instead of a table
    unsigned long rows_max; // of those printed
} trial_print_t;

typedef struct {
    uint64_t rows, quarantined;
} trial_count_t;

// Map a body by the source's mapping; append the first rows to `out`, and tell the first of those
// refused, with reason, in `refusals`. False with fault: a mapping that does not compile, or no
// memory.
bool trial_map(const source_t *source, slice_t body, const trial_print_t *print, buffer_t *out,
               buffer_t *refusals, trial_count_t *count, fault_t *fault);
