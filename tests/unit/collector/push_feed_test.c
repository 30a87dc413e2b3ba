/*  push_feed: frames of real sockets, taken once and in order, answered when durable. */
#include "actors/collector/push_feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/collector/push_numbers.h"
#include "proto/push.h"
#include "proto/wire.h"

enum { WAIT_MS = 2000 };

typedef struct {
    char urls[2][96];
    source_t sources[3];
    settings_t settings;
    places_t *places;
    push_feed_t *feed;
    bus_t *client;
    int64_t now_us;
} bench_t;

static places_t *find_places(void *context, const source_t *source)
{
    (void) source;
    return ((bench_t *) context)->places;
}

static bus_t *connect_to(const char *url)
{
    fault_t fault;
    bus_t *client = bus_connect(BUS_PUSH, DOOR_PUSH, url + strlen("push://"), 1000, &fault);
    assert_non_null(client);
    return client;
}

static void setup(bench_t *self)
{
    *self = (bench_t){ .places = places_new(), .now_us = 1000 };
    for (int i = 0; i < 2; i++)
        snprintf(self->urls[i], sizeof self->urls[i], "push://ipc:///tmp/push-feed-%d-%d",
                 (int) getpid(), i);
    self->sources[0] = (source_t){ .name = "a", .kind = SOURCE_PUSH, .url = self->urls[0] };
    self->sources[1] = (source_t){ .name = "web", .kind = SOURCE_HTTP, .url = "http://x/" };
    self->sources[2] = (source_t){ .name = "b", .kind = SOURCE_PUSH, .url = self->urls[1] };
    self->settings = (settings_t){ .source_count = 3, .sources = self->sources };
    self->feed = push_feed_new();
    fault_t fault;
    if (!push_feed_listen(self->feed, &self->settings, &fault))
        fail_msg("%s", fault.text);
    assert_int_equal(push_feed_sockets(self->feed), 2);
    self->client = connect_to(self->urls[0]);
}

static void teardown(bench_t *self)
{
    bus_destroy(&self->client);
    push_feed_destroy(&self->feed);
    places_destroy(&self->places);
    for (int i = 0; i < 2; i++)
        (void) unlink(self->urls[i] + strlen("push://ipc://"));
}

static void send_frame(bench_t *self, const char *source, const char *client, uint64_t n)
{
    buffer_t frame = { 0 };
    push_head(&frame, slice_text(source), slice_text(client), n);
    push_raw(&frame, slice_text("payload"));
    assert_true(bus_send(self->client, buffer_slice(&frame), WAIT_MS));
    buffer_destroy(&frame);
}

// Take what is there now: "client:n client:n ...".
static const char *take_all(bench_t *self)
{
    static char text[1024];
    text[0] = '\0';
    zmq_pollitem_t wait = { .socket = push_feed_socket(self->feed, 0), .events = ZMQ_POLLIN };
    while (zmq_poll(&wait, 1, 200) > 0) {
        pushed_t pushed, again;
        while (push_feed_take(self->feed, find_places, self, self->now_us, &pushed)) {
            assert_true(push_feed_take(self->feed, find_places, self, self->now_us, &again));
            assert_true(slice_same(pushed.frame, again.frame)); // not done: the same again
            size_t used = strlen(text);
            snprintf(text + used, sizeof text - used, "%s%.*s:%d", used ? " " : "",
                     (int) pushed.client.size, (const char *) pushed.client.data, (int) pushed.n);
            assert_true(push_feed_done(self->feed, self->places));
        }
    }
    return text;
}

static void taken_once_and_in_order(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench);
    static const uint64_t numbers[] = { 1, 2, 2, 4, 3, 1, 4, 5 };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        send_frame(&bench, "a", "c", numbers[i]);
    send_frame(&bench, "a", "d", 1); // each client counts for itself
    assert_string_equal(take_all(&bench), "c:1 c:2 c:3 c:4 c:5 d:1");
    assert_int_equal(push_feed_refused(bench.feed, PUSH_REFUSED_REPEATED), 2);
    assert_int_equal(push_feed_refused(bench.feed, PUSH_REFUSED_EARLY), 1);
    uint64_t known;
    assert_true(places_find(bench.places, slice_text("a"), slice_text("c"), &known));
    assert_int_equal(known, 5);
    teardown(&bench);
}

