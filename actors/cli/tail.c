/*  tail -- alerts as they come. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "actors/cli/cli.h"
#include "actors/cli/listen.h"
#include "actors/cli/supervise.h"
#include "broker/bus.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "broker/site.h"
#include "proto/owned.h"

int cli_tail(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "dir", required_argument, NULL, 'd' },
        { "topic", required_argument, NULL, 't' },
        { "json", no_argument, NULL, 'j' },
        { "count", required_argument, NULL, 'n' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *config = NULL, *dir = CLI_DIR;
    listen_t listen = { .prefix = "alert/",
                        .until_us = INT64_MAX,
                        .colour = isatty(STDOUT_FILENO) };
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "c:n:h", known, NULL)) != -1;) {
        char *end;
        switch (word) {
        case 'c':
            config = optarg;
            break;
        case 'd':
            dir = optarg;
            break;
        case 't':
            listen.prefix = optarg;
            break;
        case 'j':
            listen.json = true;
            break;
        case 'n':
            listen.most = strtoull(optarg, &end, 10);
            if (*end || listen.most == 0 || *optarg == '-')
                return cli_misuse("tail", "a count is 1 or more, not", optarg);
            break;
        case 'h':
            puts("usage: tidewire tail [-c FILE] [--dir DIR] [--topic alert/RULE/] [--json] [-n "
                 "N]\n\n"
                 "Prints alerts as they are published, until Ctrl-C or N (--count N) of them;\n"
                 "other topics (metric/, health/) as JSON. Listens to all brokers, and prints each "
                 "once.\n"
                 "Without -c: of what `up` started in DIR (default .tidewire).");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return cli_misuse("tail", "unexpected word", argv[optind]);
    int status;
    owned(settings_destroy) settings_t *settings = cli_running("tail", config, dir, &status);
    if (!settings)
        return status;
    log_setup("tail", "-", LOG_WARNING, false); // who comes and goes is told in words
    listen.signals = life_open_signals();
    fault_t fault = { 0 };
    owned(store_destroy) store_t *store = site_store(settings, dir, REDIS_OBSERVER, &fault);
    char endpoint[BUS_ENDPOINT_MAX];
    if (!site_guard(settings, dir, ROLE_SUBSCRIBER, KEYS_OPERATOR, &fault)) {
        fprintf(stderr,
                "tidewire tail: %s (`keys add " KEYS_OPERATOR " --role subscriber` makes "
                "the key of who looks from here)\n",
                fault.text);
        return EXIT_FAILED;
    }
    if (!store || !listen_endpoint(store, endpoint, &fault)) {
        fprintf(stderr, "tidewire tail: no broker lives there: %s%s\n", fault.text,
                config || supervise_pid(dir) > 0 ? "" : " (`up` has started nothing there)");
        return EXIT_FAILED;
    }
    if (listen_print(&listen, store, &fault) < 0) {
        fprintf(stderr, "tidewire tail: %s\n", fault.text);
        return EXIT_FAILED;
    }
    return EXIT_OK;
}
