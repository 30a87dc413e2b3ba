/*  store_asleep -- see store_asleep.h. */
#include "broker/store_asleep.h"

#include "broker/store_link.h"
#include "proto/owned.h"

static void begin(store_t *self, const char *function, const store_claimed_t *item)
{
    command_call(self, function, 1);
    command_key(self, keys_delivery_due(&self->keys));
    command_text(self, item->alert_id);
    command_text(self, item->recipient);
    command_text(self, item->claim);
    command_text(self, item->due);
}

store_status_t store_delivery_sleep(store_t *self, const store_claimed_t *item)
{
    if (!link_open(self))
        return STORE_DOWN;
    begin(self, "delivery_sleep", item);
    command_i64(self, item->delay_ms);
    return link_ask_verdict(self);
}

store_status_t store_delivery_wake(store_t *self, const store_claimed_t *item, bool *behind)
{
    *behind = false;
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    begin(self, "delivery_wake", item);
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    if (reply->type != REDIS_REPLY_INTEGER)
        return link_odd(self);
    *behind = reply_u64(reply) > 0;
    return STORE_OK;
}