static void lost_frames_are_waited_for(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench);
    assert_true(places_note(bench.places, slice_text("a"), slice_text("c"), 40));
    send_frame(&bench, "a", "c", 61);
    send_frame(&bench, "a", "new", 7);
    assert_string_equal(take_all(&bench), "");
    send_frame(&bench, "a", "c", 41);
    send_frame(&bench, "a", "new", 1);
    assert_string_equal(take_all(&bench), "c:41 new:1");
    send_frame(&bench, "a", "late", 7);
    assert_string_equal(take_all(&bench), "");
    bench.now_us += PUSH_PATIENCE_US;
    send_frame(&bench, "a", "late", 7);
    assert_string_equal(take_all(&bench), "late:7");
    teardown(&bench);
}

static void bad_frames_do_no_harm(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench);
    assert_true(bus_send(bench.client, slice_text("garbage"), WAIT_MS));
    assert_true(bus_send(bench.client, slice_of("", 0), WAIT_MS));
    send_frame(&bench, "nowhere", "c", 1);
    send_frame(&bench, "web", "c", 1); // polled, not pushed
    send_frame(&bench, "b", "c", 1);   // listens elsewhere
    send_frame(&bench, "a", "c", 1);
    assert_string_equal(take_all(&bench), "c:1");
    assert_int_equal(push_feed_refused(bench.feed, PUSH_REFUSED_MALFORMED), 2);
    assert_int_equal(push_feed_refused(bench.feed, PUSH_REFUSED_SOURCE), 3);
    assert_non_null(strstr(push_feed_last_refusal(bench.feed), "'b'"));
    teardown(&bench);
}

// A reader of the news, as clients are.
typedef struct {
    bus_t *news, *reader;
} post_t;

static void post_open(post_t *self)
{
    fault_t fault;
    self->news = bus_bind(BUS_PUB, DOOR_ALERTS, "tcp://127.0.0.1:*", 1000, &fault);
    assert_non_null(self->news);
    self->reader = bus_connect(BUS_SUB, DOOR_ALERTS, bus_endpoint(self->news), 1000, &fault);
    bus_subscribe(self->reader, "staged/a/");
    zmq_pollitem_t wait = { .socket = bus_socket(self->reader), .events = ZMQ_POLLIN };
    for (int i = 0; i < 100 && zmq_poll(&wait, 1, 20) == 0; i++) // until it is subscribed
        bus_publish(self->news, slice_text("staged/a/"), slice_text(""));
    slice_t topic, body;
    while (zmq_poll(&wait, 1, 100) > 0)
        (void) bus_take_news(self->reader, &topic, &body);
}

static void post_close(post_t *self)
{
    bus_destroy(&self->reader);
    bus_destroy(&self->news);
}

// The next news must be this one, and all there is.
static void assert_told(bench_t *bench, post_t *post, const char *expected_topic, uint64_t expected)
{
    zmq_pollitem_t wait = { .socket = bus_socket(post->reader), .events = ZMQ_POLLIN };
    slice_t topic, body, key;
    uint32_t pairs;
    uint64_t version = 0, n = 0;
    assert_true(push_feed_has_news(bench->feed));
    push_feed_publish(bench->feed, post->news, find_places, bench);
    assert_false(push_feed_has_news(bench->feed));
    assert_int_equal(zmq_poll(&wait, 1, WAIT_MS), 1);
    assert_true(bus_take_news(post->reader, &topic, &body));
    assert_true(slice_is(topic, expected_topic));
    wire_reader_t in = wire_reader(body);
    assert_true(wire_read_map(&in, &pairs) && pairs == 2);
    assert_true(wire_read_text(&in, &key, 8) && slice_is(key, "v") && wire_read_u64(&in, &version));
    assert_true(wire_read_text(&in, &key, 8) && slice_is(key, "n") && wire_read_u64(&in, &n));
    assert_true(wire_done(&in));
    assert_int_equal(version, 1);
    assert_int_equal(n, expected);
    assert_false(bus_take_news(post->reader, &topic, &body));
}

