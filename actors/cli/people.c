/*  people -- see people.h. */
#include "actors/cli/people.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "actors/cli/supervise.h"
#include "broker/runtime/life.h"
#include "broker/site.h"
#include "proto/json.h"
#include "proto/owned.h"

int people_failed(const people_t *self, const char *why)
{
    fprintf(stderr, "tidewire %s: %s\n", self->word, why);
    return EXIT_FAILED;
}

const char *people_field(const store_rule_t *hash, const char *name)
{
    for (size_t i = 0; i < hash->count; i++)
        if (strcmp(hash->fields[i].name, name) == 0)
            return hash->fields[i].value;
    return NULL;
}

// ---- lists ----------------------------------------------------------------------------------

typedef struct {
    const people_t *people;
    const people_list_t *list;
    table_t table;
} listing_t;

static void print_json(const store_rule_t *hash, const char *hidden)
{
    owned(buffer_destroy) buffer_t line = { 0 };
    buffer_text(&line, "{\"name\":");
    json_text(&line, slice_text(hash->name));
    for (size_t i = 0; i < hash->count; i++) {
        buffer_text(&line, ",");
        json_text(&line, slice_text(hash->fields[i].name));
        buffer_text(&line, ":");
        if (strcmp(hash->fields[i].name, hidden) == 0)
            buffer_text(&line, "true");
        else
            json_text(&line, slice_text(hash->fields[i].value));
    }
    buffer_text(&line, "}");
    puts(buffer_string(&line));
}

static void list_one(void *context, const store_rule_t *hash)
{
    listing_t *self = context;
    if (self->people->json)
        print_json(hash, self->list->hidden);
    else
        self->list->row(self->people, hash, &self->table);
}

int people_list(people_t *self, const people_list_t *list)
{
    listing_t listing = { .people = self, .list = list, .table.columns = list->columns };
    owned(buffer_destroy) buffer_t out = { 0 };
    for (size_t i = 0; i < list->columns; i++)
        table_cell(&listing.table, list->titles[i]);
    bool good = list->read(self->store, list_one, &listing) == STORE_OK;
    table_print(&listing.table, &out);
    table_destroy(&listing.table);
    if (!good)
        return people_failed(self, store_error(self->store));
    if (!self->json)
        fputs(buffer_string(&out), stdout);
    return EXIT_OK;
}

// ---- the word -------------------------------------------------------------------------------

settings_t *people_settings(const char *word, const char *config, const char *dir, int *status)
{
    char remembered[SITE_PATH_MAX];
    if (!config && supervise_config(dir, remembered, sizeof remembered))
        config = remembered;
    if (!config) {
        *status = cli_misuse(word, "nothing was started here: give -c FILE, or --dir", NULL);
        return NULL;
    }
    *status = EXIT_CONFIG;
    return cli_settings(config);
}

static int open_and_run(people_t *self, const char *config, const char *dir, people_run_t *run,
                        int count, char **words)
{
    int status;
    owned(settings_destroy) settings_t *settings =
        people_settings(self->word, config, dir, &status);
    if (!settings)
        return status;
    fault_t fault = { 0 };
    owned(store_destroy) store_t *store = site_store(settings, dir, REDIS_OPERATOR, &fault);
    if (!store)
        return people_failed(self, fault.text);
    self->settings = settings;
    self->store = store;
    return run(self, count, words);
}

const char *people_letters(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "add") == 0)
            return "+c:h";
    return "c:h";
}

int people_main(const char *word, const char *help, int argc, char **argv, people_run_t *run)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "dir", required_argument, NULL, 'd' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *config = NULL, *dir = CLI_DIR, *letters = people_letters(argc, argv);
    people_t self = { .word = word };
    optind = 0; // 1 would keep the order of an earlier call
    for (int option; (option = getopt_long(argc, argv, letters, known, NULL)) != -1;) {
        switch (option) {
        case 'c':
            config = optarg;
            break;
        case 'd':
            dir = optarg;
            break;
        case 'j':
            self.json = true;
            break;
        case 'h':
            puts(help);
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind >= argc)
        return cli_misuse(word, "what is it to do? A word is missing", NULL);
    return open_and_run(&self, config, dir, run, argc - optind, argv + optind);
}
