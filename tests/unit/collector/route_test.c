/*  Addresses become paths that mirror the API and lead nowhere else. */
#include "actors/collector/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void check(source_kind_t kind, const char *url, const char *expected)
{
    const source_t source = { .name = "s.1", .url = url, .kind = kind };
    char path[ROUTE_BYTES_MAX + 1];
    route_of(&source, path);
    assert_string_equal(path, expected);
}

static void mirrors_the_address(void **state)
{
    (void) state;
    check(SOURCE_HTTP, "https://api.binance.com/api/v3/klines?symbol=BTCUSDT&limit=60",
          "api.binance.com/api/v3/klines");
    check(SOURCE_HTTP, "http://127.0.0.1:8080", "127.0.0.1%3A8080");
    check(SOURCE_HTTP, "http://me:s3cr3t@a.org/x@y", "a.org/x%40y"); // no password in a path
    check(SOURCE_HTTP, "http://[::1]:80//a//b/", "%5B%3A%3A1%5D%3A80/a/b");
    check(SOURCE_HTTP, "https://x.org/a b/\xc3\xbc#f?g", "x.org/a%20b/%C3%BC");
    check(SOURCE_FILE, "file:///data/binance_*.json.gz", "file/data/binance_%2A.json.gz");
    check(SOURCE_PUSH, "push://tcp://127.0.0.1:5570", "push/s.1");
    check(SOURCE_SIMULATE, "simulate://market?seed=1", "simulate/s.1");
    char path[ROUTE_BYTES_MAX + 1];
    route_unknown("gone", path);
    assert_string_equal(path, "unknown/gone");
}

static void never_leads_up_and_has_an_end(void **state)
{
    (void) state;
    check(SOURCE_HTTP, "https://x.org/../../etc/.hidden/...",
          "x.org/%2E./%2E./etc/%2Ehidden/%2E..");
    char url[4096], path[ROUTE_BYTES_MAX + 1];
    for (int slashes = 0; slashes < 2; slashes++) {
        memset(url, slashes ? '/' : 'x', sizeof url - 1);
        url[sizeof url - 1] = '\0';
        for (size_t i = 7; slashes && i < sizeof url - 1; i += 2)
            url[i] = '*';
        memcpy(url, "file://", 7);
        const source_t source = { .name = "s", .url = url, .kind = SOURCE_FILE };
        route_of(&source, path);
        assert_true(strlen(path) <= ROUTE_BYTES_MAX);
        for (const char *step = path; *step;) {
            size_t size = strcspn(step, "/");
            assert_true(size > 0 && size <= 160);
            step += size + (step[size] == '/');
            assert_true(*step || step[-1] != '/');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mirrors_the_address),
        cmocka_unit_test(never_leads_up_and_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
