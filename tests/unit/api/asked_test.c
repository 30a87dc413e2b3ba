/*  asked_test -- what a request asks for, and why it is refused. */
#include "actors/api/asked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const asked_t good = { .method = "GET", .path = "/api/v1/latest", .host = "127.0.0.1:80" };

static unsigned refusal(asked_t request)
{
    route_t route = asked_route(&request);
    assert_int_equal(route.kind == ROUTE_REFUSED, route.status != 0);
    if (route.kind == ROUTE_REFUSED)
        assert_true(route.error && route.text && route.text[0]);
    return route.status;
}

static void paths_lead_somewhere(void **state)
{
    (void) state;
    asked_t request = good;
    route_t route = asked_route(&request);
    assert_int_equal(route.kind, ROUTE_ANSWER);
    assert_int_equal(route.answer, ANSWER_LATEST);
    request.path = "/readyz";
    assert_int_equal(asked_route(&request).kind, ROUTE_READY);
    request.method = "HEAD";
    assert_int_equal(asked_route(&request).kind, ROUTE_READY);
    static const char *const pages[] = { "/", "/app.js", "/markets", "/series/a:b", "/rules/x/y" };
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        request.path = pages[i];
        assert_int_equal(asked_route(&request).kind, ROUTE_PAGE);
    }
    static const char *const none[] = { "",
                                        "/api/v1",
                                        "//",
                                        "/app.jsx",
                                        "/marketsx",
                                        "/style.css/",
                                        "/api/v1/latest/",
                                        "/API/v1/latest",
                                        "/api/v1/rules/../rules" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        request.path = none[i];
        assert_int_equal(refusal(request), 404);
    }
}

static void only_reading_is_allowed(void **state)
{
    (void) state;
    static const char *const methods[] = { "POST", "PUT", "DELETE", "OPTIONS", "get", "" };
    asked_t request = good;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        request.method = methods[i];
        assert_int_equal(refusal(request), 405);
    }
    request = good;
    request.body = true;
    assert_int_equal(refusal(request), 400);
}

