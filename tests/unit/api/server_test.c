/*  server_test -- the server itself on loopback, asked over a plain socket: what is not known is
 *  refused, and what is asked in two ways at once.
 */
#include "actors/api/server.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/api/guests.h"
#include "broker/metrics/place.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

enum { ANSWER_BYTES_MAX = 64 << 10, PATIENCE_S = 10 };
static const int64_t always_us = INT64_MAX;
#define HOST "Host: localhost\r\n"

typedef struct {
    metrics_t *metrics;
    server_t *server;
} site_t;

static void site_close(site_t *self)
{
    server_destroy(&self->server);
    metrics_destroy(&self->metrics);
}

static site_t site_open(void)
{
    fault_t fault = { 0 };
    site_t self = { .metrics = metrics_new_unheard("api", "api", &fault) };
    assert_non_null(self.metrics);
    self.server = server_new("127.0.0.1:*", self.metrics, &fault);
    if (!self.server)
        fail_msg("%s", fault.text);
    return self;
}

static int line_to(const site_t *site)
{
    fault_t fault = { 0 };
    owned(place_free) struct addrinfo *place =
        place_resolve("here", server_address(site->server), &fault);
    assert_non_null(place);
    int line = socket(place->ai_family, SOCK_STREAM, 0);
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    assert_int_equal(setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(line, place->ai_addr, place->ai_addrlen), 0);
    return line;
}

// What is answered to a GET with these lines of a head, up to `end`.
static const char *asked(const site_t *site, const char *path, const char *lines, const char *end)
{
    static char answer[ANSWER_BYTES_MAX];
    char request[2048];
    int line = line_to(site);
    int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n%s\r\n", path, lines);
    assert_int_equal(send(line, request, (size_t) size, MSG_NOSIGNAL), size);
    size_t got = 0;
    answer[0] = '\0';
    while (!strstr(answer, end) && got < sizeof answer - 1) {
        ssize_t more = recv(line, answer + got, sizeof answer - 1 - got, 0);
        if (more <= 0)
            break;
        got += (size_t) more;
        answer[got] = '\0';
    }
    close(line);
    return answer;
}

static int code(const site_t *site, const char *path, const char *lines)
{
    int status = 0;
    const char *answer = asked(site, path, lines, "\r\n\r\n");
    if (sscanf(answer, "HTTP/1.1 %d ", &status) != 1)
        fail_msg("no answer but '%s'", answer);
    return status;
}

static void tell(const site_t *site, answer_kind_t kind, int64_t until_us)
{
    buffer_t body = { 0 };
    buffer_text(&body, "{}");
    assert_true(stock_tell(server_stock(site->server), kind, &body, until_us));
}

static void tell_alerts(const site_t *site, int count, int64_t until_us)
{
    owned(alerts_destroy) alerts_t alerts = { 0 };
    for (int i = 1; i <= count; i++) {
        char body[32];
        snprintf(body, sizeof body, "{\"n\":%d}", i);
        assert_true(alerts_add(&alerts, slice_text(body)));
    }
    assert_true(stock_tell_alerts(server_stock(site->server), &alerts, until_us));
}

static void events_begin_once_rows_and_alerts_are_known(void **state)
{
    (void) state;
    static const char events[] = "/api/v1/events";
    owned(site_close) site_t site = site_open();
    assert_int_equal(code(&site, events, HOST), 503);
    tell_alerts(&site, 1, always_us);
    assert_int_equal(code(&site, "/api/v1/alerts", HOST), 200);
    assert_int_equal(code(&site, events, HOST), 503);
    assert_non_null(strstr(asked(&site, events, HOST, "}\n"), "\"unavailable\""));
    tell(&site, ANSWER_LATEST, always_us);
    assert_int_equal(code(&site, events, HOST), 200);
    tell(&site, ANSWER_LATEST, 0); // the same, but that is long ago
    assert_int_equal(code(&site, events, HOST), 503);
    tell(&site, ANSWER_LATEST, always_us);
    tell_alerts(&site, 1, 0);
    assert_int_equal(code(&site, events, HOST), 503);
}

static const char *header(const char *answer, const char *name)
{
    static char value[128];
    const char *at = strstr(answer, name);
    assert_non_null(at);
    snprintf(value, sizeof value, "%.*s", (int) strcspn(at + strlen(name), "\r"),
             at + strlen(name));
    return value;
}

