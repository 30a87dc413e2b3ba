/*  nth_redis -- a link to Redis that fails, and a Redis that answers what it should not: see nth.h.
 *
 *  A link that is closed while an answer is waited for is closed after Redis did what it was asked;
 *  one that is too slow, perhaps before. An answer that is replaced was true: Redis did it.
 */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#include "tests/nth/nth_inside.h"

#define HERE __builtin_return_address(0)

redisContext *__real_redisConnectWithTimeout(const char *host, int port, struct timeval wait);
redisContext *__real_redisConnectUnixWithTimeout(const char *path, struct timeval wait);
int __real_redisAppendFormattedCommand(redisContext *context, const char *command, size_t size);
int __real_redisBufferWrite(redisContext *context, int *done);
int __real_redisGetReply(redisContext *context, void **reply);

static int gone(redisContext *context, const nth_fault_t *fault)
{
    bool late = fault->redis == REDIS_LATE;
    context->err = late ? REDIS_ERR_IO : REDIS_ERR_EOF;
    snprintf(context->errstr, sizeof context->errstr, "%s",
             late ? strerror(EAGAIN) : "Server closed the connection");
    return REDIS_ERR;
}

redisContext *__wrap_redisConnectWithTimeout(const char *host, int port, struct timeval wait)
{
    return nth_fails(NTH_LINK, HERE) ? NULL : __real_redisConnectWithTimeout(host, port, wait);
}

redisContext *__wrap_redisConnectUnixWithTimeout(const char *path, struct timeval wait)
{
    const nth_fault_t *fault = nth_fails(NTH_LINK, HERE);
    if (fault && fault->redis == REDIS_LATE)
        return NULL; // no memory
    return __real_redisConnectUnixWithTimeout(fault ? "/tmp/no/redis/here" : path, wait);
}

int __wrap_redisAppendFormattedCommand(redisContext *context, const char *command, size_t size)
{
    const nth_fault_t *fault = nth_fails(NTH_LINK, HERE);
    return fault ? gone(context, fault)
                 : __real_redisAppendFormattedCommand(context, command, size);
}

int __wrap_redisBufferWrite(redisContext *context, int *done)
{
    const nth_fault_t *fault = nth_fails(NTH_LINK, HERE);
    return fault ? gone(context, fault) : __real_redisBufferWrite(context, done);
}

static void *made(nth_redis_t redis)
{
    static const char *const texts[] = {
        [REDIS_ERROR] = "-ERR this is not to be\r\n",
        [REDIS_LOADING] = "-LOADING Redis is loading the dataset in memory\r\n",
        [REDIS_FULL] = "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
        [REDIS_NIL] = "$-1\r\n",
        [REDIS_NUMBER] = ":-7\r\n",
        [REDIS_LIST_OF_NIL] = "*3\r\n$-1\r\n*-1\r\n*1\r\n$-1\r\n",
        [REDIS_TEXT] = "$5\r\nO\0\xff\r\n\r\n",
    };
    static const size_t text_bytes = 11; // of the one with a NUL inside
    redisReader *reader = redisReaderCreate();
    size_t size = redis == REDIS_TEXT ? text_bytes : strlen(texts[redis]);
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(reader, texts[redis], size), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

// What becomes of a true answer.
static int replaced(void **reply, const void *place)
{
    const nth_fault_t *fault = nth_fails(NTH_ANSWER, place);
    if (fault) {
        freeReplyObject(*reply);
        *reply = made(fault->redis);
    }
    return REDIS_OK;
}

int __wrap_redisGetReply(redisContext *context, void **reply)
{
    const nth_fault_t *fault = nth_fails(NTH_LINK, HERE);
    if (fault && fault->redis == REDIS_LATE)
        return gone(context, fault);
    int result = __real_redisGetReply(context, reply);
    if (result != REDIS_OK)
        return result;
    if (fault) {
        freeReplyObject(*reply);
        return gone(context, fault);
    }
    return replaced(reply, HERE);
}

void *__wrap_redisCommand(redisContext *context, const char *format, ...)
{
    const nth_fault_t *fault = nth_fails(NTH_LINK, HERE);
    if (fault) {
        gone(context, fault);
        return NULL;
    }
    va_list arguments;
    va_start(arguments, format);
    void *reply = redisvCommand(context, format, arguments);
    va_end(arguments);
    if (reply)
        replaced(&reply, HERE);
    return reply;
}