static void only_names_of_loopback_are_ours(void **state)
{
    (void) state;
    static const char *const ours[] = { "localhost",   "LocalHost:8080", "127.0.0.1",
                                        "127.9.8.7:1", "[::1]",          "[::1]:8080" };
    static const char *const others[] = { "",
                                          "example.org",
                                          "localhost.example.org",
                                          "127.0.0.1.example.org",
                                          "10.0.0.1",
                                          "127.0.0",
                                          "127.0.0.256",
                                          "[::1",
                                          "[::2]:8080",
                                          "localhost:80:80",
                                          "localhost:x",
                                          "localhost@example.org",
                                          "127.0.0.-1",
                                          "127.0.0.1 ",
                                          " localhost",
                                          "[::1]x",
                                          "127.1",
                                          "127.0.0.1:80evil",
                                          "user@127.0.0.1" };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        assert_true(asked_is_ours(ours[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (asked_is_ours(others[i]))
            fail_msg("'%s' is not ours", others[i]);
    asked_t request = good;
    request.host = NULL;
    assert_int_equal(refusal(request), 421);
    request.host = "example.org";
    assert_int_equal(refusal(request), 421);
}

static void long_paths_are_refused(void **state)
{
    (void) state;
    char path[ASKED_PATH_MAX + 2];
    memset(path, '/', sizeof path);
    asked_t request = good;
    request.path = path;
    path[sizeof path - 1] = '\0';
    assert_int_equal(refusal(request), 414);
    path[sizeof path - 2] = '\0';
    assert_int_equal(refusal(request), 404);
}

static asked_t with(const char *path, const char *name, const char *value)
{
    asked_t request = good;
    request.path = path;
    asked_parameter(&request, slice_text(name), slice_text(value));
    return request;
}

static void alerts_have_a_limit(void **state)
{
    (void) state;
    static const char alerts[] = "/api/v1/alerts";
    asked_t request = good;
    request.path = alerts;
    assert_int_equal(asked_route(&request).limit, ALERTS_DEFAULT);
    request = with(alerts, "limit", "1");
    assert_int_equal(asked_route(&request).limit, 1);
    request = with(alerts, "limit", "256");
    assert_int_equal(asked_route(&request).limit, ALERTS_MAX);
    static const char *const bad[] = { "", "0", "257", "-1", "+1", " 1", "1x", "99999999999" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(refusal(with(alerts, "limit", bad[i])), 400);
    assert_int_equal(refusal(with(alerts, "limits", "1")), 400);
    assert_int_equal(refusal(with(alerts, "rule", "a")), 400);
    assert_int_equal(refusal(with("/api/v1/latest", "limit", "1")), 400);
}

static void a_parameter_is_given_once_and_whole(void **state)
{
    (void) state;
    asked_t request = with("/api/v1/alerts", "limit", "1");
    asked_parameter(&request, slice_text("limit"), slice_text("1"));
    assert_int_equal(refusal(request), 400);
    request = good;
    request.path = "/api/v1/events";
    asked_parameter(&request, slice_text("rule"), slice_of("a\0b", 3));
    assert_int_equal(refusal(request), 400);
    request = good;
    request.path = "/api/v1/events";
    asked_parameter(&request, slice_text("rule"), (slice_t){ 0 }); // `?rule`
    assert_int_equal(refusal(request), 400);
}

static void a_header_that_decides_is_given_once(void **state)
{
    (void) state;
    static const char *const once[] = { "Host", "last-event-id", "CONTENT-LENGTH" };
    for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
        asked_t request = { .method = "GET", .path = "/api/v1/latest" };
        if (i > 0)
            asked_header(&request, slice_text("host"), slice_text("localhost"));
        asked_header(&request, slice_text(once[i]), slice_text(i == 0 ? "localhost" : "0"));
        asked_header(&request, slice_text("Hosts"), slice_text("x"));
        assert_false(request.body);
        assert_int_equal(refusal(request), 0);
        asked_header(&request, slice_text(once[i]), slice_text(i == 0 ? "localhost" : "0"));
        assert_int_equal(refusal(request), 400);
    }
    static const char *const bodies[][2] = { { "Content-Length", "1" },
                                             { "content-length", "00" },
                                             { "Content-Length", "" },
                                             { "Transfer-Encoding", "chunked" } };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        asked_t request = good;
        asked_header(&request, slice_text(bodies[i][0]), slice_text(bodies[i][1]));
        assert_int_equal(refusal(request), 400);
    }
}

static void events_are_chosen_and_resumed(void **state)
{
    (void) state;
    static const char events[] = "/api/v1/events";
    asked_t request = with(events, "rule", "vol*");
    asked_parameter(&request, slice_text("series"), slice_text("trade:*"));
    request.last_event_id = "1700000000000-2";
    route_t route = asked_route(&request);
    assert_int_equal(route.kind, ROUTE_EVENTS);
    assert_string_equal(route.rule, "vol*");
    assert_string_equal(route.series, "trade:*");
    assert_true(route.resumes && route.behind.ms == 1700000000000 && route.behind.n == 2);
    request.last_event_id = ""; // as browsers may send it the first time
    assert_false(asked_route(&request).resumes);
    request.last_event_id = "1700000000000";
    assert_int_equal(refusal(request), 400);
    char pattern[FOLLOWER_GLOB_MAX + 2];
    memset(pattern, 'a', sizeof pattern);
    pattern[FOLLOWER_GLOB_MAX] = '\0';
    assert_int_equal(refusal(with(events, "rule", pattern)), 0);
    pattern[FOLLOWER_GLOB_MAX] = 'a';
    pattern[FOLLOWER_GLOB_MAX + 1] = '\0';
    assert_int_equal(refusal(with(events, "series", pattern)), 400);
    assert_int_equal(refusal(with(events, "limit", "1")), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_somewhere),
        cmocka_unit_test(only_reading_is_allowed),
        cmocka_unit_test(only_names_of_loopback_are_ours),
        cmocka_unit_test(long_paths_are_refused),
        cmocka_unit_test(alerts_have_a_limit),
        cmocka_unit_test(a_parameter_is_given_once_and_whole),
        cmocka_unit_test(a_header_that_decides_is_given_once),
        cmocka_unit_test(events_are_chosen_and_resumed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
