/*  sql_freeze -- the query of a rule whose windows stand still while it holds. See sql.h.
 *
 *  What windows hold is asked of every row at once, under names. Then the rows of each series are
 *  gone through one by one: a row sees what the windows held at the row where they came to stand
 *  still, or if they move what they hold at its own.
 */
#include "actors/rules/sql.h"

// One of its own for each text.
static term_t carry(const printer_t *self, term_t seen)
{
    sql_carried_t *carried = self->carried;
    for (size_t i = 0; i < carried->count; i++)
        if (strcmp(carried->items[i].text, seen.text) == 0)
            return sql_atom(carried->items[i].name);
    struct sql_carry *items =
        arena_grow(self->arena, carried->items, carried->count, sizeof *items);
    if (!items)
        return seen; // the arena has latched it
    const char *name = sql_free_name(self, sql_print(self, "w%zu", carried->count + 1));
    carried->items = items;
    items[carried->count++] = (struct sql_carry){ .text = seen.text, .name = name };
    return sql_atom(name);
}

fraction_t sql_carry(const printer_t *self, fraction_t seen)
{
    seen.top = carry(self, seen.top);
    if (sql_has_bottom(seen))
        seen.bottom = carry(self, seen.bottom);
    return seen;
}

// The names of all that is added to the columns.
typedef struct {
    const char *rows, *life;    // tables: what each row sees; each row in turn
    const char *place;          // of a row in its series, from 1
    const char *ready, *ready2; // do the guards of the rule, and of its `resolve`, hold?
    const char *holds, *before; // does the condition, for the row and the one before it?
    const char *still;          // do windows stand still behind the row?
} names_t;

static names_t names_of(const printer_t *self)
{
    bool rows = strcmp(self->table->name, "seen") == 0;
    bool life = strcmp(self->table->name, "life") == 0;
    return (names_t){ .rows = rows ? "seen_" : "seen",
                      .life = life ? "life_" : "life",
                      .place = sql_free_name(self, "i"),
                      .ready = sql_free_name(self, "k"),
                      .ready2 = sql_free_name(self, "l"),
                      .holds = sql_free_name(self, "f"),
                      .before = sql_free_name(self, "g"),
                      .still = sql_free_name(self, "z") };
}

// The columns of the table, each behind this: "r.exchange, r.ts, r.n, r.close".
static const char *columns_of(const printer_t *self, const char *prefix)
{
    const char *text = sql_print(self, "%sts, %sn", prefix, prefix);
    for (size_t i = 0; i < self->table->key_count; i++)
        text = sql_print(self, "%s, %s%s", text, prefix, sql_name(self, self->table->keys[i]));
    for (size_t i = 0; i < self->table->column_count; i++)
        text = sql_print(self, "%s, %s%s", text, prefix, sql_name(self, self->table->columns[i]));
    return text;
}

static const char *partition_of(const printer_t *self)
{
    return self->table->key_count ? sql_print(self, "PARTITION BY %s ", sql_keys(self)) : "";
}

static const char *guard_of(const printer_t *self, const compiled_rule_t *rule)
{
    return rule ? sql_print(self, "%strue", sql_guards(self, rule)) : "true";
}

// What each row sees.
static void write_seen(const printer_t *self, const names_t *names, const char *table,
                       buffer_t *out)
{
    buffer_printf(out, "WITH RECURSIVE %s AS MATERIALIZED (\n  SELECT %s,\n    ", names->rows,
                  columns_of(self, ""));
    buffer_printf(out,
                  "row_number() OVER (%sORDER BY ts, n) AS %s,\n    (%s) AS %s,\n    (%s) AS %s",
                  partition_of(self), names->place, guard_of(self, self->rule), names->ready,
                  guard_of(self, self->rule->resolve), names->ready2);
    for (size_t i = 0; i < self->carried->count; i++)
        buffer_printf(out, ",\n    %s AS %s", self->carried->items[i].text,
                      self->carried->items[i].name);
    buffer_printf(out, "\n  FROM %s", table);
    sql_windows(self, out);
}

