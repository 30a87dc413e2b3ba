/*  plan_maker -- plans for the tests of the rule language: one table, some rules.
 *
 *  Writes a source's definition as actors/prep does, as far as rules look at it.
 */
#pragma once
#include <stdlib.h>
#include <string.h>

#include "actors/rules/ruleset.h"
#include "proto/buffer.h"
#include "proto/wire.h"

static inline void plan_maker_names(buffer_t *out, const char *const *names, const char *value)
{
    uint32_t count = 0;
    while (names[count])
        count++;
    wire_array(out, count * 2);
    for (uint32_t i = 0; i < count; i++) {
        wire_string(out, names[i]);
        wire_string(out, value);
    }
}

static inline void plan_maker_source(plan_t *plan, const char *name, const char *table,
                                     const char *const *keys, const char *const *columns)
{
    buffer_t body = { 0 };
    wire_array(&body, 17);
    wire_u64(&body, 1);
    wire_u64(&body, 0);
    wire_u64(&body, 0);
    wire_bool(&body, true);
    wire_u64(&body, ',');
    wire_string(&body, "/*");
    wire_bool(&body, false);
    wire_string(&body, table);
    plan_maker_names(&body, keys, "=x");
    wire_bool(&body, false);
    wire_string(&body, "/0");
    wire_string(&body, "ms");
    plan_maker_names(&body, columns, "/1");
    wire_array(&body, 0);
    wire_bool(&body, false);
    wire_array(&body, 0);
    wire_array(&body, 0);
    if (body.failed || !plan_set(plan, PLAN_SOURCE, slice_text(name), buffer_slice(&body), NULL))
        abort();
    buffer_destroy(&body);
}

static inline plan_t *plan_maker_candles(void)
{
    static const char *const keys[] = { "exchange", "pair", NULL };
    static const char *const columns[] = { "open", "high", "low", "close", "volume", NULL };
    plan_t *plan = plan_new();
    if (!plan)
        abort();
    plan_maker_source(plan, "candles", "candle", keys, columns);
    return plan;
}

static inline rule_t plan_maker_rule(const char *when)
{
    return (rule_t){ .on = slice_text("candle"),
                     .when = slice_text(when),
                     .severity = slice_text("warning"),
                     .min_rows = 10,
                     .positive = true,
                     .enabled = true };
}

static inline void plan_maker_put(plan_t *plan, const char *name, const rule_t *rule)
{
    buffer_t body = { 0 };
    rule_encode(rule, &body);
    if (body.failed || !plan_set(plan, PLAN_RULE, slice_text(name), buffer_slice(&body), NULL))
        abort();
    buffer_destroy(&body);
}

static inline void plan_maker_derive(plan_t *plan, const char *name, const char *sql)
{
    if (!plan_set(plan, PLAN_DERIVE, slice_text(name), slice_text(sql), NULL))
        abort();
}
