/*  fetch: answers of a small HTTP server on loopback, good, bad and hostile. */
#include "actors/collector/fetch.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

enum { PATIENCE_MS = 20000 };

static int listener;
static int port;
static pthread_t server;

static void send_all(int fd, const void *data, size_t size)
{
    for (const char *at = data; size > 0;) {
        ssize_t put = send(fd, at, size, MSG_NOSIGNAL);
        if (put <= 0)
            return;
        at += put;
        size -= (size_t) put;
    }
}

static void answer(int fd, const char *head, const void *body, size_t size)
{
    char text[1024];
    int used =
        snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", head, size);
    send_all(fd, text, (size_t) used);
    send_all(fd, body, size);
}

// 1 GB of zeros would come out of this: a bomb.
static void answer_bomb(int fd)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                               "Connection: close\r\n\r\n";
    send_all(fd, head, sizeof head - 1);
    z_stream deflater = { 0 };
    deflateInit2(&deflater, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    static uint8_t zeros[1 << 20], packed[1 << 16];
    for (int i = 0; i < 1024; i++) {
        deflater.next_in = zeros;
        deflater.avail_in = sizeof zeros;
        while (deflater.avail_in > 0) {
            deflater.next_out = packed;
            deflater.avail_out = sizeof packed;
            deflate(&deflater, Z_NO_FLUSH);
            send_all(fd, packed, sizeof packed - deflater.avail_out);
        }
    }
    deflateEnd(&deflater);
}

static void answer_gzip(int fd, const char *text, size_t cut)
{
    uint8_t packed[512];
    z_stream deflater = { 0 };
    deflateInit2(&deflater, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    deflater.next_in = (uint8_t *) (uintptr_t) text;
    deflater.avail_in = (uInt) strlen(text);
    deflater.next_out = packed;
    deflater.avail_out = sizeof packed;
    deflate(&deflater, Z_FINISH);
    answer(fd, "200 OK\r\nContent-Encoding: gzip", packed,
           sizeof packed - deflater.avail_out - cut);
    deflateEnd(&deflater);
}

static bool asks_for(const char *request, const char *path)
{
    char line[64];
    snprintf(line, sizeof line, "GET %s HTTP/1.1\r\n", path);
    return strncmp(request, line, strlen(line)) == 0;
}

static void respond(int fd, const char *request)
{
    static const char torn[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345";
    static const char garbage[] = "\x00\xff\xfe nothing like HTTP\r\n\r\n";
    char text[128];
    if (asks_for(request, "/good"))
        answer(fd, "200 OK", "[1,2]", 5);
    else if (asks_for(request, "/created"))
        answer(fd, "201 Created", "{}", 2);
    else if (asks_for(request, "/busy"))
        answer(fd, "429 Too Many Requests\r\nRetry-After: 17", "wait", 4);
    else if (asks_for(request, "/later")) // by its own clock, which is wrong
        answer(fd,
               "503 Unavailable\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
               "Retry-After: Sun, 06 Nov 1994 08:50:07 GMT",
               "", 0);
    else if (asks_for(request, "/clockless"))
        answer(fd, "503 Unavailable\r\nRetry-After: Thu, 01 Jan 1970 00:01:40 GMT", "", 0);
    else if (asks_for(request, "/odd"))
        answer(fd, "503 Unavailable\r\nRetry-After: in a while", "", 0);
    else if (asks_for(request, "/tagged"))
        answer(fd,
               "200 OK\r\nETag: W/\"a b\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
               "X-RateLimit-Remaining: 12",
               "{}", 2);
    else if (asks_for(request, "/tagged-badly"))
        answer(fd, "200 OK\r\nETag: \"a\x01z\"\r\nLast-Modified: Sun,\t06 Nov 1994", "{}", 2);
    else if (strncmp(request, "POST /echo ", 11) == 0)
        answer(fd, "200 OK", request, strlen(request));
    else if (strncmp(request, "POST /moved ", 12) == 0)
        answer(fd, "302 Found\r\nLocation: /good", "", 0);
    else if (asks_for(request, "/packed"))
        answer_gzip(fd, "{\"unpacked\":true}", 0);
    else if (asks_for(request, "/packed-cut")) // its checksum is missing, and nothing else
        answer_gzip(fd, "{\"unpacked\":true}", 8);
    else if (asks_for(request, "/echo"))
        answer(fd, "200 OK", request, strlen(request));
    else if (asks_for(request, "/moved"))
        answer(fd, "302 Found\r\nLocation: /good", "", 0);
    else if (asks_for(request, "/loop"))
        answer(fd, "302 Found\r\nLocation: /loop", "", 0);
    else if (asks_for(request, "/file"))
        answer(fd, "302 Found\r\nLocation: file:///etc/hostname", "", 0);
    else if (asks_for(request, "/bomb"))
        answer_bomb(fd);
    else if (asks_for(request, "/huge")) {
        snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nx");
        send_all(fd, text, strlen(text));
    } else if (asks_for(request, "/silent"))
        poll(NULL, 0, 1500);
    else if (asks_for(request, "/torn"))
        send_all(fd, torn, sizeof torn - 1);
    else if (asks_for(request, "/garbage"))
        send_all(fd, garbage, sizeof garbage - 1);
    else
        answer(fd, "404 Not Found", "none", 4);
}

static void *serve_one(void *context)
{
    int fd = (int) (intptr_t) context;
    char request[4096];
    size_t size = 0;
    ssize_t got;
    while (size < sizeof request - 1 &&
           (got = recv(fd, request + size, sizeof request - 1 - size, 0)) > 0) {
        size += (size_t) got;
        request[size] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        if (!end || (strncmp(request, "POST", 4) == 0 && !strstr(end, "}")))
            continue;
        respond(fd, request);
        break; // one request a connection
    }
    close(fd);
    return NULL;
}

static void *serve(void *context)
{
    (void) context;
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve_one, (void *) (intptr_t) fd) == 0)
            pthread_detach(thread);
    }
    return NULL;
}

