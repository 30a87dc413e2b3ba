/*  feed -- `tidewire feed`: the ready-made feeds, and a look at what any URL gives. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/cli/cli.h"
#include "actors/cli/library.h"
#include "actors/cli/trial.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

enum { ROWS_SHOWN = 10 };

typedef struct {
    const char *url;    // NULL = the source's own
    const char *name;   // of a ready-made feed, or NULL
    const char *config; // a configuration, or NULL
    const char *source; // NULL = the first
    trial_print_t print;
} feed_word_t;

// ---- ls, show -----------------------------------------------------------------------------------

static int s_list(void)
{
    owned(buffer_destroy) buffer_t out = { 0 };
    library_list(&out);
    fputs(buffer_string(&out), stdout);
    return out.failed ? EXIT_FAILED : EXIT_OK;
}

static int s_no_such_feed(const char *name)
{
    fprintf(stderr, "tidewire feed: there is no feed '%s'; `tidewire feed ls` lists them\n", name);
    return EXIT_FAILED;
}

static int s_show(const char *name)
{
    library_feed_t feed;
    if (!library_find(name, &feed))
        return s_no_such_feed(name);
    fwrite(feed.text.data, 1, feed.text.size, stdout);
    return EXIT_OK;
}

// ---- try ----------------------------------------------------------------------------------------

static settings_t *s_settings(const feed_word_t *self, int *status)
{
    fault_t fault = { 0 };
    library_feed_t feed;
    *status = EXIT_CONFIG;
    if (self->config)
        return cli_settings(self->config);
    if (!library_find(self->name, &feed)) {
        *status = s_no_such_feed(self->name);
        return NULL;
    }
    settings_t *settings = settings_parse((const char *) feed.text.data, feed.text.size, &fault);
    if (!settings)
        fprintf(stderr, "tidewire feed: feed '%s' line %d: %s\n", self->name, fault.line,
                fault.text);
    return settings;
}

static const source_t *s_find_source(const settings_t *settings, const char *name)
{
    for (size_t i = 0; i < settings->source_count; i++)
        if (!name || strcmp(settings->sources[i].name, name) == 0)
            return &settings->sources[i];
    return NULL;
}

static int s_failed(const char *url, const fault_t *fault)
{
    fprintf(stderr, "tidewire feed: %s: %s\n", url, fault->text);
    return EXIT_FAILED;
}

// Print what a mapping makes of a body.
static int s_map(const feed_word_t *self, const source_t *source, slice_t body)
{
    owned(buffer_destroy) buffer_t out = { 0 }, refusals = { 0 };
    trial_count_t count;
    fault_t fault = { 0 };
    if (!trial_map(source, body, &self->print, &out, &refusals, &count, &fault))
        return s_failed(source->url, &fault);
    fputs(buffer_string(&out), stdout);
    fputs(buffer_string(&refusals), stderr);
    fprintf(stderr, "%zu bytes: %" PRIu64 " rows, %" PRIu64 " quarantined\n", body.size, count.rows,
            count.quarantined);
    return count.rows > 0 ? EXIT_OK : EXIT_FAILED;
}

static int s_try_mapping(const feed_word_t *self)
{
    int status;
    owned(settings_destroy) settings_t *settings = s_settings(self, &status);
    if (!settings)
        return status;
    const source_t *found = s_find_source(settings, self->source);
    if (!found)
        return cli_misuse("feed", "there is no source", self->source ? self->source : "at all");
    source_t source = *found;
    owned(buffer_destroy) buffer_t body = { 0 };
    fault_t fault = { 0 };
    if (self->url && !trial_aim(&source, self->url, &fault))
        return s_failed(self->url, &fault);
    if (!trial_fetch(&source, &body, &fault))
        return s_failed(source.url, &fault);
    return s_map(self, &source, buffer_slice(&body));
}

static int s_try(feed_word_t *self, int count, char **words)
{
    if (count > 1)
        return cli_misuse("feed", "unexpected word", words[1]);
    self->url = count ? words[0] : NULL;
    if (self->name && self->config)
        return cli_misuse("feed", "either --feed or -c", NULL);
    if (self->name || self->config)
        return s_try_mapping(self);
    return cli_misuse("feed", "try takes a URL", NULL);
}

// ---- the word -----------------------------------------------------------------------------------

static void s_help(void)
{
    puts(
        "usage: tidewire feed ls\n"
        "       tidewire feed show NAME\n"
        "       tidewire feed try [URL] --feed NAME | -c FILE [--source NAME] [--rows N] [--json]\n"
        "\n"
        "ls lists the ready-made feeds, show prints the configuration of one: copy it, or run it\n"
        "by `demo --feed NAME`. try fetches once, file://, http:// or https://, and prints the\n"
        "first N rows (default 10) that the mapping of a feed or a configuration makes of it, and\n"
        "what would be quarantined. Without a URL the source's own is fetched. --json: one object\n"
        "a row. Exit code 0 if there was a row.");
}

static int s_word(feed_word_t *self, int count, char **words)
{
    if (count == 0)
        return cli_misuse("feed", "ls, show or try?", NULL);
    if (strcmp(words[0], "ls") == 0 && count == 1)
        return s_list();
    if (strcmp(words[0], "show") == 0 && count == 2)
        return s_show(words[1]);
    if (strcmp(words[0], "show") == 0)
        return cli_misuse("feed", "show takes one name", NULL);
    if (strcmp(words[0], "try") == 0)
        return s_try(self, count - 1, words + 1);
    return cli_misuse("feed", "unknown word", words[0]);
}

int cli_feed(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "feed", required_argument, NULL, 'f' },
        { "source", required_argument, NULL, 's' },
        { "rows", required_argument, NULL, 'r' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    feed_word_t self = { .print.rows_max = ROWS_SHOWN };
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        char *end;
        switch (word) {
        case 'c':
            self.config = optarg;
            break;
        case 'f':
            self.name = optarg;
            break;
        case 's':
            self.source = optarg;
            break;
        case 'r':
            self.print.rows_max = strtoul(optarg, &end, 10);
            if (*end || *optarg < '0' || *optarg > '9')
                return cli_misuse("feed", "--rows is a number, not", optarg);
            break;
        case 'j':
            self.print.json = true;
            break;
        case 'h':
            s_help();
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    return s_word(&self, argc - optind, argv + optind);
}
