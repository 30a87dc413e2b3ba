/*  rule -- convenience over the rule keys in Redis, and a rule's SQL.
 *
 *      rule add NAME on TABLE when CONDITION [FIELD VALUE ...]     as HSET <ns>:rule:NAME
 *      rule rm NAME | rule list | rule sql NAME
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "actors/cli/cli.h"
#include "actors/cli/supervise.h"
#include "actors/collector/planner.h"
#include "actors/rules/ruleset.h"
#include "broker/runtime/life.h"
#include "broker/site.h"
#include "proto/owned.h"

typedef struct {
    const settings_t *settings;
    store_t *store;  // NULL: none can be had here; only `sql` does without
    bool file_first; // -c was given: its rules count, Redis only for names it does not have
} rule_word_t;

static void print_rule(void *context, const store_rule_t *rule)
{
    (void) context;
    printf("%s", rule->name);
    for (size_t i = 0; i < rule->count; i++)
        printf("  %s=%s", rule->fields[i].name, rule->fields[i].value);
    putchar('\n');
}

static int rule_list(rule_word_t *self)
{
    if (store_rules(self->store, print_rule, NULL) != STORE_OK) {
        fprintf(stderr, "tidewire rule: %s\n", store_error(self->store));
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < self->settings->rule_count; i++)
        printf("%s  on=%s  when=%s  (in %s)\n", self->settings->rules[i].name,
               self->settings->rules[i].on, self->settings->rules[i].when, self->settings->path);
    return EXIT_OK;
}

static int rule_remove(rule_word_t *self, int count, char **words)
{
    if (count != 1)
        return cli_misuse("rule", "rm takes one name", NULL);
    if (store_rule_remove(self->store, words[0]) != STORE_OK) {
        fprintf(stderr, "tidewire rule: %s\n", store_error(self->store));
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

static int rule_add(rule_word_t *self, int count, char **words)
{
    if (count < 5 || count % 2 == 0 || count / 2 > STORE_FIELDS_MAX)
        return cli_misuse("rule", "add takes NAME and pairs, at least: on TABLE when CONDITION",
                          NULL);
    store_field_t fields[STORE_FIELDS_MAX];
    size_t field_count = 0;
    for (int i = 1; i + 1 < count; i += 2)
        fields[field_count++] = (store_field_t){ words[i], words[i + 1] };
    if (store_rule_set(self->store, words[0], fields, field_count) != STORE_OK) {
        fprintf(stderr, "tidewire rule: %s\n", store_error(self->store));
        return EXIT_FAILED;
    }
    printf("set; `redis-cli HGETALL %s:status:%s` says whether it is good\n",
           self->settings->namespace, words[0]);
    return EXIT_OK;
}

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
    if (strcmp(verdict->name, self->name) != 0 || !verdict->error)
        return;
    fprintf(stderr, "tidewire rule: '%s': %s\n", verdict->name, verdict->error);
    self->refused = true;
}

static bool file_has(const settings_t *settings, const char *name)
{
    for (size_t i = 0; i < settings->rule_count; i++)
        if (strcmp(settings->rules[i].name, name) == 0)
            return true;
    return false;
}

static int rule_sql(rule_word_t *self, int count, char **words)
{
    if (count != 1)
        return cli_misuse("rule", "sql takes one name", NULL);
    fault_t fault = { 0 };
    owned(plan_destroy) plan_t *base = planner_base(self->settings, &fault);
    owned(planner_destroy) planner_t *planner = planner_new();
    if (!base || !planner || !planner_configure(planner, base) || !planner_begin(planner)) {
        fprintf(stderr, "tidewire rule: %s\n", base ? "out of memory" : fault.text);
        return EXIT_FAILED;
    }
    redis_rules_t redis = { planner, true };
    if (self->store && (!self->file_first || !file_has(self->settings, words[0])))
        (void) store_rules(self->store, add_redis_rule, &redis); // without Redis: the file's alone
    refusal_t refusal = { .name = words[0] };
    owned(plan_destroy) plan_t *plan = planner_finish(planner, tell_refusal, &refusal);
    owned(ruleset_destroy) ruleset_t *rules = plan ? ruleset_new(plan, NULL, NULL) : NULL;
    if (refusal.refused)
        return EXIT_CONFIG;
    buffer_t sql = { 0 };
    bool good = rules && ruleset_sql(rules, words[0], &sql, &fault);
    if (good)
        puts(buffer_string(&sql));
    else
        fprintf(stderr, "tidewire rule: %s\n", rules ? fault.text : "out of memory");
    buffer_destroy(&sql);
    return good ? EXIT_OK : EXIT_FAILED;
}

static int rule_word(rule_word_t *self, int count, char **words)
{
    if (count == 0)
        return cli_misuse("rule", "add, list, rm or sql?", NULL);
    if (strcmp(words[0], "list") == 0 && count == 1)
        return rule_list(self);
    if (strcmp(words[0], "add") == 0)
        return rule_add(self, count - 1, words + 1);
    if (strcmp(words[0], "rm") == 0)
        return rule_remove(self, count - 1, words + 1);
    if (strcmp(words[0], "sql") == 0)
        return rule_sql(self, count - 1, words + 1);
    return cli_misuse("rule", "unknown word", words[0]);
}

int cli_rule(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "dir", required_argument, NULL, 'd' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *config = NULL, *dir = ".tidewire";
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        switch (word) {
        case 'c':
            config = optarg;
            break;
        case 'd':
            dir = optarg;
            break;
        case 'h':
            puts("usage: tidewire rule add NAME on TABLE when CONDITION [FIELD VALUE ...]\n"
                 "       tidewire rule list | rm NAME\n"
                 "       tidewire rule sql NAME [-c FILE]\n\n"
                 "Rules in Redis (docs/rules.md). sql prints the PostgreSQL query that returns\n"
                 "the same rows. --dir DIR: where `up` runs (default .tidewire).");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    char remembered[SITE_PATH_MAX];
    rule_word_t self = { .file_first = config != NULL };
    if (!config && supervise_config(dir, remembered, sizeof remembered))
        config = remembered;
    if (!config)
        return cli_misuse("rule", "nothing was started here: give -c FILE, or --dir", NULL);
    owned(settings_destroy) settings_t *settings = cli_settings(config);
    if (!settings)
        return EXIT_CONFIG;
    fault_t fault = { 0 };
    owned(store_destroy) store_t *store = site_store(settings, dir, &fault);
    bool without = optind < argc && strcmp(argv[optind], "sql") == 0;
    if (!store && !without) {
        fprintf(stderr, "tidewire rule: %s\n", fault.text);
        return EXIT_FAILED;
    }
    self.settings = settings;
    self.store = store;
    return rule_word(&self, argc - optind, argv + optind);
}
