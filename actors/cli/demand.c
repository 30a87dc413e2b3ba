/*  demand -- see demand.h. */
#include "actors/cli/demand.h"

#include <stdio.h>
#include <string.h>

#include "actors/collector/request.h"

enum { HOST_MAX = 512 };

#define TOLERANCE 1.01 // polls that keep exactly to a budget are no reason to worry

typedef struct {
    size_t sources;
    double per_s; // requests that they ask for, pages beyond the first not counted
} demand_t;

static bool s_is_of(const source_t *source, const char *host)
{
    char name[HOST_MAX];
    return source->kind == SOURCE_HTTP && request_host(source->url, name, sizeof name) &&
           strcmp(name, host) == 0;
}

// Of all sources of this host from `first` on; none if an earlier one has it already.
static demand_t s_demand(const settings_t *settings, size_t first, const char *host)
{
    demand_t demand = { 0 };
    for (size_t i = 0; i < settings->source_count; i++) {
        if (!s_is_of(&settings->sources[i], host))
            continue;
        if (i < first)
            return (demand_t){ 0 };
        demand.sources++;
        demand.per_s += 1e6 / (double) settings->sources[i].every_us;
    }
    return demand;
}

size_t demand_warn(const settings_t *settings)
{
    size_t warned = 0;
    for (size_t i = 0; i < settings->source_count; i++) {
        const source_t *source = &settings->sources[i];
        char host[HOST_MAX];
        if (source->kind != SOURCE_HTTP || !request_host(source->url, host, sizeof host))
            continue;
        demand_t demand = s_demand(settings, i, host);
        budget_t budget = request_budget(settings, host);
        double allowed = budget.count * 1e6 / (double) budget.window_us;
        if (demand.per_s <= allowed * TOLERANCE)
            continue;
        fprintf(stderr,
                "%s:%d:%d: warning: %zu source%s of %s ask for %.3g requests a second, and its "
                "budget is %.3g: polls will come later than `every`; if the host permits more, "
                "say so in `budgets`\n",
                settings->path, source->line, source->column, demand.sources,
                demand.sources == 1 ? "" : "s", host, demand.per_s, allowed);
        warned++;
    }
    return warned;
}
