/*  A configuration becomes settings with every default filled in. */
#include "broker/runtime/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// The sample of the contract, word for word.
// clang-format off
static const char sample[] =
    "namespace: tw              # prefix of every Redis key and function and of the stage: dev, staging and prod share one Redis and bucket safely\n"
    "redis: embedded            # a private redis-server under DIR (unix socket, appendonly yes, appendfsync always); or redis://host:port/db, unix:///path; later sentinel://, cluster://\n"
    "stage: dir:stage           # or s3://bucket/prefix\n"
    "listen: { alerts: \"tcp://127.0.0.1:5560\", http: \"127.0.0.1:8080\" }   # \":*\" takes a free port, printed by status --json; two DIRs never collide\n"
    "sources:\n"
    "  - name: binance-1m\n"
    "    url: file:///data/binance_BTCUSDT_1m_2023-03.json.gz   # file (globs, .gz), http(s), or push://tcp://127.0.0.1:5570\n"
    "    every: 10s             # http only; jitter, timeout, back-off, Retry-After, ETag (not with time: fetch) and a rate-limit budget per host have defaults\n"
    "    format: json           # json | jsonl | csv (header: false, delimiter: \";\")\n"
    "    rows: /*               # JSON Pointer (RFC 6901); a * token means every member of that array or object; \"\" is the document itself\n"
    "    table: candle\n"
    "    key: { exchange: \"=binance\", pair: \"=BTCUSDT\" }  # \"=text\" literal; \"/ptr\" from the row; \"^/ptr\" from the document; \"~1\" what the first * matched, \"~1:0\" its part 0 split on ':'\n"
    "    time: { at: /0, unit: ms }                    # s | ms | us | ns | rfc3339 | strptime format (no zone = UTC); or fetch = receive time\n"
    "    columns: { open: /1, close: /4, volume: /5 }  # numbers, also inside strings; csv: header names, or /index\n"
    "    required: [close]      # a row without it is quarantined; other missing columns are NULL\n"
    "    identity: [time]       # what makes two rows of a series the same; [time, /0] adds a trade id; none (file and push only) = every row counts\n"
    "    validate: { volume: \">= 0\" }                  # failing rows are quarantined with the reason, never silently dropped\n"
    "    rolling: { volume: 24h }                      # declares a rolling sum, so that check can warn\n"
    "    lateness: 0s\n"
    "derive:                    # extra columns of the transformed data, in SQL\n"
    "  candle:\n"
    "    volume_avg_1h: avg(volume) OVER last_1h\n"
    "    volume_ratio: volume / avg(volume) OVER last_1h\n"
    "rules:\n"
    "  volume-spike: { on: candle, when: \"volume > 3 * avg(volume) OVER last_1h\", min_rows: 10, for: 0s, cooldown: 10m, severity: warning }\n";
// clang-format on

static settings_t *parse(const char *text)
{
    fault_t fault = { 0 };
    settings_t *settings = settings_parse(text, strlen(text), &fault);
    if (!settings)
        fail_msg("%d:%d: %s", fault.line, fault.column, fault.text);
    return settings;
}

static void assert_pair(const setting_pairs_t *pairs, size_t index, const char *name,
                        const char *value)
{
    assert_true(index < pairs->count);
    assert_string_equal(pairs->items[index].name, name);
    assert_string_equal(pairs->items[index].value, value);
}

