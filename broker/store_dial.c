/*  store_dial -- where Redis is, how to reach it, and when to try again. */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "broker/store_link.h"
#include "proto/owned.h"

enum { PORT_DEFAULT = 6379, DATABASE_MAX = 1000000 };

extern const char store_functions[]; // functions.lua, embedded

int64_t link_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// ---- the place -----------------------------------------------------------------------------

static bool parse_number(const char **text, long max, int *number)
{
    char *end;
    long value = strtol(*text, &end, 10);
    if (**text < '0' || **text > '9' || value > max)
        return false;
    *number = (int) value;
    *text = end;
    return true;
}

// "user@", if it is there.
static bool parse_user(link_place_t *self, const char **text)
{
    size_t size = strcspn(*text, "@/");
    if ((*text)[size] != '@')
        return true;
    if (size == 0 || memchr(*text, ':', size)) // a password has no place here
        return false;
    self->user = strndup(*text, size);
    *text += size + 1;
    return true;
}

// "host", "host:port", "[v6]:port", then "" or "/" or "/db".
static bool parse_tcp(link_place_t *self, const char *text)
{
    bool bracket = *text == '[';
    text += bracket;
    size_t size = strcspn(text, bracket ? "]" : ":/");
    if (size == 0 || (bracket && text[size] != ']'))
        return false;
    self->host = strndup(text, size);
    text += size + bracket;
    if (*text == ':' && (text++, !parse_number(&text, 65535, &self->port)))
        return false;
    if (*text == '/' && *++text && !parse_number(&text, DATABASE_MAX, &self->database))
        return false;
    return *text == '\0';
}

bool link_place_parse(link_place_t *self, const char *url, const char *password, fault_t *fault)
{
    *self = (link_place_t){ .port = PORT_DEFAULT };
    bool good = true;
    if (strncmp(url, "unix://", 7) == 0) {
        const char *path = url + 7;
        good = parse_user(self, &path) && path[0] == '/';
        self->path = strdup(path);
    } else if (strncmp(url, "redis://", 8) == 0) {
        const char *host = url + 8;
        good = parse_user(self, &host) && parse_tcp(self, host);
    } else if (strncmp(url, "rediss://", 9) == 0) {
        return fault_set(fault, "redis: TLS is not in this version, use a tunnel: '%s'", url);
    } else {
        good = false;
    }
    if (good && password)
        self->password = strdup(password);
    if (good && ((!self->host && !self->path) || (password && !self->password)))
        good = fault_set(fault, "out of memory");
    else if (!good)
        fault_set(fault,
                  "redis: '%s' is neither unix://[user@]/path nor redis://[user@]host:port/db",
                  url);
    if (!good)
        link_place_clear(self);
    return good;
}

void link_place_clear(link_place_t *self)
{
    free(self->host);
    free(self->path);
    free(self->user);
    if (self->password)
        explicit_bzero(self->password, strlen(self->password));
    free(self->password);
    *self = (link_place_t){ 0 };
}

// ---- the connection ------------------------------------------------------------------------

static void context_destroy(redisContext **self_p)
{
    if (*self_p)
        redisFree(*self_p);
    *self_p = NULL;
}

// One command of the greeting; a refusal becomes the fault.
static bool greet(redisContext *context, const char *verb, const char *argument, fault_t *fault)
{
    owned(reply_destroy) redisReply *reply = redisCommand(context, "%s %s", verb, argument);
    if (!reply)
        return fault_set(fault, "%s", context->errstr);
    if (reply->type == REDIS_REPLY_ERROR)
        return fault_set(fault, "%s: %s", verb, reply->str);
    return true;
}

static bool authenticate(redisContext *context, const link_place_t *place, fault_t *fault)
{
    if (!place->user)
        return greet(context, "AUTH", place->password, fault);
    owned(reply_destroy) redisReply *reply =
        redisCommand(context, "AUTH %s %s", place->user, place->password);
    if (!reply)
        return fault_set(fault, "%s", context->errstr);
    return reply->type != REDIS_REPLY_ERROR || fault_set(fault, "AUTH: %s", reply->str);
}

