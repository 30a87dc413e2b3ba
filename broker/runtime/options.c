/*  options -- see options.h. */
#include "broker/runtime/options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "broker/runtime/life.h"
#include "broker/runtime/notify.h"

enum {
    NAME_MAX_BYTES = 48, // it becomes part of Redis keys and of the stage's paths
    PLACE_BYTES_MAX = 4096,
};

static void print_help(const char *role, const char *purpose)
{
    printf("usage: tidewire %s -c FILE [--name NAME] [--dir DIR]\n\n%s\n\n"
           "  -c, --config FILE     configuration (docs/configuration.md)\n"
           "      --name NAME       name of this instance among its kind (default: %s)\n"
           "      --dir DIR         where sockets, stage and the embedded Redis live\n"
           "                        (default: .tidewire)\n"
           "      --log-format F    logfmt (default) or json\n"
           "      --log-level L     debug, info (default), warning or error\n"
           "  -h, --help            this text\n",
           role, purpose, role);
}

static bool name_is_good(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > NAME_MAX_BYTES)
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char) *c) && !strchr("._-", *c))
            return false;
    return true;
}

static bool refuse(int *status, const char *role, const char *what, const char *value)
{
    fprintf(stderr, "tidewire %s: %s%s%s%s; try 'tidewire %s --help'\n", role, what,
            value ? " '" : "", value ? value : "", value ? "'" : "", role);
    *status = EXIT_USAGE;
    return false;
}

bool options_parse(options_t *options, const char *role, const char *purpose, int argc, char **argv,
                   int *status)
{
    enum { OPTION_NAME = 256, OPTION_DIR, OPTION_LOG_FORMAT, OPTION_LOG_LEVEL };
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "name", required_argument, NULL, OPTION_NAME },
        { "dir", required_argument, NULL, OPTION_DIR },
        { "log-format", required_argument, NULL, OPTION_LOG_FORMAT },
        { "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    *options = (options_t){ .name = role, .dir = ".tidewire", .log_level = LOG_INFO };
    int word;
    optind = 1;
    while ((word = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
        switch (word) {
        case 'c':
            options->config = optarg;
            break;
        case OPTION_NAME:
            options->name = optarg;
            break;
        case OPTION_DIR:
            options->dir = optarg;
            break;
        case OPTION_LOG_FORMAT:
            if (strcmp(optarg, "json") != 0 && strcmp(optarg, "logfmt") != 0)
                return refuse(status, role, "--log-format is logfmt or json, not", optarg);
            options->log_json = strcmp(optarg, "json") == 0;
            break;
        case OPTION_LOG_LEVEL:
            if (!log_level_parse(optarg, &options->log_level))
                return refuse(status, role, "unknown --log-level", optarg);
            break;
        case 'h':
            print_help(role, purpose);
            *status = EXIT_OK;
            return false;
        default: // getopt has said what is wrong
            *status = EXIT_USAGE;
            return false;
        }
    }
    if (optind < argc)
        return refuse(status, role, "unexpected word", argv[optind]);
    if (!options->config)
        return refuse(status, role, "-c FILE is missing", NULL);
    if (!name_is_good(options->name))
        return refuse(status, role, "a name has 1 to 48 letters, digits, '.', '_' or '-', unlike",
                      options->name);
    log_setup(role, options->name, options->log_level, options->log_json);
    life_raise_descriptors(); // each connection is one, and strangers may make many
    fault_t fault;
    if (notify_open(&fault))
        return true;
    log_event(LOG_ERROR, "cannot be a service", "reason=%s", log_quote(fault.text));
    *status = EXIT_FAILED;
    return false;
}

// "file:line:col", or the file alone where there is no place.
static void s_place(const options_t *options, const fault_t *fault, char *place, size_t size)
{
    if (fault->line > 0)
        snprintf(place, size, "%s:%d:%d", options->config, fault->line, fault->column);
    else
        snprintf(place, size, "%s", options->config);
}

settings_t *options_settings(const options_t *options)
{
    fault_t fault = { 0 };
    settings_t *settings = settings_load(options->config, &fault);
    if (!settings)
        options_tell_bad(options, &fault);
    return settings;
}

void options_tell_bad(const options_t *options, const fault_t *fault)
{
    char place[PLACE_BYTES_MAX];
    s_place(options, fault, place, sizeof place);
    if (options->log_json)
        log_event(LOG_ERROR, "bad configuration", "place=%s reason=%s", log_quote(place),
                  log_quote(fault->text));
    else
        fprintf(stderr, "%s: %s\n", place, fault->text);
}

void options_tell_kept(const options_t *options, const fault_t *fault)
{
    char place[PLACE_BYTES_MAX];
    s_place(options, fault, place, sizeof place);
    log_event(LOG_ERROR, "new configuration is bad; keeping the old one", "place=%s reason=%s",
              log_quote(place), log_quote(fault->text));
}
