/*  store_watch: two that switch notifications on at the same moment take nothing from each other.
 *
 *  Against a real redis-server, with a relay before it that lets nobody write the setting before
 *  everybody has read it: the worst order there is, each time.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/un.h>

#include "tests/unit/broker/store_fixture.h"

enum { PEERS = 2, CHUNK_BYTES = 4096 };

typedef struct {
    int listener;
    struct pollfd ends[2 * PEERS]; // the watch, then Redis, of each
    char held[PEERS][CHUNK_BYTES]; // a CONFIG SET that waits for the others'
    size_t held_size[PEERS];
    unsigned held_count;
} relay_t;

static int unix_socket(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    assert_true(strlen(path) < sizeof address->sun_path);
    strcpy(address->sun_path, path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void send_all(int to, const char *bytes, size_t size)
{
    assert_int_equal(send(to, bytes, size, MSG_NOSIGNAL), (ssize_t) size);
}

static bool has_text(const char *bytes, size_t size, const char *text)
{
    return memmem(bytes, size, text, strlen(text)) != NULL;
}

// What a watch says: a setting is held until all have one.
static void from_watch(relay_t *self, unsigned peer, const char *bytes, size_t size)
{
    if (!has_text(bytes, size, "CONFIG\r\n") || !has_text(bytes, size, "\r\nSET\r\n")) {
        send_all(self->ends[2 * peer + 1].fd, bytes, size);
        return;
    }
    memcpy(self->held[peer], bytes, size);
    self->held_size[peer] = size;
    if (++self->held_count < PEERS)
        return;
    for (unsigned i = 0; i < PEERS; i++)
        send_all(self->ends[2 * i + 1].fd, self->held[i], self->held_size[i]);
}

static void *relay_run(void *context)
{
    relay_t *self = context;
    struct sockaddr_un address;
    unsigned open = PEERS;
    for (unsigned i = 0; i < PEERS; i++) {
        int redis_end = unix_socket(server.url + strlen("unix://"), &address);
        self->ends[2 * i] = (struct pollfd){ accept(self->listener, NULL, NULL), POLLIN, 0 };
        self->ends[2 * i + 1] = (struct pollfd){ redis_end, POLLIN, 0 };
        assert_int_equal(connect(redis_end, (struct sockaddr *) &address, sizeof address), 0);
    }
    while (open > 0 && poll(self->ends, 2 * PEERS, -1) > 0)
        for (unsigned i = 0; i < 2 * PEERS; i++) {
            char bytes[CHUNK_BYTES];
            if (!self->ends[i].revents)
                continue;
            ssize_t size = read(self->ends[i].fd, bytes, sizeof bytes);
            if (size <= 0) {
                open -= i % 2 == 0;
                self->ends[i].fd = ~self->ends[i].fd; // poll looks no more
            } else if (i % 2 == 0) {
                from_watch(self, i / 2, bytes, (size_t) size);
            } else {
                send_all(self->ends[i - 1].fd, bytes, (size_t) size);
            }
        }
    for (unsigned i = 0; i < 2 * PEERS; i++)
        close(self->ends[i].fd < 0 ? ~self->ends[i].fd : self->ends[i].fd);
    return NULL;
}

typedef struct {
    store_watch_t *watch;
    bool changed, live;
} opening_t;

static void *open_watch(void *context)
{
    opening_t *self = context;
    self->changed = store_watch_take(self->watch, &self->live);
    return NULL;
}

static bool hears(store_watch_t *watch)
{
    bool live;
    struct pollfd readable = { .fd = store_watch_descriptor(watch), .events = POLLIN };
    return poll(&readable, 1, 2000) == 1 && store_watch_take(watch, &live) && live;
}

static void two_at_once_leave_each_other_what_they_need(void **state)
{
    (void) state;
    redis("CONFIG SET notify-keyspace-events ''");
    char path[64], url[80];
    snprintf(path, sizeof path, "%s/relay", server.dir);
    snprintf(url, sizeof url, "unix://%s", path);
    struct sockaddr_un address;
    relay_t relay = { .listener = unix_socket(path, &address) };
    assert_int_equal(bind(relay.listener, (struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal(listen(relay.listener, PEERS), 0);
    pthread_t relaying, thread[PEERS];
    assert_int_equal(pthread_create(&relaying, NULL, relay_run, &relay), 0);
    static const store_watched_t what[PEERS] = { STORE_WATCH_RULES, STORE_WATCH_SUBSCRIPTIONS };
    opening_t opening[PEERS] = { { 0 } };
    for (unsigned i = 0; i < PEERS; i++) {
        opening[i].watch = store_watch_new(url, NULL, "tw", what[i], NULL);
        assert_non_null(opening[i].watch);
        assert_int_equal(pthread_create(&thread[i], NULL, open_watch, &opening[i]), 0);
    }
    for (unsigned i = 0; i < PEERS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_true(opening[i].changed);
        assert_true(opening[i].live);
    }
    assert_int_equal(relay.held_count, PEERS); // both have read before either wrote
    redis("HSET tw:rule:r on t");
    assert_true(hears(opening[0].watch));
    redis("SADD tw:subs:r a");
    assert_true(hears(opening[1].watch));
    for (unsigned i = 0; i < PEERS; i++)
        store_watch_destroy(&opening[i].watch);
    assert_int_equal(pthread_join(relaying, NULL), 0);
    close(relay.listener);
}

static void assert_events(const char *events)
{
    const char *set = redis("--raw CONFIG GET notify-keyspace-events | tail -1");
    for (const char *event = events; *event; event++)
        if (!strchr(set, *event))
            fail_msg("%s lacks %c", set, *event);
}

// Whoever comes first switches on what all of ours need, and looks again when it connects again.
static void what_somebody_took_away_comes_back_with_the_connection(void **state)
{
    (void) state;
    redis("CONFIG SET notify-keyspace-events El");
    owned(store_watch_destroy) store_watch_t *watch =
        store_watch_new(server.url, NULL, "tw", STORE_WATCH_SILENCES, NULL);
    bool live = false;
    assert_true(store_watch_take(watch, &live));
    assert_true(live);
    assert_events("KElghsx$");
    redis("CONFIG SET notify-keyspace-events Kl");
    store_watch_renew(watch);
    assert_true(store_watch_take(watch, &live));
    assert_true(live);
    assert_events("Klghsx$");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(two_at_once_leave_each_other_what_they_need, flush),
        cmocka_unit_test_setup(what_somebody_took_away_comes_back_with_the_connection, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