redisContext *link_dial(const link_place_t *place, fault_t *fault)
{
    // hiredis writes with write(2): a Redis that went away must not kill us.
    struct sigaction broken;
    if (sigaction(SIGPIPE, NULL, &broken) == 0 && broken.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);

    struct timeval connect = { .tv_sec = LINK_CONNECT_MS / 1000 };
    struct timeval answer = { .tv_sec = STORE_TIMEOUT_MS / 1000 };
    owned(context_destroy) redisContext *context =
        place->path ? redisConnectUnixWithTimeout(place->path, connect)
                    : redisConnectWithTimeout(place->host, place->port, connect);
    if (!context || context->err) {
        char port[16] = "";
        if (!place->path)
            snprintf(port, sizeof port, ":%d", place->port);
        fault_set(fault, "cannot reach Redis at %s%s: %s", place->path ? place->path : place->host,
                  port, context ? context->errstr : "out of memory");
        return NULL;
    }
    redisSetTimeout(context, answer);
    if (place->host)
        redisEnableKeepAlive(context);
    char database[16];
    snprintf(database, sizeof database, "%d", place->database);
    if (place->password && !authenticate(context, place, fault))
        return NULL;
    if (place->database && !greet(context, "SELECT", database, fault))
        return NULL;
    redisContext *open = context;
    context = NULL;
    return open;
}

void link_close(store_t *self, const char *why)
{
    fault_set(&self->error, "%s", *why ? why : "connection lost"); // before what holds `why` goes
    context_destroy(&self->context);
    self->retry_at_ms = link_clock_ms() + self->retry_ms;
    self->retry_ms =
        self->retry_ms * 2 > LINK_RETRY_MAX_MS ? LINK_RETRY_MAX_MS : self->retry_ms * 2;
    if (self->batch.under_way && !self->batch.answered)
        self->batch.down = true;
    self->outbox.under_way = false;
}

// ---- the functions -------------------------------------------------------------------------

// The embedded text with the name of this namespace and version in place of @LIBRARY@.
static bool library_text(const store_t *self, buffer_t *text)
{
    static const char mark[] = "@LIBRARY@";
    const char *rest = store_functions;
    for (const char *at; (at = strstr(rest, mark)); rest = at + sizeof mark - 1) {
        buffer_append(text, rest, (size_t) (at - rest));
        buffer_text(text, self->library);
    }
    buffer_text(text, rest);
    return !text->failed;
}

// Does FUNCTION LIST ... WITHCODE answer with just this text?
static bool holds_code(const redisReply *list, slice_t code)
{
    if (list->type != REDIS_REPLY_ARRAY || list->elements != 1)
        return false;
    const redisReply *library = reply_at(list, 0);
    for (size_t i = 0; i + 1 < library->elements; i += 2)
        if (slice_is(reply_slice(library->element[i]), "library_code"))
            return slice_same(reply_slice(library->element[i + 1]), code);
    return false;
}

static bool load_functions(store_t *self)
{
    owned(buffer_destroy) buffer_t code = { 0 };
    if (!library_text(self, &code))
        return link_close(self, "out of memory"), false;
    command_begin(self, "FUNCTION");
    command_text(self, "LIST");
    command_text(self, "LIBRARYNAME");
    command_text(self, self->library);
    command_text(self, "WITHCODE");
    owned(reply_destroy) redisReply *list = NULL;
    store_status_t status = link_ask(self, &list);
    if (status == STORE_OK && holds_code(list, buffer_slice(&code)))
        return true;
    if (status == STORE_OK) {
        // REPLACE: another process may do the same at this moment, with the same text.
        owned(reply_destroy) redisReply *loaded = NULL;
        command_begin(self, "FUNCTION");
        command_text(self, "LOAD");
        command_text(self, "REPLACE");
        command_bytes(self, buffer_slice(&code));
        status = link_ask(self, &loaded);
        if (status == STORE_REFUSED && strncmp(self->error.text, "NOPERM", 6) == 0)
            fault_set(&self->error,
                      "the functions of this version are not in Redis, and this user may not load "
                      "them: run `tidewire redis-functions -c FILE` as one that may");
    }
    if (status != STORE_OK && status != STORE_DOWN) {
        fault_t why = self->error;
        link_close(self, why.text);
    }
    return status == STORE_OK;
}

bool link_open(store_t *self)
{
    link_batch_settle(self);         // its answers come before ours
    assert(!self->outbox.under_way); // the caller's contract: nothing between send and receive
    if (self->context)
        return true;
    if (link_clock_ms() < self->retry_at_ms)
        return false;
    fault_t fault;
    self->context = link_dial(&self->place, &fault);
    if (!self->context)
        return link_close(self, fault.text), false;
    if (!load_functions(self))
        return false;
    self->epoch++;
    self->retry_ms = LINK_RETRY_MIN_MS;
    return true;
}
