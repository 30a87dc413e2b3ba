/*  status -- what runs, by what the actors say of themselves in the registry: tables for people
 *  (status_text.h), or everything as one JSON document.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actors/cli/cli.h"
#include "actors/cli/failing.h"
#include "actors/cli/status_text.h"
#include "actors/cli/supervise.h"
#include "actors/notifier/health.h"
#include "actors/notifier/vigil.h"
#include "broker/runtime/life.h"
#include "broker/site.h"
#include "broker/store_degraded.h"
#include "proto/json.h"
#include "proto/owned.h"

typedef struct {
    buffer_t out;
    size_t count; // elements of the list so far
} report_t;

// A number is written as one; everything else as text.
static void put_pair(buffer_t *out, const char *name, const char *value)
{
    buffer_text(out, ",");
    json_text(out, slice_text(name));
    buffer_text(out, ":");
    size_t digits = strspn(value, "0123456789");
    bool number = digits > 0 && digits < 16 && value[digits] == '\0';
    if (number && (value[0] != '0' || digits == 1))
        buffer_text(out, value);
    else
        json_text(out, slice_text(value));
}

static void put_first(report_t *report, const char *name, const char *value)
{
    buffer_printf(&report->out, "%s{\"%s\":", report->count ? "," : "", name);
    json_text(&report->out, slice_text(value));
    report->count++;
}

static void put_actor(void *context, const store_actor_t *actor)
{
    report_t *report = context;
    put_first(report, "role", actor->role);
    buffer_text(&report->out, ",\"name\":");
    json_text(&report->out, slice_text(actor->name));
    for (size_t i = 0; i < actor->count; i++)
        put_pair(&report->out, actor->fields[i].name, actor->fields[i].value);
    buffer_text(&report->out, "}");
}

static void put_quarantine(void *context, const char *source, uint64_t total,
                           const char *newest_reason)
{
    report_t *report = context;
    put_first(report, "source", source);
    buffer_printf(&report->out, ",\"rows\":%" PRIu64 ",\"newest\":", total);
    json_text(&report->out, slice_text(newest_reason ? newest_reason : ""));
    buffer_text(&report->out, "}");
}

static void put_rule(void *context, const store_rule_t *rule)
{
    report_t *report = context;
    put_first(report, "name", rule->name);
    for (size_t i = 0; i < rule->count; i++)
        put_pair(&report->out, rule->fields[i].name, rule->fields[i].value);
    buffer_text(&report->out, "}");
}

static void put_failing(void *context, const store_failing_t *failing)
{
    report_t *report = context;
    put_first(report, "source", failing->source);
    buffer_printf(&report->out, ",\"failures\":%" PRIu64 ",\"since_ms\":%" PRId64 ",\"reason\":",
                  failing->failures, failing->since_ms);
    json_text(&report->out, slice_text(failing->reason));
    buffer_text(&report->out, "}");
}

static void put_degraded(void *context, const char *cause, const char *note)
{
    report_t *report = context;
    vigil_state_t state;
    if (!vigil_read(&state, cause, note))
        return;
    put_first(report, "cause", cause);
    buffer_printf(&report->out, ",\"restoring\":%s,\"since_us\":%" PRId64 ",\"text\":",
                  state.phase == VIGIL_RESTORING ? "true" : "false", state.since_us);
    json_text(&report->out, slice_text(state.text));
    buffer_text(&report->out, "}");
}

// "],"partitions":{"<owner>":<count>, ...}; "" owns those that nobody holds.
static bool put_owners(store_t *store, report_t *report)
{
    static char owners[PARTITIONS][64];
    if (store_owners(store, owners) != STORE_OK)
        return false;
    buffer_text(&report->out, "],\"partitions\":{");
    const char *comma = "";
    for (unsigned p = 0; p < PARTITIONS; p++) {
        unsigned count = 0, first = 0;
        while (strcmp(owners[first], owners[p]) != 0)
            first++;
        for (unsigned q = p; q < PARTITIONS; q++)
            count += strcmp(owners[p], owners[q]) == 0;
        if (first < p)
            continue;
        buffer_text(&report->out, comma);
        json_text(&report->out, slice_text(owners[p]));
        buffer_printf(&report->out, ":%u", count);
        comma = ",";
    }
    buffer_text(&report->out, "}");
    return true;
}

static bool status_json(store_t *store, const health_t *health, report_t *report)
{
    buffer_printf(&report->out, "{\"well\":%s,\"health\":", health->ill ? "false" : "true");
    json_text(&report->out, buffer_slice(&health->line));
    buffer_text(&report->out, ",\"actors\":[");
    if (store_actors(store, NULL, put_actor, report) != STORE_OK)
        return false;
    if (!put_owners(store, report))
        return false;
    report->count = 0;
    buffer_text(&report->out, ",\"rules\":[");
    if (store_rule_statuses(store, put_rule, report) != STORE_OK)
        return false;
    report->count = 0;
    buffer_text(&report->out, "],\"quarantine\":[");
    if (store_quarantine_summary(store, put_quarantine, report) != STORE_OK)
        return false;
    report->count = 0;
    buffer_text(&report->out, "],\"failing\":[");
    if (failing_all(store, put_failing, report) != STORE_OK)
        return false;
    report->count = 0;
    buffer_text(&report->out, "],\"degraded\":[");
    if (store_degraded(store, put_degraded, report) != STORE_OK)
        return false;
    buffer_text(&report->out, "]}\n");
    return !report->out.failed;
}

// ---- whom to scrape --------------------------------------------------------------------------

// A process is named once, though a collector stands in the registry once for each stream.
static void put_target(void *context, const store_actor_t *actor)
{
    report_t *report = context;
    const char *address = store_actor_field(actor, "metrics");
    if (!address || !*address)
        return;
    char quoted[160];
    snprintf(quoted, sizeof quoted, "\"%s\"", address);
    if (strstr(buffer_string(&report->out), quoted))
        return;
    buffer_printf(&report->out, "%s{\"targets\":[", report->count++ ? "," : "");
    json_text(&report->out, slice_text(address));
    buffer_text(&report->out, "],\"labels\":{\"role\":");
    json_text(&report->out, slice_text(actor->role));
    buffer_text(&report->out, ",\"name\":");
    json_text(&report->out, slice_text(actor->name));
    buffer_text(&report->out, "}}");
}

// As Prometheus' file_sd_configs reads it.
static int tell_targets(store_t *store)
{
    report_t report = { 0 };
    buffer_text(&report.out, "[");
    bool good = store_actors(store, NULL, put_target, &report) == STORE_OK && !report.out.failed;
    if (good)
        printf("%s]\n", buffer_string(&report.out));
    else
        fprintf(stderr, "tidewire status: %s\n", store_error(store));
    buffer_destroy(&report.out);
    return good ? EXIT_OK : EXIT_FAILED;
}

static int tell(store_t *store, const char *dir, bool json, bool health_only)
{
    owned(health_destroy) health_t health = { .ill = false };
    report_t report = { 0 };
    bool good = health_look(&health, store);
    if (!json)
        printf("%s\n%s", buffer_string(&health.line), health_only ? "" : "\n");
    if (health_only)
        return health.ill ? EXIT_FAILED : EXIT_OK;
    good = good && (json ? status_json(store, &health, &report) : status_text(store, &report.out));
    if (good)
        fputs(buffer_string(&report.out), stdout);
    else
        fprintf(stderr, "tidewire status: %s%s\n", store_error(store),
                supervise_pid(dir) > 0 ? "" : " (`up` has started nothing there)");
    buffer_destroy(&report.out);
    return good ? EXIT_OK : EXIT_FAILED;
}

int cli_status(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "dir", required_argument, NULL, 'd' },
        { "json", no_argument, NULL, 'j' },
        { "health", no_argument, NULL, 'H' },
        { "targets", no_argument, NULL, 't' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *config = NULL, *dir = CLI_DIR;
    bool json = false, health_only = false, targets = false;
    optind = 1;
    for (int word; (word = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        switch (word) {
        case 'c':
            config = optarg;
            break;
        case 'd':
            dir = optarg;
            break;
        case 'j':
            json = true;
            break;
        case 'H':
            health_only = true;
            break;
        case 't':
            targets = true;
            break;
        case 'h':
            puts("usage: tidewire status [-c FILE] [--dir DIR] [--json | --health | --targets]\n\n"
                 "Whether all is well, what runs, where it listens, rates, lag, rules, refused\n"
                 "rows, failing sources. Lines that begin with '!' want attention. --json has "
                 "every\n"
                 "counter. --health prints the first line alone, and exits 1 if it says ILL.\n"
                 "--targets prints where each actor serves /metrics, for Prometheus' "
                 "file_sd_configs.\n"
                 "Without -c: of what `up` started in DIR (default .tidewire).");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return cli_misuse("status", "unexpected word", argv[optind]);
    int status;
    owned(settings_destroy) settings_t *settings = cli_running("status", config, dir, &status);
    if (!settings)
        return status;
    fault_t fault = { 0 };
    owned(store_destroy) store_t *store = site_store(settings, dir, REDIS_OBSERVER, &fault);
    if (store)
        return targets ? tell_targets(store) : tell(store, dir, json, health_only);
    fprintf(stderr, "tidewire status: %s\n", fault.text);
    return EXIT_FAILED;
}