static void any_number_of_the_newest_alerts_can_be_asked_for(void **state)
{
    (void) state;
    char tag[128], lines[256];
    owned(site_close) site_t site = site_open();
    assert_int_equal(code(&site, "/api/v1/alerts?limit=2", HOST), 503);
    tell_alerts(&site, 3, always_us);
    const char *two = asked(&site, "/api/v1/alerts?limit=2", HOST, "]}}\n");
    assert_non_null(strstr(two, "\r\n\r\n{\"status\":\"success\",\"data\":{\"alerts\":[\n"
                                "{\"n\":3},\n{\"n\":2}]}}\n"));
    snprintf(tag, sizeof tag, "%s", header(two, "ETag: "));
    snprintf(lines, sizeof lines, HOST "If-None-Match: %s\r\n", tag);
    assert_int_equal(code(&site, "/api/v1/alerts?limit=2", lines), 304);
    assert_int_equal(code(&site, "/api/v1/alerts?limit=1", lines), 200);
    const char *all = asked(&site, "/api/v1/alerts?limit=256", HOST, "]}}\n");
    assert_non_null(strstr(all, "\n{\"n\":3},\n{\"n\":2},\n{\"n\":1}]}}\n"));
    tell_alerts(&site, 4, always_us);
    assert_int_equal(code(&site, "/api/v1/alerts?limit=2", lines), 200);
    tell_alerts(&site, 4, 0);
    assert_int_equal(code(&site, "/api/v1/alerts?limit=2", HOST), 503);
}

static size_t bytes_allocated(void)
{
    struct mallinfo2 now = mallinfo2();
    return now.uordblks + now.hblkhd;
}

// Not even for who reads nothing.
static void nobody_gets_a_copy_of_the_alerts(void **state)
{
    (void) state;
    enum { VIEWERS = 4, BODY = 40000, VIEWER_BYTES_MAX = 64 << 10 }; // more than a socket takes
    static const char request[] = "GET /api/v1/alerts?limit=256 HTTP/1.1\r\n" HOST "\r\n";
    owned(alerts_destroy) alerts_t alerts = { 0 };
    owned(site_close) site_t site = site_open();
    char body[BODY + 1], first[64];
    snprintf(body, sizeof body, "{\"a\":\"%0*d\"}", BODY - 8, 0);
    while (alerts.count < ALERTS_MAX)
        assert_true(alerts_add(&alerts, slice_text(body)));
    assert_true(stock_tell_alerts(server_stock(site.server), &alerts, always_us));
    int lines[VIEWERS];
    size_t before = bytes_allocated();
    for (int i = 0; i < VIEWERS; i++) {
        lines[i] = line_to(&site);
        assert_int_equal(send(lines[i], request, sizeof request - 1, MSG_NOSIGNAL),
                         sizeof request - 1);
        assert_true(recv(lines[i], first, sizeof first, 0) > 0);
    }
    size_t after = bytes_allocated();
    for (int i = 0; i < VIEWERS; i++)
        close(lines[i]);
    assert_true(after < before + (size_t) VIEWERS * VIEWER_BYTES_MAX);
}

// Of the end of that connection that is the server's, in this process.
static int bytes_kept_for(int line)
{
    struct sockaddr_in ours, theirs;
    socklen_t size = sizeof ours;
    assert_int_equal(getsockname(line, (struct sockaddr *) &ours, &size), 0);
    for (int end = 3; end < 1024; end++) {
        int bytes = 0;
        size = sizeof theirs;
        if (getpeername(end, (struct sockaddr *) &theirs, &size) != 0 ||
            theirs.sin_family != AF_INET || theirs.sin_port != ours.sin_port)
            continue;
        size = sizeof bytes;
        assert_int_equal(getsockopt(end, SOL_SOCKET, SO_SNDBUF, &bytes, &size), 0);
        return bytes;
    }
    fail_msg("the server has no such connection");
    return 0;
}

