/*  sql -- the complete query of a rule: run verbatim, it returns the rows that alert. */
#include "actors/rules/sql.h"

#include <stdio.h>

#include "actors/rules/ruleset.h"
#include "proto/owned.h"

enum { US_PER_S = 1000000 };

// ---- windows ----------------------------------------------------------------------------------

const char *sql_keys(const printer_t *self)
{
    const char *list = "";
    for (size_t i = 0; i < self->table->key_count; i++)
        list = sql_print(self, "%s%s%s", list, i ? ", " : "", sql_name(self, self->table->keys[i]));
    return list;
}

const char *sql_interval(const printer_t *self, const window_spec_t *window)
{
    static const struct {
        const char *name;
        int seconds;
    } units[] = { { "day", 86400 }, { "hour", 3600 }, { "minute", 60 }, { "second", 1 } };
    int64_t seconds = window->span_us / US_PER_S;
    size_t unit = 0;
    while (seconds % units[unit].seconds)
        unit++;
    int count = (int) (seconds / units[unit].seconds);
    return sql_print(self, "INTERVAL '%d %s%s'", count, units[unit].name, count == 1 ? "" : "s");
}

static void write_window(const printer_t *self, const window_spec_t *window, buffer_t *out)
{
    buffer_printf(out, "%s AS (", window->name);
    if (self->table->key_count)
        buffer_printf(out, "PARTITION BY %s ", sql_keys(self));
    if (window->by_rows)
        buffer_printf(out, "ORDER BY ts, n ROWS BETWEEN %u PRECEDING AND 1 PRECEDING)",
                      window->rows);
    else
        buffer_printf(out,
                      "ORDER BY ts RANGE BETWEEN %s PRECEDING AND "
                      "INTERVAL '1 microsecond' PRECEDING)",
                      sql_interval(self, window));
}

static bool uses_window(const printer_t *self, const compiled_rule_t *rule, size_t window)
{
    for (size_t i = 0; i < rule->aggregate_count; i++)
        if (self->table->aggregates[rule->aggregates[i]].window == window)
            return true;
    return rule->rule.freeze && rule->resolve && uses_window(self, rule->resolve, window);
}

void sql_windows(const printer_t *self, buffer_t *out)
{
    const char *before = "\n  WINDOW ";
    for (size_t i = 0; i < self->table->window_count; i++) {
        if (!uses_window(self, self->rule, i))
            continue;
        buffer_text(out, before);
        write_window(self, &self->table->windows[i], out);
        before = ",\n         ";
    }
}

// ---- the condition ----------------------------------------------------------------------------

static const char *guard_text(const printer_t *self, const guard_t *guard)
{
    aggregate_t part = self->table->aggregates[guard->aggregate];
    if (guard->positive)
        part.kind = AGGREGATE_SUM; // an avg is > 0 if its sum is
    const char *text = sql_over(self, &part);
    return guard->positive ? sql_print(self, "%s > 0", text)
                           : sql_print(self, "%s >= %u", text, guard->least);
}

const char *sql_guards(const printer_t *self, const compiled_rule_t *rule)
{
    const char *text = "";
    for (size_t i = 0; i < rule->guard_count; i++)
        text = sql_print(self, "%s%s\n    AND ", text, guard_text(self, &rule->guards[i]));
    return text;
}

static void write_condition(const printer_t *self, buffer_t *out)
{
    buffer_text(out, sql_guards(self, self->rule));
    term_t condition = sql_truth(self, self->rule->when);
    buffer_text(out,
                self->rule->guard_count ? sql_wrap(self, condition, BIND_AND) : condition.text);
}

// ---- the query --------------------------------------------------------------------------------

// A text of the user in a comment of one line.
static void write_comment(slice_t text, buffer_t *out)
{
    for (size_t i = 0; i < text.size; i++)
        buffer_append(out, text.data[i] < ' ' ? (const uint8_t *) " " : text.data + i, 1);
}

static void write_head(const printer_t *self, buffer_t *out)
{
    buffer_text(out, "-- ");
    write_comment(slice_text(self->rule->name), out);
    buffer_text(out, ": ");
    write_comment(self->rule->rule.when, out);
    buffer_printf(out, "\n-- CREATE TABLE %s (", sql_name(self, self->table->name));
    for (size_t i = 0; i < self->table->key_count; i++)
        buffer_printf(out, "%s text, ", sql_name(self, self->table->keys[i]));
    buffer_text(out, "ts timestamp, n bigint");
    for (size_t i = 0; i < self->table->column_count; i++)
        buffer_printf(out, ", %s numeric", sql_name(self, self->table->columns[i]));
    buffer_text(out, ");\n");
}

