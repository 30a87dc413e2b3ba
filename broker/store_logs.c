/*  store_logs -- which log of a stream the positions in Redis are of. */
#include <inttypes.h>
#include <stdio.h>

#include "broker/store_link.h"
#include "proto/owned.h"

enum { LOG_TEXT = 32 }; // "<mark, eight hex digits> <edition>"

store_status_t store_log_get(store_t *self, slice_t stream, uint32_t mark, store_log_t *known,
                             uint64_t *edition)
{
    *known = STORE_LOG_NEW;
    *edition = 0;
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HGET");
    command_key(self, keys_logs(&self->keys));
    command_bytes(self, stream);
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK || reply->type == REDIS_REPLY_NIL)
        return status;
    uint32_t noted = 0;
    if (reply->type != REDIS_REPLY_STRING ||
        sscanf(reply->str, "%8" SCNx32 " %20" SCNu64, &noted, edition) < 1)
        return link_odd(self);
    *known = noted == mark ? STORE_LOG_OURS : STORE_LOG_OTHER;
    return STORE_OK;
}

store_status_t store_log_set(store_t *self, slice_t stream, uint32_t mark, uint64_t edition)
{
    char text[LOG_TEXT];
    snprintf(text, sizeof text, "%08" PRIx32 " %" PRIu64, mark, edition);
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HSET");
    command_key(self, keys_logs(&self->keys));
    command_bytes(self, stream);
    command_text(self, text);
    return link_ask(self, &reply);
}