static int start_server(void **state)
{
    (void) state;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *) &address, size) == -1 || listen(listener, 512) == -1 ||
        getsockname(listener, (struct sockaddr *) &address, &size) == -1)
        return -1;
    port = ntohs(address.sin_port);
    return pthread_create(&server, NULL, serve, NULL);
}

static int stop_server(void **state)
{
    (void) state;
    shutdown(listener, SHUT_RDWR);
    close(listener);
    return pthread_join(server, NULL);
}

// ---- asking ---------------------------------------------------------------------------------

static source_t source_of(const char *path, char url[128])
{
    snprintf(url, 128, "http://127.0.0.1:%d%s", port, path);
    return (source_t){ .name = "s", .url = url, .kind = SOURCE_HTTP, .timeout_us = 10000000 };
}

static bool wait_for(fetch_t *fetch, fetched_t *fetched)
{
    struct pollfd wait = { .fd = fetch_descriptor(fetch), .events = POLLIN };
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += 100) {
        fetch_drive(fetch);
        if (fetch_take(fetch, 0, fetched))
            return true;
        poll(&wait, 1, 100);
    }
    return false;
}

typedef struct {
    bool failed;
    int status;
    int64_t retry_after_us;
    size_t body_size;
    char text[2048]; // body or error, cut
    char etag[64], modified[64];
    int64_t remaining;
} outcome_t;

static outcome_t ask_for(const fetch_ask_t *ask)
{
    fault_t fault;
    fetch_t *fetch = fetch_new(&fault);
    assert_non_null(fetch);
    assert_true(fetch_start(fetch, ask, &fault));
    fetched_t fetched;
    assert_true(wait_for(fetch, &fetched));
    assert_int_equal(fetched.tag, 42);
    outcome_t outcome = { .failed = fetched.error,
                          .status = fetched.status,
                          .retry_after_us = fetched.retry_after_us,
                          .body_size = fetched.body.size,
                          .remaining = fetched.allowance.remaining };
    snprintf(outcome.etag, sizeof outcome.etag, "%s", fetched.etag ? fetched.etag : "");
    snprintf(outcome.modified, sizeof outcome.modified, "%s",
             fetched.modified ? fetched.modified : "");
    if (fetched.error)
        snprintf(outcome.text, sizeof outcome.text, "%s", fetched.error);
    else
        snprintf(outcome.text, sizeof outcome.text, "%.*s", (int) fetched.body.size,
                 fetched.body.size ? (const char *) fetched.body.data : "");
    fetch_destroy(&fetch);
    return outcome;
}

