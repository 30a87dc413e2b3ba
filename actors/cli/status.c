/*  status -- what runs, by what the actors say of themselves in the registry. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "actors/cli/cli.h"
#include "actors/cli/supervise.h"
#include "broker/runtime/life.h"
#include "broker/site.h"
#include "proto/json.h"
#include "proto/owned.h"

typedef struct {
    bool json;
    buffer_t out;
    size_t count;
} report_t;

static void put_pair(buffer_t *out, const char *name, const char *value, bool json)
{
    if (!json) {
        buffer_printf(out, "  %s=%s", name, value);
        return;
    }
    buffer_text(out, ",");
    json_text(out, slice_text(name));
    buffer_text(out, ":");
    // A number is written as one; everything else as text.
    size_t digits = strspn(value, "0123456789");
    if (value[0] && digits == strlen(value) && digits < 16)
        buffer_text(out, value);
    else
        json_text(out, slice_text(value));
}

static void put_actor(void *context, const store_actor_t *actor)
{
    report_t *report = context;
    if (report->json) {
        buffer_printf(&report->out, "%s{\"role\":", report->count ? "," : "");
        json_text(&report->out, slice_text(actor->role));
        buffer_text(&report->out, ",\"name\":");
        json_text(&report->out, slice_text(actor->name));
    } else {
        buffer_printf(&report->out, "%-10s %-24s", actor->role, actor->name);
    }
    for (size_t i = 0; i < actor->count; i++)
        put_pair(&report->out, actor->fields[i].name, actor->fields[i].value, report->json);
    buffer_text(&report->out, report->json ? "}" : "\n");
    report->count++;
}

static void put_quarantine(void *context, const char *source, uint64_t total,
                           const char *newest_reason)
{
    report_t *report = context;
    if (report->json) {
        buffer_printf(&report->out, "%s{\"source\":", report->count ? "," : "");
        json_text(&report->out, slice_text(source));
        buffer_printf(&report->out, ",\"rows\":%llu,\"newest\":", (unsigned long long) total);
        json_text(&report->out, slice_text(newest_reason ? newest_reason : ""));
        buffer_text(&report->out, "}");
    } else {
        buffer_printf(&report->out, "quarantine %-24s  rows=%llu  newest=\"%s\"\n", source,
                      (unsigned long long) total, newest_reason ? newest_reason : "");
    }
    report->count++;
}

static void put_rule(void *context, const store_rule_t *rule)
{
    report_t *report = context;
    if (report->json) {
        buffer_printf(&report->out, "%s{\"name\":", report->count ? "," : "");
        json_text(&report->out, slice_text(rule->name));
    } else {
        buffer_printf(&report->out, "rule       %-24s", rule->name);
    }
    for (size_t i = 0; i < rule->count; i++)
        put_pair(&report->out, rule->fields[i].name, rule->fields[i].value, report->json);
    buffer_text(&report->out, report->json ? "}" : "\n");
    report->count++;
}

static bool fill(report_t *report, store_t *store)
{
    if (report->json)
        buffer_text(&report->out, "{\"actors\":[");
    if (store_actors(store, NULL, put_actor, report) != STORE_OK)
        return false;
    report->count = 0;
    if (report->json)
        buffer_text(&report->out, "],\"rules\":[");
    if (store_rule_statuses(store, put_rule, report) != STORE_OK)
        return false;
    report->count = 0;
    if (report->json)
        buffer_text(&report->out, "],\"quarantine\":[");
    if (store_quarantine_summary(store, put_quarantine, report) != STORE_OK)
        return false;
    if (report->json)
        buffer_text(&report->out, "]}\n");
    return !report->out.failed;
}

int cli_status(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "dir", required_argument, NULL, 'd' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *config = NULL, *dir = ".tidewire";
    report_t report = { 0 };
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
            report.json = true;
            break;
        case 'h':
            puts("usage: tidewire status [-c FILE] [--dir DIR] [--json]\n\n"
                 "What runs, where it listens, counters, rules, quarantine. Without -c: of what\n"
                 "`up` started in DIR.");
            return EXIT_OK;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return cli_misuse("status", "unexpected word", argv[optind]);
    char remembered[SITE_PATH_MAX];
    if (!config && supervise_config(dir, remembered, sizeof remembered))
        config = remembered;
    if (!config)
        return cli_misuse("status", "nothing was started here: give -c FILE, or --dir", NULL);
    owned(settings_destroy) settings_t *settings = cli_settings(config);
    if (!settings)
        return EXIT_CONFIG;
    fault_t fault = { 0 };
    owned(store_destroy) store_t *store = site_store(settings, dir, &fault);
    bool good = store && fill(&report, store);
    if (good)
        fputs(buffer_string(&report.out), stdout);
    else
        fprintf(stderr, "tidewire status: %s\n", store ? store_error(store) : fault.text);
    buffer_destroy(&report.out);
    return good ? EXIT_OK : EXIT_FAILED;
}
