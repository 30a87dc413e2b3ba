/*  oracle -- PostgreSQL judges the rule language: tests/oracle/rules_oracle.py asks, we answer.
 *
 *  Without arguments this runs the script, with "answer" it is the other side of its pipe: a line
 *  per request, fields apart by tabs, \n in a text written as \n.
 *      derive NAME SQL | rule NAME MIN_ROWS POSITIVE SQL EMIT into the plan
 *      row EXCHANGE PAIR TS_US OPEN HIGH LOW CLOSE VOLUME     \N is NULL; in order of ts, n
 *      compile                                                "refused NAME LINE:COLUMN: TEXT"
 *      sql NAME                                               the query, then a line "."
 *      judge NAME                                             row numbers where it alerts
 *      clear                                                  forget plan, keep rows
 */
#include <stdio.h>
#include <unistd.h>

#include "proto/owned.h"
#include "tests/unit/rules/plain_windows.h"
#include "tests/unit/rules/plan_maker.h"

enum { ROWS_MAX = 20000, FIELDS_MAX = 12, LINE_MAX_BYTES = 70000 };

typedef struct {
    plan_t *plan;
    ruleset_t *ruleset;
    plain_row_t rows[ROWS_MAX];
    size_t row_count;
} answering_t;

static void unescape(char *text)
{
    char *to = text;
    for (char *from = text; *from; from++) {
        bool line_end = from[0] == '\\' && from[1] == 'n';
        *to++ = line_end ? '\n' : *from;
        from += line_end;
    }
    *to = '\0';
}

static size_t split(char *line, char **fields)
{
    size_t count = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *rest = line; rest && count < FIELDS_MAX;)
        fields[count++] = strsep(&rest, "\t");
    return count;
}

static void refused(void *context, plan_kind_t kind, const char *name, const fault_t *fault)
{
    (void) context;
    (void) kind;
    printf("refused\t%s\t%d:%d\t%s\n", name, fault->line, fault->column, fault->text);
}

static void take_row(answering_t *self, char **fields)
{
    plain_row_t *row = &self->rows[self->row_count++];
    for (int i = 0; i < PLAIN_KEYS; i++)
        row->keys[i] = slice_text(strdup(fields[1 + i]));
    row->ts_us = strtoll(fields[3], NULL, 10);
    for (int i = 0; i < PLAIN_COLUMNS; i++) {
        const char *text = fields[4 + i];
        row->columns[i] = DECIMAL_NULL;
        if (strcmp(text, "\\N") != 0 &&
            decimal_parse(&row->columns[i], text, strlen(text)) != DECIMAL_EXACT)
            abort();
    }
}

// Did it hold for the row before this one, in its series?
static bool held_before(const answering_t *self, const bool *holds, size_t row)
{
    for (size_t i = row; i-- > 0;)
        if (plain_same_series(&self->rows[i], &self->rows[row]))
            return holds[i];
    return false;
}

static void judge(answering_t *self, const char *name)
{
    static bool holds[ROWS_MAX];
    const table_plan_t *table = ruleset_table(self->ruleset, slice_text("candle"));
    plain_windows_t windows = { .table = table, .rows = self->rows, .widen = 1 };
    for (size_t i = 0; i < table->rule_count; i++) {
        if (strcmp(table->rules[i].name, name) != 0)
            continue;
        bool edge = table->rules[i].rule.emit == RULE_EMIT_EDGE;
        for (windows.current = 0; windows.current < self->row_count; windows.current++) {
            holds[windows.current] = plain_judge(&table->rules[i], &windows);
            if (holds[windows.current] && !(edge && held_before(self, holds, windows.current)))
                printf("%zu ", windows.current);
        }
    }
    printf("\n");
}

static void answer(answering_t *self, char **fields, size_t count)
{
    if (strcmp(fields[0], "derive") == 0 && count == 3) {
        unescape(fields[2]);
        plan_maker_derive(self->plan, fields[1], fields[2]);
    } else if (strcmp(fields[0], "rule") == 0 && count == 6) {
        unescape(fields[4]);
        rule_t rule = plan_maker_rule(fields[4]);
        rule.min_rows = (uint32_t) atoi(fields[2]);
        rule.positive = atoi(fields[3]);
        rule.emit = strcmp(fields[5], "edge") ? RULE_EMIT_ROW : RULE_EMIT_EDGE;
        plan_maker_put(self->plan, fields[1], &rule);
    } else if (strcmp(fields[0], "row") == 0 && count == 9 && self->row_count < ROWS_MAX) {
        take_row(self, fields);
    } else if (strcmp(fields[0], "compile") == 0) {
        ruleset_destroy(&self->ruleset);
        self->ruleset = ruleset_new(self->plan, refused, NULL);
        printf(".\n");
    } else if (strcmp(fields[0], "sql") == 0) {
        buffer_t query = { 0 };
        fault_t fault = { 0 };
        bool good = ruleset_sql(self->ruleset, fields[1], &query, &fault);
        printf("%s\n.\n", good ? buffer_string(&query) : fault.text);
        buffer_destroy(&query);
    } else if (strcmp(fields[0], "judge") == 0) {
        judge(self, fields[1]);
    } else if (strcmp(fields[0], "clear") == 0) {
        plan_destroy(&self->plan);
        self->plan = plan_maker_candles();
    } else {
        fprintf(stderr, "not understood: %s\n", fields[0]);
        exit(2);
    }
    fflush(stdout);
}

static int answer_all(void)
{
    static answering_t self;
    static char line[LINE_MAX_BYTES];
    char *fields[FIELDS_MAX];
    self.plan = plan_maker_candles();
    while (fgets(line, sizeof line, stdin)) {
        size_t count = split(line, fields);
        answer(&self, fields, count);
    }
    for (size_t i = 0; i < self.row_count; i++)
        for (int k = 0; k < PLAIN_KEYS; k++)
            free((void *) self.rows[i].keys[k].data);
    ruleset_destroy(&self.ruleset);
    plan_destroy(&self.plan);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "answer") == 0)
        return answer_all();
    execl("/usr/bin/python3", "python3", "tests/oracle/rules_oracle.py", argv[0], (char *) NULL);
    perror("/usr/bin/python3");
    return 1;
}
