/*  trial -- see trial.h. */
#include "actors/cli/trial.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "actors/cli/feed_files.h"
#include "actors/cli/table.h"
#include "actors/collector/fetch.h"
#include "actors/collector/request.h"
#include "actors/collector/verdict.h"
#include "actors/prep/mapping.h"
#include "broker/runtime/life.h"
#include "proto/json.h"
#include "proto/owned.h"

enum {
    REFUSALS_TOLD = 5,
    SERIES_SHOWN = 40,          // bytes of a series in a table
    COLUMNS_SHOWN = 8,          // columns in a table
    REASON_BYTES_MAX = 240,     // of why an answer is no success
    SLACK_US = 5 * 1000 * 1000, // beyond the source's own timeout
};

// ---- fetching -----------------------------------------------------------------------------------

static bool s_take_piece(void *context, int64_t changed_us, slice_t piece)
{
    (void) changed_us;
    buffer_t *body = context;
    buffer_append(body, piece.data, piece.size);
    return !body->failed;
}

static bool s_take_answer(const source_t *source, const fetched_t *fetched, buffer_t *body,
                          fault_t *fault)
{
    const verdict_t verdict = { .error = fetched->error,
                                .status = fetched->status,
                                .retry_after_us = fetched->retry_after_us,
                                .body = fetched->body };
    if (verdict_kind(&verdict) != ANSWER_GOOD) {
        char reason[REASON_BYTES_MAX];
        verdict_reason(&verdict, source, reason, sizeof reason);
        return fault_set(fault, "%s", reason);
    }
    buffer_append(body, fetched->body.data, fetched->body.size);
    return !body->failed || fault_set(fault, "out of memory");
}

static bool s_fetch_http(const source_t *source, buffer_t *body, fault_t *fault)
{
    static const page_t first = { .number = 0 };
    owned(buffer_destroy) buffer_t url = { 0 };
    request_url(source, &first, &url);
    if (url.failed)
        return fault_set(fault, "out of memory");
    const fetch_ask_t ask = { .source = source, .url = buffer_string(&url) };
    owned(fetch_destroy) fetch_t *fetch = fetch_new(fault);
    if (!fetch || !fetch_start(fetch, &ask, fault))
        return false;
    int64_t until_us = life_mono_us() + source->timeout_us + SLACK_US;
    struct pollfd ready = { .fd = fetch_descriptor(fetch), .events = POLLIN };
    fetched_t fetched;
    do {
        int64_t left_us = until_us - life_mono_us();
        if (left_us <= 0)
            return fault_set(fault, "no answer in time");
        if (poll(&ready, 1, (int) (left_us / 1000 + 1)) == -1 && errno != EINTR)
            return fault_set(fault, "%s", strerror(errno));
        fetch_drive(fetch);
    } while (!fetch_take(fetch, life_wall_us(), &fetched));
    return s_take_answer(source, &fetched, body, fault);
}

bool trial_url(const char *url_or_path, buffer_t *url, fault_t *fault)
{
    char absolute[PATH_MAX];
    buffer_clear(url);
    if (strstr(url_or_path, "://"))
        buffer_text(url, url_or_path);
    else if (realpath(url_or_path, absolute))
        buffer_printf(url, "file://%s", absolute);
    else
        return fault_set(fault, "neither a URL nor a file: %s", strerror(errno));
    return !url->failed || fault_set(fault, "out of memory");
}

bool trial_aim(source_t *source, const char *url, fault_t *fault)
{
    bool http = strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
    if (!http && strncmp(url, "file://", 7) != 0)
        return fault_set(fault, "only file://, http:// and https:// can be fetched");
    source->kind = http ? SOURCE_HTTP : SOURCE_FILE;
    source->url = url;
    return true;
}

bool trial_fetch(const source_t *source, buffer_t *body, fault_t *fault)
{
    body->limit = TRIAL_BODY_BYTES_MAX;
    switch (source->kind) {
    case SOURCE_FILE:
        if (feed_files(source, s_take_piece, body, fault))
            return true;
        if (body->failed)
            fault_set(fault, "more than %d MB", TRIAL_BODY_BYTES_MAX >> 20);
        return false;
    case SOURCE_HTTP:
        return s_fetch_http(source, body, fault);
    case SOURCE_PUSH:
    case SOURCE_SIMULATE:
        break;
    }
    return fault_set(fault, "only file://, http:// and https:// can be fetched");
}

// ---- mapping ------------------------------------------------------------------------------------

typedef struct {
    buffer_t *out;
    unsigned told;
} refusals_t;

