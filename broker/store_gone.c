/*  store_gone -- webhooks whose receiver answered 410. */
#include "broker/store_link.h"
#include "proto/owned.h"

store_status_t store_subscriber_gone(store_t *self, const char *name, const char *webhook)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HSET");
    command_key(self, keys_subscriber(&self->keys, slice_text(name)));
    command_text(self, "gone");
    command_text(self, webhook);
    return link_ask(self, &reply);
}
