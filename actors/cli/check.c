/*  check -- is this configuration good? Everything is compiled as it would be when running. */
#include <getopt.h>
#include <stdio.h>

#include "actors/cli/cli.h"
#include "actors/cli/demand.h"
#include "actors/cli/foresee.h"
#include "actors/cli/rolling.h"
#include "actors/collector/configured.h"
#include "actors/notifier/means.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

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
                 "Validates a configuration, its rules and templates. Mistakes are printed as\n"
                 "file:line:column: message; exit 0 if there is none, else 78. Warned is of a\n"
                 "rule that can never or hardly ever hold, holds for every row, matches no series\n"
                 "or begins what nothing ends, and of a host that is asked for more than its\n"
                 "budget.");
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
    fault_t fault = { 0 };
    owned(means_destroy) means_t *means = means_new(settings, &fault);
    if (!means) {
        cli_tell_bad(config, &fault);
        return EXIT_CONFIG;
    }
    size_t bad = 0;
    owned(ruleset_destroy) ruleset_t *rules = configured_print(settings, &bad);
    if (bad > 0)
        return EXIT_CONFIG;
    (void) rolling_warn(settings, rules);
    foresee_warn(settings, rules);
    (void) demand_warn(settings);
    advise_every(settings);
    printf("%s: good (%zu source%s, %zu rule%s)\n", config, settings->source_count,
           settings->source_count == 1 ? "" : "s", settings->rule_count,
           settings->rule_count == 1 ? "" : "s");
    return EXIT_OK;
}
