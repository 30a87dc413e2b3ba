/*  preflight -- see preflight.h. */
#include "actors/cli/preflight.h"

#include <inttypes.h>
#include <stdio.h>

#include "actors/cli/trial.h"
#include "actors/collector/request.h"
#include "proto/owned.h"

// What is wrong comes first, where it came from and all that was refused after it.
static bool s_source_good(const source_t *source)
{
    owned(buffer_destroy) buffer_t body = { 0 }, out = { 0 }, refusals = { 0 }, shown = { 0 };
    const trial_print_t print = { 0 };
    trial_count_t count = { 0 };
    fault_t fault = { 0 };
    request_shown(source->url, &shown);
    if (!trial_fetch(source, &body, &fault) ||
        !trial_map(source, buffer_slice(&body), &print, &out, &refusals, &count, &fault)) {
        printf("  %s: %s\n    %s\n", source->name, fault.text, buffer_string(&shown));
        return false;
    }
    printf("  %s: %zu bytes, %" PRIu64 " rows, %" PRIu64 " quarantined\n", source->name, body.size,
           count.rows, count.quarantined);
    if (count.rows > 0)
        return true;
    printf("    %s\n    %s", buffer_string(&shown), buffer_string(&refusals));
    return false;
}

size_t preflight(const settings_t *settings)
{
    size_t good = 0;
    for (size_t i = 0; i < settings->source_count; i++) {
        const source_t *source = &settings->sources[i];
        good += source->kind != SOURCE_HTTP || s_source_good(source);
    }
    fflush(stdout);
    return good;
}
