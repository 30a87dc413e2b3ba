/*  store_delivery -- the alert log, who is to be told, and how far telling them has come. */
#include <stdlib.h>

#include "broker/store_link.h"
#include "proto/owned.h"

enum { LOGGED_PER_CALL = 256 };

// ---- the alert log -------------------------------------------------------------------------

static void command_logged(store_t *self, const store_logged_t *item)
{
    command_bytes(self, item->id);
    command_bytes(self, item->rule);
    command_bytes(self, item->series);
    command_i64(self, item->ts_us);
    command_bytes(self, item->severity);
    command_bytes(self, item->topic);
    command_u64(self, item->seq);
    command_bytes(self, item->body);
    command_text(self, item->planned ? "1" : "0");
}

static store_status_t ask_known(store_t *self, const slice_t *ids, size_t count, bool *known)
{
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "ZMSCORE");
    command_key(self, keys_alerts_seen(&self->keys));
    for (size_t i = 0; i < count; i++)
        command_bytes(self, ids[i]);
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != count)
        return link_odd(self);
    for (size_t i = 0; i < count; i++)
        known[i] = reply->element[i]->type != REDIS_REPLY_NIL;
    return STORE_OK;
}

store_status_t store_alert_log_knows(store_t *self, const slice_t *ids, size_t count, bool *known)
{
    if (!link_open(self))
        return STORE_DOWN;
    store_status_t status = STORE_OK;
    for (size_t done = 0; done < count && status == STORE_OK; done += LOGGED_PER_CALL) {
        size_t some = count - done < LOGGED_PER_CALL ? count - done : LOGGED_PER_CALL;
        status = ask_known(self, ids + done, some, known + done);
    }
    return status;
}

store_status_t store_alert_log_room(store_t *self, uint64_t *ids)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "ZCARD");
    command_key(self, keys_alerts_seen(&self->keys));
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    uint64_t known = reply_u64(reply), most = self->limits.alert_log_entries;
    *ids = known < most ? most - known : 0;
    return STORE_OK;
}

store_status_t store_alert_log_put(store_t *self, const store_logged_t *items, size_t count)
{
    store_status_t status = STORE_OK;
    if (!link_open(self))
        return STORE_DOWN;
    for (size_t done = 0; done < count && status == STORE_OK; done += LOGGED_PER_CALL) {
        size_t end = count - done < LOGGED_PER_CALL ? count : done + LOGGED_PER_CALL;
        command_call(self, "alert_log", 4);
        command_key(self, keys_alerts(&self->keys));
        command_key(self, keys_alerts_seen(&self->keys));
        command_key(self, keys_status(&self->keys, ""));
        command_key(self, keys_delivery(&self->keys, slice_text("")));
        command_u64(self, self->limits.alert_log_entries);
        for (size_t i = done; i < end; i++)
            command_logged(self, &items[i]);
        status = link_ask_verdict(self);
    }
    return status;
}

// ---- subscribers ---------------------------------------------------------------------------

store_status_t store_subscriber(store_t *self, const char *name, store_subscriber_visit_t *visit,
                                void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HGETALL");
    command_key(self, keys_subscriber(&self->keys, slice_text(name)));
    store_status_t status = link_ask(self, &reply);
    // A key of another type is as good as none.
    if (status != STORE_OK && (status != STORE_REFUSED || !link_wrong_type(self)))
        return status;
    store_subscriber_t subscriber = { .name = name };
    if (reply)
        subscriber.count = reply_fields(reply, subscriber.fields);
    visit(context, &subscriber);
    return STORE_OK;
}

// All members of two sets, in order and each once.
static size_t merge_members(redisReply *const replies[2], const char **names)
{
    size_t at[2] = { 0 }, count = 0;
    for (;;) {
        const char *next[2];
        for (int i = 0; i < 2; i++)
            next[i] =
                replies[i] && at[i] < replies[i]->elements ? replies[i]->element[at[i]]->str : NULL;
        if (!next[0] && !next[1])
            return count;
        int order = !next[0] ? 1 : !next[1] ? -1 : strcmp(next[0], next[1]);
        names[count++] = order <= 0 ? next[0] : next[1];
        at[0] += order <= 0;
        at[1] += order >= 0;
    }
}

