/*  check -- is this configuration good? Everything is compiled as it would be when running. */
#include <getopt.h>
#include <stdio.h>

#include "actors/cli/cli.h"
#include "actors/cli/rules_of.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

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
                 "file:line:column: message; exit 0 if there is none, else 78.");
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
    owned(ruleset_destroy) ruleset_t *rules = rules_of(settings, &bad);
    if (!rules || bad > 0)
        return EXIT_CONFIG;
    printf("%s: good (%zu sources, %zu rules)\n", config, settings->source_count,
           settings->rule_count);
    return EXIT_OK;
}
