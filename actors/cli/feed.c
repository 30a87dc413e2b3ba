/*  feed -- `tidewire feed`: the ready-made feeds, and a look at what any URL gives. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/cli/cli.h"
#include "actors/cli/library.h"
#include "actors/cli/trial.h"
#include "actors/collector/request.h"
#include "actors/infer/infer.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

enum {
    ROWS_SHOWN = 10,
    SOURCE_NAME_MAX = 64,
    TRY_TIMEOUT_US = 30 * 1000 * 1000,
    TRY_CONNECT_US = 10 * 1000 * 1000,
    TRY_STALL_US = 15 * 1000 * 1000
};

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
    owned(buffer_destroy) buffer_t shown = { 0 };
    request_shown(url, &shown);
    fprintf(stderr, "tidewire feed: %s: %s\n", buffer_string(&shown), fault->text);
    return EXIT_FAILED;
}

// Print what a mapping makes of a body.
static int s_map(const feed_word_t *self, const source_t *source, slice_t body, FILE *rows)
{
    owned(buffer_destroy) buffer_t out = { 0 }, refusals = { 0 };
    trial_count_t count;
    fault_t fault = { 0 };
    if (!trial_map(source, body, &self->print, &out, &refusals, &count, &fault))
        return s_failed(source->url, &fault);
    fputs(buffer_string(&out), rows);
    fflush(rows);
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
    return s_map(self, &source, buffer_slice(&body), stdout);
}

// A name for what is at a URL: its host, or its file without what follows the first dot.
static void s_name(const char *url, char name[SOURCE_NAME_MAX + 1])
{
    const char *start = strstr(url, "://") + 3, *end;
    const char *slash = strrchr(start, '/');
    if (strncmp(url, "file:", 5) == 0) {
        start = slash ? slash + 1 : start;
        end = start + strcspn(start, ".");
    } else {
        end = start + strcspn(start, "/?#");
        const char *at = memrchr(start, '@', (size_t) (end - start)); // behind user and password
        start = at ? at + 1 : start;
    }
    size_t size = 0;
    for (; start < end && size < SOURCE_NAME_MAX; start++) {
        bool plain = (*start >= 'a' && *start <= 'z') || (*start >= 'A' && *start <= 'Z') ||
                     (*start >= '0' && *start <= '9') || *start == '.' || *start == '_';
        name[size++] = plain ? *start : '-';
    }
    name[size] = '\0';
    if (size == 0)
        strcpy(name, "source");
}

// Does what was proposed give rows? It is read as a configuration is, and mapped as prep does.
static int s_check_proposal(const feed_word_t *self, slice_t yaml, slice_t body)
{
    fault_t fault = { 0 };
    owned(settings_destroy) settings_t *settings =
        settings_parse((const char *) yaml.data, yaml.size, &fault);
    if (settings)
        return s_map(self, &settings->sources[0], body, stderr); // stdout is YAML
    fprintf(stderr, "tidewire feed: line %d of what is proposed: %s\n", fault.line, fault.text);
    return EXIT_FAILED;
}

static int s_try_guess(const feed_word_t *self)
{
    source_t source = { .name = "try",
                        .timeout_us = TRY_TIMEOUT_US,
                        .connect_timeout_us = TRY_CONNECT_US,
                        .stall_timeout_us = TRY_STALL_US };
    owned(buffer_destroy) buffer_t body = { 0 }, shape = { 0 }, yaml = { 0 };
    char name[SOURCE_NAME_MAX + 1];
    fault_t fault = { 0 };
    if (!trial_aim(&source, self->url, &fault) || !trial_fetch(&source, &body, &fault))
        return s_failed(self->url, &fault);
    s_name(self->url, name);
    infer_origin_t origin = { self->url, name, source.kind == SOURCE_HTTP };
    infer_result_t result = infer(buffer_slice(&body), &origin, &shape, &yaml, &fault);
    if (shape.size > 0)
        printf("# The shape of %zu bytes from there:\n#\n%s#\n", body.size, buffer_string(&shape));
    switch (result) {
    case INFER_NO_MEMORY:
        fault_set(&fault, "out of memory");
        return s_failed(self->url, &fault);
    case INFER_NOTHING:
        return s_failed(self->url, &fault);
    case INFER_GOOD:
        break;
    }
    printf("# A mapping to begin with, guessed from this one answer:\n\n%s", buffer_string(&yaml));
    fflush(stdout);
    return s_check_proposal(self, buffer_slice(&yaml), buffer_slice(&body));
}

static int s_try(feed_word_t *self, int count, char **words)
{
    if (count > 1)
        return cli_misuse("feed", "unexpected word", words[1]);
    owned(buffer_destroy) buffer_t url = { 0 };
    fault_t fault = { 0 };
    if (count && !trial_url(words[0], &url, &fault))
        return s_failed(words[0], &fault);
    self->url = count ? buffer_string(&url) : NULL;
    if (self->name && self->config)
        return cli_misuse("feed", "either --feed or -c", NULL);
    if (self->name || self->config)
        return s_try_mapping(self);
    if (!self->url)
        return cli_misuse("feed", "try takes a URL, --feed or -c", NULL);
    if (self->print.json || self->source)
        return cli_misuse("feed", "--json and --source go with --feed or -c", NULL);
    return s_try_guess(self);
}

// ---- the word -----------------------------------------------------------------------------------

static void s_help(void)
{
    puts(
        "usage: tidewire feed ls\n"
        "       tidewire feed show NAME\n"
        "       tidewire feed try URL [--rows N]\n"
        "       tidewire feed try [URL] --feed NAME | -c FILE [--source NAME] [--rows N] [--json]\n"
        "\n"
        "ls lists the ready-made feeds, show prints the configuration of one: copy it, or run it\n"
        "by `demo --feed NAME`.\n"
        "\n"
        "try fetches once, a file, http:// or https://. Of a URL or file alone it prints the shape "
        "and a\n"
        "guessed configuration, all of it YAML, and on stderr the first N rows (default 10) that\n"
        "it gives. With the mapping of a feed or of a configuration it prints the rows of that,\n"
        "and what would be quarantined; without a URL it fetches the source's own. --json: one\n"
        "object a row. Exit code 0 if there was a row.");
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
