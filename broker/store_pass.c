/*  store_pass -- see store_pass.h. */
#include "broker/store_pass.h"

#include <assert.h>

#include "broker/store_link.h"

store_status_t store_delivery_pass(store_t *self, const store_claimed_t *item, unsigned parts,
                                   unsigned part)
{
    assert(parts > 1 && part < parts);
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "delivery_pass", 1);
    command_key(self, keys_delivery_due(&self->keys));
    command_text(self, item->alert_id);
    command_text(self, item->recipient);
    command_text(self, item->claim);
    command_text(self, item->due);
    command_u64(self, parts);
    command_u64(self, part);
    return link_ask_verdict(self);
}
