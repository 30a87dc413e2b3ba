/*  store_gone -- addresses whose receiver answered 410. */
#include "broker/store_link.h"

store_status_t store_subscriber_gone(store_t *self, const char *name, const char *field,
                                     const char *address)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "subscriber_gone", 1);
    command_key(self, keys_subscriber(&self->keys, slice_text(name)));
    command_text(self, field);
    command_text(self, address);
    return link_ask_verdict(self);
}
