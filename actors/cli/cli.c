/*  cli -- `tidewire WORD ...`: one program; every actor is a process of its own started by its
 *  word. `./run` at the top of the source tree passes on to it.
 */
#include "actors/cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "actors/api/api.h"
#include "actors/collector/collector.h"
#include "actors/notifier/mailer.h"
#include "actors/notifier/notifier.h"
#include "actors/prep/prep.h"
#include "actors/transform/transform.h"
#include "broker/broker.h"
#include "broker/runtime/life.h"

static const struct {
    const char *word;
    int (*main)(int argc, char **argv);
    const char *purpose; // NULL: an actor says it to itself
} words[] = {
    { "demo", cli_demo, "the main job in one command: a private Redis, every actor, a market" },
    { "up", cli_up, "start the actors of a configuration on this host; returns when ready" },
    { "down", cli_down, "stop them, upstream first" },
    { "status", cli_status, "what runs, where it listens, rates, quarantine, rules" },
    { "top", cli_top, "a live table: rates, incidents, series with their newest values" },
    { "tail", cli_tail, "print alerts as they are published" },
    { "check", cli_check, "validate a configuration and its rules" },
    { "backtest", cli_backtest, "replay file sources through the same code; one line per alert" },
    { "test-rules", cli_test_rules, "tests of rules: rows that come, alerts that they give" },
    { "feed", cli_feed, "ready-made feeds; try any URL: its shape, and a mapping for it" },
    { "explain", cli_explain, "recompute one alert from its staged records" },
    { "replay", cli_replay, "re-derive rows, state and alerts after a mapping was mended" },
    { "stage", cli_stage, "look into the staged log: ls, cat, verify" },
    { "rule", cli_rule, "add, list, remove rules in Redis; print a rule's SQL" },
    { "subscriber", cli_subscriber, "add, list, remove subscribers; send again what was given up" },
    { "silence", cli_silence, "tell nobody of some rules and series for a while" },
    { "keys", cli_keys, "CURVE keys: make, list, pass on, rotate, revoke" },
    { "redis-acl", cli_redis_acl,
      "users of a shared Redis, one for each role, and their passwords" },
    { "redis-functions", cli_redis_functions, "load the functions into a Redis with such users" },
    { "collector", collector_main, "actor: stages what sources send, then passes it on" },
    { "prep", prep_main, "actor: maps raw records to rows" },
    { "transform", transform_main, "actor: keeps windows, judges rules" },
    { "notifier", notifier_main, "actor: publishes alerts and tells subscribers" },
    { "broker", broker_main, "actor: the sockets that the world subscribes to" },
    { "api", api_main, "actor: answers over HTTP: rules, incidents, alerts, latest values" },
    { MAILER_WORD, mailer_main, NULL },
};
enum { WORDS = sizeof words / sizeof words[0] };

static void print_help(FILE *out)
{
    fputs("usage: tidewire WORD [...]\n\n", out);
    for (int i = 0; i < WORDS && words[i].purpose; i++)
        fprintf(out, "  %-15s %s\n", words[i].word, words[i].purpose);
    fputs("\n`tidewire WORD --help` says more. Exit codes: 0 ok, 1 failed, 2 usage, "
          "78 bad configuration.\n",
          out);
}

static int run_word(int word, int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("tidewire " TIDEWIRE_VERSION);
        return EXIT_OK;
    }
    static char name[32]; // getopt's messages begin with it
    snprintf(name, sizeof name, "tidewire %s", words[word].word);
    argv[0] = name;
    return words[word].main(argc, argv);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("tidewire " TIDEWIRE_VERSION);
        return EXIT_OK;
    }
    for (int i = 0; i < WORDS; i++)
        if (strcmp(argv[1], words[i].word) == 0)
            return run_word(i, argc - 1, argv + 1);
    fprintf(stderr, "tidewire: unknown word '%s'; try 'tidewire --help'\n", argv[1]);
    return EXIT_USAGE;
}
