/*  window -- OVER <name> and OVER (...) become the extent of a window. See compile.h. */
#include <stdio.h>

#include "actors/rules/compile.h"

enum { SPAN_UNITS = 4, SECONDS_MAX = WINDOW_SPAN_MAX_D * 86400 };

static const int64_t second_us = 1000000;

static const struct {
    char letter;
    int64_t seconds;
} units[SPAN_UNITS] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

// Digits to a number of at most `most`; -1: none, or more.
static int64_t read_number(const char **text, int64_t most)
{
    int64_t number = 0;
    const char *next = *text;
    for (; *next >= '0' && *next <= '9'; next++) {
        number = number * 10 + *next - '0';
        if (number > most)
            return -1;
    }
    if (next == *text)
        return -1;
    *text = next;
    return number;
}

static int refuse(const compiler_t *self, int place, const char *message)
{
    compile_refuse(self, place, "%s", message);
    return -1;
}

// One name for one extent, whatever it was written as: the largest unit that divides it.
static int keep(compiler_t *self, int place, window_spec_t *window)
{
    if (window->by_rows && (window->rows < 1 || window->rows > WINDOW_ROWS_MAX))
        return refuse(self, place, "a window has 1 to 65536 rows");
    int64_t seconds = window->span_us / second_us;
    if (!window->by_rows && (seconds < 1 || seconds > SECONDS_MAX))
        return refuse(self, place, "a window is 1 second to 31 days long");
    size_t unit = 0;
    while (seconds % units[unit].seconds)
        unit++;
    if (window->by_rows)
        snprintf(window->name, sizeof window->name, "rows_%u", window->rows);
    else
        snprintf(window->name, sizeof window->name, "last_%d%c",
                 (int) (seconds / units[unit].seconds), units[unit].letter);
    int index = table_window(self->table, window);
    return index >= 0 ? index : refuse(self, place, "out of memory, or too many windows");
}

bool window_named(window_spec_t *self, const char *name)
{
    *self = (window_spec_t){ .by_rows = strncmp(name, "rows_", 5) == 0 };
    if (!self->by_rows && strncmp(name, "last_", 5) != 0)
        return false;
    const char *rest = name + 5;
    int64_t number =
        *rest == '0' ? -1 : read_number(&rest, self->by_rows ? UINT32_MAX : SECONDS_MAX);
    if (self->by_rows) {
        self->rows = (uint32_t) number;
        return number > 0 && !*rest;
    }
    for (size_t i = 0; number > 0 && i < SPAN_UNITS; i++)
        if (rest[0] == units[i].letter && !rest[1]) {
            self->span_us = number * units[i].seconds * second_us;
            return true;
        }
    return false;
}

static int named(compiler_t *self, const over_t *over)
{
    window_spec_t window;
    if (window_named(&window, over->name))
        return keep(self, over->place, &window);
    compile_refuse(self, over->place,
                   "window \"%s\" does not exist (there are last_<N><s|m|h|d> and rows_<N>)",
                   over->name);
    return -1;
}

// ---- spelled out ----------------------------------------------------------------------------

static const struct {
    const char *name; // without a plural s
    int64_t us;
} interval_units[] = {
    { "microsecond", 1 },    { "us", 1 },
    { "millisecond", 1000 }, { "ms", 1000 },
    { "second", 1000000 },   { "sec", 1000000 },
    { "minute", 60000000 },  { "min", 60000000 },
    { "hour", 3600000000 },  { "hr", 3600000000 },
    { "h", 3600000000 },     { "day", 86400000000 },
    { "d", 86400000000 },    { "week", 604800000000 },
};

static int64_t unit_of(const char **text)
{
    char word[16];
    size_t size = 0;
    while (**text == ' ')
        ++*text;
    for (; (**text | 0x20) >= 'a' && (**text | 0x20) <= 'z' && size + 1 < sizeof word; ++*text)
        word[size++] = (char) (**text | 0x20);
    word[size] = '\0';
    for (int plural = 0; plural < 2; plural++) {
        for (size_t i = 0; i < sizeof interval_units / sizeof *interval_units; i++)
            if (strcmp(word, interval_units[i].name) == 0)
                return interval_units[i].us;
        if (size < 4 || word[size - 1] != 's')
            break;
        word[--size] = '\0';
    }
    return 0;
}

