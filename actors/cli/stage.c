/*  stage -- look into the staged log: `stage ls`, `stage cat`, `stage gaps`, `stage verify`. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/cli/cli.h"
#include "actors/cli/staged.h"
#include "broker/runtime/life.h"
#include "broker/site.h"
#include "broker/stage/catalog.h"
#include "proto/owned.h"

// ---- what all of them need
// ------------------------------------------------------------------------

typedef struct {
    const staged_t *staged;
    staged_visit_t *visit;
    void *context;
    bool any, stopped;
} streams_t;

static bool visit_stream(void *context, const char *stream)
{
    streams_t *self = context;
    if (self->staged->stream && strcmp(stream, self->staged->stream) != 0)
        return true;
    self->any = true;
    self->stopped = !self->visit(self->context, stream);
    return !self->stopped;
}

bool staged_streams(const staged_t *self, staged_visit_t *visit, void *context)
{
    streams_t streams = { .staged = self, .visit = visit, .context = context };
    fault_t fault = { 0 };
    bool good = catalog_streams(self->root, self->namespace, visit_stream, &streams, &fault);
    if (!good && !streams.stopped)
        fprintf(stderr, "tidewire stage: %s\n", fault.text);
    if (good && !streams.any && self->stream)
        fprintf(stderr, "tidewire stage: no stream '%s' in %s/%s\n", self->stream, self->root,
                self->namespace);
    return good && (streams.any || !self->stream);
}

void staged_time(int64_t us, char text[STAGED_TIME])
{
    int64_t ms = us / 1000 - (us % 1000 < 0);
    int64_t seconds = ms / 1000 - (ms % 1000 < 0);
    time_t whole = (time_t) seconds;
    struct tm utc;
    gmtime_r(&whole, &utc);
    size_t size = strftime(text, STAGED_TIME, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + size, STAGED_TIME - size, ".%03dZ", (int) (ms - seconds * 1000));
}

// ---- the words ----------------------------------------------------------------------------------

typedef struct {
    const char *config, *dir, *stream;
    staged_cat_t cat;
} words_t;

static bool seq_range(const char *text, staged_cat_t *cat)
{
    char *end;
    errno = 0;
    cat->from_seq = cat->to_seq = strtoull(text, &end, 10);
    if (end == text || *text == '-')
        return false;
    if (strncmp(end, "..", 2) == 0) {
        const char *second = end + 2;
        cat->to_seq = *second ? strtoull(second, &end, 10) : UINT64_MAX;
        end = *second ? end : (char *) second;
    }
    return *end == '\0' && errno == 0;
}

static void help(void)
{
    puts(
        "usage: tidewire stage ls [--json]\n"
        "       tidewire stage cat [--stream S] [--source S] [--seq N|N..M|N..]\n"
        "                          [--from T] [--to T] [--json]\n"
        "       tidewire stage gaps [--stream S] [--source S] [--from T] [--to T] [--json]\n"
        "       tidewire stage verify\n\n"
        "ls: streams, segments and objects, with seqs, times and sizes. cat: payloads of records,\n"
        "byte for byte, or with --json a line for each record. gaps: what should have been staged\n"
        "and was not, and why. verify: every checksum of every segment and object; exit 1, with\n"
        "the places, if something is damaged.\n\n"
        "-c FILE, or what `up` started in --dir DIR (default .tidewire). --stream S: that one\n"
        "alone. Times are of receipt, as 2023-03-01T00:00:00Z; --to is exclusive. Neither Redis\n"
        "nor the collector need run.");
}

// EXIT_OK, or *done with the exit code.
static int parse(int argc, char **argv, words_t *words, bool *done)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' }, { "dir", required_argument, NULL, 'd' },
        { "stream", required_argument, NULL, 'S' }, { "source", required_argument, NULL, 's' },
        { "seq", required_argument, NULL, 'n' },    { "from", required_argument, NULL, 'f' },
        { "to", required_argument, NULL, 't' },     { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
    };
    *done = true;
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        switch (word) {
        case 'c':
            words->config = optarg;
            break;
        case 'd':
            words->dir = optarg;
            break;
        case 'S':
            words->stream = optarg;
            break;
        case 's':
            words->cat.source = optarg;
            break;
        case 'n':
            if (!seq_range(optarg, &words->cat))
                return cli_misuse("stage", "not N, N..M or N.. :", optarg);
            break;
        case 'f':
        case 't':
            if (!cli_time(optarg, word == 'f' ? &words->cat.from_us : &words->cat.to_us))
                return cli_misuse("stage", "not a time like 2023-03-01T00:00:00Z:", optarg);
            break;
        case 'j':
            words->cat.json = true;
            break;
        case 'h':
            help();
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    *done = false;
    return EXIT_OK;
}

int cli_stage(int argc, char **argv)
{
    words_t words = { .dir = CLI_DIR,
                      .cat = { .to_seq = UINT64_MAX, .from_us = INT64_MIN, .to_us = INT64_MAX } };
    bool done;
    int status = parse(argc, argv, &words, &done);
    if (done)
        return status;
    owned(settings_destroy) settings_t *settings =
        cli_running("stage", words.config, words.dir, &status);
    if (!settings)
        return status;
    const char *verb = optind < argc ? argv[optind] : NULL;
    if (!verb)
        return cli_misuse("stage", "ls, cat, gaps or verify?", NULL);
    if (optind + 1 < argc)
        return cli_misuse("stage", "unexpected word", argv[optind + 1]);
    char root[SITE_PATH_MAX];
    fault_t fault;
    if (!site_stage(settings, words.dir, root, &fault)) {
        fprintf(stderr, "tidewire stage: %s\n", fault.text);
        return EXIT_FAILED;
    }
    const staged_t staged = { root, settings->namespace, words.stream };
    if (strcmp(verb, "ls") == 0)
        return staged_ls(&staged, words.cat.json);
    if (strcmp(verb, "cat") == 0)
        return staged_cat(&staged, &words.cat);
    if (strcmp(verb, "gaps") == 0)
        return staged_gaps(&staged, &words.cat);
    if (strcmp(verb, "verify") == 0)
        return staged_verify(&staged);
    return cli_misuse("stage", "unknown word", verb);
}
