/*  store_gather -- see store_gather.h. */
#include "broker/store_gather.h"

#include "broker/store_link.h"
#include "proto/owned.h"

static store_status_t ask(store_t *self, const store_gather_t *asked, redisReply **members)
{
    owned(buffer_destroy) buffer_t what = { 0 };
    buffer_append(&what, asked->rule.data, asked->rule.size);
    buffer_text(&what, " ");
    buffer_append(&what, asked->kind.data, asked->kind.size);
    if (what.failed)
        return link_close(self, "out of memory"), STORE_DOWN;
    command_call(self, "delivery_gather", 2);
    command_key(self, keys_delivery_due(&self->keys));
    command_key(self, keys_delivery(&self->keys, slice_text("")));
    command_text(self, asked->alert_id);
    command_text(self, asked->recipient);
    command_bytes(self, buffer_slice(&what));
    command_i64(self, asked->window_ms);
    command_u64(self, DELIVERY_KEPT_S);
    command_u64(self, asked->most);
    command_u64(self, STORE_NAMED_MAX);
    command_text(self, asked->claim);
    store_status_t status = link_ask(self, members);
    if (status == STORE_OK && reply_at(*members, 0)->type != REDIS_REPLY_INTEGER)
        return link_odd(self);
    return status;
}

// ids: of a reply, from the from-th on, STORE_NAMED_MAX of them.
static store_status_t visit_bodies(store_t *self, const redisReply *ids, size_t from,
                                   store_letter_visit_t *visit, void *context)
{
    redisReply *bodies[STORE_NAMED_MAX];
    size_t count = 0;
    for (size_t i = from; i < ids->elements && count < STORE_NAMED_MAX; i++, count++) {
        command_begin(self, "GET");
        command_key(self, keys_delivery_body(&self->keys, reply_slice(ids->element[i])));
        if (!link_push(self))
            return STORE_DOWN;
    }
    store_status_t status = link_take_each(self, count, bodies);
    for (size_t i = 0; i < count && status == STORE_OK; i++) {
        if (bodies[i] && bodies[i]->type == REDIS_REPLY_STRING && ids->element[from + i]->str)
            visit(context, ids->element[from + i]->str, reply_slice(bodies[i]));
        reply_destroy(&bodies[i]);
    }
    return status;
}

typedef struct {
    store_bytes_visit_t *visit;
    void *context;
} bytes_visit_t;

static void visit_body(void *context, const char *alert_id, slice_t body)
{
    const bytes_visit_t *to = context;
    (void) alert_id;
    to->visit(to->context, body);
}

store_status_t store_delivery_gather(store_t *self, const store_gather_t *asked, uint64_t *count,
                                     store_bytes_visit_t *visit, void *context)
{
    *count = 0;
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *members = NULL;
    store_status_t status = ask(self, asked, &members);
    if (status != STORE_OK)
        return status;
    uint64_t all = reply_u64(reply_at(members, 0));
    bytes_visit_t to = { visit, context };
    if (all > 1)
        status = visit_bodies(self, members, 1, visit_body, &to);
    if (status == STORE_OK)
        *count = all;
    return status;
}

store_status_t store_delivery_letter(store_t *self, const char *alert_id, const char *recipient,
                                     uint64_t from, store_letter_visit_t *visit, void *context,
                                     uint64_t *count)
{
    *count = 0;
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *ids = NULL;
    command_begin(self, "LRANGE");
    command_key(self,
                keys_delivery_group(&self->keys, slice_text(alert_id), slice_text(recipient)));
    command_u64(self, from);
    command_u64(self, from + STORE_NAMED_MAX - 1);
    store_status_t status = link_ask(self, &ids);
    if (status == STORE_OK && ids->type != REDIS_REPLY_ARRAY)
        return link_odd(self);
    if (status == STORE_OK)
        status = visit_bodies(self, ids, 0, visit, context);
    if (status == STORE_OK)
        *count = ids->elements;
    return status;
}

store_status_t store_delivery_part(store_t *self, const char *alert_id, const char *recipient,
                                   const char *const *ids, size_t count)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "delivery_part", 1);
    command_key(self, keys_delivery_due(&self->keys));
    command_text(self, alert_id);
    command_text(self, recipient);
    command_u64(self, DELIVERY_KEPT_S);
    for (size_t i = 0; i < count; i++)
        command_text(self, ids[i]);
    return link_ask_verdict(self);
}

store_status_t store_delivery_alone(store_t *self, const char *alert_id, const char *recipient)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "delivery_alone", 1);
    command_key(self, keys_delivery_due(&self->keys));
    command_text(self, alert_id);
    command_text(self, recipient);
    return link_ask_verdict(self);
}
