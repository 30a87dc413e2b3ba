/*  store_server -- see store_server.h: the world of the model in real time, and its socket. */
#include <assert.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/buffer.h"
#include "proto/owned.h"
#include "tests/sim/redis_resp.h"
#include "tests/sim/store_server.h"

server_t server;

static sim_redis_t *model;
static int listener = -1;

// ---- the world -----------------------------------------------------------------------------

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t now_us(void *context)
{
    (void) context;
    return clock_us(CLOCK_MONOTONIC);
}

static int64_t wall_us(void *context)
{
    (void) context;
    return clock_us(CLOCK_REALTIME);
}

static int64_t travel_us(void *context, int client)
{
    (void) context;
    (void) client;
    return 0;
}

static int take_client(void *context, const char *address)
{
    (void) context;
    return strcmp(address, server.url + strlen("unix://")) == 0 ? 0 : -1;
}

static void yield(void *context)
{
    (void) context;
}

static void run_until(int64_t until_us)
{
    sim_redis_run(model);
    int64_t now = now_us(NULL), next = sim_redis_next_us(model);
    int64_t pause = (next < until_us ? next : until_us) - now;
    if (pause > 10000)
        pause = 10000;
    if (pause > 0)
        usleep((useconds_t) pause);
}

static void wait_readable(void *context, int fd, int64_t until_us)
{
    (void) context;
    sim_redis_run(model);
    while (!sim_redis_readable(model, fd) && now_us(NULL) < until_us)
        run_until(until_us);
}

static const sim_redis_world_t world = { .now_us = now_us,
                                         .wall_us = wall_us,
                                         .travel_us = travel_us,
                                         .connect = take_client,
                                         .yield = yield,
                                         .wait = wait_readable };

// poll() of one descriptor of the model, as store_watch.c and the tests call it.
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    if (count != 1 || (fds->fd >= 0 && fds->fd < SIM_REDIS_FD))
        return __real_poll(fds, count, timeout);
    int64_t until = now_us(NULL) + timeout * INT64_C(1000);
    sim_redis_run(model);
    while (!(fds->fd >= 0 && sim_redis_readable(model, fds->fd)) && now_us(NULL) < until)
        run_until(until);
    bool ready = fds->fd >= 0 && sim_redis_readable(model, fds->fd);
    fds->revents = ready ? POLLIN : 0;
    return ready;
}

void pause_ms(int ms)
{
    for (int64_t until = now_us(NULL) + ms * INT64_C(1000); now_us(NULL) < until;)
        run_until(until);
}

// ---- faults --------------------------------------------------------------------------------

void server_start(void)
{
    sim_redis_restart(model, sim_redis_log_entries(model), 0);
}

void server_kill(void)
{
    sim_redis_kill(model);
}

void server_pause(void)
{
    sim_redis_stop_until(model, INT64_MAX);
}

void server_resume(void)
{
    sim_redis_stop_until(model, 0);
}

void server_cut(int descriptor, bool both_ways)
{
    sim_redis_cut_one(model, descriptor, (sim_redis_cut_t){ .lose_answers = both_ways });
}

// ---- redis-cli -----------------------------------------------------------------------------

// "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n": the first command in `from`. 0: it is not whole yet.
static size_t parse_command(slice_t from, words_t *words)
{
    const char *start = (const char *) from.data, *at = start, *end = start + from.size;
    for (long left = -1; left != 0; left--) {
        const char *line = memchr(at, '\n', (size_t) (end - at));
        if (!line)
            return 0;
        long number = strtol(at + 1, NULL, 10);
        at = line + 1;
        if (left < 0) {
            left = number + 1;
            continue;
        }
        if (end - at < number + 2)
            return 0;
        words_add(words, blob_new(at, (size_t) number));
        at += number + 2;
    }
    return (size_t) (at - start);
}

static void serve_cli(int socket)
{
    owned(buffer_destroy) buffer_t in = { 0 }, out = { 0 };
    link_t *link = link_connect(model, 1);
    char bytes[4096];
    for (ssize_t size; (size = read(socket, bytes, sizeof bytes)) > 0;) {
        buffer_append(&in, bytes, (size_t) size);
        words_t words = { 0 };
        for (size_t used; (used = parse_command(buffer_slice(&in), &words)) > 0;) {
            redisReply *reply = command_execute(model, link, words.count, words.words);
            resp_print(&out, reply);
            freeReplyObject(reply);
            words_clear(&words);
            memmove(in.data, in.data + used, in.size - used);
            in.size -= used;
        }
        words_clear(&words);
        assert_int_equal(write(socket, out.data, out.size), out.size);
        buffer_clear(&out);
    }
    close(socket);
    link_leave(model, link);
}

// Serve whoever connects until the command's output ends.
const char *server_output_of(const char *command)
{
    static char answer[1 << 20];
    size_t size = 0;
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    struct pollfd ready[2] = { { .fd = fileno(pipe), .events = POLLIN },
                               { .fd = listener, .events = POLLIN } };
    for (bool ended = false; !ended;) {
        assert_true(__real_poll(ready, 2, 30000) > 0);
        if (ready[1].revents)
            serve_cli(accept(listener, NULL, NULL));
        if (!ready[0].revents)
            continue;
        ssize_t more = read(fileno(pipe), answer + size, sizeof answer - 1 - size);
        ended = more <= 0;
        size += more > 0 ? (size_t) more : 0;
    }
    assert_int_equal(pclose(pipe), 0);
    while (size > 0 && answer[size - 1] == '\n')
        size--;
    answer[size] = '\0';
    return answer;
}

// ---- life ----------------------------------------------------------------------------------

int server_setup(void **state)
{
    (void) state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strcpy(server.dir, "/tmp/tw-sim-XXXXXX");
    assert_non_null(mkdtemp(server.dir));
    snprintf(server.url, sizeof server.url, "unix://%s/redis.sock", server.dir);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/redis.sock", server.dir);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal(listen(listener, 8), 0);
    model = sim_redis_new(&world, 0);
    return 0;
}

int server_teardown(void **state)
{
    (void) state;
    sim_redis_destroy(&model);
    close(listener);
    unlink(server.url + strlen("unix://"));
    return rmdir(server.dir);
}
