/*  store_server -- a private redis-server in a temporary directory, for the tests of store.
 *
 *  tests/sim/store_server.h is the same over the simulator's Redis.
 */
#pragma once
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "broker/redis_server.h"

typedef struct {
    char dir[32];
    char url[REDIS_SERVER_URL_MAX];
    pid_t pid;
} server_t;

static server_t server;

enum { SERVER_HAS_ACL = true };

static inline void server_start(void)
{
    fault_t fault = { 0 };
    server.pid = redis_server_start(server.dir, &fault);
    if (server.pid < 0)
        fail_msg("%s", fault.text);
}

// As a power cut would: nothing is asked of it.
static inline void server_kill(void)
{
    kill(server.pid, SIGKILL);
    waitpid(server.pid, NULL, 0);
}

static inline void server_pause(void)
{
    kill(server.pid, SIGSTOP);
}

static inline void server_resume(void)
{
    kill(server.pid, SIGCONT);
}

// End the connection of this descriptor: the way out alone, or the way back as well.
static inline void server_cut(int descriptor, bool both_ways)
{
    shutdown(descriptor, both_ways ? SHUT_RDWR : SHUT_WR);
}

static inline int server_setup(void **state)
{
    (void) state;
    strcpy(server.dir, "/tmp/tw-store-XXXXXX");
    assert_non_null(mkdtemp(server.dir));
    server_start();
    assert_true(redis_server_url(server.dir, server.url, NULL));
    return 0;
}

static inline int server_teardown(void **state)
{
    (void) state;
    bool by_itself = redis_server_stop(server.pid);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", server.dir);
    return system(command) == 0 && by_itself ? 0 : 1;
}

static inline void pause_ms(int ms)
{
    struct timespec wait = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
    nanosleep(&wait, NULL);
}

// What this command prints; valid until the next.
static inline const char *server_output_of(const char *command)
{
    static char answer[1 << 20];
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t size = fread(answer, 1, sizeof answer - 1, pipe);
    assert_int_equal(pclose(pipe), 0);
    while (size > 0 && answer[size - 1] == '\n')
        size--;
    answer[size] = '\0';
    return answer;
}