static void the_kernel_keeps_little_for_a_viewer(void **state)
{
    (void) state;
    enum { KERNEL_BYTES_MAX = 128 << 10 };
    static const char request[] = "GET /api/v1/events HTTP/1.1\r\n" HOST "\r\n";
    owned(site_close) site_t site = site_open();
    tell_alerts(&site, 1, always_us);
    tell(&site, ANSWER_LATEST, always_us);
    char first[64];
    int line = line_to(&site);
    assert_int_equal(send(line, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    assert_true(recv(line, first, sizeof first, 0) > 0);
    assert_in_range(bytes_kept_for(line), 1, KERNEL_BYTES_MAX);
    close(line);
}

static void a_header_that_decides_is_given_once(void **state)
{
    (void) state;
    static const char path[] = "/api/v1/latest";
    owned(site_close) site_t site = site_open();
    tell(&site, ANSWER_LATEST, always_us);
    assert_int_equal(code(&site, path, HOST), 200);
    assert_int_equal(code(&site, path, HOST HOST), 400);
    assert_int_equal(code(&site, path, "Host: example.org\r\n" HOST), 400);
    assert_int_equal(code(&site, path, HOST "hOST: example.org\r\n"), 400);
    assert_int_equal(code(&site, path, HOST "Content-Length: 0\r\n"), 200);
    assert_int_equal(code(&site, path, HOST "Content-Length: 0\r\nContent-Length: 0\r\n"), 400);
    assert_int_equal(code(&site, path, HOST "Last-Event-ID: 1-0\r\nLast-Event-ID: 2-0\r\n"), 400);
}

static int follow(const site_t *site, const char *path)
{
    char request[1024];
    int line = line_to(site);
    int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" HOST "\r\n", path);
    assert_int_equal(send(line, request, (size_t) size, MSG_NOSIGNAL), size);
    return line;
}

static bool hears(int line, const char *what)
{
    static char got[ANSWER_BYTES_MAX];
    ssize_t size = recv(line, got, sizeof got - 1, MSG_PEEK | MSG_DONTWAIT);
    got[size > 0 ? size : 0] = '\0';
    return strstr(got, what) != NULL;
}

// Whoever has more to compare than may be done at a time calls for its next turn, and nobody else
// is woken for it.
static void who_has_more_to_compare_is_woken_alone(void **state)
{
    (void) state;
    enum { SERIES = 200, NAME = 1000, TURNS_MAX = 100 };
    owned(site_close) site_t site = site_open();
    hub_t *hub = server_hub(site.server);
    char name[NAME + 1], path[512];
    memset(name, 'a', NAME);
    name[NAME] = '\0';
    hub_latest_begin(hub);
    for (int i = 0; i <= SERIES; i++) {
        char digits[16];
        snprintf(digits, sizeof digits, "%03d", i);
        memcpy(name, digits, 3);
        if (i == SERIES)
            name[NAME - 1] = 'b'; // the last one, which fits
        assert_true(hub_latest(hub, name, slice_text(i == SERIES ? "{\"it\":1}" : "{}")));
    }
    hub_latest_end(hub);
    tell_alerts(&site, 1, always_us);
    tell(&site, ANSWER_LATEST, always_us);
    int calm = follow(&site, "/api/v1/events?rule=none&series=none");
    snprintf(path, sizeof path, "/api/v1/events?series=*%0*db", FOLLOWER_GLOB_MAX - 2, 0);
    for (char *at = path; *at; at++)
        if (*at == '0')
            *at = 'a';
    int64_t now_us = HUB_PING_US;
    int eager = follow(&site, path);
    struct pollfd call = { .fd = hub_fd(hub), .events = POLLIN };
    uint64_t turns = 0, before = hub_count(hub).woken;
    for (; !hears(eager, "{\"it\":1}") && turns < TURNS_MAX; turns++) {
        assert_int_equal(poll(&call, 1, PATIENCE_S * 1000), 1);
        if (turns == 0) { // all are pinged
            while (!hears(calm, "id: "))
                usleep(1000);
            hub_turn(hub, now_us);
            before = hub_count(hub).woken;
            continue;
        }
        int64_t next_us = hub_turn(hub, now_us += HUB_TICK_US);
        assert_true(next_us <= HUB_PING_US);
        assert_int_equal(hub_count(hub).woken, before + turns);
        usleep(20 * 1000);
    }
    assert_in_range(turns, 5, TURNS_MAX - 1);
    close(calm);
    close(eager);
}

enum { LARGE_BYTES = 16 << 20 }; // more than the kernel takes at once

static void tell_large(const site_t *site, uint8_t version)
{
    buffer_t body = { 0 };
    uint8_t *bytes = buffer_extend(&body, LARGE_BYTES);
    assert_non_null(bytes);
    memset(bytes, version, LARGE_BYTES);
    assert_true(stock_tell(server_stock(site->server), ANSWER_LATEST, &body, always_us));
}

// The status of its answer, of which no more is read.
static int begin_reading(int line)
{
    char first[16] = "";
    int status = 0;
    assert_int_equal(recv(line, first, sizeof first - 1, MSG_WAITALL), sizeof first - 1);
    assert_int_equal(sscanf(first, "HTTP/1.1 %d ", &status), 1);
    return status;
}

// Each holds the answer of its time.
static void who_reads_slowly_holds_few_old_answers(void **state)
{
    (void) state;
    enum { VERSIONS = STOCK_OLD_BYTES_MAX / LARGE_BYTES + 3 };
    owned(site_close) site_t site = site_open();
    int lines[VERSIONS], given = 0, status = 0;
    tell(&site, ANSWER_STATUS, always_us);
    for (int i = 0; i < VERSIONS; i++) {
        tell_large(&site, (uint8_t) i);
        lines[i] = follow(&site, "/api/v1/latest");
        status = begin_reading(lines[i]);
        given += status == 200;
    }
    assert_int_equal(status, 503);
    assert_in_range(given, VERSIONS - 3, VERSIONS - 1);
    assert_non_null(strstr(asked(&site, "/api/v1/latest", HOST, "}\n"), "\"unavailable\""));
    assert_int_equal(code(&site, "/api/v1/status", HOST), 200); // is small
    assert_int_equal(code(&site, "/api/v1/latest", HOST "If-None-Match: *\r\n"), 304);
    for (int i = 0; i < VERSIONS; i++)
        close(lines[i]);
    for (int i = 0; i < PATIENCE_S * 100 && code(&site, "/api/v1/latest", HOST) == 503; i++)
        usleep(10 * 1000);
    assert_int_equal(code(&site, "/api/v1/latest", HOST), 200);
}

// How much more comes until the connection ends, or nothing for a while.
static size_t rest(int line, bool *ended)
{
    static char bytes[1 << 20];
    const struct timeval patience = { .tv_usec = 300 * 1000 };
    assert_int_equal(setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    size_t all = 0;
    ssize_t size;
    while ((size = recv(line, bytes, sizeof bytes, 0)) > 0)
        all += (size_t) size;
    *ended = size == 0 || errno == ECONNRESET;
    return all;
}

// Also if it takes a byte now and then.
static void who_reads_for_too_long_is_cut_off(void **state)
{
    (void) state;
    owned(site_close) site_t site = site_open();
    bool ended;
    tell_large(&site, 1);
    tell_alerts(&site, 1, always_us);
    int slow = follow(&site, "/api/v1/latest"), viewer = follow(&site, "/api/v1/events");
    int idle = follow(&site, "/api/v1/alerts"), good = follow(&site, "/api/v1/latest");
    assert_int_equal(begin_reading(slow), 200);
    assert_int_equal(begin_reading(viewer), 200);
    assert_int_equal(begin_reading(idle), 200);
    assert_int_equal(begin_reading(good), 200);
    assert_true(rest(good, &ended) > LARGE_BYTES && !ended); // it is kept open
    int64_t now_us = life_mono_us();
    assert_int_equal(server_turn(site.server, now_us + GUESTS_READ_US - PATIENCE_S * 1000000), 0);
    assert_int_equal(server_turn(site.server, now_us + GUESTS_READ_US + 1), 1);
    assert_true(rest(slow, &ended) < LARGE_BYTES && ended);
    (void) rest(viewer, &ended);
    assert_false(ended);
    (void) rest(idle, &ended);
    assert_false(ended);
    assert_int_equal(server_turn(site.server, INT64_MAX), 0);
    close(slow);
    close(viewer);
    close(idle);
    close(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_begin_once_rows_and_alerts_are_known),
        cmocka_unit_test(a_header_that_decides_is_given_once),
        cmocka_unit_test(any_number_of_the_newest_alerts_can_be_asked_for),
        cmocka_unit_test(nobody_gets_a_copy_of_the_alerts),
        cmocka_unit_test(the_kernel_keeps_little_for_a_viewer),
        cmocka_unit_test(who_reads_slowly_holds_few_old_answers),
        cmocka_unit_test(who_reads_for_too_long_is_cut_off),
        cmocka_unit_test(who_has_more_to_compare_is_woken_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