static store_status_t visit_members(store_t *self, redisReply *const replies[2],
                                    store_subscriber_visit_t *visit, void *context)
{
    size_t most = 0;
    for (int i = 0; i < 2; i++) {
        if (!replies[i])
            continue;
        reply_sort(replies[i]);
        most += replies[i]->elements;
    }
    if (most == 0)
        return STORE_OK;
    const char **names = calloc(most, sizeof *names);
    if (!names)
        return link_close(self, "out of memory"), STORE_DOWN;
    size_t count = merge_members(replies, names);
    store_status_t status = STORE_OK;
    for (size_t i = 0; i < count && status == STORE_OK; i++)
        status = store_subscriber(self, names[i], visit, context);
    free(names);
    return status;
}

static bool is_set(const redisReply *reply)
{
    bool good = reply->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; good && i < reply->elements; i++)
        good = reply->element[i]->type == REDIS_REPLY_STRING;
    return good;
}

store_status_t store_subscribers(store_t *self, slice_t rule, slice_t series, unsigned *unread,
                                 store_subscriber_visit_t *visit, void *context)
{
    *unread = 0;
    if (!link_open(self))
        return STORE_DOWN;
    redisReply *replies[2] = { NULL, NULL };
    command_begin(self, "SMEMBERS");
    command_key(self, keys_subscriptions(&self->keys, rule, slice_of(NULL, 0)));
    bool pushed = link_push(self);
    command_begin(self, "SMEMBERS");
    command_key(self, keys_subscriptions(&self->keys, rule, series));
    if (!pushed || !link_push(self))
        return STORE_DOWN;
    store_status_t status = link_take_each(self, 2, replies);
    for (int i = 0; i < 2 && status == STORE_OK; i++) {
        *unread += !replies[i];
        if (replies[i] && !is_set(replies[i]))
            status = link_odd(self); // nobody is left out for that
    }
    if (status == STORE_OK)
        status = visit_members(self, replies, visit, context);
    reply_destroy(&replies[0]);
    reply_destroy(&replies[1]);
    return status;
}

// ---- deliveries ----------------------------------------------------------------------------

store_status_t store_delivery_plan(store_t *self, slice_t alert_id, slice_t body,
                                   const store_told_t *recipients, size_t count)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "delivery_plan", 4);
    command_key(self, keys_alerts_seen(&self->keys));
    command_key(self, keys_delivery(&self->keys, alert_id));
    command_key(self, keys_delivery_due(&self->keys));
    command_key(self, keys_delivery_body(&self->keys, alert_id));
    command_bytes(self, alert_id);
    command_bytes(self, body);
    command_u64(self, DELIVERY_KEPT_S);
    command_u64(self, self->limits.deliveries);
    command_u64(self, self->limits.deliveries_each);
    for (size_t i = 0; i < count; i++) {
        command_text(self, recipients[i].name);
        command_text(self, recipients[i].refusal);
    }
    store_status_t status = link_ask_verdict(self);
    return status == STORE_DUP ? STORE_OK : status;
}

// "<alert id>/<recipient>": ids hold no '/'.
static bool split_member(char *member, const char **alert_id, const char **recipient)
{
    char *slash = strchr(member, '/');
    if (!slash)
        return false;
    *slash = '\0';
    *alert_id = member;
    *recipient = slash + 1;
    return true;
}

static store_status_t visit_due(store_t *self, char *member, store_delivery_visit_t *visit,
                                void *context)
{
    store_delivery_t delivery = { .attempts = 0 };
    if (!split_member(member, &delivery.alert_id, &delivery.recipient))
        return STORE_OK;
    slice_t id = slice_text(delivery.alert_id);
    redisReply *replies[2];
    command_begin(self, "HGET");
    command_key(self, keys_delivery(&self->keys, id));
    command_text(self, delivery.recipient);
    bool pushed = link_push(self);
    command_begin(self, "GET");
    command_key(self, keys_delivery_body(&self->keys, id));
    if (!pushed || !link_push(self))
        return STORE_DOWN;
    store_status_t status = link_take_each(self, 2, replies);
    if (status != STORE_OK)
        return status;
    if (replies[0] && replies[1] && replies[0]->str && replies[1]->str) {
        const char *space = strchr(replies[0]->str, ' '); // "<state> <attempts> ..."
        delivery.attempts = space ? (unsigned) strtoul(space, NULL, 10) : 0;
        delivery.body = reply_slice(replies[1]);
        visit(context, &delivery);
    } else {
        // It expired, or a person removed it: then it is not waiting either.
        status = store_delivery_dead(self, delivery.alert_id, delivery.recipient, "expired");
    }
    reply_destroy(&replies[0]);
    reply_destroy(&replies[1]);
    return status;
}

