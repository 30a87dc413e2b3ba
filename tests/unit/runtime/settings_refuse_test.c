/*  What is wrong with a configuration is told with its place and in words that help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/runtime/settings.h"
#include "proto/buffer.h"
#include "proto/owned.h"

typedef struct {
    const char *text;
    int line, column; // 0 = any
    const char *says;
} case_t;

static void expect(const case_t *c)
{
    fault_t fault = { 0 };
    settings_t *settings = settings_parse(c->text, strlen(c->text), &fault);
    if (settings)
        fail_msg("accepted:\n%s", c->text);
    bool place =
        (c->line == 0 || fault.line == c->line) && (c->column == 0 || fault.column == c->column);
    if (!place || !strstr(fault.text, c->says))
        fail_msg("expected %d:%d '%s', got %d:%d '%s' for:\n%s", c->line, c->column, c->says,
                 fault.line, fault.column, fault.text, c->text);
}

static void expect_all(const case_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(&cases[i]);
}

#define EXPECT_ALL(cases) expect_all(cases, sizeof(cases) / sizeof *(cases))

static void yaml(void **state)
{
    (void) state;
    unsetenv("TW_TEST_NONE");
    const case_t cases[] = {
        { "", 1, 1, "empty" },
        { "# nothing\n", 1, 1, "empty" },
        { "namespace: [a\n", 2, 1, "did not find expected" },
        { "a: b: c\n", 1, 5, "mapping values are not allowed" },
        { "\tnamespace: a\n", 1, 1, "cannot start any token" },
        { "namespace: a\xff\n", 1, 13, "UTF-8" },
        { "\n\nnamespace: \"\xc3\xa9\xed\xa0\x80\"\n", 3, 15, "invalid Unicode" },
        { "namespace: a\x01\n", 1, 0, "control characters are not allowed" },
        { "namespace: \"a\\0b\"\n", 1, 12, "control characters" },
        { "namespace: \"a\\eb\"\n", 1, 12, "control characters" },
        { "namespace: &x tw\n", 1, 12, "anchors" },
        { "listen: &x { http: \"127.0.0.1:1\" }\n", 1, 9, "anchors" },
        { "sources: &x [ ]\n", 1, 10, "anchors" },
        { "namespace: *x\n", 1, 12, "aliases" },
        { "namespace: !!str tw\n", 1, 12, "tags" },
        { "listen: !a { }\n", 1, 9, "tags" },
        { "sources: !a [ ]\n", 1, 10, "tags" },
        { "? [a, b]\n: c\n", 1, 3, "a key must be a plain word" },
        { "namespace: a\n---\nnamespace: b\n", 2, 1, "second YAML document" },
        { "namespace: a\nredis: embedded\nnamespace: b\n", 3, 1, "duplicate key 'namespace'" },
        { "listen: { http: \"127.0.0.1:1\", http: \"127.0.0.1:1\" }\n", 1, 32, "duplicate" },
        { "a: [[[[[[[[[[[[[[1]]]]]]]]]]]]]]\n", 1, 15, "nested too deeply" },
        { "- namespace\n", 1, 1, "expected a map" },
        { "namespace: ${TW_TEST_NONE}\n", 1, 12, "TW_TEST_NONE is not set" },
        { "namespace: ${TW TEST}\n", 1, 12, "no name of an environment variable" },
        { "namespace: ${}\n", 1, 12, "no name of an environment variable" },
        { "namespace: \"${1A:x}\"\n", 1, 12, "no name of an environment variable" },
        { "namespace: ${TW_TEST_NONE\n", 1, 12, "without '}'" },
    };
    EXPECT_ALL(cases);
}

static void top(void **state)
{
    (void) state;
    const case_t cases[] = {
        { "namspace: tw\n", 1, 1, "unknown key 'namspace'; did you mean 'namespace'?" },
        { "whatever: 1\n", 1, 1, "file: unknown key 'whatever'" },
        { "Namespace: tw\n", 1, 1, "did you mean" },
        { "namespace: Tw\n", 1, 12, "no name" },
        { "namespace: a-b\n", 1, 12, "no name" },
        { "namespace: \"\"\n", 1, 13, "empty" },
        { "namespace: [tw]\n", 1, 12, "expected one value, not a list" },
        { "namespace: { tw: 1 }\n", 1, 12, "expected one value, not a map" },
        { "namespace: abcdefghijklmnopqrstuvwxyz0123456789\n", 1, 12, "longer than 32" },
        { "redis: redis\n", 1, 8, "expected embedded" },
        { "redis: redis://localhost\n", 1, 8, "host:port" },
        { "redis: redis://localhost:0\n", 1, 8, "host:port" },
        { "redis: redis://localhost:6379/x\n", 1, 8, "host:port/db" },
        { "redis: redis://:secret@localhost:6379\n", 1, 8, "redis_password_file" },
        { "redis: redis://10.0.0.1:6379\n", 1, 8, "set redis_password_file" },
        { "redis: redis://127.0.0.1.example.org:6379\n", 1, 8, "set redis_password_file" },
        { "redis: unix://run/x\n", 1, 8, "absolute" },
        { "redis: redis://tw-{role}@[::1]:6379\n", 1, 8, "a password for each" },
        { "redis: redis://tw-{role}@[::1]:6379\nredis_password_file: /pw\n", 1, 8,
          "a password for each" },
        { "redis: redis://tw@[::1]:6379\nredis_password_file: /{role}\n", 1, 8, "a user for each" },
        { "redis_password_file: /{role}\n", 1, 22, "a user for each" },
        { "redis: redis://tw-{role}@{role}:1\nredis_password_file: /{role}\n", 1, 8, "once" },
        { "redis: unix:///run/{role}\nredis_password_file: /{role}\n", 1, 8, "in the user" },
        { "redis: redis://{name}@[::1]:1\nredis_password_file: /{role}\n", 1, 8, "in the user" },
        { "redis: unix://{role}@/x\nredis_password_file: /{role}/{name}\n", 1, 8,
          "the only braces" },
        { "redis: sentinel://a:1,b:2/main\n", 1, 8, "sentinel:// is not in this version" },
        { "redis: cluster://a:1\n", 1, 8, "cluster:// is not in this version" },
        { "redis: rediss://a:1\n", 1, 8, "rediss:// is not in this version: for TLS" },
        { "stage: s3://bucket/x\n", 1, 8, "s3:// is not in this version" },
        { "stage: /var/stage\n", 1, 8, "expected dir:<path>" },
        { "stage: \"dir:\"\n", 1, 9, "without a path" },
        { "allow_private: yes\n", 1, 16, "expected true or false" },
        { "window_rows_max: 15\n", 1, 18, "outside 16 to" },
        { "window_rows_max: 16777217\n", 1, 18, "outside 16 to 16777216" },
        { "window_rows_max: 99999999999999999999\n", 1, 18, "whole number" },
        { "window_rows_max: -1\n", 1, 18, "whole number" },
        { "window_rows_max: 1e3\n", 1, 18, "whole number" },
        { "listen: tcp://127.0.0.1:1\n", 1, 9, "expected a map" },
        { "listen: { alert: x }\n", 1, 11, "did you mean 'alerts'" },
        { "listen: { alerts: \"127.0.0.1:1\" }\n", 1, 20, "expected tcp://host:port" },
        { "listen: { alerts: \"tcp://127.0.0.1\" }\n", 1, 20, "no host and port" },
        { "listen: { alerts: \"tcp://127.0.0.1:70000\" }\n", 1, 20, "no host and port" },
        { "listen: { alerts: \"tcp://*:5560\" }\n", 1, 20, "not loopback" },
        { "listen: { alerts: \"tcp://0.0.0.0:5560\" }\n", 1, 20, "not loopback" },
        { "listen: { alerts: \"tcp://127.1:5560\" }\n", 1, 20, "not loopback" },
        { "listen: { alerts: \"tcp://127.0.0.300:5560\" }\n", 1, 20, "not loopback" },
        { "listen: { http: \":8080\" }\n", 1, 18, "no host and port" },
        { "listen: { http: \"example.org:8080\" }\n", 1, 18, "needs tokens" },
        { "listen: { http: \"::1:8080\" }\n", 1, 18, "no host and port" },
        { "sources: { a: b }\n", 1, 10, "expected a list" },
        { "sources: [ a ]\n", 1, 12, "expected a map" },
        { "derive: [ ]\n", 1, 9, "expected a map" },
        { "rules: \"\"\n", 1, 9, "expected a map" },
    };
    EXPECT_ALL(cases);
}

// One more or another line in a source that is fine without: line 6, and 5 + what comes before.
static void expect_in_source(const char *line, int column, const char *says)
{
    owned(buffer_destroy) buffer_t text = { 0 };
    buffer_printf(&text,
                  "sources:\n"
                  "  - table: t\n"
                  "    key: { a: \"=a\", b: \"/b\" }\n"
                  "    columns: { x: /x, y: /y }\n"
                  "    rows: /*/*\n"
                  "    %s\n",
                  line);
    if (!strstr(line, "url:"))
        buffer_text(&text, "    url: http://127.0.0.1/\n");
    if (!strstr(line, "time:"))
        buffer_text(&text, "    time: fetch\n");
    const case_t c = { buffer_string(&text), column ? 6 : 0, column, says };
    expect(&c);
}

