/*  Any bytes as rules in Redis (name, then pairs of field and value, each ended by a zero byte, an
 *  empty name ends): the plan holds exactly the rules that were told good, and a second look at
 *  the same rules says nothing new.
 */
#include <stdlib.h>
#include <string.h>

#include "actors/collector/planner.h"

enum { PAIRS_MAX = 8, RULES_MAX = 8, COST_MAX = 120 };

static planner_t *make_planner(void)
{
    static const char text[] = "sources:\n"
                               "  - name: market\n"
                               "    url: simulate://market\n"
                               "    table: trade\n"
                               "    key: { symbol: /symbol }\n"
                               "    time: { at: /ts, unit: ms }\n"
                               "    columns: { price: /price, volume: /volume }\n"
                               "derive: { trade: { turnover: price * volume } }\n"
                               "rules: { spike: { on: trade, when: volume > 3 } }\n";
    settings_t *settings = settings_parse(text, sizeof text - 1, NULL);
    plan_t *base = settings ? planner_base(settings, NULL) : NULL;
    planner_t *planner = planner_new();
    if (!base || !planner || !planner_configure(planner, base, COST_MAX))
        abort();
    plan_destroy(&base);
    settings_destroy(&settings);
    return planner;
}

static const char *next_text(const char **at, const char *end)
{
    const char *text = *at;
    const char *zero = text < end ? memchr(text, '\0', (size_t) (end - text)) : NULL;
    if (!zero)
        return NULL;
    *at = zero + 1;
    return text;
}

static void give_rules(planner_t *planner, const char *at, const char *end)
{
    const char *names[RULES_MAX];
    size_t count = 0;
    for (const char *name; count < RULES_MAX && (name = next_text(&at, end)) && *name;) {
        static store_rule_t rule;
        rule = (store_rule_t){ .name = name };
        bool known = false;
        for (size_t i = 0; i < count; i++)
            known |= strcmp(names[i], name) == 0; // Redis has each once
        const char *field, *value;
        while (rule.count < PAIRS_MAX && (field = next_text(&at, end)) && *field &&
               (value = next_text(&at, end)))
            rule.fields[rule.count++] = (store_field_t){ field, value };
        if (known)
            continue;
        names[count++] = name;
        if (!planner_rule(planner, &rule))
            abort();
    }
}

typedef struct {
    size_t good, told;
} verdicts_t;

static void tell(void *context, const planner_verdict_t *verdict)
{
    verdicts_t *verdicts = context;
    verdicts->told++;
    if (!verdict->state || (strcmp(verdict->state, "error") == 0) != (verdict->error != NULL))
        abort();
    verdicts->good += !verdict->error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    planner_t *planner = make_planner();
    plan_hash_t hashes[2];
    for (int look = 0; look < 2; look++) {
        verdicts_t verdicts = { 0 };
        if (!planner_begin(planner))
            abort();
        give_rules(planner, (const char *) data, (const char *) data + size);
        plan_t *plan = planner_finish(planner);
        if (!plan || planner_tell(planner, SIZE_MAX, tell, &verdicts))
            abort();
        size_t rules = 0;
        for (size_t i = 0; i < plan_count(plan); i++)
            rules += plan_at(plan, i).kind == PLAN_RULE;
        if (look == 0 ? rules != verdicts.good : verdicts.told != 0)
            abort();
        hashes[look] = plan_hash(plan);
        plan_destroy(&plan);
    }
    if (memcmp(&hashes[0], &hashes[1], sizeof hashes[0]) != 0)
        abort();
    planner_destroy(&planner);
    return 0;
}