static outcome_t get(const source_t *source)
{
    return ask_for(&(fetch_ask_t){ .source = source, .tag = 42 });
}

static outcome_t get_path(const char *path)
{
    char url[128];
    source_t source = source_of(path, url);
    return get(&source);
}

static void answers_come_as_they_are(void **state)
{
    (void) state;
    outcome_t got = get_path("/good");
    assert_false(got.failed);
    assert_int_equal(got.status, 200);
    assert_string_equal(got.text, "[1,2]");
    got = get_path("/created");
    assert_int_equal(got.status, 201);
    got = get_path("/packed");
    assert_string_equal(got.text, "{\"unpacked\":true}");
    got = get_path("/nowhere");
    assert_false(got.failed);
    assert_int_equal(got.status, 404);
    got = get_path("/busy");
    assert_int_equal(got.status, 429);
    assert_int_equal(got.retry_after_us, 17000000);
}

static void headers_are_sent(void **state)
{
    (void) state;
    char url[128];
    source_t source = source_of("/echo", url);
    setting_pair_t pairs[] = { { .name = "X-Key", .value = "secret 1" },
                               { .name = "X-Empty", .value = "" } };
    source.headers = (setting_pairs_t){ .count = 2, .items = pairs };
    outcome_t got = get(&source);
    assert_non_null(strstr(got.text, "X-Key: secret 1\r\n"));
    assert_non_null(strstr(got.text, "X-Empty:"));
    assert_non_null(strstr(got.text, "User-Agent: tidewire/"));
    assert_non_null(strstr(got.text, "Accept-Encoding:"));
    // Smuggled lines are refused before anything is sent.
    pairs[0].value = "a\r\nX-Other: b";
    fault_t fault = { 0 };
    fetch_t *fetch = fetch_new(&fault);
    assert_false(fetch_start(fetch, &(fetch_ask_t){ .source = &source }, &fault));
    assert_non_null(strstr(fault.text, "X-Key"));
    fetch_destroy(&fetch);
}

static void pauses_are_seconds_or_dates(void **state)
{
    (void) state;
    assert_int_equal(get_path("/busy").retry_after_us, 17000000);
    assert_int_equal(get_path("/later").retry_after_us, 30000000);
    assert_int_equal(get_path("/clockless").retry_after_us, 100000000); // ours says 1970
    assert_int_equal(get_path("/odd").retry_after_us, 0);
    assert_int_equal(get_path("/good").retry_after_us, 0);
}

