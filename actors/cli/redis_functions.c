/*  redis_functions -- load the functions of this version into a Redis whose actors may not.
 *
 *      redis-functions -c FILE
 *
 *  What actors call runs with their rights, so whoever loads functions has the rights of all: with
 *  a user for each role (redis_acl.c) that is nobody but the deployer.
 */
#include <getopt.h>
#include <stdio.h>

#include "actors/cli/cli.h"
#include "broker/runtime/life.h"
#include "broker/site.h"
#include "proto/owned.h"

int cli_redis_functions(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "dir", required_argument, NULL, 'd' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *config = NULL, *dir = CLI_DIR;
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
            puts("usage: tidewire redis-functions -c FILE [--dir DIR]\n\n"
                 "Loads the functions that this version's actors call into the Redis of FILE, as\n"
                 "the user for the role `deployer`. Needed once for each version where actors\n"
                 "have users that may not do so themselves (`redis-acl`); harmless elsewhere.");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    if (!config || optind < argc)
        return cli_misuse("redis-functions", "give -c FILE", NULL);
    owned(settings_destroy) settings_t *settings = cli_settings(config);
    if (!settings)
        return EXIT_CONFIG;
    fault_t fault = { 0 };
    owned(store_destroy) store_t *store = site_store(settings, dir, REDIS_DEPLOYER, &fault);
    if (store && store_prepare(store) != STORE_OK)
        fault_set(&fault, "%s", store_error(store));
    if (!store || fault.text[0]) {
        fprintf(stderr, "tidewire redis-functions: %s\n", fault.text);
        return EXIT_FAILED;
    }
    printf("the functions of namespace '%s' are loaded\n", settings->namespace);
    return EXIT_OK;
}
