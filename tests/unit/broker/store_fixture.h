/*  store_fixture -- a private redis-server in a temporary directory, for the tests of store. */
#pragma once
#include <assert.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/redis_server.h"
#include "broker/store.h"
#include "proto/owned.h"

typedef struct {
    char dir[32];
    char url[REDIS_SERVER_URL_MAX];
    pid_t pid;
} server_t;

static server_t server;

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

// redis-cli on the private server: an independent view of what store wrote. Valid until the next.
__attribute__((format(printf, 1, 2))) static inline const char *redis(const char *format, ...)
{
    static char answer[1 << 20];
    char words[4096], command[4300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    snprintf(command, sizeof command, "redis-cli -s %s/redis.sock %s", server.dir, words);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t size = fread(answer, 1, sizeof answer - 1, pipe);
    assert_int_equal(pclose(pipe), 0);
    while (size > 0 && answer[size - 1] == '\n')
        size--;
    answer[size] = '\0';
    return answer;
}

static inline store_t *open_store(const char *namespace)
{
    fault_t fault = { 0 };
    store_t *store = store_new(server.url, NULL, namespace, &fault);
    if (!store)
        fail_msg("%s", fault.text);
    return store;
}

// The status of a verb must be this one; says why it is not.
#define expect(store, verb, status)                                                                \
    do {                                                                                           \
        store_status_t got_ = (verb);                                                              \
        if (got_ != (status))                                                                      \
            fail_msg("%s: status %d, not %d: %s", #verb, (int) got_, (int) (status),               \
                     store_error(store));                                                          \
    } while (0)

static inline int flush(void **state)
{
    (void) state;
    redis("FLUSHALL > /dev/null");
    return 0;
}

static inline store_id_t id_of(uint8_t byte)
{
    store_id_t id;
    memset(id.bytes, byte, sizeof id.bytes);
    return id;
}

// One commit of one partition, sent and taken.
static inline store_status_t commit_one(store_t *store, const store_commit_t *commit)
{
    store_status_t status = STORE_DOWN;
    if (store_commit_send(store, commit, 1) != STORE_OK)
        return STORE_DOWN;
    return store_commit_take(store, &status, 1) == STORE_OK ? status : STORE_DOWN;
}

// Until a store is connected again after its Redis came back.
static inline store_status_t ping_patiently(store_t *store)
{
    store_status_t status = STORE_DOWN;
    for (int i = 0; i < 200 && status == STORE_DOWN; i++, pause_ms(50))
        status = store_ping(store);
    return status;
}
