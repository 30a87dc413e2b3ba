/*  settings -- a configuration file, checked, with every default filled in.
 *
 *  The only file that knows YAML. Scalars are text until a setting's type says otherwise;
 *  unknown keys, wrong types and values out of bounds are refused with line and column.
 *  ${ENV} and ${ENV:default} expand in scalars. Strings are owned by the settings_t.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/buffer.h"
#include "proto/fault.h"

typedef enum { FORMAT_JSON, FORMAT_JSONL, FORMAT_CSV, FORMAT_CONCATENATED } source_format_t;

typedef enum { SOURCE_FILE, SOURCE_HTTP, SOURCE_PUSH, SOURCE_SIMULATE } source_kind_t;

typedef struct {
    const char *name;
    const char *value;
    int line, column; // place of the value in the file
    bool secret;      // the value is the first line of a file that the setting named; of a gateway
                      // the file's name, which the notifier alone reads
} setting_pair_t;

typedef struct {
    size_t count;
    setting_pair_t *items; // in the order of the file
} setting_pairs_t;

typedef struct {
    const char *text; // NULL = not given
    int line, column; // its place in the file
} setting_placed_t;

// So many requests may begin within any stretch of time as long as the window.
typedef struct {
    uint32_t count;
    int64_t window_us;
} budget_t;

typedef struct {
    const char *host; // as in URLs: "api.kraken.com", "127.0.0.1:8000"
    budget_t budget;
} host_budget_t;

typedef struct {
    int line, column; // place of the entry
    int url_line, url_column;
    int unit_line, unit_column; // of the unit of time
    const char *name;           // default: "source-<n>"
    const char *url;            // file://, http(s)://, push://tcp://host:port,
                                // simulate://market?seed=..&series=..&rate=..
    source_kind_t kind;
    const char *stream;   // NULL = the collector's name
    unsigned shards;      // push: how many the feed is split into, 0 = not; this one is number
    unsigned shard;       // `shard` of them, with a name and a stream of its own
    uint64_t shards_here; // while reading only: set of the numbers that are to be sources
    int64_t every_us;     // http: poll interval, default 10 s
    bool every_given;     // the file says it
    int64_t timeout_us;   // http: total per request, default 30 s
    int64_t connect_timeout_us; // http: until there is a connection, default 10 s
    int64_t stall_timeout_us;   // http: without a byte, default 15 s; whole seconds
    source_format_t format;     // default json
    bool csv_header;            // default true
    char csv_delimiter;         // default ','
    uint32_t csv_skip_lines;    // before the header
    const char *csv_comment;    // what lines that are none begin with, or NULL
    const char *numbers;        // a sample such as "1.234,5", or NULL: plain
    size_t missing_count;
    const char **missing;   // texts that stand for no value
    const char *jq;         // filter, or NULL
    int jq_line, jq_column; // of its text
    setting_pairs_t only;   // place -> text
    const char *rows;       // JSON Pointer with *, default "" (the document itself)
    bool newest_first;      // order: newest_first
    const char *table;
    setting_pairs_t key;     // name -> "=text" | "/ptr" | "^/ptr" | "~1" | "~1:0"
                             // csv: header name or /index; push: column name
    const char *time_at;     // pointer, csv header name or /index; NULL with time_fetch
    const char *time_unit;   // s | ms | us | ns | rfc3339 | strptime format
    const char *time_from;   // what a count begins with, or NULL = 1970
    bool time_fetch;         // time: fetch
    setting_pairs_t columns; // name -> pointer | csv header name
    size_t required_count;
    const char **required;
    bool identity_none;    // every row counts
    size_t identity_count; // pointers beyond `time`
    const char **identity;
    setting_pairs_t validate; // column -> ">= 0"
    setting_pairs_t rolling;  // column -> duration
    int64_t lateness_us;
    setting_pairs_t headers; // http request headers
    setting_pairs_t query;   // http: parameters beyond those in the URL
    const char *body;        // http: POST this; NULL = GET
    const char *ca_file;     // https: trust these certificates instead of the system's
    const char *allowance;   // pointer to {cost, remaining} in answers; NULL = none
    bool paged;
    const char *page_parameter; // of the query: what names the page
    const char *page_cursor;    // pointer to its next value; NULL = pages are numbered
    const char *page_more;      // pointer to whether there is another; NULL = not said
    uint32_t page_first;        // number of the first, default 1
    uint32_t page_most;         // pages a poll, default 10
} source_t;

typedef struct {
    int line, column;
    const char *table;
    setting_pairs_t columns; // name -> SQL
} derive_t;

typedef struct {
    int line, column; // of the name
    const char *name;
    const char *on, *when, *severity, *note;
    int when_line, when_column; // of the text of `when`
    uint32_t min_rows, alerts_max;
    bool positive, enabled, freeze;
    int64_t for_us, cooldown_us, nodata_us;
    budget_t flap;       // changes in a time; count 0 = no guard
    const char *emit;    // NULL, "row" or "edge"
    const char *resolve; // NULL, empty or SQL
} rule_settings_t;

// The mail server that e-mail is given to.
typedef struct {
    int line, column;                 // place of the map; 0 = there is none
    setting_placed_t url;             // smtp://host:port, smtps://host:port
    setting_placed_t from;            // mailbox
    const char *user, *password_file; // both or neither
    const char *ca_file;              // trust these certificates instead of the system's
    const char *plaintext;            // "accept", or NULL
} smtp_settings_t;

// An HTTP service by which subscribers can be told.
typedef struct {
    int line, column;           // of the name
    const char *name;           // of the subscriber's field, too
    setting_placed_t url, body; // templates
    const char *method;         // default POST
    const char *type;           // of the body's content
    setting_pairs_t headers;    // templates, but for the secret ones
    const char *ca_file;
} gateway_settings_t;

// A program of the operator's by which subscribers can be told.
typedef struct {
    const char *name;
    const char *run; // absolute path
    int64_t timeout_us;
} command_settings_t;

typedef struct {
    const char *path;      // of the file, as given
    const char *namespace; // default "tw"
    const char *redis;     // "embedded", "redis://host:port/db", "unix:///path"
    const char *redis_password_file;
    const char *redis_plaintext;  // "accept", or NULL
    const char *stage;            // "dir:<path>"; relative paths are under DIR
    int64_t stage_seal_us;        // default 1 h
    int64_t stage_keep_us;        // default 0: for ever
    int64_t copy_every_us;        // default 10 min
    uint32_t stage_free_min_mb;   // default 128; 0: until the disk is full
    int64_t objects_keep_us;      // default 0: for ever
    uint32_t objects_max_mb;      // default 0: any
    const char *keys;             // folder; relative paths are under DIR; NULL: none
    const char *listen_alerts;    // default "tcp://127.0.0.1:5560"
    const char *listen_actors;    // default "tcp://127.0.0.1:*"
    const char *listen_advertise; // host, or NULL
    const char *listen_metrics;   // "host:port", or NULL
    const char *listen_http;      // "host:port", or NULL
    bool allow_private;           // webhooks may go to private addresses
    int64_t degraded_after_us;    // default 30 s; 0: subscribers are not told of own illness
    smtp_settings_t smtp;
    size_t gateway_count;
    gateway_settings_t *gateways;
    size_t command_count;
    command_settings_t *commands;
    uint32_t window_rows_max; // default 65,536
    uint32_t rule_cost_max;   // default 5,000 ns of CPU a row
    budget_t budget;          // of every host not named in `budgets`; default 10/s
    size_t budget_count;
    host_budget_t *budgets;
    size_t source_count;
    source_t *sources;
    size_t derive_count;
    derive_t *derive;
    size_t rule_count;
    rule_settings_t *rules;
} settings_t;

// Read and check one file. NULL with fault (file:line:col are for the caller to print).
settings_t *settings_load(const char *path, fault_t *fault);
settings_t *settings_parse(const char *text, size_t size, fault_t *fault); // for tests and fuzzing
void settings_destroy(settings_t **self_p);

// "90s", "1h", "500ms", "250us", "1d", "0s" to microseconds. False if it is none.
bool settings_duration(const char *text, int64_t *us);

// "10/s", "600/m", "100/10s". False if it is none.
bool settings_budget(const char *text, budget_t *budget);

// The same for changes of an incident: "6/10m". False if it is none.
bool settings_flap(const char *text, budget_t *flap);

// Every setting as Markdown: the reference in docs/configuration.md. False: out of memory.
bool settings_reference(buffer_t *out);