static void clients_are_told_what_is_durable(void **state)
{
    (void) state;
    bench_t bench;
    post_t post;
    setup(&bench);
    post_open(&post);
    send_frame(&bench, "a", "c", 1);
    send_frame(&bench, "a", "c", 2);
    assert_string_equal(take_all(&bench), "c:1 c:2");
    assert_told(&bench, &post, "staged/a/c", 2); // once for both
    // Somebody who repeats or hurries has not heard: he is told again.
    send_frame(&bench, "a", "c", 2);
    send_frame(&bench, "a", "c", 9);
    assert_string_equal(take_all(&bench), "");
    assert_told(&bench, &post, "staged/a/c", 2);
    post_close(&post);
    teardown(&bench);
}

static void send_question(bench_t *self, const char *client)
{
    buffer_t frame = { 0 };
    push_question(&frame, slice_text("a"), slice_text(client));
    assert_true(bus_send(self->client, buffer_slice(&frame), WAIT_MS));
    buffer_destroy(&frame);
}

static void who_asks_is_told(void **state)
{
    (void) state;
    bench_t bench;
    post_t post;
    setup(&bench);
    post_open(&post);
    send_question(&bench, "stranger");
    assert_string_equal(take_all(&bench), "");
    assert_told(&bench, &post, "staged/a/stranger", 0);
    assert_int_equal(places_count(bench.places), 0); // asking leaves nothing behind
    send_frame(&bench, "a", "c", 1);
    assert_string_equal(take_all(&bench), "c:1");
    assert_told(&bench, &post, "staged/a/c", 1);
    send_question(&bench, "c");
    assert_string_equal(take_all(&bench), "");
    assert_told(&bench, &post, "staged/a/c", 1);
    for (int r = 0; r < PUSH_REFUSALS; r++)
        assert_int_equal(push_feed_refused(bench.feed, (push_refusal_t) r), 0);
    post_close(&post);
    teardown(&bench);
}

static void news_bounds_a_group(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench);
    size_t taken = 0;
    for (int i = 0; i < PUSH_FEED_NEWS_MAX + 50; i++) {
        char client[16];
        snprintf(client, sizeof client, "c%d", i);
        send_frame(&bench, "a", client, 1);
        zmq_pollitem_t wait = { .socket = push_feed_socket(bench.feed, 0), .events = ZMQ_POLLIN };
        assert_int_equal(zmq_poll(&wait, 1, WAIT_MS), 1);
        pushed_t pushed;
        if (!push_feed_take(bench.feed, find_places, &bench, bench.now_us, &pushed))
            break;
        assert_true(push_feed_done(bench.feed, bench.places));
        taken++;
    }
    assert_int_equal(taken, PUSH_FEED_NEWS_MAX);
    push_feed_publish(bench.feed, NULL, find_places, &bench);
    assert_string_equal(take_all(&bench), "c1024:1"); // nothing was lost meanwhile
    teardown(&bench);
}

static void sockets_follow_the_settings(void **state)
{
    (void) state;
    bench_t bench;
    setup(&bench);
    fault_t fault = { 0 };
    // One endpoint goes, the other stays open with what is in it.
    void *kept = push_feed_socket(bench.feed, 0);
    send_frame(&bench, "a", "c", 1);
    bench.settings.source_count = 1;
    assert_true(push_feed_listen(bench.feed, &bench.settings, &fault));
    assert_int_equal(push_feed_sockets(bench.feed), 1);
    assert_ptr_equal(push_feed_socket(bench.feed, 0), kept);
    assert_string_equal(take_all(&bench), "c:1");
    // An endpoint that cannot be bound changes nothing.
    bench.sources[2].url = "push://ipc:///nonexistent/folder/socket";
    bench.settings.source_count = 3;
    assert_false(push_feed_listen(bench.feed, &bench.settings, &fault));
    assert_non_null(strstr(fault.text, "source b"));
    assert_int_equal(push_feed_sockets(bench.feed), 1);
    send_frame(&bench, "a", "c", 2);
    assert_string_equal(take_all(&bench), "c:2");
    teardown(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken_once_and_in_order),
        cmocka_unit_test(lost_frames_are_waited_for),
        cmocka_unit_test(bad_frames_do_no_harm),
        cmocka_unit_test(clients_are_told_what_is_durable),
        cmocka_unit_test(who_asks_is_told),
        cmocka_unit_test(news_bounds_a_group),
        cmocka_unit_test(sockets_follow_the_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
