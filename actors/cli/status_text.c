/*  status_text -- see status_text.h.
 *
 *  What actors say of themselves every second is much; here stands what a person looks for first.
 *  Counters that should be 0 appear only when they are not. `--json` has everything.
 */
#include "actors/cli/status_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/cli/failing.h"
#include "actors/cli/table.h"
#include "actors/notifier/notice.h"
#include "actors/notifier/vigil.h"
#include "broker/endpoint.h"
#include "broker/store_degraded.h"
#include "proto/owned.h"

typedef enum { AS_TEXT, AS_NUMBER, AS_BYTES, AS_ENDPOINT } form_t;

typedef struct {
    const char *title, *field; // field NULL: the actor's name
    form_t form;
} column_t;

enum { COLUMNS_MAX = 11, TROUBLES_MAX = 13 };

// In the order in which a row travels. `troubles` are counters that should be 0.
static const struct {
    const char *role;
    column_t columns[COLUMNS_MAX];
    const char *troubles[TROUBLES_MAX];
} roles[] = {
    { "collector",
      { { "COLLECTOR", NULL, AS_TEXT },
        { "STATE", "state", AS_TEXT },
        { "RECORDS/S", "records_s", AS_NUMBER },
        { "BYTES/S", "bytes_s", AS_BYTES },
        { "LAST RECORD", "last_seq", AS_NUMBER },
        { "LAG", "lag", AS_NUMBER },
        { "LAG S", "lag_s", AS_NUMBER },
        { "WORKERS", "workers", AS_NUMBER },
        { "RULES HEARD", "rules", AS_TEXT } },
      { "ahead", "acks_beyond", "malformed", "damaged", "polls_failed", "polls_torn",
        "files_failed", "push_malformed", "push_unknown_source", "push_early", "push_foreign",
        "push_gaps", "handshakes_failed" } },
    { "prep",
      { { "PREP", NULL, AS_TEXT },
        { "MESSAGES", "messages", AS_NUMBER },
        { "RECORDS", "records", AS_NUMBER },
        { "ROWS", "rows", AS_NUMBER },
        { "QUARANTINED", "quarantined", AS_NUMBER } },
      { "skipped", "rounded", "dropped", "malformed" } },
    { "transform",
      { { "TRANSFORM", NULL, AS_TEXT },
        { "PARTITIONS", "partitions", AS_NUMBER },
        { "SERIES", "series", AS_NUMBER },
        { "ROWS", "rows", AS_NUMBER },
        { "ROWS/S", "rows_s", AS_NUMBER },
        { "LATE", "late", AS_NUMBER },
        { "BEHIND", "behind", AS_NUMBER },
        { "ASKED AGAIN", "asked", AS_NUMBER },
        { "ALERTS", "alerts", AS_NUMBER },
        { "CHECKPOINT MS AGO", "checkpoint_ms", AS_NUMBER },
        { "MEMORY", "bytes", AS_BYTES } },
      { "spare", "ignored", "stale", "fenced", "dropped", "malformed", "forged",
        "handshakes_failed" } },
    { "notifier",
      { { "NOTIFIER", NULL, AS_TEXT },
        { "STATE", "state", AS_TEXT },
        { "PUBLISHED", "published", AS_NUMBER },
        { "ALERTS/S", "published_s", AS_NUMBER },
        { "LAG", "lag", AS_NUMBER },
        { "DELIVERED", "deliveries_ok", AS_NUMBER },
        { "RETRIED", "deliveries_retried", AS_NUMBER },
        { "WAITING", "deliveries_pending", AS_NUMBER },
        { "GIVEN UP", "deliveries_failed", AS_NUMBER },
        { "SUBSCRIPTIONS", "subscriptions", AS_NUMBER },
        { "ASKED IN", "subscribers_from", AS_TEXT } },
      { "malformed", "unplanned", "untold", "silenced", "silences_unread" } },
    { "broker",
      { { "BROKER", NULL, AS_TEXT },
        { "SUBSCRIPTIONS", "subscriptions", AS_NUMBER },
        { "ALERT SOCKET", "alerts", AS_ENDPOINT } },
      { "refused", "handshakes_failed" } },
    { "api",
      { { "API", NULL, AS_TEXT },
        { "REQUESTS", "requests", AS_NUMBER },
        { "UNCHANGED", "unchanged", AS_NUMBER },
        { "VIEWERS", "viewers", AS_NUMBER },
        { "ANSWERS AT", "http", AS_TEXT } },
      { "viewers_refused", "series_left_out", "entries_left_out", "looks_failed" } },
};
enum { ROLES = sizeof roles / sizeof roles[0] };

