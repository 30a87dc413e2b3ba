/*  test-rules -- tests of rules: rows that come, alerts that they have to give, and no others.
 *
 *  The rules of a configuration, judged by the same code as live; without Redis, stage or actors,
 *  and in no time: the clock is that of the rows.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "actors/cli/cli.h"
#include "actors/cli/test_rules_run.h"
#include "actors/collector/configured.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

static int s_bad_file(const char *path, const fault_t *fault)
{
    if (fault->line > 0)
        fprintf(stderr, "%s:%d:%d: %s\n", path, fault->line, fault->column, fault->text);
    else
        fprintf(stderr, "%s: %s\n", path, fault->text);
    return EXIT_CONFIG;
}

static int s_run(const char *path, const rule_tests_t *tests, ruleset_t *rules)
{
    size_t failed = 0;
    for (size_t i = 0; i < tests->count; i++) {
        const rule_test_t *test = &tests->tests[i];
        owned(buffer_destroy) buffer_t differs = { 0 };
        test_verdict_t verdict;
        if (!test_rules_run(test, rules, &verdict, &differs)) {
            fputs("tidewire test-rules: out of memory\n", stderr);
            return EXIT_FAILED;
        }
        if (verdict.missing == 0 && verdict.unexpected == 0)
            continue;
        failed++;
        printf("%s:%d: '%s' FAILED\n%s", path, test->name.line, test->name.text,
               buffer_string(&differs));
    }
    if (failed > 0)
        printf("%s: %zu of %zu tests failed\n", path, failed, tests->count);
    else
        printf("%s: %zu test%s passed\n", path, tests->count, tests->count == 1 ? "" : "s");
    return failed > 0 ? EXIT_FAILED : EXIT_OK;
}

static int s_test_file(const char *path)
{
    fault_t fault = { 0 };
    owned(test_rules_destroy) rule_tests_t *tests = test_rules_load(path, &fault);
    if (!tests)
        return s_bad_file(path, &fault);
    owned(settings_destroy) settings_t *settings = cli_settings(tests->config.text);
    if (!settings)
        return EXIT_CONFIG;
    size_t bad = 0;
    owned(ruleset_destroy) ruleset_t *rules = configured_print(settings, &bad);
    if (bad > 0)
        return EXIT_CONFIG;
    if (!test_rules_fit(tests, settings, &fault))
        return s_bad_file(path, &fault);
    return s_run(path, tests, rules);
}

int cli_test_rules(int argc, char **argv)
{
    static const struct option known[] = {
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (word != 'h')
            return EXIT_USAGE;
        puts("usage: tidewire test-rules FILE...\n\n"
             "Tests of rules: FILE says which rows come, for how long none does, and which\n"
             "alerts have to be given, and names the configuration that the rules are of.\n"
             "docs/rules.md shows one. Needs no Redis and nothing that runs. What differs is\n"
             "printed as lines of FILE. Exit 0 if all passed, 1 if one failed, 78 if a file is\n"
             "bad.");
        return EXIT_OK;
    }
    if (optind == argc)
        return cli_misuse("test-rules", "FILE is missing", NULL);
    int worst = EXIT_OK;
    for (int i = optind; i < argc; i++) {
        int status = s_test_file(argv[i]);
        worst = status > worst ? status : worst;
    }
    if (fflush(stdout) == 0 && !ferror(stdout))
        return worst;
    fprintf(stderr, "tidewire test-rules: cannot write the result: %s\n", strerror(errno));
    return EXIT_FAILED;
}