static void sample_of_the_contract(void **state)
{
    (void) state;
    settings_t *settings = parse(sample);
    assert_string_equal(settings->path, "");
    assert_string_equal(settings->namespace, "tw");
    assert_string_equal(settings->redis, "embedded");
    assert_null(settings->redis_password_file);
    assert_string_equal(settings->stage, "dir:stage");
    assert_string_equal(settings->listen_alerts, "tcp://127.0.0.1:5560");
    assert_string_equal(settings->listen_http, "127.0.0.1:8080");
    assert_false(settings->allow_private);
    assert_int_equal(settings->window_rows_max, 65536);
    assert_int_equal(settings->stage_seal_us, INT64_C(3600) * 1000000);
    assert_int_equal(settings->stage_keep_us, 0);
    assert_int_equal(settings->stage_free_min_mb, 128);

    assert_int_equal(settings->source_count, 1);
    const source_t *source = &settings->sources[0];
    assert_int_equal(source->line, 6);
    assert_int_equal(source->column, 5);
    assert_string_equal(source->name, "binance-1m");
    assert_string_equal(source->url, "file:///data/binance_BTCUSDT_1m_2023-03.json.gz");
    assert_int_equal(source->kind, SOURCE_FILE);
    assert_null(source->stream);
    assert_int_equal(source->every_us, 10000000);
    assert_int_equal(source->timeout_us, 30000000);
    assert_int_equal(source->format, FORMAT_JSON);
    assert_true(source->csv_header);
    assert_int_equal(source->csv_delimiter, ',');
    assert_string_equal(source->rows, "/*");
    assert_false(source->newest_first);
    assert_string_equal(source->table, "candle");
    assert_int_equal(source->key.count, 2);
    assert_pair(&source->key, 0, "exchange", "=binance");
    assert_pair(&source->key, 1, "pair", "=BTCUSDT");
    assert_string_equal(source->time_at, "/0");
    assert_string_equal(source->time_unit, "ms");
    assert_false(source->time_fetch);
    assert_int_equal(source->columns.count, 3);
    assert_pair(&source->columns, 0, "open", "/1");
    assert_pair(&source->columns, 1, "close", "/4");
    assert_pair(&source->columns, 2, "volume", "/5");
    assert_int_equal(source->required_count, 1);
    assert_string_equal(source->required[0], "close");
    assert_false(source->identity_none);
    assert_int_equal(source->identity_count, 0);
    assert_pair(&source->validate, 0, "volume", ">= 0");
    assert_pair(&source->rolling, 0, "volume", "24h");
    assert_int_equal(source->lateness_us, 0);
    assert_int_equal(source->headers.count, 0);

    assert_int_equal(settings->derive_count, 1);
    assert_string_equal(settings->derive[0].table, "candle");
    assert_int_equal(settings->derive[0].line, 21);
    assert_pair(&settings->derive[0].columns, 0, "volume_avg_1h", "avg(volume) OVER last_1h");
    assert_pair(&settings->derive[0].columns, 1, "volume_ratio",
                "volume / avg(volume) OVER last_1h");
    assert_int_equal(settings->derive[0].columns.items[1].line, 23);
    assert_int_equal(settings->derive[0].columns.items[1].column, 19);

    assert_int_equal(settings->rule_count, 1);
    const rule_settings_t *rule = &settings->rules[0];
    assert_string_equal(rule->name, "volume-spike");
    assert_int_equal(rule->line, 25);
    assert_int_equal(rule->column, 3);
    assert_string_equal(rule->on, "candle");
    assert_string_equal(rule->when, "volume > 3 * avg(volume) OVER last_1h");
    assert_int_equal(rule->when_line, 25);
    assert_int_equal(rule->when_column, 38); // of the v, not of the quote
    assert_string_equal(rule->severity, "warning");
    assert_string_equal(rule->note, "");
    assert_int_equal(rule->min_rows, 10);
    assert_true(rule->positive);
    assert_true(rule->enabled);
    assert_int_equal(rule->for_us, 0);
    assert_int_equal(rule->cooldown_us, 600 * 1000000);
    assert_int_equal(rule->flap.count, 0);
    assert_false(rule->freeze);
    assert_null(rule->emit);
    assert_string_equal(rule->resolve, "");
    settings_destroy(&settings);
    assert_null(settings);
}

