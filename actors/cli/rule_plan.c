/*  rule_plan -- see rule_plan.h. */
#include "actors/cli/rule_plan.h"

#include <stdio.h>
#include <string.h>

#include "actors/collector/planner.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

typedef struct {
    planner_t *planner;
    bool good;
} redis_rules_t;

static void add_redis_rule(void *context, const store_rule_t *rule)
{
    redis_rules_t *self = context;
    self->good &= planner_rule(self->planner, rule);
}

typedef struct {
    const char *name;
    bool refused;
} refusal_t;

static void tell_refusal(void *context, const planner_verdict_t *verdict)
{
    refusal_t *self = context;
    if (verdict->kind != PLAN_RULE || strcmp(verdict->name, self->name) != 0 || !verdict->error)
        return;
    fprintf(stderr, "tidewire rule: '%s': %s\n", verdict->name, verdict->error);
    self->refused = true;
}

plan_t *rule_plan(const settings_t *settings, store_t *store, const char *name,
                  const store_rule_t *extra, int *status)
{
    fault_t fault = { 0 };
    *status = EXIT_FAILED;
    owned(plan_destroy) plan_t *base = planner_base(settings, &fault);
    owned(planner_destroy) planner_t *planner = planner_new();
    if (!base || !planner || !planner_configure(planner, base, settings->rule_cost_max) ||
        !planner_begin(planner)) {
        fprintf(stderr, "tidewire rule: %s\n", base ? "out of memory" : fault.text);
        return NULL;
    }
    redis_rules_t redis = { planner, true };
    if (store)
        (void) store_rules(store, add_redis_rule, &redis); // without Redis: the file's alone
    if (extra)
        add_redis_rule(&redis, extra);
    refusal_t refusal = { .name = name };
    plan_t *plan = redis.good ? planner_finish(planner) : NULL;
    if (plan)
        (void) planner_tell(planner, SIZE_MAX, tell_refusal, &refusal);
    if (!plan)
        fputs("tidewire rule: out of memory\n", stderr);
    else
        *status = refusal.refused ? EXIT_CONFIG : EXIT_OK;
    return plan;
}
