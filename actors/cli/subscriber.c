/*  subscriber -- convenience over the deliveries of subscribers.
 *
 *      subscriber resend NAME [ALERT-ID]     what was given up waits again
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actors/cli/cli.h"
#include "actors/cli/supervise.h"
#include "broker/runtime/life.h"
#include "broker/site.h"
#include "proto/owned.h"

static int resend(store_t *store, int count, char **words)
{
    uint64_t again = 0;
    if (count != 1 && count != 2)
        return cli_misuse("subscriber", "resend takes a name, and perhaps the id of an alert",
                          NULL);
    slice_t alert_id = slice_text(count == 2 ? words[1] : "");
    if (store_delivery_again(store, words[0], alert_id, &again) != STORE_OK) {
        fprintf(stderr, "tidewire subscriber: %s\n", store_error(store));
        return EXIT_FAILED;
    }
    printf("%" PRIu64 " deliveries to '%s' wait again\n", again, words[0]);
    return EXIT_OK;
}

int cli_subscriber(int argc, char **argv)
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
            puts(
                "usage: tidewire subscriber [--dir DIR] [-c FILE] resend NAME [ALERT-ID]\n\n"
                "Deliveries to NAME that were given up (`dead` in their record) wait again, as if\n"
                "they had never been tried: all that are remembered, or those of one alert. NAME\n"
                "is a subscriber, or one channel of one, alice/email (docs/channels.md). --dir "
                "DIR:\n"
                "where `up` runs (default .tidewire).");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind >= argc || strcmp(argv[optind], "resend") != 0)
        return cli_misuse("subscriber", "resend is what it does", NULL);
    char remembered[SITE_PATH_MAX];
    if (!config && supervise_config(dir, remembered, sizeof remembered))
        config = remembered;
    if (!config)
        return cli_misuse("subscriber", "nothing was started here: give -c FILE, or --dir", NULL);
    owned(settings_destroy) settings_t *settings = cli_settings(config);
    if (!settings)
        return EXIT_CONFIG;
    fault_t fault = { 0 };
    owned(store_destroy) store_t *store = site_store(settings, dir, REDIS_OPERATOR, &fault);
    if (!store) {
        fprintf(stderr, "tidewire subscriber: %s\n", fault.text);
        return EXIT_FAILED;
    }
    return resend(store, argc - optind - 1, argv + optind + 1);
}
