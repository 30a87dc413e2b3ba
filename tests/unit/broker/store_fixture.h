/*  store_fixture -- what all tests of store share; the Redis they run on is store_server.h's. */
#pragma once
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/store.h"
#include "proto/owned.h"

// Which Redis: a real one, unless the build says otherwise.
#ifdef STORE_SERVER
#include STORE_SERVER
#else
#include "tests/unit/broker/store_server.h"
#endif

// redis-cli on the private server: an independent view of what store wrote. Valid until the next.
__attribute__((format(printf, 1, 2))) static inline const char *redis(const char *format, ...)
{
    char words[4096], command[4300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    snprintf(command, sizeof command, "redis-cli -s %s/redis.sock %s", server.dir, words);
    return server_output_of(command);
}

// Members x1/b, x2/b ... of a sorted set, all of one high score.
static inline void add_members(const char *key, int count)
{
    enum { EACH = 100, MEMBER_BYTES = 32 };
    for (int first = 1; first <= count; first += EACH) {
        char members[EACH * MEMBER_BYTES] = "";
        size_t size = 0;
        for (int i = first; i < first + EACH && i <= count; i++)
            size += (size_t) snprintf(members + size, sizeof members - size,
                                      " 9000000000000000 x%d/b", i);
        (void) redis("ZADD %s%s", key, members);
    }
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