store_status_t store_delivery_due(store_t *self, const store_claim_t *claim,
                                  store_delivery_visit_t *visit, void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *members = NULL;
    command_call(self, "delivery_due", 1);
    command_key(self, keys_delivery_due(&self->keys));
    command_u64(self, claim->count);
    command_u64(self, claim->each);
    command_i64(self, claim->hidden_ms);
    for (size_t i = 0; i < claim->busy_count; i++)
        command_text(self, claim->busy[i]);
    store_status_t status = link_ask(self, &members);
    for (size_t i = 0; status == STORE_OK && i < members->elements; i++)
        if (members->element[i]->str)
            status = visit_due(self, members->element[i]->str, visit, context);
    return status;
}

store_status_t store_delivery_return(store_t *self, const store_claimed_t *items, size_t count)
{
    if (!link_open(self))
        return STORE_DOWN;
    command_call(self, "delivery_return", 1);
    command_key(self, keys_delivery_due(&self->keys));
    for (size_t i = 0; i < count; i++) {
        command_text(self, items[i].alert_id);
        command_text(self, items[i].recipient);
        command_i64(self, items[i].delay_ms);
    }
    return link_ask_verdict(self);
}

static store_status_t settle(store_t *self, const char *alert_id, const char *recipient,
                             const char *state, int64_t delay_ms, const char *error)
{
    if (!link_open(self))
        return STORE_DOWN;
    slice_t id = slice_text(alert_id);
    command_call(self, "delivery_settle", 3);
    command_key(self, keys_delivery(&self->keys, id));
    command_key(self, keys_delivery_due(&self->keys));
    command_key(self, keys_delivery_body(&self->keys, id));
    command_bytes(self, id);
    command_text(self, recipient);
    command_text(self, state);
    command_u64(self, DELIVERY_KEPT_S);
    command_i64(self, delay_ms);
    command_text(self, error);
    return link_ask_verdict(self);
}

store_status_t store_delivery_done(store_t *self, const char *alert_id, const char *recipient)
{
    return settle(self, alert_id, recipient, "done", 0, "");
}

store_status_t store_delivery_retry(store_t *self, const char *alert_id, const char *recipient,
                                    int64_t delay_ms, const char *error)
{
    return settle(self, alert_id, recipient, "retry", delay_ms, error);
}

store_status_t store_delivery_dead(store_t *self, const char *alert_id, const char *recipient,
                                   const char *error)
{
    return settle(self, alert_id, recipient, "dead", 0, error);
}

store_status_t store_delivery_waiting(store_t *self, uint64_t *waiting, int64_t *next_ms)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_look(self, "delivery_waiting", 1);
    command_key(self, keys_delivery_due(&self->keys));
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    if (reply_at(reply, 1)->type != REDIS_REPLY_INTEGER)
        return link_odd(self);
    *waiting = reply_u64(reply_at(reply, 0));
    *next_ms = reply_at(reply, 1)->integer;
    return STORE_OK;
}

static store_status_t ask_number(store_t *self, int64_t *number)
{
    owned(reply_destroy) redisReply *reply = NULL;
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < 0)
        return link_odd(self);
    *number = reply->integer;
    return STORE_OK;
}

store_status_t store_delivery_again(store_t *self, const char *recipient, slice_t alert_id,
                                    uint64_t *count)
{
    if (!link_open(self))
        return STORE_DOWN;
    int64_t number = 0;
    command_call(self, "delivery_again", 3);
    command_key(self, keys_delivery_due(&self->keys));
    command_key(self, keys_delivery(&self->keys, slice_text("")));
    command_key(self, keys_delivery_body(&self->keys, slice_text("")));
    command_text(self, recipient);
    command_bytes(self, alert_id);
    command_u64(self, DELIVERY_KEPT_S);
    command_u64(self, self->limits.deliveries);
    command_u64(self, self->limits.deliveries_each);
    store_status_t status = ask_number(self, &number);
    *count = (uint64_t) number;
    return status;
}

store_status_t store_delivery_pace(store_t *self, const char *alert_id, const char *recipient,
                                   uint32_t most, int64_t window_ms, int64_t *wait_ms)
{
    if (!link_open(self))
        return STORE_DOWN;
    *wait_ms = 0;
    command_call(self, "delivery_pace", 1);
    command_key(self, keys_delivery_due(&self->keys));
    command_text(self, alert_id);
    command_text(self, recipient);
    command_u64(self, most);
    command_i64(self, window_ms);
    return ask_number(self, wait_ms);
}