// ", w1, w2 ...": what is carried on.
static void write_names(const printer_t *self, buffer_t *out)
{
    for (size_t i = 0; i < self->carried->count; i++)
        buffer_printf(out, ", %s", self->carried->items[i].name);
}

// The next row of each series, and what it sees.
static void write_next(const printer_t *self, const names_t *names, buffer_t *out)
{
    const char *still = names->still, *ready = names->ready, *ready2 = names->ready2;
    buffer_printf(out, "SELECT %s, b.%s, a.%s OR b.%s AS %s,\n      ", columns_of(self, "b."),
                  names->place, still, ready, ready);
    buffer_printf(out, "CASE WHEN a.%s THEN a.%s ELSE b.%s END AS %s", still, ready2, ready2,
                  ready2);
    for (size_t i = 0; i < self->carried->count; i++) {
        const char *name = self->carried->items[i].name;
        buffer_printf(out, ",\n      CASE WHEN a.%s THEN a.%s ELSE b.%s END AS %s", still, name,
                      name, name);
    }
    buffer_printf(out, ",\n      a.%s\n      FROM %s a JOIN %s b ON b.%s = a.%s + 1", still,
                  names->life, names->rows, names->place, names->place);
    for (size_t i = 0; i < self->table->key_count; i++) {
        const char *key = sql_name(self, self->table->keys[i]);
        buffer_printf(out, " AND b.%s = a.%s", key, key);
    }
}

// Each row in turn, from a place before the first one.
static void write_life(const printer_t *self, const names_t *names, const char *when,
                       const char *resolve, buffer_t *out)
{
    const char *columns = columns_of(self, ""), *holds = names->holds, *still = names->still;
    buffer_printf(out, "\n), %s AS (\n  SELECT %s, 0::bigint AS %s, %s, %s", names->life, columns,
                  names->place, names->ready, names->ready2);
    write_names(self, out);
    buffer_printf(out, ", false AS %s, false AS %s FROM %s WHERE %s = 1\n  UNION ALL\n  ", holds,
                  still, names->rows, names->place);
    buffer_printf(out, "SELECT %s, %s, %s, %s", columns, names->place, names->ready, names->ready2);
    write_names(self, out);
    buffer_printf(out, ", %s, %s", holds, holds);
    if (resolve)
        buffer_printf(out, " OR (%s AND %s IS TRUE AND (%s) IS NOT TRUE)", still, names->ready2,
                      resolve);
    buffer_printf(out, "\n  FROM (SELECT *, (%s AND (%s)) IS TRUE AS %s FROM (\n    ", names->ready,
                  when, holds);
    write_next(self, names, out);
    buffer_text(out, ") y) x\n)\n");
}

void sql_freeze(const printer_t *self, const char *table, buffer_t *out)
{
    sql_carried_t carried = { 0 };
    printer_t printer = *self, resolving = *self;
    printer.carried = resolving.carried = &carried;
    resolving.rule = self->rule->resolve;
    const names_t names = names_of(self);
    const char *when = sql_truth(&printer, self->rule->when).text;
    const char *resolve = resolving.rule ? sql_truth(&resolving, resolving.rule->when).text : NULL;
    const char *keys = sql_keys(self), *comma = self->table->key_count ? ", " : "";
    write_seen(&printer, &names, table, out);
    write_life(&printer, &names, when, resolve, out);
    if (self->rule->rule.emit == RULE_EMIT_EDGE)
        buffer_printf(out,
                      "SELECT ts%s%s FROM (SELECT *, lag(%s) OVER (%sORDER BY ts, n) AS %s FROM %s "
                      "WHERE %s > 0) x\nWHERE %s AND %s IS NOT TRUE ORDER BY ts, n;\n",
                      comma, keys, names.holds, partition_of(self), names.before, names.life,
                      names.place, names.holds, names.before);
    else
        buffer_printf(out, "SELECT ts%s%s FROM %s WHERE %s AND %s > 0 ORDER BY ts, n;\n", comma,
                      keys, names.life, names.holds, names.place);
}
