/*  top_draw -- see top_board.h. Only the rows that find room on the screen are made into a table,
 *  so that a hundred thousand series cost a sort.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/cli/table.h"
#include "actors/cli/top_inside.h"
#include "proto/owned.h"

enum {
    VALUE_DIGITS = 9,   // of a value that are shown
    INCIDENTS_PART = 3, // of the screen's lines at most, one part of so many
    FRAME_LINES = 2,    // of a table: a blank one, and its titles
    TEXT_MAX = 64,      // of a value
    AGO_MAX = 24,
};
#define SECOND_US INT64_C(1000000)

typedef struct {
    size_t column; // TOP_COLUMNS_MAX: by name
    bool smallest_first;
} order_t;

static int s_by_order(const void *left, const void *right, void *context)
{
    const top_row_t *a = left, *b = right;
    const order_t *order = context;
    if (order->column < TOP_COLUMNS_MAX) {
        const char *x = a->values[order->column], *y = b->values[order->column];
        if (!x != !y)
            return x ? -1 : 1; // who has none comes last
        double p = x ? strtod(x, NULL) : 0, q = y ? strtod(y, NULL) : 0;
        if (p < q || p > q)
            return (p < q) == order->smallest_first ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

// "5s", "12m", "3h", "9d": how long ago.
static void s_ago(int64_t us, int64_t now_us, char text[AGO_MAX])
{
    static const struct {
        int64_t s;
        char unit;
    } steps[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
    int64_t s = us > 0 && us < now_us ? (now_us - us) / SECOND_US : 0;
    size_t i = 0;
    while (steps[i].s > 1 && s < 2 * steps[i].s)
        i++;
    snprintf(text, AGO_MAX, "%" PRId64 "%c", s / steps[i].s, steps[i].unit);
}

// The value with so many digits as are read: what is exact stands in Redis.
static void s_value(const char *value, char text[TEXT_MAX])
{
    char *end;
    double number = value ? strtod(value, &end) : 0;
    if (!value || end == value || *end)
        snprintf(text, TEXT_MAX, "%.*s", TEXT_MAX - 1, value ? value : "");
    else
        snprintf(text, TEXT_MAX, "%.*g", VALUE_DIGITS, number);
}

// Lines are cut at the width, and at the number that is left.
static void s_put_lines(const char *text, const top_view_t *view, unsigned *left, buffer_t *out)
{
    for (const char *end; *left > 0 && (end = strchr(text, '\n')); text = end + 1) {
        size_t size = (size_t) (end - text);
        buffer_append(out, text, size < view->width ? size : view->width);
        buffer_text(out, "\n");
        (*left)--;
    }
}

static void s_put_head(const top_board_t *self, const top_view_t *view, unsigned *left,
                       buffer_t *out)
{
    owned(buffer_destroy) buffer_t text = { 0 };
    buffer_text(out, view->colour ? (view->ill ? "\033[1;31m" : "\033[1;32m") : "");
    buffer_printf(&text, "%s\n", view->health);
    s_put_lines(buffer_string(&text), view, left, out);
    buffer_text(out, view->colour ? "\033[0m" : "");
    buffer_clear(&text);
    buffer_printf(&text,
                  "%" PRIu64 " actors  %" PRIu64 " records/s  %" PRIu64 " rows/s  %" PRIu64
                  " alerts/s, %" PRIu64 " to publish  %" PRIu64 " series  %" PRIu64 " firing%s\n",
                  self->actors, self->records_s, self->rows_s, self->alerts_s, self->lag,
                  self->series, self->firing, view->halted ? ", halted" : "");
    s_put_lines(buffer_string(&text), view, left, out);
    out->failed |= text.failed;
}

static void s_put_table(table_t *table, const top_view_t *view, unsigned *left, buffer_t *out)
{
    owned(buffer_destroy) buffer_t text = { 0 };
    buffer_text(&text, "\n");
    table_print(table, &text);
    s_put_lines(buffer_string(&text), view, left, out);
    out->failed |= text.failed;
}

static int s_newest_first(const void *left, const void *right)
{
    const top_incident_t *a = left, *b = right;
    return (a->since_us < b->since_us) - (a->since_us > b->since_us);
}

static void s_put_incidents(top_board_t *self, const top_view_t *view, unsigned *left,
                            buffer_t *out)
{
    unsigned most = *left / INCIDENTS_PART;
    if (self->incidents_count == 0 || most <= FRAME_LINES)
        return;
    qsort(self->incidents, self->incidents_count, sizeof *self->incidents, s_newest_first);
    owned(table_destroy) table_t table = { .columns = 5 };
    static const char *const titles[] = { "INCIDENT", "SERIES", "STATE", "SINCE", "SEVERITY" };
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        table_cell(&table, titles[i]);
    for (size_t i = 0; i < self->incidents_count && i < most - FRAME_LINES; i++) {
        const top_incident_t *incident = &self->incidents[i];
        char since[AGO_MAX];
        s_ago(incident->since_us, view->now_us, since);
        table_cell(&table, incident->rule);
        table_cell(&table, incident->series);
        table_cell(&table, incident->state);
        table_cell(&table, since);
        table_cell(&table, incident->severity);
    }
    s_put_table(&table, view, left, out);
}

static void s_put_titles(const top_table_t *shown, const top_view_t *view, table_t *table)
{
    char text[TOP_NAME_MAX + 8];
    table_cell(table, shown->name);
    table_cell(table, "AGE");
    for (size_t i = 0; i < shown->columns; i++) {
        bool sorted = strcmp(shown->titles[i], view->sort) == 0;
        snprintf(text, sizeof text, "%s%s", shown->titles[i],
                 !sorted ? "" : (view->smallest_first ? " ^" : " v"));
        table_cell(table, text);
    }
}

static void s_put_series(top_table_t *shown, const top_view_t *view, unsigned lines, unsigned *left,
                         buffer_t *out)
{
    if (lines <= FRAME_LINES || shown->count == 0)
        return;
    order_t order = { TOP_COLUMNS_MAX, view->smallest_first };
    for (size_t i = 0; i < shown->columns; i++)
        if (strcmp(shown->titles[i], view->sort) == 0)
            order.column = i;
    qsort_r(shown->rows, shown->count, sizeof *shown->rows, s_by_order, &order);
    owned(table_destroy) table_t table = { .columns = shown->columns + 2 };
    s_put_titles(shown, view, &table);
    for (size_t i = 0; i < shown->count && i < lines - FRAME_LINES; i++) {
        char text[TEXT_MAX];
        table_cell(&table, shown->rows[i].name);
        s_ago(shown->rows[i].ts_us, view->now_us, text);
        table_cell(&table, text);
        for (size_t column = 0; column < shown->columns; column++) {
            s_value(shown->rows[i].values[column], text);
            table_cell(&table, text);
        }
    }
    s_put_table(&table, view, left, out);
}

bool top_board_draw(top_board_t *self, const top_view_t *view, buffer_t *out)
{
    unsigned left = view->lines;
    if (self->failed)
        return false;
    s_put_head(self, view, &left, out);
    s_put_incidents(self, view, &left, out);
    for (size_t i = 0; i < self->tables_count; i++) {
        // What small tables leave is for those behind them.
        unsigned part = left / (unsigned) (self->tables_count - i);
        s_put_series(&self->tables[i], view, part, &left, out);
    }
    return !out->failed;
}
