/*  rule -- convenience over the rule keys in Redis, and a rule's SQL.
 *
 *      rule add NAME on TABLE when CONDITION [FIELD VALUE ...]     as HSET <ns>:rule:NAME
 *      rule rm NAME | rule list | rule sql NAME
 *      rule try CONDITION [FIELD VALUE ...]          how often it would have alerted: rule_try.h
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "actors/cli/cli.h"
#include "actors/cli/foresee.h"
#include "actors/cli/people.h"
#include "actors/cli/rule_plan.h"
#include "actors/cli/rule_try.h"
#include "actors/rules/cost.h"
#include "actors/rules/ruleset.h"
#include "broker/runtime/life.h"
#include "broker/site.h"
#include "proto/owned.h"

typedef struct {
    const settings_t *settings;
    const char *dir;
    store_t *store;   // NULL: none can be had here; only `sql` and `try` do without
    bool file_first;  // -c was given: its rules count, Redis only for names it does not have
    int64_t since_us; // of event time, for `try`
} rule_word_t;

static bool file_has(const settings_t *settings, const char *name)
{
    for (size_t i = 0; i < settings->rule_count; i++)
        if (strcmp(settings->rules[i].name, name) == 0)
            return true;
    return false;
}

// ---- list, rm --------------------------------------------------------------------------------

typedef struct {
    table_t table;
    const char *wanted; // looked for, NULL = none
    bool found;
} listing_t;

static void put_rule(table_t *table, const char *name, const char *from, const char *on,
                     const char *when)
{
    table_cell(table, name);
    table_cell(table, from);
    table_cell(table, on);
    table_cell(table, when);
}

static void list_redis_rule(void *context, const store_rule_t *rule)
{
    listing_t *self = context;
    put_rule(&self->table, rule->name, "redis", people_field(rule, "on"),
             people_field(rule, "when"));
}

static void look_for_rule(void *context, const store_rule_t *rule)
{
    listing_t *self = context;
    self->found |= strcmp(rule->name, self->wanted) == 0;
}

static int no_redis(const rule_word_t *self)
{
    fprintf(stderr, "tidewire rule: %s\n", store_error(self->store));
    return EXIT_FAILED;
}

static int rule_list(rule_word_t *self)
{
    listing_t listing = { .table.columns = 4 };
    put_rule(&listing.table, "RULE", "FROM", "ON", "WHEN");
    bool good = store_rules(self->store, list_redis_rule, &listing) == STORE_OK;
    for (size_t i = 0; good && i < self->settings->rule_count; i++) {
        const rule_settings_t *rule = &self->settings->rules[i];
        listing.wanted = rule->name;
        listing.found = false;
        good = store_rules(self->store, look_for_rule, &listing) == STORE_OK;
        put_rule(&listing.table, rule->name, listing.found ? "file (hidden)" : "file", rule->on,
                 rule->when);
    }
    buffer_t out = { 0 };
    table_print(&listing.table, &out);
    table_destroy(&listing.table);
    if (good)
        fputs(buffer_string(&out), stdout);
    buffer_destroy(&out);
    return good ? EXIT_OK : no_redis(self);
}

static int rule_remove(rule_word_t *self, int count, char **words)
{
    if (count != 1)
        return cli_misuse("rule", "rm takes one name", NULL);
    listing_t listing = { .wanted = words[0] };
    if (store_rules(self->store, look_for_rule, &listing) != STORE_OK ||
        (listing.found && store_rule_remove(self->store, words[0]) != STORE_OK))
        return no_redis(self);
    if (!listing.found) {
        fprintf(stderr, "tidewire rule: no rule '%s' in Redis\n", words[0]);
        return EXIT_FAILED;
    }
    printf("removed '%s'%s\n", words[0],
           file_has(self->settings, words[0]) ? "; the rule of the configuration is back" : "");
    return EXIT_OK;
}

// ---- add, sql, try -----------------------------------------------------------------------------

// What is known of it before any row comes. It is set all the same: who asks may know better.
// Returns what it costs, ns a row.
static uint32_t weigh(const rule_word_t *self, const plan_t *plan, const char *name)
{
    owned(ruleset_destroy) ruleset_t *rules = ruleset_new(plan, NULL, NULL);
    owned(buffer_destroy) buffer_t text = { 0 };
    const table_plan_t *table;
    uint32_t cost = 0;
    for (size_t t = 0; rules && (table = ruleset_at(rules, t)); t++)
        for (size_t r = 0; r < table->rule_count; r++) {
            if (strcmp(table->rules[r].name, name) != 0)
                continue;
            cost = cost_of(table, &table->rules[r]);
            if (foresee(self->settings, table, &table->rules[r], &text))
                fprintf(stderr, "tidewire rule: warning: %s\n", buffer_string(&text));
        }
    return cost;
}

static int rule_add(rule_word_t *self, int count, char **words)
{
    if (count < 5 || count % 2 == 0 || count / 2 > STORE_FIELDS_MAX)
        return cli_misuse("rule",
                          "add takes NAME and pairs, at least: on TABLE when CONDITION (options "
                          "stand before add)",
                          NULL);
    store_rule_t rule = { .name = words[0] };
    for (int i = 1; i + 1 < count; i += 2)
        rule.fields[rule.count++] = (store_field_t){ words[i], words[i + 1] };
    int status;
    owned(plan_destroy) plan_t *plan = rule_plan(self->settings, NULL, words[0], &rule, &status);
    if (!plan || status != EXIT_OK)
        return status; // a bad rule is not written
    uint32_t cost = weigh(self, plan, words[0]);
    if (store_rule_set(self->store, words[0], rule.fields, rule.count) != STORE_OK)
        return no_redis(self);
    printf("set '%s' (about %u ns of CPU a row); `status` shows it when it is in force (within a "
           "second)\n",
           words[0], cost);
    return EXIT_OK;
}

static int rule_sql(rule_word_t *self, int count, char **words)
{
    if (count != 1)
        return cli_misuse("rule", "sql takes one name", NULL);
    bool with_redis = self->store && (!self->file_first || !file_has(self->settings, words[0]));
    int status;
    owned(plan_destroy) plan_t *plan =
        rule_plan(self->settings, with_redis ? self->store : NULL, words[0], NULL, &status);
    if (status != EXIT_OK)
        return status;
    fault_t fault = { 0 };
    owned(ruleset_destroy) ruleset_t *rules = ruleset_new(plan, NULL, NULL);
    owned(buffer_destroy) buffer_t sql = { 0 };
    bool good = rules && ruleset_sql(rules, words[0], &sql, &fault);
    if (good)
        puts(buffer_string(&sql));
    else
        fprintf(stderr, "tidewire rule: %s\n", rules ? fault.text : "out of memory");
    return good ? EXIT_OK : EXIT_FAILED;
}

static int rule_word(rule_word_t *self, int count, char **words)
{
    if (count == 0)
        return cli_misuse("rule", "add, list, rm, sql or try?", NULL);
    if (strcmp(words[0], "list") == 0 && count == 1)
        return rule_list(self);
    if (strcmp(words[0], "add") == 0)
        return rule_add(self, count - 1, words + 1);
    if (strcmp(words[0], "rm") == 0)
        return rule_remove(self, count - 1, words + 1);
    if (strcmp(words[0], "sql") == 0)
        return rule_sql(self, count - 1, words + 1);
    if (strcmp(words[0], "try") == 0)
        return rule_try(self->settings, self->dir, self->since_us, count - 1, words + 1);
    return cli_misuse("rule", "unknown word", words[0]);
}

int cli_rule(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "dir", required_argument, NULL, 'd' },
        { "since", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *config = NULL, *dir = CLI_DIR, *letters = people_letters(argc, argv);
    rule_word_t self = { .since_us = INT64_MIN };
    optind = 0; // 1 would keep the order of an earlier call
    for (int word; (word = getopt_long(argc, argv, letters, known, NULL)) != -1;) {
        switch (word) {
        case 'c':
            config = optarg;
            break;
        case 'd':
            dir = optarg;
            break;
        case 's':
            if (!rule_try_since(optarg, &self.since_us))
                return cli_misuse("rule", "--since takes a duration like 7d or a time, not",
                                  optarg);
            break;
        case 'h':
            puts(
                "usage: tidewire rule [--dir DIR] [-c FILE] WORD ...\n\n"
                "  add NAME on TABLE when CONDITION [FIELD VALUE ...]\n"
                "  list\n"
                "  rm NAME\n"
                "  sql NAME\n"
                "  try CONDITION [FIELD VALUE ...] [--since 7d]\n\n"
                "Rules in Redis (docs/rules.md); one there hides that of the configuration with\n"
                "its name, rm brings it back. A bad rule is not written: exit 78. sql prints the\n"
                "PostgreSQL query that returns the same rows. try tells how often, where and when\n"
                "a rule would have alerted over what is staged (or file:// sources); `on TABLE`\n"
                "if there are several. --since: a time, or so long ago. --dir DIR: where `up`\n"
                "runs (default .tidewire).");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    int status;
    self.file_first = config != NULL;
    self.dir = dir;
    owned(settings_destroy) settings_t *settings = people_settings("rule", config, dir, &status);
    if (!settings)
        return status;
    fault_t fault = { 0 };
    owned(store_destroy) store_t *store = site_store(settings, dir, REDIS_OPERATOR, &fault);
    bool without =
        optind < argc && (strcmp(argv[optind], "sql") == 0 || strcmp(argv[optind], "try") == 0);
    if (!store && !without) {
        fprintf(stderr, "tidewire rule: %s\n", fault.text);
        return EXIT_FAILED;
    }
    self.settings = settings;
    self.store = store;
    return rule_word(&self, argc - optind, argv + optind);
}