static void s_tell_refusal(void *context, const quarantine_t *quarantine)
{
    refusals_t *self = context;
    if (self->told == REFUSALS_TOLD)
        return;
    self->told++;
    if (quarantine->row != UINT32_MAX)
        buffer_printf(self->out, "row %" PRIu32 ": ", quarantine->row);
    buffer_printf(self->out, "%s\n", quarantine->reason);
}

static void s_print_time(int64_t us, char text[32])
{
    time_t seconds = us / 1000000;
    struct tm utc;
    char date[24];
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, 32, us % 1000000 ? "%s.%06dZ" : "%sZ", date, (int) (us % 1000000));
}

static void s_title(table_t *table, const rows_view_t *view)
{
    table_cell(table, "series");
    table_cell(table, "time");
    for (unsigned c = 0; c < view->column_count && c < COLUMNS_SHOWN; c++) {
        char name[ROWS_NAME_MAX + 1];
        snprintf(name, sizeof name, "%.*s", (int) view->columns[c].name.size,
                 (const char *) view->columns[c].name.data);
        table_cell(table, name);
    }
}

static void s_table_row(table_t *table, const rows_view_t *view, slice_t series, uint32_t row)
{
    char text[DECIMAL_TEXT_MAX];
    bool cut = series.size > SERIES_SHOWN;
    size_t skipped = cut ? series.size - SERIES_SHOWN : 0; // the end tells more
    snprintf(text, sizeof text, "%s%.*s", cut ? "..." : "", (int) (series.size - skipped),
             (const char *) series.data + skipped);
    table_cell(table, text);
    s_print_time(rows_ts(view, row), text);
    table_cell(table, text);
    for (unsigned c = 0; c < view->column_count && c < COLUMNS_SHOWN; c++) {
        decimal_print(rows_value(view, c, row), text);
        table_cell(table, text);
    }
}

static void s_json_row(buffer_t *out, const rows_view_t *view, slice_t series, uint32_t row)
{
    buffer_text(out, "{\"series\":");
    json_text(out, series);
    buffer_printf(out, ",\"ts\":%" PRId64 ",\"columns\":{", rows_ts(view, row));
    for (unsigned c = 0; c < view->column_count; c++) {
        char text[DECIMAL_TEXT_MAX];
        decimal_print(rows_value(view, c, row), text);
        buffer_text(out, c ? "," : "");
        json_text(out, view->columns[c].name);
        buffer_printf(out, ":%s", text);
    }
    buffer_text(out, "}}\n");
}

static void s_print_rows(const rows_view_t *view, const trial_print_t *print, buffer_t *out)
{
    unsigned shown = view->column_count < COLUMNS_SHOWN ? view->column_count : COLUMNS_SHOWN;
    table_t table = { .columns = 2 + shown };
    unsigned long printed = 0;
    slice_t rest = view->runs;
    rows_run_t run = { 0 };
    s_title(&table, view);
    while (printed < print->rows_max && rows_run_next(&rest, &run)) {
        for (uint32_t i = 0; i < run.count && printed < print->rows_max; i++, printed++) {
            if (print->json)
                s_json_row(out, view, run.series, run.first + i);
            else
                s_table_row(&table, view, run.series, run.first + i);
        }
    }
    if (!print->json)
        table_print(&table, out);
    table_destroy(&table);
}

bool trial_map(const source_t *source, slice_t body, const trial_print_t *print, buffer_t *out,
               buffer_t *refusals, trial_count_t *count, fault_t *fault)
{
    owned(buffer_destroy) buffer_t definition = { 0 }, block = { 0 };
    owned(rows_destroy) rows_t *rows = rows_new();
    fault_set(fault, "out of memory");
    if (!rows || !mapping_define(source, &definition))
        return false;
    owned(mapping_destroy) mapping_t *mapping = mapping_new(buffer_slice(&definition), fault);
    if (!mapping)
        return false;
    rows_head_t head = { .seq = 1, .recv_us = life_wall_us(), .source = slice_text(source->name) };
    refusals_t told = { .out = refusals };
    mapping_count_t counted;
    partitions_t all;
    memset(&all, 0xff, sizeof all);
    if (!mapping_apply(mapping, &head, body, rows, s_tell_refusal, &told, &counted))
        return fault_set(fault, "out of memory");
    *count = (trial_count_t){ counted.rows, counted.quarantined };
    if (counted.rows == 0)
        return true;
    rows_view_t view;
    if (!rows_encode(rows, &all, &block) || !rows_decode(&view, buffer_slice(&block), fault))
        return false;
    s_print_rows(&view, print, out);
    return !out->failed && !refusals->failed;
}
