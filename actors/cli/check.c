/*  check -- is this configuration good? Everything is compiled as it would be when running. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "actors/cli/cli.h"
#include "actors/cli/demand.h"
#include "actors/cli/rolling.h"
#include "actors/collector/configured.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

// By default a rule without a window will one day alert on the step to true alone (emit: edge),
// which this version cannot: whoever means every row does well to say so now.
static void advise_emit(const settings_t *settings, const ruleset_t *rules)
{
    for (size_t i = 0; i < settings->rule_count; i++) {
        const rule_settings_t *rule = &settings->rules[i];
        const table_plan_t *table = ruleset_table(rules, slice_text(rule->on));
        for (size_t r = 0; table && !rule->emit && r < table->rule_count; r++) {
            const compiled_rule_t *compiled = &table->rules[r];
            if (strcmp(compiled->name, rule->name) == 0 && !compiled->span_us && !compiled->rows)
                fprintf(stderr,
                        "%s:%d:%d: note: rule '%s' has no window and alerts on every row for "
                        "which it holds; `emit: row` says so and stays so\n",
                        settings->path, rule->line, rule->column, rule->name);
        }
    }
}

// Files are followed as they grow: whoever gave them a period may have meant another kind of
// source.
static void advise_every(const settings_t *settings)
{
    for (size_t i = 0; i < settings->source_count; i++) {
        const source_t *source = &settings->sources[i];
        if (source->kind == SOURCE_FILE && source->every_given)
            fprintf(stderr,
                    "%s:%d:%d: note: source '%s': every: has no effect on a file; only http(s) "
                    "sources are asked\n",
                    settings->path, source->line, source->column, source->name);
    }
}

int cli_check(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *config = NULL;
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        switch (word) {
        case 'c':
            config = optarg;
            break;
        case 'h':
            puts("usage: tidewire check -c FILE\n\n"
                 "Validates a configuration and its rules. Mistakes are printed as\n"
                 "file:line:column: message; exit 0 if there is none, else 78. A rule that can\n"
                 "hardly ever hold gets a warning, and so does a host that is asked for more than\n"
                 "its budget.");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return cli_misuse("check", "unexpected word", argv[optind]);
    if (!config)
        return cli_misuse("check", "-c FILE is missing", NULL);
    owned(settings_destroy) settings_t *settings = cli_settings(config);
    if (!settings)
        return EXIT_CONFIG;
    size_t bad = 0;
    owned(ruleset_destroy) ruleset_t *rules = configured_print(settings, &bad);
    if (bad > 0)
        return EXIT_CONFIG;
    (void) rolling_warn(settings, rules);
    (void) demand_warn(settings);
    advise_emit(settings, rules);
    advise_every(settings);
    printf("%s: good (%zu source%s, %zu rule%s)\n", config, settings->source_count,
           settings->source_count == 1 ? "" : "s", settings->rule_count,
           settings->rule_count == 1 ? "" : "s");
    return EXIT_OK;
}