static void validators_come_and_go(void **state)
{
    (void) state;
    outcome_t got = get_path("/tagged");
    assert_string_equal(got.etag, "W/\"a b\"");
    assert_string_equal(got.modified, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_int_equal(got.remaining, 12);
    char url[128];
    source_t source = source_of("/echo", url);
    got = ask_for(
        &(fetch_ask_t){ .source = &source, .etag = got.etag, .modified = got.modified, .tag = 42 });
    assert_non_null(strstr(got.text, "If-None-Match: W/\"a b\"\r\n"));
    assert_non_null(strstr(got.text, "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    got = get_path("/good");
    assert_string_equal(got.etag, "");
    // What could not be sent back is not given out: the next request would fail.
    got = get_path("/tagged-badly");
    assert_false(got.failed);
    assert_string_equal(got.etag, "");
    assert_string_equal(got.modified, "");
    // A page of its own address.
    assert_string_equal(
        ask_for(&(fetch_ask_t){ .source = &source, .url = strcat(url, "x"), .tag = 42 }).text,
        "none");
}

static void bodies_are_posted(void **state)
{
    (void) state;
    char url[128];
    source_t source = source_of("/echo", url);
    source.body = "{\"a\":\"b\"}";
    outcome_t got = get(&source);
    assert_non_null(strstr(got.text, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(got.text, "\r\n\r\n{\"a\":\"b\"}"));
    assert_null(strstr(got.text, "Expect"));
    setting_pair_t pair = { .name = "content-type", .value = "text/plain" };
    source.headers = (setting_pairs_t){ .count = 1, .items = &pair };
    got = get(&source);
    assert_non_null(strstr(got.text, "content-type: text/plain\r\n"));
    assert_null(strstr(got.text, "application/json"));
    source = source_of("/moved", url);
    source.body = "{}";
    assert_int_equal(get(&source).status, 302);
}

static void redirects_are_bounded(void **state)
{
    (void) state;
    outcome_t got = get_path("/moved");
    assert_int_equal(got.status, 200);
    assert_string_equal(got.text, "[1,2]");
    assert_true(get_path("/loop").failed);
    got = get_path("/file");
    assert_true(got.failed); // another scheme
    // With headers, which may be secrets, none is followed.
    char url[128];
    source_t source = source_of("/moved", url);
    setting_pair_t pair = { .name = "X-Key", .value = "secret" };
    source.headers = (setting_pairs_t){ .count = 1, .items = &pair };
    got = get(&source);
    assert_false(got.failed);
    assert_int_equal(got.status, 302);
}

static void large_answers_are_refused(void **state)
{
    (void) state;
    outcome_t got = get_path("/huge");
    assert_true(got.failed);
    assert_int_equal(got.body_size, 0);
    assert_non_null(strstr(got.text, "64 MB"));
    got = get_path("/bomb");
    assert_true(got.failed);
    assert_non_null(strstr(got.text, "a bomb"));
}

static void what_is_no_answer_fails(void **state)
{
    (void) state;
    outcome_t torn = get_path("/torn");
    assert_true(torn.failed);
    assert_int_equal(torn.status, 200);
    assert_int_equal(torn.body_size, 5); // what came is there
    torn = get_path("/packed-cut");
    assert_true(torn.failed);
    assert_int_equal(torn.status, 200);
    assert_int_equal(torn.body_size, strlen("{\"unpacked\":true}"));
    assert_string_equal(torn.text, "the compressed answer stops before its end");
    assert_true(get_path("/garbage").failed);
    char url[128];
    source_t source = source_of("/silent", url);
    source.timeout_us = 300000;
    outcome_t got = get(&source);
    assert_true(got.failed);
    assert_non_null(strstr(got.text, "timed out"));
    source.url = "http://127.0.0.1:1/"; // nobody listens
    assert_true(get(&source).failed);
    source.url = "file:///etc/hostname";
    assert_true(get(&source).failed);
}

static void hundreds_at_once(void **state)
{
    (void) state;
    fault_t fault;
    char url[128];
    source_t source = source_of("/good", url);
    fetch_t *fetch = fetch_new(&fault);
    unsigned started = 0;
    bool seen[FETCH_UNDER_WAY_MAX] = { false };
    while (fetch_has_room(fetch))
        assert_true(
            fetch_start(fetch, &(fetch_ask_t){ .source = &source, .tag = started++ }, &fault));
    assert_in_range(started, FETCH_UNDER_WAY_MIN, FETCH_UNDER_WAY_MAX);
    for (unsigned i = 0; i < started; i++) {
        fetched_t fetched;
        assert_true(wait_for(fetch, &fetched));
        assert_null(fetched.error);
        assert_true(slice_is(fetched.body, "[1,2]"));
        assert_false(seen[fetched.tag]);
        seen[fetched.tag] = true;
    }
    assert_true(fetch_has_room(fetch));
    // Those under way when it ends are broken off.
    assert_true(fetch_start(fetch, &(fetch_ask_t){ .source = &source }, &fault));
    fetch_drive(fetch);
    fetch_destroy(&fetch);
    assert_null(fetch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_as_they_are),
        cmocka_unit_test(headers_are_sent),
        cmocka_unit_test(pauses_are_seconds_or_dates),
        cmocka_unit_test(validators_come_and_go),
        cmocka_unit_test(bodies_are_posted),
        cmocka_unit_test(redirects_are_bounded),
        cmocka_unit_test(large_answers_are_refused),
        cmocka_unit_test(what_is_no_answer_fails),
        cmocka_unit_test(hundreds_at_once),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
