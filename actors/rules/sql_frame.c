/*  sql_frame -- aggregates that PostgreSQL does not have, in what it has. See sql.h.
 *
 *  No window function skips NULLs, so delta and rate look into an array of the values of the
 *  window that are not NULL. twavg, median and ema are subqueries that name the rows of the
 *  window by conditions, for they see more than one of them at once: an index on the keys, ts and
 *  n spares PostgreSQL reading the whole table for every row.
 */
#include <assert.h>

#include "actors/rules/sql.h"

// What no table is called by.
static const char *alias_of(const printer_t *self)
{
    return strcmp(self->table->name, "w") == 0 ? "w_" : "w";
}

// "w.exchange = candle.exchange AND "
static const char *same_series(const printer_t *self, const char *inner, const char *outer)
{
    const char *text = "";
    for (size_t i = 0; i < self->table->key_count; i++) {
        const char *key = sql_name(self, self->table->keys[i]);
        text = sql_print(self, "%s%s.%s = %s.%s AND ", text, inner, key, outer, key);
    }
    return text;
}

// "FROM (...) w WHERE x IS NOT NULL": the numbers x in the window of the row, with ts and n.
static const char *numbers_of(const printer_t *self, const aggregate_t *aggregate)
{
    const window_spec_t *window = &self->table->windows[aggregate->window];
    const char *table = sql_name(self, self->table->name), *w = alias_of(self);
    const char *extent =
        window->by_rows
            ? sql_print(self,
                        "(%s.ts, %s.n) < (%s.ts, %s.n) ORDER BY %s.ts DESC, %s.n DESC LIMIT %u", w,
                        w, table, table, w, w, window->rows)
            : sql_print(self, "%s.ts >= %s.ts - %s AND %s.ts < %s.ts", w, table,
                        sql_interval(self, window), w, table);
    return sql_print(self,
                     "FROM (SELECT (%s)::numeric AS x, %s.ts, %s.n FROM %s %s WHERE %s%s) %s "
                     "WHERE x IS NOT NULL",
                     sql_argument(self, aggregate->argument).text, w, w, table, w,
                     same_series(self, w, table), extent, w);
}

// "array_agg(x) FILTER (WHERE x IS NOT NULL) OVER last_1h"
static const char *over_numbers(const printer_t *self, const aggregate_t *aggregate,
                                const char *name, const char *what)
{
    return sql_print(self, "%s(%s) FILTER (WHERE %s IS NOT NULL) OVER %s", name, what,
                     sql_wrap(self, sql_argument(self, aggregate->argument), BIND_ATOM),
                     self->table->windows[aggregate->window].name);
}

static term_t delta(const printer_t *self, const aggregate_t *aggregate)
{
    aggregate_t count = *aggregate;
    count.kind = AGGREGATE_COUNT;
    term_t argument = sql_argument(self, aggregate->argument);
    const char *list = over_numbers(self, aggregate, "array_agg", sql_numeric(self, argument).text);
    const char *text =
        sql_print(self, "(%s)[(%s)::int] - (%s)[1]", list, sql_over(self, &count), list);
    return (term_t){ text, BIND_SUM };
}

static term_t area(const printer_t *self, const char *numbers)
{
    return sql_atom(sql_print(self,
                              "(SELECT sum(x * extract(epoch FROM until - ts)) FROM (SELECT x, ts, "
                              "lead(ts, 1, %s.ts) OVER (ORDER BY ts, n) AS until %s) %s)",
                              sql_name(self, self->table->name), numbers, alias_of(self)));
}

// Over a number of seconds; NULL if that is 0.
static fraction_t per_seconds(const printer_t *self, term_t top, const char *time)
{
    const char *seconds = sql_print(self, "extract(epoch FROM %s)", time);
    return (fraction_t){ .top = top,
                         .bottom = sql_nullif_zero(self, sql_atom(seconds)),
                         .positive = true,
                         .bottom_nullable = true };
}

static fraction_t rate(const printer_t *self, const aggregate_t *aggregate)
{
    const char *last = over_numbers(self, aggregate, "max", "ts");
    const char *first = over_numbers(self, aggregate, "min", "ts");
    return per_seconds(self, delta(self, aggregate), sql_print(self, "%s - %s", last, first));
}

static fraction_t twavg(const printer_t *self, const aggregate_t *aggregate)
{
    const char *numbers = numbers_of(self, aggregate);
    const char *time =
        sql_print(self, "%s.ts - (SELECT min(ts) %s)", sql_name(self, self->table->name), numbers);
    return per_seconds(self, area(self, numbers), time);
}

// Half the sum of the two in the middle, which are one if their number is odd.
static term_t median(const printer_t *self, const aggregate_t *aggregate)
{
    return sql_atom(sql_print(
        self,
        "(SELECT 0.5 * (min(x) + max(x)) FROM (SELECT x, row_number() OVER (ORDER BY x) AS place, "
        "count(*) OVER () AS total %s) %s WHERE 2 * place BETWEEN total AND total + 2)",
        numbers_of(self, aggregate), alias_of(self)));
}

// The sum of all, each times its share in the end: a for the newest, (1 - a) times that of the next
// one for others, and what is left for the oldest.
static term_t ema(const printer_t *self, const aggregate_t *aggregate)
{
    unsigned rows = self->table->windows[aggregate->window].rows;
    return sql_atom(sql_print(
        self,
        "(SELECT sum(x * power(%u / %u.0, age) * CASE WHEN age + 1 < total THEN 2 / %u.0 ELSE 1 "
        "END) FROM (SELECT x, row_number() OVER (ORDER BY ts DESC, n DESC) - 1 AS age, count(*) "
        "OVER () AS total %s) %s)",
        rows - 1, rows + 1, rows + 1, numbers_of(self, aggregate), alias_of(self)));
}

fraction_t sql_frame(const printer_t *self, const aggregate_t *aggregate)
{
    switch ((int) aggregate->kind) {
    case AGGREGATE_DELTA:
        return sql_whole(delta(self, aggregate));
    case AGGREGATE_RATE:
        return rate(self, aggregate);
    case AGGREGATE_TWAVG:
        return twavg(self, aggregate);
    case AGGREGATE_MEDIAN:
        return sql_whole(median(self, aggregate));
    default:
        assert(aggregate->kind == AGGREGATE_EMA);
        return sql_whole(ema(self, aggregate));
    }
}
