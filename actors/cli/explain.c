/*  explain -- one alert, recomputed from what was staged: why it came, and whether it was right.
 *
 *  The alert is looked up in the alert log; its stream is then told again up to the record that it
 *  names, by the plans and mappings that stand in the log itself. What comes out under its id must
 *  be what was logged, in every field that is a function of the log.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/cli/cli.h"
#include "actors/cli/evidence.h"
#include "actors/cli/logged_alert.h"
#include "actors/cli/retell.h"
#include "broker/runtime/life.h"
#include "broker/site.h"
#include "proto/json.h"
#include "proto/owned.h"

typedef struct {
    const logged_alert_t *logged;
    evidence_t *evidence;
    buffer_t body; // JSON of what was told again under its id; empty = nothing yet
    bool failed;   // no memory
} explain_t;

static void s_take_alert(void *context, const retell_alert_t *said)
{
    explain_t *self = context;
    const alert_t *alert = said->alert;
    char id[ALERT_ID_TEXT];
    alert_id_print(alert->id, id);
    if (strcmp(id, self->logged->id) != 0 || self->body.size > 0)
        return;
    owned(buffer_destroy) buffer_t encoded = { 0 };
    alert_encode(alert, &encoded);
    self->failed |= encoded.failed || !json_from_wire(&self->body, buffer_slice(&encoded)) ||
                    !evidence_judge(self->evidence, said);
}

static bool s_take_row(void *context, const fold_taken_t *taken)
{
    explain_t *self = context;
    return evidence_add(self->evidence, taken);
}

static void s_show_progress(void *context, uint64_t seq)
{
    const explain_t *self = context;
    fprintf(stderr, "\rrecord %" PRIu64 " of %" PRIu64, seq, self->logged->record_seq);
}

// ---- the answer ---------------------------------------------------------------------------------

// What the log says ends where the clocks begin: stamps and `at` are the last entries of a body.
static slice_t s_told(slice_t body)
{
    static const char stamps[] = ",\"stamps\":{";
    for (size_t size = body.size; size >= sizeof stamps - 1; size--)
        if (memcmp(body.data + size - (sizeof stamps - 1), stamps, sizeof stamps - 1) == 0)
            return slice_of(body.data, size - (sizeof stamps - 1));
    return body;
}

// The end of what a replay does not give is said by nothing in it.
static bool s_is_told_anew(slice_t body)
{
    static const char reason[] = ",\"reason\":\"told anew\"";
    return memmem(body.data, body.size, reason, sizeof reason - 1) != NULL;
}

static int s_answer(explain_t *self, const retell_count_t *count)
{
    slice_t logged = s_told(buffer_slice(&self->logged->body));
    slice_t told = s_told(buffer_slice(&self->body));
    if (count->damaged > 0)
        printf("damaged      records that cannot be read any more: %" PRIu64 "\n", count->damaged);
    if (told.size == 0 && s_is_told_anew(logged)) {
        printf("verdict      told anew: %" PRIu64
               " records of the stream, as the replay tells them, do not give this incident, "
               "which had been told; explain `opened` to see why\n",
               count->records);
        return EXIT_OK;
    }
    if (told.size == 0) {
        printf("verdict      DISAGREES: %" PRIu64
               " records of the stream, told again, do not give this alert\n",
               count->records);
        return EXIT_FAILED;
    }
    if (!slice_same(logged, told)) {
        printf("verdict      DISAGREES: %" PRIu64
               " records of the stream, told again, give it otherwise\n"
               "logged       %.*s}\nrecomputed   %.*s}\n",
               count->records, (int) logged.size, (const char *) logged.data, (int) told.size,
               (const char *) told.data);
        return EXIT_FAILED;
    }
    printf("verdict      agrees: %" PRIu64
           " records of the stream, told again, give the same alert\n",
           count->records);
    return EXIT_OK;
}

static int s_explain(const settings_t *settings, const char *dir, const logged_alert_t *logged,
                     bool all_rows)
{
    fault_t fault = { 0 };
    char root[SITE_PATH_MAX];
    owned(evidence_destroy) evidence_t *evidence = evidence_new(logged, EVIDENCE_ROWS_MAX);
    explain_t self = { .logged = logged, .evidence = evidence };
    const retell_t asked = { .root = root,
                             .namespace = settings->namespace,
                             .stream = slice_text(logged->stream),
                             .partition = series_partition(slice_text(logged->series)),
                             .last = logged->record_seq,
                             .alert = s_take_alert,
                             .row = s_take_row,
                             .context = &self,
                             .progress = isatty(STDERR_FILENO) ? s_show_progress : NULL };
    retell_count_t count;
    fault_set(&fault, "out of memory");
    bool told =
        evidence && site_stage(settings, dir, root, &fault) && retell(&asked, &count, &fault);
    if (asked.progress)
        fputs("\r\033[K", stderr);
    int status = EXIT_FAILED;
    owned(buffer_destroy) buffer_t out = { 0 };
    if (told && self.failed)
        told = fault_set(&fault, "out of memory");
    if (told && !evidence_print(evidence, all_rows, &out))
        told = fault_set(&fault, "out of memory");
    if (told) {
        fputs(buffer_string(&out), stdout);
        status = s_answer(&self, &count);
    } else {
        fprintf(stderr, "tidewire explain: %s\n", fault.text);
    }
    buffer_destroy(&self.body);
    return status;
}

// ---- the word -----------------------------------------------------------------------------------

int cli_explain(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "dir", required_argument, NULL, 'd' },
        { "rows", no_argument, NULL, 'r' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *config = NULL, *dir = CLI_DIR;
    bool all_rows = false;
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        switch (word) {
        case 'c':
            config = optarg;
            break;
        case 'd':
            dir = optarg;
            break;
        case 'r':
            all_rows = true;
            break;
        case 'h':
            puts("usage: tidewire explain [-c FILE] [--dir DIR] [--rows] ALERT-ID\n\n"
                 "Recomputes one alert from the staged log, by the plan that was in force, and\n"
                 "shows the rule, the rows that it saw, sums and comparison. Exit 1 if the log, "
                 "told\n"
                 "again, does not give this alert. --rows prints all rows of the windows, not the\n"
                 "first and last ones. -c FILE, or what `up` started in --dir DIR (default "
                 ".tidewire).");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    alert_id_t id;
    if (optind + 1 != argc)
        return cli_misuse("explain", "one ALERT-ID, please", NULL);
    if (!alert_id_parse(&id, slice_text(argv[optind])))
        return cli_misuse("explain", "an id is 32 hex digits, not", argv[optind]);
    int status;
    owned(settings_destroy) settings_t *settings = cli_running("explain", config, dir, &status);
    if (!settings)
        return status;
    fault_t fault = { 0 };
    owned(store_destroy) store_t *store = site_store(settings, dir, REDIS_OPERATOR, &fault);
    owned(logged_alert_destroy) logged_alert_t *logged =
        store ? logged_alert_find(store, argv[optind], &fault) : NULL;
    if (!logged) {
        fprintf(stderr, "tidewire explain: %s\n", fault.text);
        return EXIT_FAILED;
    }
    return s_explain(settings, dir, logged, all_rows);
}