// For what a query adds to the columns.
const char *sql_free_name(const printer_t *self, const char *name)
{
    bool taken = true;
    while (taken && !arena_failed(self->arena)) {
        taken = false;
        for (size_t i = 0; i < self->table->column_count; i++)
            taken = taken || strcmp(self->table->columns[i], name) == 0;
        for (size_t i = 0; i < self->table->key_count; i++)
            taken = taken || strcmp(self->table->keys[i], name) == 0;
        if (taken)
            name = sql_print(self, "%s_", name);
    }
    return name;
}

// The first and the last value of a window depend on the order of rows with equal times, which a
// RANGE window leaves open: rows that come sorted stay so.
static bool needs_order(const printer_t *self, const compiled_rule_t *rule)
{
    for (size_t i = 0; i < rule->aggregate_count; i++) {
        const aggregate_t *aggregate = &self->table->aggregates[rule->aggregates[i]];
        bool ends = aggregate->kind == AGGREGATE_FIRST_VALUE ||
                    aggregate->kind == AGGREGATE_LAST_VALUE || aggregate->kind == AGGREGATE_DELTA ||
                    aggregate->kind == AGGREGATE_RATE;
        if (ends && !self->table->windows[aggregate->window].by_rows)
            return true;
    }
    return rule->rule.freeze && rule->resolve && needs_order(self, rule->resolve);
}

// The step to true: of rows for which it holds, those whose row before is none, or one for which
// it does not.
static void write_edge(const printer_t *self, const char *table, const char *keys,
                       const char *comma, buffer_t *out)
{
    const char *flag = sql_free_name(self, "f"), *before = sql_free_name(self, "g");
    buffer_printf(out, "SELECT ts%s%s FROM (\n  SELECT *, lag(%s) OVER (", comma, keys, flag);
    if (self->table->key_count)
        buffer_printf(out, "PARTITION BY %s ", keys);
    buffer_printf(out, "ORDER BY ts, n) AS %s FROM (\n  SELECT *, (\n    ", before);
    write_condition(self, out);
    buffer_printf(out, "\n  ) AS %s FROM %s", flag, table);
    sql_windows(self, out);
    buffer_printf(out, ") y\n) x WHERE %s AND %s IS NOT TRUE ORDER BY ts, n;\n", flag, before);
}

static void write_query(const printer_t *self, buffer_t *out)
{
    const char *keys = sql_keys(self), *comma = self->table->key_count ? ", " : "";
    const char *table = sql_name(self, self->table->name), *flag = sql_free_name(self, "f");
    if (needs_order(self, self->rule))
        table =
            sql_print(self, "(SELECT * FROM %s ORDER BY %s%sts, n) %s", table, keys, comma, table);
    write_head(self, out);
    if (self->rule->rule.freeze) {
        sql_freeze(self, table, out);
        return;
    }
    if (self->rule->rule.emit == RULE_EMIT_EDGE) {
        write_edge(self, table, keys, comma, out);
        return;
    }
    buffer_printf(out, "SELECT ts%s%s FROM (\n  SELECT *, (\n    ", comma, keys);
    write_condition(self, out);
    buffer_printf(out, "\n  ) AS %s FROM %s", flag, table);
    sql_windows(self, out);
    buffer_printf(out, "\n) x WHERE %s ORDER BY ts, n;\n", flag);
}

static const compiled_rule_t *find_rule(const ruleset_t *self, const char *name,
                                        const table_plan_t **table)
{
    for (size_t t = 0; (*table = ruleset_at(self, t)); t++)
        for (size_t i = 0; i < (*table)->rule_count; i++)
            if (strcmp((*table)->rules[i].name, name) == 0)
                return &(*table)->rules[i];
    return NULL;
}

sql_result_t sql_query(const table_plan_t *table, const compiled_rule_t *rule, buffer_t *out,
                       fault_t *fault)
{
    owned(arena_destroy) arena_t *arena = arena_new(SQL_BYTES_MAX);
    printer_t printer = { .arena = arena, .table = table, .rule = rule };
    if (arena)
        write_query(&printer, out);
    if (!arena || arena_starved(arena) || out->failed) {
        fault_set(fault, "out of memory");
        return SQL_NO_MEMORY;
    }
    if (!arena_failed(arena))
        return SQL_WRITTEN;
    fault_set(fault,
              "the exact query of rule \"%s\" is too long: choose (CASE, coalesce, nullif, "
              "greatest, least) between fewer quotients",
              rule->name);
    return SQL_TOO_LONG;
}

bool ruleset_sql(const ruleset_t *self, const char *name, buffer_t *out, fault_t *fault)
{
    const table_plan_t *table;
    const compiled_rule_t *rule = find_rule(self, name, &table);
    if (!rule)
        return fault_set(fault, "there is no rule \"%s\"", name);
    return sql_query(table, rule, out, fault) == SQL_WRITTEN;
}