typedef struct {
    size_t role, count;
    table_t table;
    buffer_t troubles;
    bool keys_left_out; // of endpoints
} view_t;

static bool read_number(const char *text, uint64_t *number)
{
    char *end;
    if (!text || *text < '0' || *text > '9')
        return false;
    *number = strtoull(text, &end, 10);
    return *end == '\0';
}

// "1,234,567"
static void put_grouped(uint64_t number, char text[32])
{
    char plain[24];
    int size = snprintf(plain, sizeof plain, "%" PRIu64, number);
    char *to = text;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            *to++ = ',';
        *to++ = plain[i];
    }
    *to = '\0';
}

static void put_cell(table_t *table, const char *value, form_t form)
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
    uint64_t number;
    char text[32];
    if (form == AS_TEXT || !read_number(value, &number)) {
        table_cell(table, value);
        return;
    }
    double size = (double) number;
    size_t unit = 0;
    for (; form == AS_BYTES && size >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++)
        size /= 1000;
    if (form == AS_BYTES)
        snprintf(text, sizeof text, "%.*f %s", unit > 0 && size < 10 ? 1 : 0, size, units[unit]);
    else
        put_grouped(number, text);
    table_cell(table, text);
}

// Its address: a key is 64 digits that nobody reads.
static void put_endpoint(view_t *view, const char *value)
{
    char address[ENDPOINT_MAX];
    size_t size = value ? strcspn(value, "#") : 0;
    if (size > 0 && size < sizeof address && value[size] == '#') {
        snprintf(address, sizeof address, "%.*s", (int) size, value);
        view->keys_left_out = true;
        value = address;
    }
    table_cell(&view->table, value);
}

static void see_actor(void *context, const store_actor_t *actor)
{
    view_t *view = context;
    const column_t *columns = roles[view->role].columns;
    for (size_t i = 0; i < COLUMNS_MAX && columns[i].title; i++) {
        const char *value =
            columns[i].field ? store_actor_field(actor, columns[i].field) : actor->name;
        if (columns[i].form == AS_ENDPOINT)
            put_endpoint(view, value);
        else
            put_cell(&view->table, value, columns[i].form);
    }
    const char *const *troubles = roles[view->role].troubles;
    for (size_t i = 0; i < TROUBLES_MAX && troubles[i]; i++) {
        uint64_t number;
        if (read_number(store_actor_field(actor, troubles[i]), &number) && number > 0)
            buffer_printf(&view->troubles, "! %s %s: %s %" PRIu64 "\n", actor->role, actor->name,
                          troubles[i], number);
    }
    view->count++;
}

// That none runs is no trouble.
static bool is_optional(const char *role)
{
    return strcmp(role, "api") == 0;
}

static bool put_role(view_t *view, store_t *store, buffer_t *out)
{
    const column_t *columns = roles[view->role].columns;
    view->table.columns = view->count = 0;
    for (; view->table.columns < COLUMNS_MAX && columns[view->table.columns].title;
         view->table.columns++)
        table_cell(&view->table, columns[view->table.columns].title);
    if (store_actors(store, roles[view->role].role, see_actor, view) != STORE_OK)
        return false;
    if (view->count == 0 && is_optional(roles[view->role].role)) {
        table_destroy(&view->table); // titles of what had no rows
        return true;
    }
    table_print(&view->table, out);
    if (view->count == 0)
        buffer_printf(&view->troubles, "! no %s runs\n", roles[view->role].role);
    buffer_text(out, "\n");
    return true;
}

