/*  settings_table -- see settings_table.h. */
#include "broker/runtime/settings_table.h"

#include <stddef.h>
#include <string.h>

#include "broker/runtime/settings_names.h"
#include "proto/series.h"

#define MS INT64_C(1000)
#define SECOND (1000 * MS)
#define DAY (24 * 3600 * SECOND)

#define FILE_AT(field) offsetof(settings_t, field)
#define SOURCE_AT(field) offsetof(source_t, field)
#define RULE_AT(field) offsetof(rule_settings_t, field)
#define SMTP_AT(field) offsetof(smtp_settings_t, field)
#define GATEWAY_AT(field) offsetof(gateway_settings_t, field)
#define COMMAND_AT(field) offsetof(command_settings_t, field)

// clang-format off
const setting_t settings_table[] = {
    { IN_FILE, "namespace", SETTING_IDENTIFIER, FILE_AT(namespace), 1, NAMESPACE_BYTES_MAX, false, "tw",
      "Prefix of every Redis key and function and of the stage, so that several installations share one Redis and one stage." },
    { IN_FILE, "redis", SETTING_STORE, FILE_AT(redis), 1, 1024, false, "embedded",
      "`embedded`: a private redis-server under DIR, on a unix socket, that syncs every write. Or `redis://[user@]host:port/db`, or `unix://[user@]/path`. `{role}` in the user stands for the role of who connects: `redis://tw-{role}@host:port` (docs/security.md). A host that is not loopback needs `redis_password_file`, and `redis_plaintext`." },
    { IN_FILE, "redis_password_file", SETTING_TEXT, FILE_AT(redis_password_file), 1, 4096, false, NULL,
      "File whose first line is the password of Redis. With `{role}` in the user of `redis` it has `{role}` in its path, too: a file for each role." },
    { IN_FILE, "redis_plaintext", SETTING_TEXT, FILE_AT(redis_plaintext), 1, 16, false, NULL,
      "`accept`: Redis may be on another host although what is said to it, passwords too, can be read and changed on the way. Better is a tunnel on loopback (docs/operating.md)." },
    { IN_FILE, "stage", SETTING_STAGE, FILE_AT(stage), 1, 4096, false, "dir:stage",
      "Where raw payloads are kept: `dir:<path>`; a relative path is under DIR." },
    { IN_FILE, "stage_seal", SETTING_DURATION, FILE_AT(stage_seal_us), SECOND, 30 * DAY, false, "1h",
      "How long records are added to one segment of the log; then, or at 128 MB, it is closed and stage objects are made of it." },
    { IN_FILE, "stage_keep", SETTING_DURATION, FILE_AT(stage_keep_us), 0, 36600 * DAY, false, "0s",
      "Segments of the log whose newest record was received longer ago are removed, once a copy of what Redis has made of them is held beside the stage; `0s`: none ever is." },
    { IN_FILE, "copy_every", SETTING_DURATION, FILE_AT(copy_every_us), SECOND, DAY, false, "10m",
      "How often a copy of what Redis holds is made beside the stage. Two are kept, and the log is removed only below both; without `stage_keep` none is made." },
    { IN_FILE, "stage_free_min_mb", SETTING_COUNT, FILE_AT(stage_free_min_mb), 0, 1000000000, false, "128",
      "While less than so many megabytes (of 1,048,576 bytes; at most a twentieth of the disk) are free where the log lies, nothing is taken from sources. It goes on by itself when there is a quarter more. `0`: until the disk is full." },
    { IN_FILE, "objects_keep", SETTING_DURATION, FILE_AT(objects_keep_us), 0, 36600 * DAY, false, "0s",
      "Stage objects whose newest record was received longer ago are removed; `0s`: none is. The log is another matter: `stage_keep`." },
    { IN_FILE, "objects_max_mb", SETTING_COUNT, FILE_AT(objects_max_mb), 0, 1000000000, false, "0",
      "Most megabytes (of 1,048,576 bytes) of stage objects of one collector; beyond, the oldest are removed. `0`: any." },
    { IN_FILE, "keys", SETTING_TEXT, FILE_AT(keys), 1, 4096, false, NULL,
      "Folder of CURVE keys, which `keys add` makes; a relative path is under DIR. With it every socket wants a known key of the right role, and may listen off loopback; without it sockets are on loopback only, for every user of this machine." },
    { IN_FILE, "listen", SETTING_LISTEN, 0, 0, 5, false, NULL,
      "Where the world may connect: a map of the settings below." },
    { IN_FILE, "allow_private", SETTING_BOOLEAN, FILE_AT(allow_private), 0, 0, false, "false",
      "Webhooks and chats of subscribers may go to loopback and private addresses." },
    { IN_FILE, "degraded_after", SETTING_DURATION, FILE_AT(degraded_after_us), 0, DAY, false, "30s",
      "How long something must be wrong before subscribers of affected rules are told that the watch is degraded, and right before they are told that it is back (docs/channels.md); `0s`: they are told of neither." },
    { IN_FILE, "smtp", SETTING_MEANS, 0, 0, 6, false, NULL,
      "The mail server that `email` of subscribers goes through: a map of the settings below (docs/channels.md)." },
    { IN_FILE, "gateways", SETTING_MEANS, 0, 0, 64, false, NULL,
      "HTTP services by which subscribers can be told, `sms` for one: a map from the name of the subscriber's field, `[a-z][a-z0-9_]*`, to a map of the settings of a gateway (docs/channels.md)." },
    { IN_FILE, "commands", SETTING_MEANS, 0, 0, 64, false, NULL,
      "Programs by which subscribers can be told, those whose `command` names one: a map from name to a map of the settings of a command (docs/channels.md)." },
    { IN_FILE, "window_rows_max", SETTING_COUNT, FILE_AT(window_rows_max), 16, 16777216, false, "65536",
      "Rows of a series that a window of time sees one by one; a window that holds more turns coarse. Part of the plan, like rules: it counts from the record on that says so." },
    { IN_FILE, "rule_cost_max", SETTING_COUNT, FILE_AT(rule_cost_max), 1, 1000000, false, "5000",
      "What judging one row by one rule may cost, in nanoseconds of CPU as `rule add` and `tw:status:<rule>` estimate it; a rule above is refused with its cost." },
    { IN_FILE, "budget", SETTING_BUDGET, FILE_AT(budget), 0, 0, false, "10/s",
      "http(s): how many requests may begin at one host within any such stretch of time, such as `10/s`, `600/m` or `100/10s`. All sources of the host share it." },
    { IN_FILE, "budgets", SETTING_BUDGETS, 0, 0, 4096, false, NULL,
      "http(s): budgets of single hosts, a map from host (with the port, if the URLs have one) to budget: `{ api.kraken.com: 1/s }`." },
    { IN_FILE, "sources", SETTING_SOURCES, 0, 0, 4096, false, NULL,
      "The feeds: a list of maps of the settings of a source." },
    { IN_FILE, "derive", SETTING_DERIVE, 0, 0, 4096, false, NULL,
      "Extra columns in SQL: a map from table to a map from column name to expression. An expression may use columns, windows of columns, and other derived columns outside windows." },
    { IN_FILE, "rules", SETTING_RULES, 0, 0, 16384, false, NULL,
      "The rules: a map from name to a map of the settings of a rule. A rule in Redis hides the one of the same name here." },

    { IN_LISTEN, "alerts", SETTING_ENDPOINT, FILE_AT(listen_alerts), 1, 255, false, "tcp://127.0.0.1:5560",
      "The alert socket, `tcp://host:port`. Port `*` takes a free one, which `status --json` prints. Off loopback it needs `keys`." },
    { IN_LISTEN, "actors", SETTING_ENDPOINT, FILE_AT(listen_actors), 1, 255, false, "tcp://127.0.0.1:*",
      "Where the actors of this host listen for each other. Off loopback it needs `keys`. Port `*`: each takes a free one, and tells it in the registry." },
    { IN_LISTEN, "advertise", SETTING_HOST, FILE_AT(listen_advertise), 1, 200, false, NULL,
      "Name or address of this host that others are told to connect to, where it listens on all interfaces (`tcp://*:*`)." },
    { IN_LISTEN, "metrics", SETTING_ENDPOINT, FILE_AT(listen_metrics), 1, 120, false, NULL,
      "Where each actor of this host answers `/metrics` (Prometheus), `/healthz` and `/readyz`, `host:port`, best with port `*`; `status --targets` tells them all. In plain text, to whoever reaches it. Without it: nowhere." },
    { IN_LISTEN, "http", SETTING_ENDPOINT, FILE_AT(listen_http), 1, 255, false, NULL,
      "Where the api actor answers (docs/api.md), `host:port`; loopback only in this version. With it `up` starts one; without it `tidewire api` answers at `127.0.0.1:8080`." },

    { IN_SOURCE, "name", SETTING_NAME, SOURCE_AT(name), 1, NAME_BYTES_MAX, false, NULL,
      "Name of the source, unique in the file. Default `source-<n>`, n its place in the list." },
    { IN_SOURCE, "url", SETTING_URL, SOURCE_AT(url), 1, 8192, true, NULL,
      "`file:///path` (globs; `.gz`), `http://...`, `https://...`, `push://tcp://127.0.0.1:port`, or `simulate://market?seed=1&series=20&rate=50`, the built-in market." },
    { IN_SOURCE, "stream", SETTING_NAME, SOURCE_AT(stream), 1, STREAM_BYTES_MAX, false, NULL,
      "The stream that its records go to. Default: the collector's name. A series lives in one stream: two sources of one table in different streams must differ in a literal key part." },
    { IN_SOURCE, "shards", SETTING_SHARDS, 0, 1, SERIES_SHARDS_MAX, false, NULL,
      "push: the feed is split by series into so many shards, `3`, or `0,2/3`: here are only numbers 0 and 2 of 3. Each becomes a source `<name>.<number>` with a stream of its own, `<stream or name>.<number>`; a series belongs to shard `CRC-32(series id) mod shards`, and its rows in another one are quarantined." },
    { IN_SOURCE, "every", SETTING_DURATION, SOURCE_AT(every_us), 10 * MS, DAY, false, "10s",
      "http(s): how often it is asked. A file may have it, too, without effect." },
    { IN_SOURCE, "timeout", SETTING_DURATION, SOURCE_AT(timeout_us), 10 * MS, 3600 * SECOND, false, "30s",
      "http(s): the longest that one request may take in all." },
    { IN_SOURCE, "connect_timeout", SETTING_DURATION, SOURCE_AT(connect_timeout_us), 10 * MS, 3600 * SECOND, false, "10s",
      "http(s): the longest that resolving the name, connecting and the handshake may take." },
    { IN_SOURCE, "stall_timeout", SETTING_DURATION, SOURCE_AT(stall_timeout_us), SECOND, 3600 * SECOND, false, "15s",
      "http(s): the longest that nothing may come; in whole seconds." },
    { IN_SOURCE, "headers", SETTING_HEADERS, SOURCE_AT(headers), 0, 32, false, NULL,
      "http(s): request headers, a map from name to value. Secrets by `${ENV}`, or by a name that ends in `_file`: `Authorization_file: /run/secrets/token` sends the first line of that file as `Authorization`." },
    { IN_SOURCE, "query", SETTING_QUERY, SOURCE_AT(query), 0, 32, false, NULL,
      "http(s): parameters added to those in `url`, a map from name to value; both are escaped. Secrets as in `headers`: `${ENV}`, or a name that ends in `_file` and names the file." },
    { IN_SOURCE, "body", SETTING_TEXT, SOURCE_AT(body), 0, 65536, false, NULL,
      "http(s): POST this instead of GET, as `application/json` unless `headers` has another `Content-Type`." },
    { IN_SOURCE, "ca_file", SETTING_TEXT, SOURCE_AT(ca_file), 1, 4096, false, NULL,
      "https: a file of certificates (PEM) to trust in place of those of the system." },
    { IN_SOURCE, "pages", SETTING_PAGES, SOURCE_AT(paged), 0, 5, false, NULL,
      "http(s): the answer comes in pages, all asked for at each poll: a map of the settings below. Each page is a record of its own." },
    { IN_SOURCE, "allowance", SETTING_POINTER, SOURCE_AT(allowance), 1, 512, false, NULL,
      "http(s), json: JSON Pointer to an object with the numbers `cost` (of this request) and `remaining`. A host without enough left for another request is left alone for a minute." },
    { IN_SOURCE, "format", SETTING_FORMAT, SOURCE_AT(format), 0, 0, false, "json",
      "`json`, `jsonl` (one document a line), `concatenated` (JSON documents one behind the other) or `csv`." },
    { IN_SOURCE, "header", SETTING_BOOLEAN, SOURCE_AT(csv_header), 0, 0, false, "true",
      "csv: the first line names the columns." },
    { IN_SOURCE, "delimiter", SETTING_CHARACTER, SOURCE_AT(csv_delimiter), 0, 0, false, ",",
      "csv: what stands between fields, one character; `\"\\t\"` is the tabulator." },
    { IN_SOURCE, "skip_lines", SETTING_COUNT, SOURCE_AT(csv_skip_lines), 0, 1000, false, "0",
      "csv: so many lines before the header (or the first record) are titles and the like." },
    { IN_SOURCE, "comment", SETTING_TEXT, SOURCE_AT(csv_comment), 1, 16, false, NULL,
      "csv: lines that begin with this text are none." },
    { IN_SOURCE, "numbers", SETTING_TEXT, SOURCE_AT(numbers), 1, 32, false, NULL,
      "How numbers in texts and csv are written, by a sample: `1234,5`, `1.234,5`, `1,234.5`, `1 234,5` or `1'234.5`. Default: as in JSON." },
    { IN_SOURCE, "missing", SETTING_MISSING, 0, 1, 16, false, NULL,
      "Texts that stand for no value, such as `[\"-\", \"n/a\"]`: the column is NULL." },
    { IN_SOURCE, "only", SETTING_ONLY, SOURCE_AT(only), 1, 8, false, NULL,
      "A map from place to text: rows (with `^/ptr`: documents) where another text stands are passed over and counted as skipped. For feeds that mix messages." },
    { IN_SOURCE, "jq", SETTING_JQ, SOURCE_AT(jq), 1, 4096, false, NULL,
      "json, jsonl, concatenated: a jq filter in place of `rows`. Every object or array that it gives for a document is a row, which `key`, `time` and `columns` point into." },
    { IN_SOURCE, "rows", SETTING_TEXT, SOURCE_AT(rows), 0, 1024, false, "",
      "json, jsonl: JSON Pointer (RFC 6901) to the rows. The token `*` means every member of that array or object; empty is the document itself." },
    { IN_SOURCE, "order", SETTING_ORDER, SOURCE_AT(newest_first), 0, 0, false, "oldest_first",
      "`newest_first`: the payload lists the newest row first. Else `oldest_first`." },
    { IN_SOURCE, "table", SETTING_IDENTIFIER, SOURCE_AT(table), 1, IDENTIFIER_BYTES_MAX, true, NULL,
      "The table that its rows go to." },
    { IN_SOURCE, "key", SETTING_PAIRS, SOURCE_AT(key), 1, 8, true, NULL,
      "What tells the series of the table apart, a map from name to place: `=text` a literal; `/ptr` from the row; `^/ptr` from the document; `~1` what the first `*` of `rows` matched, `~1:0` its part 0 split on `:`; csv: a header name or `/index`; push: `/name` of a pushed column. All sources of a table have the same names in the same order." },
    { IN_SOURCE, "time", SETTING_TIME, 0, 0, 0, true, NULL,
      "Event time: `{ at: <place>, unit: s | ms | us | ns | rfc3339 | <strptime format> }` (no zone is UTC), or `fetch`, the time of receipt. A count may begin elsewhere than in 1970: `{ at: <place>, unit: ms, from: 2013-10-07T04:00:00Z }`." },
    { IN_SOURCE, "columns", SETTING_PAIRS, SOURCE_AT(columns), 1, 64, true, NULL,
      "The numbers, a map from name to place: `/ptr` from the row; csv: a header name or `/index`; push: the pushed column." },
    { IN_SOURCE, "required", SETTING_REQUIRED, 0, 0, 64, false, NULL,
      "Columns without which a row is quarantined; other missing columns are NULL." },
    { IN_SOURCE, "identity", SETTING_IDENTITY, 0, 1, 8, false, NULL,
      "What makes two rows of a series the same: a list that begins with `time`, then places as in `key`. Default `[time]`. `none` (file, push and simulate only): every row counts." },
    { IN_SOURCE, "validate", SETTING_PAIRS, SOURCE_AT(validate), 0, 64, false, NULL,
      "A map from column to condition, such as `\">= 0\"`; rows that fail are quarantined with the reason." },
    { IN_SOURCE, "rolling", SETTING_PAIRS, SOURCE_AT(rolling), 0, 64, false, NULL,
      "A map from column to duration: the column is a rolling sum over that time, so that `check` can warn of rules that would never hold." },
    { IN_SOURCE, "lateness", SETTING_DURATION, SOURCE_AT(lateness_us), 0, DAY, false, "0s",
      "How long a row stays open for others that come late: rows older than the newest of their series by more than this have no effect. The same for all sources of a table. See docs/rules.md." },

    { IN_PAGES, "parameter", SETTING_TEXT, SOURCE_AT(page_parameter), 1, 128, true, NULL,
      "The parameter of the query that names the page." },
    { IN_PAGES, "cursor", SETTING_POINTER, SOURCE_AT(page_cursor), 1, 512, false, NULL,
      "JSON Pointer to its value for the next page. There is none where this is missing, null or empty. Without this setting pages are numbered." },
    { IN_PAGES, "first", SETTING_COUNT, SOURCE_AT(page_first), 0, 1000000, false, "1",
      "Number of the first page, where they are numbered." },
    { IN_PAGES, "more", SETTING_POINTER, SOURCE_AT(page_more), 1, 512, false, NULL,
      "JSON Pointer to a value that says whether there is another page: not if it is missing, false, null, 0 or empty." },
    { IN_PAGES, "most", SETTING_COUNT, SOURCE_AT(page_most), 2, 1000, false, "10",
      "Pages asked for at one poll at most." },

    { IN_RULE, "on", SETTING_IDENTIFIER, RULE_AT(on), 1, IDENTIFIER_BYTES_MAX, true, NULL,
      "The table that it watches." },
    { IN_RULE, "when", SETTING_SQL, RULE_AT(when), 1, 4096, true, NULL,
      "The condition, one PostgreSQL expression." },
    { IN_RULE, "min_rows", SETTING_COUNT, RULE_AT(min_rows), 0, 65536, false, "10",
      "Non-null values that every window must hold before the rule is judged." },
    { IN_RULE, "positive", SETTING_BOOLEAN, RULE_AT(positive), 0, 0, false, "true",
      "Sums and averages that are factors of a comparison or divisors must be above 0." },
    { IN_RULE, "for", SETTING_DURATION, RULE_AT(for_us), 0, 366 * DAY, false, "0s",
      "How long the condition must have held, over rows of a series, before subscribers are told." },
    { IN_RULE, "cooldown", SETTING_DURATION, RULE_AT(cooldown_us), 0, 366 * DAY, false, "0s",
      "Subscribers are not told again of the same rule and series for so long; then, if it still holds, that it does. `0s`: only when it begins and ends." },
    { IN_RULE, "flap", SETTING_FLAP, RULE_AT(flap), 0, 0, false, NULL,
      "An incident that begins and ends so often, 3 to 20 times, within less than that, at most 366d, such as `6/10m`: subscribers are told once that it flaps, and how it is after so long without a change. Without it they are told of each." },
    { IN_RULE, "resolve", SETTING_TEXT, RULE_AT(resolve), 0, 4096, false, "",
      "A condition that ends the incident; without it, that `when` does not hold." },
    { IN_RULE, "freeze", SETTING_BOOLEAN, RULE_AT(freeze), 0, 0, false, "false",
      "Windows stand still from the row for which the condition holds until it does not hold by them any more, or with `resolve` until that holds." },
    { IN_RULE, "nodata", SETTING_DURATION, RULE_AT(nodata_us), 0, 366 * DAY, false, "0s",
      "Subscribers are told of a series for which no row came for so long, while the collector was there to take it. `0s`: nobody asks." },
    { IN_RULE, "emit", SETTING_EMIT, RULE_AT(emit), 0, 0, false, NULL,
      "`row`: every row for which it holds. `edge`: the step from not holding to holding. Without it `row` if the condition has a window, else `edge`." },
    { IN_RULE, "alerts_max", SETTING_COUNT, RULE_AT(alerts_max), 0, 1000000, false, "1000",
      "Alerts of a series in a minute of event time at most; the next one after that says how many were held back. 0: no limit." },
    { IN_RULE, "severity", SETTING_NAME, RULE_AT(severity), 1, 32, false, "warning",
      "`info`, `warning`, `critical` or a word of your own." },
    { IN_RULE, "note", SETTING_TEXT, RULE_AT(note), 0, 4096, false, "",
      "Text for people, carried with the rule." },
    { IN_RULE, "enabled", SETTING_BOOLEAN, RULE_AT(enabled), 0, 0, false, "true",
      "`false` takes the rule out without removing it." },

    { IN_SMTP, "url", SETTING_PLACED, SMTP_AT(url), 1, 1024, true, NULL,
      "`smtps://host:port` (TLS from the beginning), or `smtp://host:port`, which must offer STARTTLS." },
    { IN_SMTP, "from", SETTING_PLACED, SMTP_AT(from), 1, 254, true, NULL,
      "The mailbox that mail comes from, `local@domain`." },
    { IN_SMTP, "user", SETTING_TEXT, SMTP_AT(user), 1, 255, false, NULL,
      "Name to log in with. It needs `password_file`." },
    { IN_SMTP, "password_file", SETTING_TEXT, SMTP_AT(password_file), 1, 4096, false, NULL,
      "File whose first line is the password of `user`. The notifier alone reads it, at its start and at SIGHUP." },
    { IN_SMTP, "ca_file", SETTING_TEXT, SMTP_AT(ca_file), 1, 4096, false, NULL,
      "A file of certificates (PEM) to trust in place of those of the system." },
    { IN_SMTP, "plaintext", SETTING_TEXT, SMTP_AT(plaintext), 1, 16, false, NULL,
      "`accept`, with `smtp://` only: do not ask for TLS, although what is sent, the password too, can be read and changed on the way. For a relay on this host." },

    { IN_GATEWAY, "url", SETTING_PLACED, GATEWAY_AT(url), 1, 4096, true, NULL,
      "`https://...` or `http://...`, a template in which values stand behind the host only. It may be private: the operator wrote it." },
    { IN_GATEWAY, "method", SETTING_TEXT, GATEWAY_AT(method), 1, 8, false, "POST",
      "`POST`, `PUT` or `GET`." },
    { IN_GATEWAY, "type", SETTING_TEXT, GATEWAY_AT(type), 1, 128, false, "application/json",
      "Content type of the body. How values are escaped follows from it, so it is one of those in docs/channels.md." },
    { IN_GATEWAY, "headers", SETTING_HEADERS, GATEWAY_AT(headers), 0, 32, false, NULL,
      "Request headers, a map from name to template. Secrets as in `headers` of a source: `${ENV}`, or a name that ends in `_file` and names the file, whose first line is no template. The notifier alone reads it, at its start and at SIGHUP." },
    { IN_GATEWAY, "body", SETTING_PLACED, GATEWAY_AT(body), 1, 16384, false, NULL,
      "Template of the body. Without it there is none." },
    { IN_GATEWAY, "ca_file", SETTING_TEXT, GATEWAY_AT(ca_file), 1, 4096, false, NULL,
      "https: a file of certificates (PEM) to trust in place of those of the system." },

    { IN_COMMAND, "run", SETTING_TEXT, COMMAND_AT(run), 2, 4096, true, NULL,
      "Absolute path of a program. It runs without a shell, with the alert as JSON on its standard input." },
    { IN_COMMAND, "timeout", SETTING_DURATION, COMMAND_AT(timeout_us), 10 * MS, 15 * SECOND, false, "10s",
      "How long it may run; then it is killed with all that it started." },
};
// clang-format on

const size_t settings_table_count = sizeof settings_table / sizeof *settings_table;

const setting_t *settings_table_find(setting_section_t section, const char *name)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        if (settings_table[i].section == section && strcmp(settings_table[i].name, name) == 0)
            return &settings_table[i];
    }
    return NULL;
}

const char *settings_table_nearest(setting_section_t section, const char *name)
{
    const char *nearest = NULL;
    int least = 3; // more changes than that are another word
    for (size_t i = 0; i < settings_table_count; i++) {
        if (settings_table[i].section != section)
            continue;
        int distance = settings_distance(name, settings_table[i].name);
        if (distance < least && distance < (int) strlen(settings_table[i].name)) {
            least = distance;
            nearest = settings_table[i].name;
        }
    }
    return nearest;
}
