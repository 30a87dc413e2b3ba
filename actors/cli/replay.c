/*  replay -- re-derive rows, state and alerts from the stage after a mapping was mended.
 *
 *  Asks the collectors, by a file beside the log of each of their streams, to stage the amendment
 *  (docs/decisions/0006-replay.md); the pipeline does the rest. Waits until all of it is through.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/cli/cli.h"
#include "actors/collector/amendments.h"
#include "actors/collector/planner.h"
#include "broker/runtime/life.h"
#include "broker/site.h"
#include "broker/stage/catalog.h"
#include "broker/stage/replay_request.h"
#include "proto/edition.h"
#include "proto/owned.h"

enum {
    STREAMS_MAX = 256,
    LOOK_MS = 200,
    TAKEN_US = 10000000, // until the collectors have taken the request
    SILENT_US = 20000000 // until one that has gone is given up
};

typedef struct {
    char name[EDITION_NAME_MAX + 1]; // without edition
    uint64_t edition;                // as its collector tells it now
    bool answered;                   // our request is in its log
    uint64_t amended;                // seq of the record that ordered that
    uint64_t committed;              // by every partition, of that edition
    int64_t heard_us;
} replayed_t;

typedef struct {
    const settings_t *settings;
    const char *dir;
    char root[SITE_PATH_MAX];
    store_t *store;
    replay_request_t request;
    bool asked, again; // `again`: also where known alerts may come a second time
    size_t count;
    replayed_t streams[STREAMS_MAX];
} replay_t;

// ---- the streams --------------------------------------------------------------------------------

// Is this the stream of the source that is meant? One that names none may be in any.
static bool is_meant(const replay_t *self, slice_t stream)
{
    for (size_t i = 0; self->request.source[0] && i < self->settings->source_count; i++) {
        const source_t *source = &self->settings->sources[i];
        if (strcmp(source->name, self->request.source) == 0)
            return !source->stream || slice_is(stream, source->stream);
    }
    return true;
}

static replayed_t *find(replay_t *self, slice_t stream)
{
    for (size_t i = 0; i < self->count; i++)
        if (slice_is(stream, self->streams[i].name))
            return &self->streams[i];
    return NULL;
}

static void hear(void *context, const store_actor_t *actor)
{
    replay_t *self = context;
    const char *told = store_actor_field(actor, "stream");
    const char *amended = store_actor_field(actor, "amended");
    const char *answered = store_actor_field(actor, "answered");
    slice_t stream;
    uint64_t edition;
    if (!told || !amended || strlen(told) > EDITION_NAME_MAX)
        return;
    edition_split(slice_text(told), &stream, &edition);
    replayed_t *known = find(self, stream);
    if (!known && !self->asked && self->count < STREAMS_MAX && is_meant(self, stream)) {
        known = &self->streams[self->count++];
        snprintf(known->name, sizeof known->name, "%.*s", (int) stream.size, stream.data);
    }
    if (!known)
        return;
    known->edition = edition;
    known->answered |= answered && strcmp(answered, self->request.id) == 0;
    known->amended = strtoull(amended, NULL, 10);
    known->heard_us = life_mono_us();
}

// ---- waiting ------------------------------------------------------------------------------------

// By what Redis has of every partition: a collector knows only of workers that have spoken to it.
static bool is_through(replay_t *self, replayed_t *stream)
{
    char told[EDITION_NAME_MAX + 1];
    stream->committed = 0;
    return stream->answered && edition_name(told, stream->name, stream->edition) &&
           store_committed(self->store, slice_text(told), &stream->committed) == STORE_OK &&
           stream->committed >= stream->amended;
}

static void take_back(replay_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        (void) replay_request_remove(self->root, self->settings->namespace, self->streams[i].name,
                                     self->request.id);
}

// False with fault: it will not come.
static bool judge(const replayed_t *stream, int64_t since_us, int64_t now_us, fault_t *fault)
{
    if (!stream->answered && now_us - since_us > TAKEN_US)
        return fault_set(fault,
                         "the collector of stream '%s' has not taken the request: does it run with "
                         "this FILE as it is now? SIGHUP makes it read it again; its log says more",
                         stream->name);
    if (now_us - stream->heard_us > SILENT_US)
        return fault_set(fault,
                         "the collector of stream '%s' has gone; if it has taken the request, the "
                         "replay goes on when it is back",
                         stream->name);
    return true;
}

// Until every stream is committed up to its amendment, and the notifier has nothing left.
static bool wait_through(replay_t *self, fault_t *fault)
{
    int64_t since_us = life_mono_us();
    bool progress = isatty(STDERR_FILENO);
    for (;;) {
        uint64_t waiting = 1;
        size_t through = 0;
        (void) store_actors(self->store, "collector", hear, self);
        for (size_t i = 0; i < self->count; i++) {
            replayed_t *stream = &self->streams[i];
            bool done = is_through(self, stream);
            through += done;
            if (progress)
                fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 " records  ", stream->name,
                        stream->committed, stream->amended);
            if (!done && !judge(stream, since_us, life_mono_us(), fault))
                return false;
        }
        if (through == self->count && store_outbox_length(self->store, &waiting) == STORE_OK &&
            waiting == 0)
            break;
        nanosleep(&(struct timespec){ .tv_nsec = LOOK_MS * 1000000L }, NULL);
    }
    if (progress)
        fputc('\n', stderr);
    return true;
}

// ---- the word -----------------------------------------------------------------------------------

static void add_alerts(void *context, const store_rule_t *rule)
{
    uint64_t *sum = context;
    for (size_t i = 0; i < rule->count; i++)
        if (strcmp(rule->fields[i].name, "alerts") == 0)
            *sum += strtoull(rule->fields[i].value, NULL, 10);
}

// An id that is forgotten is published and delivered again.
static bool remembers_all(replay_t *self, fault_t *fault)
{
    uint64_t room;
    if (store_alert_log_room(self->store, &room) != STORE_OK)
        return fault_set(fault, "%s", store_error(self->store));
    return room > 0 || self->again ||
           fault_set(fault,
                     "the memory of known alerts (%s:seen:{%s:alerts}) is full, so older ones are "
                     "forgotten and would be published and delivered again; --again replays all "
                     "the same",
                     self->settings->namespace, self->settings->namespace);
}

// A replay folds all that the log has. Where its beginning is gone, windows near the first record
// would not be whole, and alerts could come that the whole log does not imply.
static bool begins_at_the_beginning(const replay_t *self, const char *stream, fault_t *fault)
{
    catalog_t catalog;
    if (!catalog_open(&catalog, self->root, self->settings->namespace, stream, fault))
        return false;
    uint64_t first_seq = catalog.count > 0 ? catalog.segments[0].first_seq : 1;
    catalog_close(&catalog);
    return first_seq <= 1 ||
           fault_set(fault,
                     "the log of stream '%s' was trimmed (stage_keep) and begins at record %" PRIu64
                     ": a replay would judge rows on windows that are not whole; backtest shows "
                     "what the rest of it gives",
                     stream, first_seq);
}

static bool all_begin_at_the_beginning(const replay_t *self, fault_t *fault)
{
    for (size_t i = 0; i < self->count; i++)
        if (!begins_at_the_beginning(self, self->streams[i].name, fault))
            return false;
    return true;
}

static bool prepare(replay_t *self, fault_t *fault)
{
    bool known = !self->request.source[0];
    for (size_t i = 0; i < self->settings->source_count; i++)
        known |= strcmp(self->settings->sources[i].name, self->request.source) == 0;
    if (!known)
        return fault_set(fault, "no source '%s' in %s", self->request.source, self->settings->path);
    uint8_t random[REQUEST_ID_BYTES / 2];
    owned(plan_destroy) plan_t *plan = planner_base(self->settings, fault);
    if (!plan)
        return false;
    if (!life_random(random, sizeof random) || !amendments_mappings(plan, self->request.mappings))
        return fault_set(fault, "no memory or no random numbers");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(self->request.id + 2 * i, 3, "%02x", random[i]);
    if (!site_stage(self->settings, self->dir, self->root, fault))
        return false;
    self->store = site_store(self->settings, self->dir, REDIS_OBSERVER, fault);
    if (!self->store)
        return false;
    if (store_actors(self->store, "collector", hear, self) != STORE_OK)
        return fault_set(fault, "%s", store_error(self->store));
    return (self->count > 0 || fault_set(fault, "no collector runs; start it first")) &&
           all_begin_at_the_beginning(self, fault) && remembers_all(self, fault);
}

static bool replay(replay_t *self, fault_t *fault)
{
    uint64_t before = 0, after = 0;
    if (!prepare(self, fault))
        return false;
    if (store_rule_statuses(self->store, add_alerts, &before) != STORE_OK)
        return fault_set(fault, "%s", store_error(self->store));
    self->asked = true;
    for (size_t i = 0; i < self->count; i++)
        if (!replay_request_put(self->root, self->settings->namespace, self->streams[i].name,
                                &self->request, fault)) {
            take_back(self);
            return false;
        }
    if (!wait_through(self, fault)) {
        take_back(self);
        return false;
    }
    if (store_rule_statuses(self->store, add_alerts, &after) != STORE_OK)
        return fault_set(fault, "%s", store_error(self->store));
    for (size_t i = 0; i < self->count; i++)
        printf("stream %s: told again as %s~%" PRIu64 "\n", self->streams[i].name,
               self->streams[i].name, self->streams[i].edition);
    printf("%" PRIu64 " alerts that were not known are in %s:alerts\n", after - before,
           self->settings->namespace);
    uint64_t room;
    if (store_alert_log_room(self->store, &room) == STORE_OK && room == 0)
        fputs("the memory of known alerts is full: the oldest may have come again\n", stderr);
    return true;
}

int cli_replay(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "dir", required_argument, NULL, 'd' },
        { "from", required_argument, NULL, 'f' },
        { "source", required_argument, NULL, 's' },
        { "again", no_argument, NULL, 'a' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *config = NULL, *from = NULL;
    owned(store_destroy) store_t *store = NULL;
    replay_t *self = &(replay_t){ .dir = CLI_DIR };
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        switch (word) {
        case 'c':
            config = optarg;
            break;
        case 'd':
            self->dir = optarg;
            break;
        case 'f':
            from = optarg;
            break;
        case 's':
            if (snprintf(self->request.source, sizeof self->request.source, "%s", optarg) >=
                (int) sizeof self->request.source)
                return cli_misuse("replay", "no name of a source:", optarg);
            break;
        case 'a':
            self->again = true;
            break;
        case 'h':
            puts("usage: tidewire replay -c FILE --from T [--source S] [--again] [--dir DIR]\n\n"
                 "After a mapping in FILE was mended and the collectors have read it (SIGHUP):\n"
                 "records received since T become rows anew, windows and alerts with them. Alerts\n"
                 "that are known are not delivered again. Times as 2023-03-01T00:00:00Z. Returns\n"
                 "when all is through; live records are staged meanwhile, their alerts wait.\n"
                 "Refused once alerts were forgotten (after 1,000,000), which would be delivered\n"
                 "again: --again does it all the same.");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return cli_misuse("replay", "unexpected word", argv[optind]);
    if (!config)
        return cli_misuse("replay", "-c FILE is missing", NULL);
    owned(settings_destroy) settings_t *settings = cli_settings(config);
    if (!settings)
        return EXIT_CONFIG;
    if (!from)
        return cli_misuse("replay", "--from T is missing", NULL);
    if (!cli_time(from, &self->request.from_us))
        return cli_misuse("replay", "not a time like 2023-03-01T00:00:00Z:", from);
    self->settings = settings;
    fault_t fault = { 0 };
    bool good = replay(self, &fault);
    store = self->store; // closed with the scope
    if (!good)
        fprintf(stderr, "tidewire replay: %s\n", fault.text);
    return good ? EXIT_OK : EXIT_FAILED;
}
