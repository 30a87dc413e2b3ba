/*  redis_resp -- see redis_resp.h. */
#include "tests/sim/redis_resp.h"

#include <stdlib.h>

void resp_print(buffer_t *to, const redisReply *reply)
{
    switch (reply->type) {
    case REDIS_REPLY_STRING:
        buffer_printf(to, "$%zu\r\n", reply->len);
        buffer_append(to, reply->str, reply->len);
        buffer_text(to, "\r\n");
        return;
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
        buffer_printf(to, "%c%s\r\n", reply->type == REDIS_REPLY_ERROR ? '-' : '+', reply->str);
        return;
    case REDIS_REPLY_INTEGER:
        buffer_printf(to, ":%lld\r\n", reply->integer);
        return;
    case REDIS_REPLY_NIL:
        buffer_text(to, "$-1\r\n");
        return;
    case REDIS_REPLY_ARRAY:
        buffer_printf(to, "*%zu\r\n", reply->elements);
        for (size_t i = 0; i < reply->elements; i++)
            resp_print(to, reply->element[i]);
        return;
    }
    abort();
}
