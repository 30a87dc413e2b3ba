/*  hiredis -- the calls of hiredis that broker/store*.c makes, over the simulator's Redis.
 *
 *  Stands in front of the real library at link time. What a call of the real one says when a
 *  connection is refused, ends or is silent too long, this one says as well. A client that waits
 *  lets the world run on.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/redis_inside.h"

typedef struct {
    redisContext context; // first: what the callers hold
    int64_t timeout_us;   // of a wait for an answer; 0 = none
    char *out;            // appended and not yet flushed
    size_t out_size, out_room;
} client_t;

static client_t *client_of(redisContext *context)
{
    return (client_t *) context;
}

static sim_redis_t *server(void)
{
    assert(sim_redis_installed);
    return sim_redis_installed;
}

static int fail(redisContext *context, int kind, const char *text)
{
    context->err = kind;
    snprintf(context->errstr, sizeof context->errstr, "%s", text);
    return REDIS_ERR;
}

// ---- connections ---------------------------------------------------------------------------

static redisContext *connect_to(const char *address)
{
    client_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->context.fd = -1;
    int client = server()->world->connect(server()->world->context, address);
    if (client < 0 || !server()->up) {
        fail(&self->context, REDIS_ERR_IO, "Connection refused");
        return &self->context;
    }
    self->context.fd = link_connect(server(), client)->fd;
    return &self->context;
}

redisContext *redisConnectWithTimeout(const char *ip, int port, const struct timeval tv)
{
    char address[300];
    (void) tv;
    snprintf(address, sizeof address, "%s:%d", ip, port);
    return connect_to(address);
}

redisContext *redisConnectUnixWithTimeout(const char *path, const struct timeval tv)
{
    (void) tv;
    return connect_to(path);
}

int redisSetTimeout(redisContext *c, const struct timeval tv)
{
    client_of(c)->timeout_us = (int64_t) tv.tv_sec * 1000000 + tv.tv_usec;
    return REDIS_OK;
}

int redisEnableKeepAlive(redisContext *c)
{
    (void) c;
    return REDIS_OK;
}

void redisFree(redisContext *c)
{
    if (!c)
        return;
    link_t *link = link_of(server(), c->fd);
    if (link)
        link_leave(server(), link);
    free(client_of(c)->out);
    free(c);
}

// ---- out -----------------------------------------------------------------------------------

int redisAppendFormattedCommand(redisContext *c, const char *cmd, size_t len)
{
    client_t *self = client_of(c);
    if (self->out_size + len > self->out_room) {
        size_t room = 2 * (self->out_size + len);
        char *out = realloc(self->out, room);
        if (!out)
            return fail(c, REDIS_ERR_OOM, "Out of memory");
        self->out = out;
        self->out_room = room;
    }
    memcpy(self->out + self->out_size, cmd, len);
    self->out_size += len;
    return REDIS_OK;
}

// The number behind a "*" or "$", and past its line.
static size_t take_count(const char **at, char mark)
{
    char *end;
    assert(**at == mark);
    size_t number = strtoull(*at + 1, &end, 10);
    assert(end[0] == '\r' && end[1] == '\n');
    *at = end + 2;
    return number;
}

int redisBufferWrite(redisContext *c, int *done)
{
    client_t *self = client_of(c);
    if (c->err)
        return REDIS_ERR;
    link_t *link = link_of(server(), c->fd);
    if (!link || link->client_told)
        return fail(c, REDIS_ERR_IO, "Broken pipe");
    const char *at = self->out, *end = self->out + self->out_size;
    while (at < end) {
        words_t words = { 0 };
        for (size_t left = take_count(&at, '*'); left > 0; left--) {
            size_t size = take_count(&at, '$');
            words_add(&words, blob_new(at, size));
            at += size + 2;
        }
        link_send(server(), link, &words);
    }
    bool sent = self->out_size > 0;
    self->out_size = 0;
    if (done)
        *done = 1;
    if (sent)
        server()->world->yield(server()->world->context);
    return REDIS_OK;
}

// ---- in ------------------------------------------------------------------------------------

int redisGetReplyFromReader(redisContext *c, void **reply)
{
    link_t *link = link_of(server(), c->fd);
    if (c->err)
        return REDIS_ERR;
    *reply = link && link_ready(server(), link) ? link->answers[link->answer_first++].reply : NULL;
    return REDIS_OK;
}

int redisBufferRead(redisContext *c)
{
    link_t *link = link_of(server(), c->fd);
    if (c->err)
        return REDIS_ERR;
    if (link && (link_ready(server(), link) || !link->client_told))
        return REDIS_OK; // answers stay where they are until they are taken
    return fail(c, REDIS_ERR_EOF, "Server closed the connection");
}

int redisGetReply(redisContext *c, void **reply)
{
    int64_t now = server()->world->now_us(server()->world->context);
    if (redisGetReplyFromReader(c, reply) != REDIS_OK)
        return REDIS_ERR;
    if (*reply)
        return REDIS_OK;
    if (redisBufferWrite(c, NULL) != REDIS_OK)
        return REDIS_ERR;
    int64_t timeout = client_of(c)->timeout_us;
    int64_t until = timeout > 0 ? now + timeout : INT64_MAX;
    if (!sim_redis_readable(server(), c->fd))
        server()->world->wait(server()->world->context, c->fd, until);
    if (!sim_redis_readable(server(), c->fd)) {
        errno = EAGAIN;
        return fail(c, REDIS_ERR_IO, "Resource temporarily unavailable");
    }
    if (redisBufferRead(c) != REDIS_OK)
        return REDIS_ERR;
    return redisGetReplyFromReader(c, reply);
}

// ---- commands in printf style --------------------------------------------------------------

// %s a text, %b bytes and their size, %% and all else itself; words end at spaces of the format.
static void format_words(words_t *words, const char *format, va_list arguments)
{
    char word[4096];
    size_t size = 0;
    for (const char *at = format;; at++) {
        if (*at == ' ' || *at == '\0') {
            words_add(words, blob_new(word, size));
            size = 0;
            if (*at == '\0')
                return;
            continue;
        }
        const char *more = at;
        size_t length = 1;
        if (*at == '%' && *++at != '%') {
            more = va_arg(arguments, const char *);
            length = *at == 'b' ? va_arg(arguments, size_t) : strlen(more);
            assert(*at == 'b' || *at == 's');
        }
        assert(size + length <= sizeof word);
        memcpy(word + size, more, length);
        size += length;
    }
}

void *redisCommand(redisContext *c, const char *format, ...)
{
    words_t words = { 0 };
    va_list arguments;
    va_start(arguments, format);
    format_words(&words, format, arguments);
    va_end(arguments);
    char head[32];
    int size = snprintf(head, sizeof head, "*%zu\r\n", words.count);
    int status = redisAppendFormattedCommand(c, head, (size_t) size);
    for (size_t i = 0; i < words.count && status == REDIS_OK; i++) {
        size = snprintf(head, sizeof head, "$%zu\r\n", words.words[i]->size);
        status = redisAppendFormattedCommand(c, head, (size_t) size);
        if (status == REDIS_OK)
            status = redisAppendFormattedCommand(c, words.words[i]->data, words.words[i]->size);
        if (status == REDIS_OK)
            status = redisAppendFormattedCommand(c, "\r\n", 2);
    }
    words_clear(&words);
    void *reply = NULL;
    if (status != REDIS_OK || redisGetReply(c, &reply) != REDIS_OK)
        return NULL;
    return reply;
}

void freeReplyObject(void *reply)
{
    redisReply *self = reply;
    if (!self)
        return;
    for (size_t i = 0; i < self->elements; i++)
        freeReplyObject(self->element[i]);
    free(self->element);
    free(self->str);
    free(self);
}