static void source(void **state)
{
    (void) state;
    const struct {
        const char *line;
        int column; // on line 6; 0: another place
        const char *says;
    } cases[] = {
        { "evry: 1s", 5, "sources: unknown key 'evry'; did you mean 'every'?" },
        { "resolve: a", 5, "unknown key" },
        { "jq: ''", 10, "jq: is empty" },
        { "jq: .a", 0, "jq: stands in place of rows" },
        { "only: { price: x }", 20, "expected a JSON Pointer" },
        { "only: { ~1: x }", 17, "expected a place of the row" },
        { "skip_lines: 2", 0, "only with format: csv" },
        { "comment: '#'", 0, "only with format: csv" },
        { "missing: []", 14, "expected 1 to 16 entries" },
        { "lateness: 25h", 15, "lateness: '25h' is outside" },
        { "lateness: x", 15, "expected a duration" },
        { "every: 10", 12, "expected a duration such as 500ms" },
        { "every: 0s", 12, "outside 10ms" },
        { "every: 25h", 12, "outside" },
        { "timeout: -1s", 14, "expected a duration" },
        { "name: a b", 11, "letters, digits" },
        { "name: a/b", 11, "letters, digits" },
        { "stream: a/b", 13, "letters, digits" },
        { "stream: .a", 0, "stream: the name of a directory" },
        { "url: ftp://x/", 10, "none of file://" },
        { "url: file://", 10, "without a path" },
        { "url: file://tmp/x", 10, "file:///path" },
        { "url: http:///x", 10, "no address" },
        { "url: \"http://a b/\"", 11, "no address" },
        { "url: htps://me:s3cr3t@a/", 10, "url: 'htps://' is none of" },
        { "url: a.org/?key=s3cr3t", 10, "url: 'a.org/' is none of" },
        { "url: push://127.0.0.1:1", 10, "push://tcp://" },
        { "url: push://tcp://0.0.0.0:5570", 10, "not loopback" },
        { "url: push://tcp://127.0.0.1:x", 10, "no host and port" },
        { "url: simulate://weather", 10, "simulate://market" },
        { "url: simulate://markets", 10, "simulate://market" },
        { "format: xml", 13, "expected json, jsonl, concatenated or csv" },
        { "format: csv", 0, "rows: not with format: csv" },
        { "header: false", 0, "only with format: csv" },
        { "delimiter: ;", 0, "only with format: csv" },
        { "delimiter: ab", 16, "one character" },
        { "delimiter: \"\"", 17, "one character" },
        { "order: up", 12, "newest_first or oldest_first" },
        { "time: { at: /0 }", 11, "time: 'unit' is missing" },
        { "time: { unit: ms }", 11, "time: 'at' is missing" },
        { "time: { at: /0, unit: sec }", 27, "unit 'sec'" },
        { "time: { at: /0, unit: s, zone: x }", 30, "unknown key 'zone'" },
        { "time: { at: [/0], unit: s }", 17, "expected one value" },
        { "time: { at: ts, unit: s }", 0, "time: at: 'ts': expected a JSON Pointer" },
        { "time: now", 11, "or fetch" },
        { "time: { at: /a~2, unit: s }", 0, "expected a JSON Pointer" },
        { "required: close", 15, "expected a list" },
        { "required: [ z ]", 0, "required: 'z' is no column" },
        { "required: [ x, x ]", 20, "named twice" },
        { "identity: [ ]", 15, "expected 1 to 8 entries" },
        { "identity: [ /0 ]", 17, "first entry must be time" },
        { "identity: [ time, 0 ]", 0, "identity: '0'" },
        { "identity: none", 0, "only for file, push and simulate" },
        { "identity: any", 15, "expected a list" },
        { "validate: { z: \">= 0\" }", 21, "no column" },
        { "validate: { x: \"\" }", 21, "validate" },
        { "validate: { x: positive }", 20, "expected a comparison" },
        { "rolling: { z: 1h }", 19, "no column" },
        { "rolling: { x: soon }", 19, "expected a duration" },
        { "rolling: { x: 0s }", 19, "expected a duration" },
        { "headers: { \"A B\": x }", 23, "no name of a header" },
        { "headers: { A: \"x\\ny\" }", 20, "one line" },
        { "headers: { A_file: /nonexistent }", 24, "cannot read" },
        { "headers: { A_file: /dev/zero }", 24, "cannot read" },
        { "query: { a_file: /nonexistent }", 22, "query: cannot read" },
        { "query: { a: [ b ] }", 17, "expected one value" },
        { "stall_timeout: 500ms", 20, "outside 1000ms" },
        { "allowance: cost", 16, "no JSON Pointer" },
        { "pages: 3", 12, "pages: expected a map" },
        { "pages: { most: 5 }", 12, "'parameter' is missing" },
        { "pages: { parameter: p, most: 1 }", 34, "outside 2 to 1000" },
        { "pages: { parameter: p, cursor: last }", 36, "no JSON Pointer" },
        { "pages: { parameter: p, pages: 7 }", 28, "unknown key 'pages'" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_in_source(cases[i].line, cases[i].column, cases[i].says);
}

#define SOURCE(name, more)                                                                         \
    "  - { name: " name ", url: \"file:///x\", time: fetch, columns: { x: /x, y: /y }, " more " }" \
    "\n"

static void keys_and_columns(void **state)
{
    (void) state;
    const case_t cases[] = {
        { "sources:\n  - { url: \"http://x/\" }\n", 2, 5, "'table' is missing" },
        { "sources:\n  - { table: t }\n", 2, 5, "'url' is missing" },
        { "sources:\n" SOURCE("a", "table: t, key: { }"), 2, 0, "key: is empty" },
        { "sources:\n" SOURCE("a", "table: t, key: { a: \"=\" }"), 2, 0, "literal is empty" },
        { "sources:\n" SOURCE("a", "table: t, key: { a: b }"), 2, 0, "JSON Pointer" },
        { "sources:\n" SOURCE("a", "table: t, key: { a: ~1 }"), 2, 0, "not so many *" },
        { "sources:\n" SOURCE("a", "rows: /*, table: t, key: { a: \"~1:x\" }"), 2, 0, "~1:0" },
        { "sources:\n" SOURCE("a", "rows: /*, table: t, key: { a: \"~0\" }"), 2, 0, "~1:0" },
        { "sources:\n" SOURCE("a", "rows: x, table: t, key: { a: \"=a\" }"), 2, 80, "rows" },
        { "sources:\n" SOURCE("a", "table: t, key: { x: \"=a\" }"), 2, 0, "a column as well" },
        { "sources:\n" SOURCE("a", "table: t, key: { A: \"=a\" }"), 2, 0, "no name" },
        { "sources:\n" SOURCE("a", "table: t, key: { select: \"=a\" }"), 2, 0, "reserved word" },
        { "sources:\n" SOURCE("a", "table: t, key: { ts: \"=a\" }"), 2, 0, "reserved word" },
        { "sources:\n" SOURCE("a", "table: t, key: { n: \"=a\" }"), 2, 0, "reserved word" },
        { "sources:\n" SOURCE("a", "table: t, key: { all: \"=a\" }"), 2, 0, "reserved word" },
        { "sources:\n" SOURCE("a", "table: t, key: { with: \"=a\" }"), 2, 0, "reserved word" },
        { "sources:\n" SOURCE("a", "table: table, key: { a: \"=a\" }"), 2, 0, "reserved word" },
        { "sources:\n" SOURCE("a", "table: t, key: { tableoid: \"=a\" }"), 2, 0, "reserved word" },
        { "sources:\n" SOURCE("a", "table: t, key: { ctid: \"=a\" }"), 2, 0, "reserved word" },
        { "sources:\n" SOURCE("a", "table: t, key: { xmin: \"=a\" }"), 2, 0, "reserved word" },
        { "sources:\n" SOURCE("a", "table: t, key: { xmax: \"=a\" }"), 2, 0, "reserved word" },
        { "sources:\n" SOURCE("a", "table: t, key: { cmin: \"=a\" }"), 2, 0, "reserved word" },
        { "sources:\n" SOURCE("a", "table: t, key: { cmax: \"=a\" }"), 2, 0, "reserved word" },
        { "sources:\n" SOURCE("a", "table: 1t, key: { a: \"=a\" }"), 2, 0, "no name" },
        { "sources:\n" SOURCE("a", "table: t, key: { a: [b] }"), 2, 0, "expected one value" },
        { "sources:\n" SOURCE("a", "table: t, key: a"), 2, 0, "expected a map" },
        { "sources:\n" SOURCE("a", "format: csv, header: false, table: t, key: { a: b }"), 2, 0,
          "expected /index" },
        { "sources:\n" SOURCE("a", "format: csv, table: t, key: { a: \"/b\" }"), 2, 0,
          "header name or /index" },
        { "sources:\n" SOURCE("a", "body: x, table: t, key: { a: \"=b\" }"), 2, 80,
          "only http(s)" },
        { "sources:\n" SOURCE("a", "pages: { parameter: p }, table: t, key: { a: \"=b\" }"), 2, 81,
          "only http(s)" },
        { "sources:\n  - { url: \"http://x/\", format: csv, time: fetch, table: t, key: { a: "
          "\"=b\" "
          "}, columns: { x: x }, allowance: /a }\n",
          2, 109, "allowance: only with format: json" },
        { "sources:\n  - { url: \"http://x/\", format: jsonl, time: fetch, table: t, key: { a: "
          "\"=b\" }, columns: { x: /x }, pages: { parameter: p, cursor: /c } }\n",
          2, 108, "only with format: json" },
        { "budget: 10\n", 1, 9, "such as 10/s" },
        { "budget: 0/s\n", 1, 9, "such as 10/s" },
        { "budget: 200000/s\n", 1, 9, "such as 10/s" },
        { "budget: 5/2d\n", 1, 9, "such as 10/s" },
        { "budget: 5/fortnight\n", 1, 9, "such as 10/s" },
        { "budgets: 5/s\n", 1, 10, "a map from hosts" },
        { "budgets: { \"A.org\": 5/s }\n", 1, 13, "no host" },
        { "budgets: { \"http://a.org\": 5/s }\n", 1, 13, "no host" },
        { "budgets: { a.org: [ 5/s ] }\n", 1, 19, "expected one value" },
        { "budgets: { a.org: 5 }\n", 1, 19, "such as 10/s" },
        { "sources:\n" SOURCE("a", "headers: { A: b }, table: t, key: { a: \"=b\" }"), 2, 83,
          "headers: only http(s)" },
        { "sources:\n" SOURCE("a", "timeout: 1s, table: t, key: { a: \"=b\" }"), 2, 83,
          "timeout: only http(s)" },
        { "sources:\n  - { url: \"simulate://market\", every: 1s, time: fetch, table: t, "
          "key: { a: \"=b\" }, columns: { x: /x } }\n",
          2, 40, "every: only http(s)" },
        { "sources:\n" SOURCE("a", "validate: { x: y }, table: t, key: { a: \"=b\" }"), 2, 89,
          "validate: x: 'y': expected a comparison" },
        { "sources:\n" SOURCE("a", "validate: { z: \"> 0\" }, table: t, key: { a: \"=b\" }"), 2, 90,
          "validate: 'z' is no column of this source" },
        { "sources:\n" SOURCE("a", "required: [x, z], table: t, key: { a: \"=b\" }"), 2, 88,
          "required: 'z' is no column of this source" },
        { "sources:\n" SOURCE("a", "identity: [time, /a, b], table: t, key: { a: \"=b\" }"), 2, 95,
          "identity: 'b'" },
    };
    EXPECT_ALL(cases);
}

static void sources_among_each_other(void **state)
{
    (void) state;
    const case_t cases[] = {
        { "sources:\n" SOURCE("a", "table: t, key: { a: \"=a\" }")
              SOURCE("a", "table: u, key: { a: \"=a\" }"),
          3, 5, "another source 'a' on line 2" },
        { "sources:\n" SOURCE(
              "source-2",
              "table: t, key: { a: \"=a\" }") "  - { url: \"file:///x\", time: fetch, columns: { "
                                              "x: /x }, table: u, key: { a: /a } }\n",
          3, 5, "another source 'source-2'" },
        { "sources:\n" SOURCE("a", "table: t, key: { a: /a, b: /b }")
              SOURCE("b", "table: t, key: { b: /b, a: /a }"),
          3, 5, "another order in source 'a'" },
        { "sources:\n" SOURCE("a", "table: t, key: { a: /a }")
              SOURCE("b", "table: t, key: { a: /a, b: /b }"),
          3, 5, "other names" },
        { "sources:\n" SOURCE("a", "table: t, key: { a: /a }")
              SOURCE("b", "stream: s, table: t, key: { a: /a }"),
          3, 5, "could come from stream 's' here" },
        { "sources:\n" SOURCE("a", "table: t, key: { a: \"=x\", b: /b }")
              SOURCE("b", "stream: s, table: t, key: { a: \"=x\", b: /b }"),
          3, 5, "a literal key part that differs" },
        { "sources:\n" SOURCE("a", "table: t, key: { a: \"=x\" }") "derive: { u: { z: x } }\n", 3,
          11, "no source has the table 'u'" },
        { "sources:\n" SOURCE("a", "table: t, key: { a: \"=x\" }") "derive: { t: { x: y } }\n", 3,
          19, "has that column or key already" },
        { "sources:\n" SOURCE("a", "table: t, key: { a: \"=x\" }") "derive: { t: { a: y } }\n", 3,
          19, "has that column or key already" },
        { "sources:\n" SOURCE("a", "table: t, key: { a: \"=x\" }") "derive: { t: { n: y } }\n", 3,
          16, "reserved word" },
        { "sources:\n" SOURCE("a", "table: t, key: { a: \"=x\" }") "derive: { t: { z: \"\" } }\n",
          3, 0, "expected 1 to 4096 bytes of SQL" },
    };
    EXPECT_ALL(cases);
    // What is apart for sure may go to different streams.
    static const char fine[] = "sources:\n" SOURCE("a", "table: t, key: { a: \"=x\", b: /b }")
        SOURCE("b", "stream: s, table: t, key: { a: \"=y\", b: /b }")
            SOURCE("c", "stream: s, table: u, key: { a: /a }");
    fault_t fault = { 0 };
    settings_t *settings = settings_parse(fine, sizeof fine - 1, &fault);
    if (!settings)
        fail_msg("%d:%d: %s", fault.line, fault.column, fault.text);
    settings_destroy(&settings);
}

static void rules(void **state)
{
    (void) state;
#define RULES "sources:\n" SOURCE("a", "table: t, key: { a: \"=a\" }") "rules:\n"
    const case_t cases[] = {
        { RULES "  r: x > 1\n", 4, 6, "expected a map" },
        { RULES "  a b: { on: t, when: x > 1 }\n", 4, 3, "no name" },
        { RULES "  r: { on: t }\n", 4, 6, "'when' is missing" },
        { RULES "  r: { when: x > 1 }\n", 4, 6, "'on' is missing" },
        { RULES "  r: { on: t, when: \"\" }\n", 4, 22, "empty" },
        { RULES "  r: { on: u, when: x > 1 }\n", 4, 3, "no source has the table 'u'" },
        { RULES "  r: { on: t, when: x > 1, for: soon }\n", 4, 33, "expected a duration" },
        { RULES "  r: { on: t, when: x > 1, for: 367d }\n", 4, 33, "outside" },
        { RULES "  r: { on: t, when: x > 1, alerts_max: 1000001 }\n", 4, 40, "alerts_max" },
        { RULES "  r: { on: t, when: x > 1, emit: never }\n", 4, 34, "expected row or edge" },
        { RULES "  r: { on: t, when: x > 1, min_rows: 65537 }\n", 4, 38, "outside 0 to 65536" },
        { RULES "  r: { on: t, when: x > 1, positive: 1 }\n", 4, 38, "true or false" },
        { RULES "  r: { on: t, when: x > 1, enabled: on }\n", 4, 37, "true or false" },
        { RULES "  r: { on: t, when: x > 1, severity: very bad }\n", 4, 38, "letters, digits" },
        { RULES "  r: { on: t, when: x > 1, cooldown: 10 }\n", 4, 38, "expected a duration" },
        { RULES "  r: { on: t, when: x > 1, flap: 2/10m }\n", 4, 34, "3 to 20 changes" },
        { RULES "  r: { on: t, when: x > 1, flap: 21/10m }\n", 4, 34, "such as 6/10m" },
        { RULES "  r: { on: t, when: x > 1, flap: 6/367d }\n", 4, 34, "at most 366d" },
        { RULES "  r: { on: t, when: x > 1, flap: 6/0s }\n", 4, 34, "such as 6/10m" },
        { RULES "  r: { on: t, when: x > 1, flap: [6] }\n", 4, 34, "one value" },
        { RULES "  r: { on: t, wenn: x > 1 }\n", 4, 15, "did you mean 'when'" },
    };
    EXPECT_ALL(cases);
}

// Sizes: refused, and quickly.
static void too_much(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t text = { 0 };
    fault_t fault = { 0 };
    uint8_t *room = buffer_extend(&text, (4 << 20) + 1);
    memset(room, '#', (4 << 20) + 1);
    assert_null(settings_parse((const char *) text.data, text.size, &fault));
    assert_non_null(strstr(fault.text, "larger than 4 MB"));

    buffer_clear(&text);
    buffer_text(&text, "sources: [");
    for (int i = 0; i < 120000; i++)
        buffer_text(&text, "a,");
    buffer_text(&text, "]\n");
    assert_null(settings_parse((const char *) text.data, text.size, &fault));
    assert_non_null(strstr(fault.text, "too many values"));

    buffer_clear(&text);
    buffer_text(&text, "sources:\n");
    for (int i = 0; i < 4097; i++)
        buffer_text(&text, "  - {}\n");
    assert_null(settings_parse((const char *) text.data, text.size, &fault));
    assert_non_null(strstr(fault.text, "more than 4096 entries"));

    setenv("TW_TEST_LARGE", "x", 1);
    buffer_clear(&text);
    for (int i = 0; i < 66000; i++)
        buffer_text(&text, "x");
    setenv("TW_TEST_LARGE", buffer_string(&text), 1);
    static const char large[] = "redis_password_file: ${TW_TEST_LARGE}\n";
    assert_null(settings_parse(large, sizeof large - 1, &fault));
    assert_non_null(strstr(fault.text, "more than 64 KB"));
    unsetenv("TW_TEST_LARGE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml),
        cmocka_unit_test(top),
        cmocka_unit_test(source),
        cmocka_unit_test(keys_and_columns),
        cmocka_unit_test(sources_among_each_other),
        cmocka_unit_test(rules),
        cmocka_unit_test(too_much),
    };
    return cmocka_run_group_tests_name("settings_refuse", tests, NULL, NULL);
}
