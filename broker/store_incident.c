/*  store_incident -- see store_incident.h. */
#include "broker/store_incident.h"

#include "broker/store_link.h"

static bool push_incident(store_t *self, const void *items, size_t index, size_t *pushed)
{
    const store_incident_t *item = (const store_incident_t *) items + index;
    ++*pushed;
    command_call(self, "incident", 1);
    command_key(self, keys_incident(&self->keys, item->rule, item->series));
    command_i64(self, item->over ? STORE_INCIDENT_KEPT_S : 0);
    command_text(self, "state");
    command_bytes(self, item->state);
    command_text(self, "since");
    command_i64(self, item->since_us);
    command_text(self, "ts");
    command_i64(self, item->ts_us);
    command_text(self, "id");
    command_bytes(self, item->id);
    command_text(self, "severity");
    command_bytes(self, item->severity);
    command_text(self, "body");
    command_bytes(self, item->body);
    return link_push(self);
}

store_status_t store_incident_put(store_t *self, const store_incident_t *items, size_t count)
{
    return link_put_all(self, items, count, push_incident);
}