static void a_flap_is_so_many_in_a_time(void **state)
{
    (void) state;
    budget_t flap = { 0 };
    assert_true(settings_flap("6/10m", &flap));
    assert_int_equal(flap.count, 6);
    assert_int_equal(flap.window_us, 600 * 1000000);
    assert_true(settings_flap("3/d", &flap));
    assert_int_equal(flap.window_us, INT64_C(86400) * 1000000);
    assert_true(settings_flap("20/1us", &flap) && settings_flap("20/366d", &flap));
    static const char *const bad[] = { "",     "6",      "6/",   "/10m",   "2/10m",  "21/10m",
                                       "6/0s", "6/367d", "6/10", "6 /10m", "6/10m ", "+6/10m" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(settings_flap(bad[i], &flap));
}

static void everything_else_a_source_takes(void **state)
{
    (void) state;
    settings_t *settings = parse("redis: unix:///run/redis.sock\n"
                                 "budget: 100/10s\n"
                                 "budgets: { api.kraken.com: 1/s, \"127.0.0.1:80\": 600/m }\n"
                                 "allow_private: true\n"
                                 "window_rows_max: 1000\n"
                                 "listen: { alerts: \"tcp://127.0.0.1:*\", http: \"[::1]:*\" }\n"
                                 "sources:\n"
                                 "  - url: https://api.example.org/v1/x?y=1\n"
                                 "    every: 250ms\n"
                                 "    timeout: 2s\n"
                                 "    connect_timeout: 1s\n"
                                 "    query: { \"a b\": c&d }\n"
                                 "    body: '{\"x\":1}'\n"
                                 "    ca_file: /etc/ca.pem\n"
                                 "    allowance: /allowance\n"
                                 "    pages: { parameter: p, cursor: /c/last, more: /c/more }\n"
                                 "    headers: { X-Key: abc, Accept: \"*/*\" }\n"
                                 "    rows: /result/*/list/*\n"
                                 "    order: newest_first\n"
                                 "    table: tick\n"
                                 "    stream: slow\n"
                                 "    key: { exchange: =e, pair: \"~1:0\", kind: ^/kind, id: ~2 }\n"
                                 "    time: fetch\n"
                                 "    columns: { price: /a~1b, last: \"\" }\n"
                                 "    identity: [time, /0, ^/x]\n"
                                 "  - url: file:///x.csv\n"
                                 "    name: csv.1\n"
                                 "    format: csv\n"
                                 "    header: false\n"
                                 "    delimiter: \"\\t\"\n"
                                 "    table: t2\n"
                                 "    key: { a: /0 }\n"
                                 "    time: { at: /1, unit: \"%Y-%m-%d %H:%M:%S\" }\n"
                                 "    columns: { x: /2 }\n"
                                 "    identity: none\n"
                                 "  - url: push://tcp://127.0.0.1:5570\n"
                                 "    table: t3\n"
                                 "    key: { a: /name }\n"
                                 "    time: { at: when_ms, unit: ms }\n"
                                 "    columns: { x: x, y: /y }\n"
                                 "  - url: simulate://market?seed=1&series=20&rate=50\n"
                                 "    table: t4\n"
                                 "    rows: /*\n"
                                 "    key: { symbol: /symbol }\n"
                                 "    time: { at: /ts, unit: rfc3339 }\n"
                                 "    columns: { price: /price }\n");
    assert_string_equal(settings->redis, "unix:///run/redis.sock");
    assert_true(settings->allow_private);
    assert_int_equal(settings->window_rows_max, 1000);
    assert_string_equal(settings->listen_http, "[::1]:*");
    assert_int_equal(settings->source_count, 4);
    const source_t *http = &settings->sources[0], *csv = &settings->sources[1];
    assert_string_equal(http->name, "source-1");
    assert_int_equal(http->kind, SOURCE_HTTP);
    assert_int_equal(http->every_us, 250000);
    assert_int_equal(http->timeout_us, 2000000);
    assert_pair(&http->headers, 0, "X-Key", "abc");
    assert_pair(&http->headers, 1, "Accept", "*/*");
    assert_int_equal(http->connect_timeout_us, 1000000);
    assert_int_equal(http->stall_timeout_us, 15000000);
    assert_pair(&http->query, 0, "a b", "c&d");
    assert_string_equal(http->body, "{\"x\":1}");
    assert_string_equal(http->ca_file, "/etc/ca.pem");
    assert_string_equal(http->allowance, "/allowance");
    assert_true(http->paged);
    assert_string_equal(http->page_parameter, "p");
    assert_string_equal(http->page_cursor, "/c/last");
    assert_string_equal(http->page_more, "/c/more");
    assert_int_equal(http->page_first, 1);
    assert_int_equal(http->page_most, 10);
    assert_false(csv->paged);
    assert_null(csv->body);
    assert_int_equal(settings->budget.count, 100);
    assert_int_equal(settings->budget.window_us, 10000000);
    assert_int_equal(settings->budget_count, 2);
    assert_string_equal(settings->budgets[0].host, "api.kraken.com");
    assert_int_equal(settings->budgets[0].budget.window_us, 1000000);
    assert_string_equal(settings->budgets[1].host, "127.0.0.1:80");
    assert_int_equal(settings->budgets[1].budget.count, 600);
    assert_int_equal(settings->budgets[1].budget.window_us, 60000000);
    assert_true(http->newest_first);
    assert_string_equal(http->stream, "slow");
    assert_pair(&http->key, 3, "id", "~2");
    assert_true(http->time_fetch);
    assert_null(http->time_at);
    assert_pair(&http->columns, 1, "last", "");
    assert_int_equal(http->identity_count, 2);
    assert_string_equal(http->identity[0], "/0");
    assert_string_equal(http->identity[1], "^/x");
    assert_string_equal(csv->name, "csv.1");
    assert_int_equal(csv->format, FORMAT_CSV);
    assert_false(csv->csv_header);
    assert_int_equal(csv->csv_delimiter, '\t');
    assert_true(csv->identity_none);
    assert_string_equal(csv->time_unit, "%Y-%m-%d %H:%M:%S");
    assert_int_equal(settings->sources[2].kind, SOURCE_PUSH);
    assert_string_equal(settings->sources[2].name, "source-3");
    assert_int_equal(settings->sources[3].kind, SOURCE_SIMULATE);
    settings_destroy(&settings);
}

static void environment_expands(void **state)
{
    (void) state;
    setenv("TW_TEST_NS", "staging", 1);
    setenv("TW_TEST_ODD", "a: ${b} \"c\"", 1);
    unsetenv("TW_TEST_NONE");
    settings_t *settings = parse("namespace: ${TW_TEST_NS}\n"
                                 "redis: ${TW_TEST_NONE:redis://127.0.0.1:6379/2}\n"
                                 "keys: /a/$${TW_TEST_NS}/$x/${TW_TEST_ODD}\n"
                                 "window_rows_max: '${TW_TEST_NONE:12}${TW_TEST_NONE:34}'\n"
                                 "stage: dir:${TW_TEST_NONE:}x\n");
    assert_string_equal(settings->namespace, "staging");
    assert_string_equal(settings->redis, "redis://127.0.0.1:6379/2");
    // What a variable holds is neither YAML nor expanded again.
    assert_string_equal(settings->keys, "/a/${TW_TEST_NS}/$x/a: ${b} \"c\"");
    assert_int_equal(settings->window_rows_max, 1234);
    assert_string_equal(settings->stage, "dir:x");
    settings_destroy(&settings);
}

static void secrets_come_from_files(void **state)
{
    (void) state;
    char path[] = "/tmp/tidewire-test-XXXXXX", text[512];
    int file = mkstemp(path);
    assert_int_equal(write(file, "Bearer s3cret\nmore\n", 19), 19);
    close(file);
    snprintf(text, sizeof text,
             "sources:\n  - { url: \"http://x/\", table: t, key: { a: \"=a\" }, time: fetch,\n"
             "      columns: { x: /x }, headers: { Authorization_file: %s } }\n",
             path);
    settings_t *settings = parse(text);
    assert_pair(&settings->sources[0].headers, 0, "Authorization", "Bearer s3cret");
    settings_destroy(&settings);
    unlink(path);
    fault_t fault = { 0 };
    assert_null(settings_parse(text, strlen(text), &fault));
    assert_non_null(strstr(fault.text, "cannot read"));
    assert_int_equal(fault.line, 3);
    // Those of gateways are the notifier's to read: other actors may not be able to.
    settings = parse("gateways: { g: { url: \"https://h\", headers: { A_file: /none } } }\n");
    assert_pair(&settings->gateways[0].headers, 0, "A", "/none");
    assert_true(settings->gateways[0].headers.items[0].secret);
    settings_destroy(&settings);
}

static void files_are_loaded_with_their_path(void **state)
{
    (void) state;
    char path[] = "/tmp/tidewire-test-XXXXXX";
    int file = mkstemp(path);
    assert_int_equal(write(file, sample, sizeof sample - 1), sizeof sample - 1);
    close(file);
    fault_t fault = { 0 };
    settings_t *settings = settings_load(path, &fault);
    assert_non_null(settings);
    assert_string_equal(settings->path, path);
    assert_int_equal(settings->rule_count, 1);
    settings_destroy(&settings);
    unlink(path);
    assert_null(settings_load(path, &fault));
    assert_non_null(strstr(fault.text, "No such file"));
    assert_null(settings_load("/tmp", &fault));
    assert_non_null(strstr(fault.text, "directory"));
}

// Places are bytes of the file, also behind other characters and in other styles of scalars.
static void places_are_found(void **state)
{
    (void) state;
    static const char base[] = "sources: [ { url: \"http://x/\", table: t, key: { a: =a }, "
                               "time: fetch, columns: { x: /x } } ]\r\nrules:\r\n";
    const struct {
        const char *rule;
        const char *when;
        int line, column;
    } cases[] = {
        { "  r: { on: t, when: x > 1 }", "x > 1", 3, 21 },
        { "  r: { on: t, note: \"\xc3\xa9\xe2\x82\xac\", when: 'x > 1' }", "x > 1", 3, 37 },
        { "  r:\r\n    on: t\r\n    when: |\r\n      x > 1\r\n      AND x < 3\r\n",
          "x > 1\nAND x < 3\n", 6, 7 },
        { "  r:\n    when: >-\n     x > 1\n     AND x < 3\n    on: t\n", "x > 1 AND x < 3", 5, 6 },
        { "  r:\n    when:\n      x > 1\n    on: t\n", "x > 1", 5, 7 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        snprintf(text, sizeof text, "%s%s", base, cases[i].rule);
        settings_t *settings = parse(text);
        assert_string_equal(settings->rules[0].when, cases[i].when);
        assert_int_equal(settings->rules[0].when_line, cases[i].line);
        assert_int_equal(settings->rules[0].when_column, cases[i].column);
        settings_destroy(&settings);
    }
    char marked[512]; // with a byte order mark
    snprintf(marked, sizeof marked, "\xef\xbb\xbf%s%s", base, cases[0].rule);
    settings_t *settings = parse(marked);
    assert_int_equal(settings->rules[0].when_line, 3);
    settings_destroy(&settings);
}

static void durations(void **state)
{
    (void) state;
    const struct {
        const char *text;
        int64_t us;
    } good[] = { { "0s", 0 },           { "250us", 250 },
                 { "500ms", 500000 },   { "90s", 90000000 },
                 { "5m", 300000000 },   { "1h", 3600000000 },
                 { "1d", 86400000000 }, { "100000d", 8640000000000000 } };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t us = -1;
        assert_true(settings_duration(good[i].text, &us));
        assert_int_equal(us, good[i].us);
    }
    const char *bad[] = { "",
                          "s",
                          "10",
                          "-1s",
                          "+1s",
                          "1.5s",
                          "1 s",
                          " 1s",
                          "1s ",
                          "1S",
                          "1w",
                          "1h30m",
                          "9999999999999999s",
                          "999999999999999d",
                          "0x1s" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t us;
        if (settings_duration(bad[i], &us))
            fail_msg("'%s' was taken for a duration", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_of_the_contract),
        cmocka_unit_test(a_flap_is_so_many_in_a_time),
        cmocka_unit_test(everything_else_a_source_takes),
        cmocka_unit_test(environment_expands),
        cmocka_unit_test(secrets_come_from_files),
        cmocka_unit_test(files_are_loaded_with_their_path),
        cmocka_unit_test(places_are_found),
        cmocka_unit_test(durations),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
