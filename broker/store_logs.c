/*  store_logs -- which log of a stream the positions in Redis are of. */
#include <inttypes.h>
#include <stdio.h>

#include "broker/store_link.h"
#include "proto/owned.h"

enum { MARK_TEXT = 9 }; // eight hex digits and NUL

static void mark_text(char text[MARK_TEXT], uint32_t mark)
{
    snprintf(text, MARK_TEXT, "%08" PRIx32, mark);
}

store_status_t store_log_known(store_t *self, slice_t stream, uint32_t mark, store_log_t *known)
{
    char text[MARK_TEXT];
    mark_text(text, mark);
    if (!link_open(self))
        return STORE_DOWN;
    command_begin(self, "HSETNX");
    command_key(self, keys_logs(&self->keys));
    command_bytes(self, stream);
    command_text(self, text);
    if (!link_push(self))
        return STORE_DOWN;
    redisReply *replies[2];
    command_begin(self, "HGET");
    command_key(self, keys_logs(&self->keys));
    command_bytes(self, stream);
    if (!link_push(self))
        return STORE_DOWN;
    store_status_t status = link_take_each(self, 2, replies);
    if (status != STORE_OK)
        return status;
    bool good = replies[0] && replies[0]->type == REDIS_REPLY_INTEGER && replies[1] &&
                replies[1]->type == REDIS_REPLY_STRING;
    if (good)
        *known = replies[0]->integer == 1                  ? STORE_LOG_NEW
                 : slice_is(reply_slice(replies[1]), text) ? STORE_LOG_OURS
                                                           : STORE_LOG_OTHER;
    reply_destroy(&replies[0]);
    reply_destroy(&replies[1]);
    return good ? STORE_OK : link_odd(self);
}

store_status_t store_log_set(store_t *self, slice_t stream, uint32_t mark)
{
    char text[MARK_TEXT];
    mark_text(text, mark);
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HSET");
    command_key(self, keys_logs(&self->keys));
    command_bytes(self, stream);
    command_text(self, text);
    return link_ask(self, &reply);
}