// "1 hour 30 minutes", "01:30:00": whole numbers of units whose length is fixed. -1: none.
static int64_t read_interval(const char *text)
{
    int64_t total = 0;
    const int64_t most = 1000000000;
    while (*text == ' ')
        text++;
    do {
        int64_t number = read_number(&text, most);
        if (number < 0)
            return -1;
        if (*text == ':') {
            int64_t seconds = 0, minutes = (text++, read_number(&text, 59));
            if (*text == ':')
                seconds = (text++, read_number(&text, 59));
            if (minutes < 0 || seconds < 0)
                return -1;
            total += (number * 3600 + minutes * 60 + seconds) * second_us;
        } else {
            int64_t unit = unit_of(&text);
            if (unit == 0 || number > INT64_MAX / 4 / unit)
                return -1;
            total += number * unit;
        }
        if (total > INT64_MAX / 4)
            return -1;
        while (*text == ' ')
            text++;
    } while (*text);
    return total;
}

static int64_t interval_of(const syntax_t *syntax)
{
    if (syntax->kind == SYNTAX_CAST && strcmp(syntax->text, "interval") == 0)
        syntax = syntax->operands[0];
    return syntax->kind == SYNTAX_STRING ? read_interval(syntax->text) : -1;
}

static int64_t rows_of(const syntax_t *syntax)
{
    const char *text = syntax->kind == SYNTAX_NUMBER ? syntax->text : "";
    int64_t rows = read_number(&text, UINT32_MAX);
    return *text ? -1 : rows;
}

static bool is_column(const syntax_t *syntax, const char *name)
{
    return syntax->kind == SYNTAX_COLUMN && strcmp(syntax->text, name) == 0;
}

// PARTITION BY all the keys (in any order), or nothing at all: then the keys are meant.
static bool partitioned(const compiler_t *self, const over_t *over)
{
    const table_plan_t *plan = &self->table->plan;
    if (over->partition_count == 0)
        return true;
    uint32_t seen = 0;
    for (size_t i = 0; i < over->partition_count; i++) {
        const syntax_t *by = over->partition[i];
        int key = by->kind == SYNTAX_COLUMN ? table_find_key(plan, slice_text(by->text)) : -1;
        if (key < 0)
            return false;
        seen |= 1u << key;
    }
    return seen == (1u << plan->key_count) - 1;
}

static bool ordered(const over_t *over)
{
    bool more = over->by_rows && over->order_count == 2 && is_column(over->order[1], "n");
    return over->order_count >= 1 && is_column(over->order[0], "ts") &&
           (over->order_count == 1 || more);
}

static int spelled(compiler_t *self, const over_t *over)
{
    window_spec_t window = { .by_rows = over->by_rows };
    if (!partitioned(self, over))
        return refuse(self, over->place,
                      "a window is partitioned by all the key columns; windows over several series "
                      "are not in this version");
    if (!ordered(over))
        return refuse(self, over->place,
                      over->by_rows ? "a window of rows is in order of ts, n"
                                    : "a window of time is in order of ts");
    if (window.by_rows) {
        int64_t rows = rows_of(over->from);
        if (rows < 0 || rows_of(over->to) != 1)
            return refuse(self, over->place,
                          "a window of rows is BETWEEN <N> PRECEDING AND 1 PRECEDING");
        window.rows = (uint32_t) rows;
    } else {
        int64_t from = interval_of(over->from);
        if (from < 0 || from % second_us || interval_of(over->to) != 1)
            return refuse(self, over->place,
                          "a window of time is BETWEEN INTERVAL '<N> seconds, minutes, hours or "
                          "days' PRECEDING AND INTERVAL '1 microsecond' PRECEDING");
        window.span_us = from;
    }
    return keep(self, over->place, &window);
}

int compile_window(compiler_t *self, const over_t *over)
{
    return over->name ? named(self, over) : spelled(self, over);
}