static void see_rule(void *context, const store_rule_t *rule)
{
    view_t *view = context;
    const char *state = NULL, *error = "";
    for (size_t i = 0; i < rule->count; i++) {
        if (strcmp(rule->fields[i].name, "state") == 0)
            state = rule->fields[i].value;
        if (strcmp(rule->fields[i].name, "error") == 0)
            error = rule->fields[i].value;
    }
    table_cell(&view->table, rule->name);
    table_cell(&view->table, state);
    table_cell(&view->table, error);
    view->count++;
}

static void see_quarantine(void *context, const char *source, uint64_t total,
                           const char *newest_reason)
{
    view_t *view = context;
    char text[32];
    put_grouped(total, text);
    table_cell(&view->table, source);
    table_cell(&view->table, text);
    table_cell(&view->table, newest_reason);
    view->count++;
}

static void start_three(view_t *view, const char *one, const char *two, const char *three)
{
    view->table.columns = 3;
    view->count = 0;
    table_cell(&view->table, one);
    table_cell(&view->table, two);
    table_cell(&view->table, three);
}

static void see_degraded(void *context, const char *cause, const char *note)
{
    view_t *view = context;
    vigil_state_t state;
    char since[NOTICE_TIME_TEXT];
    if (!vigil_read(&state, cause, note))
        return;
    notice_time(state.since_us, since);
    table_cell(&view->table, cause);
    table_cell(&view->table, since);
    table_cell(&view->table, state.text);
    view->count++;
}

static bool put_degraded(view_t *view, store_t *store, buffer_t *out)
{
    table_destroy(&view->table); // titles of what had no rows
    start_three(view, "DEGRADED", "SINCE", "WHY");
    if (store_degraded(store, see_degraded, view) != STORE_OK)
        return false;
    if (view->count > 0) {
        buffer_text(out, "\n");
        table_print(&view->table, out);
    }
    return true;
}

static void start_failing(view_t *view)
{
    table_destroy(&view->table); // titles of what had no rows
    view->table.columns = 4;
    view->count = 0;
    table_cell(&view->table, "FAILING SOURCE");
    table_cell(&view->table, "SINCE");
    table_cell(&view->table, "FAILURES");
    table_cell(&view->table, "REASON");
}

static void see_failing(void *context, const store_failing_t *failing)
{
    view_t *view = context;
    time_t since = (time_t) (failing->since_ms / 1000);
    struct tm utc;
    char text[32] = "";
    if (gmtime_r(&since, &utc))
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &utc);
    table_cell(&view->table, failing->source);
    table_cell(&view->table, text);
    put_grouped(failing->failures, text);
    table_cell(&view->table, text);
    table_cell(&view->table, failing->reason);
    view->count++;
}

static bool fill(view_t *view, store_t *store, buffer_t *out)
{
    for (view->role = 0; view->role < ROLES; view->role++)
        if (!put_role(view, store, out))
            return false;
    start_three(view, "RULE", "STATE", "ERROR");
    if (store_rule_statuses(store, see_rule, view) != STORE_OK)
        return false;
    table_print(&view->table, out);
    start_three(view, "SOURCE", "REFUSED ROWS", "NEWEST REASON");
    if (store_quarantine_summary(store, see_quarantine, view) != STORE_OK)
        return false;
    if (view->count > 0) {
        buffer_text(out, "\n");
        table_print(&view->table, out);
    }
    start_failing(view);
    if (failing_all(store, see_failing, view) != STORE_OK)
        return false;
    if (view->count > 0) {
        buffer_text(out, "\n");
        table_print(&view->table, out);
    }
    if (!put_degraded(view, store, out))
        return false;
    if (view->keys_left_out)
        buffer_text(out, "\nWho connects needs the whole endpoint, with its key behind a #: "
                         "`status --json`\n");
    if (view->troubles.size > 0)
        buffer_printf(out, "\n%s", buffer_string(&view->troubles));
    return !out->failed && !view->troubles.failed;
}

bool status_text(store_t *store, buffer_t *out)
{
    view_t view = { 0 };
    bool good = fill(&view, store, out);
    table_destroy(&view.table);
    buffer_destroy(&view.troubles);
    return good;
}
