/*  redis_answers -- what the simulator's Redis answers, as hiredis would hand it on. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/redis_inside.h"

static redisReply *answer_new(int type)
{
    redisReply *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    self->type = type;
    return self;
}

redisReply *answer_text(const char *text, size_t size)
{
    redisReply *self = answer_new(REDIS_REPLY_STRING);
    self->str = malloc(size + 1);
    if (!self->str)
        abort();
    memcpy(self->str, text, size);
    self->str[size] = '\0';
    self->len = size;
    return self;
}

redisReply *answer_blob(const blob_t *blob)
{
    return blob ? answer_text(blob->data, blob->size) : answer_nil();
}

redisReply *answer_integer(long long number)
{
    redisReply *self = answer_new(REDIS_REPLY_INTEGER);
    self->integer = number;
    return self;
}

redisReply *answer_nil(void)
{
    return answer_new(REDIS_REPLY_NIL);
}

redisReply *answer_status(const char *text)
{
    redisReply *self = answer_text(text, strlen(text));
    self->type = REDIS_REPLY_STATUS;
    return self;
}

static redisReply *answer_error_v(const char *format, va_list arguments)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    for (char *at = text; *at; at++)
        if (*at == '\r' || *at == '\n') // as Redis does: one line
            *at = ' ';
    redisReply *self = answer_text(text, strlen(text));
    self->type = REDIS_REPLY_ERROR;
    return self;
}

redisReply *answer_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *self = answer_error_v(format, arguments);
    va_end(arguments);
    return self;
}

redisReply *answer_array(size_t count)
{
    redisReply *self = answer_new(REDIS_REPLY_ARRAY);
    self->elements = count;
    self->element = calloc(count + 1, sizeof *self->element);
    if (!self->element)
        abort();
    return self;
}

void answer_append(redisReply *array, redisReply *element)
{
    size_t count = array->elements;
    if (count > 0 && (count & (count - 1)) == 0) { // full at every power of two
        array->element = realloc(array->element, 2 * count * sizeof *array->element);
        if (!array->element)
            abort();
    }
    array->element[array->elements++] = element;
}

void call_error(call_t *call, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    call->reply = answer_error_v(format, arguments);
    va_end(arguments);
}

void call_rewrite(call_t *call, blob_t *word)
{
    words_add(&call->rewritten, word);
}

void call_ok(call_t *call)
{
    call->reply = answer_status("OK");
}

void call_integer(call_t *call, long long number)
{
    call->reply = answer_integer(number);
}

void call_syntax(call_t *call)
{
    call_error(call, "ERR syntax error");
}

bool call_integer_at(call_t *call, size_t at, int64_t *to)
{
    if (at < call->count && blob_to_integer(call->words[at], to))
        return true;
    return call_error(call, "ERR value is not an integer or out of range"), false;
}

bool call_number_at(call_t *call, size_t at, double *to)
{
    if (at < call->count && blob_to_number(call->words[at], to))
        return true;
    return call_error(call, "ERR value is not a valid float"), false;
}
