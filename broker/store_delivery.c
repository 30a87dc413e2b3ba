/*  store_delivery -- the alert log, and how far telling subscribers has come. */
#include <assert.h>
#include <stdlib.h>

#include "broker/store_delivery.h"
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

enum { CLAIMED_PARTS = 4, ASKED_OF_DUE = 4 };

// item: what it is, when it became due, ms since then, claim.
static store_status_t visit_due(store_t *self, redisReply *const item[CLAIMED_PARTS],
                                store_delivery_visit_t *visit, void *context)
{
    store_delivery_t delivery = {
        .error = "", .due = item[1]->str, .waited_ms = item[2]->integer, .claim = item[3]->str
    };
    if (!item[0]->str || !delivery.due || !delivery.claim ||
        !split_member(item[0]->str, &delivery.alert_id, &delivery.recipient))
        return STORE_OK;
    slice_t id = slice_text(delivery.alert_id), recipient = slice_text(delivery.recipient);
    redisReply *replies[ASKED_OF_DUE];
    command_begin(self, "HGET");
    command_key(self, keys_delivery(&self->keys, id));
    command_text(self, delivery.recipient);
    bool pushed = link_push(self);
    command_begin(self, "GET");
    command_key(self, keys_delivery_body(&self->keys, id));
    pushed = pushed && link_push(self);
    command_begin(self, "EXISTS");
    command_key(self, keys_delivery_group(&self->keys, id, recipient));
    pushed = pushed && link_push(self);
    command_begin(self, "EXISTS");
    command_key(self, keys_delivery_asleep(&self->keys, recipient));
    if (!pushed || !link_push(self))
        return STORE_DOWN;
    store_status_t status = link_take_each(self, ASKED_OF_DUE, replies);
    if (status != STORE_OK)
        return status;
    if (replies[0] && replies[1] && replies[0]->str && replies[1]->str) {
        const char *space = strchr(replies[0]->str, ' '); // "<state> <attempts> ..."
        char *end = NULL;
        delivery.attempts = space ? (unsigned) strtoul(space, &end, 10) : 0;
        delivery.error = end && *end == ' ' ? end + 1 : "";
        delivery.body = reply_slice(replies[1]);
    } else {
        delivery.lost = true; // it expired, or a person removed it
    }
    delivery.leads = replies[2] && reply_u64(replies[2]) > 0;
    delivery.behind = replies[3] && reply_u64(replies[3]) > 0;
    visit(context, &delivery);
    for (size_t i = 0; i < ASKED_OF_DUE; i++)
        reply_destroy(&replies[i]);
    return status;
}

store_status_t store_delivery_due(store_t *self, const store_claim_t *claim,
                                  store_delivery_visit_t *visit, void *context)
{
    assert(claim->parts == 0 || claim->part < claim->parts);
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *members = NULL;
    command_call(self, "delivery_due", 1);
    command_key(self, keys_delivery_due(&self->keys));
    command_u64(self, claim->count);
    command_u64(self, claim->each);
    command_i64(self, claim->hidden_ms);
    command_u64(self, claim->parts);
    command_u64(self, claim->part);
    for (size_t i = 0; i < claim->busy_count; i++)
        command_text(self, claim->busy[i]);
    store_status_t status = link_ask(self, &members);
    for (size_t i = 0; status == STORE_OK && i + CLAIMED_PARTS <= members->elements;
         i += CLAIMED_PARTS)
        status = visit_due(self, &members->element[i], visit, context);
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
        command_text(self, items[i].claim);
        command_text(self, items[i].due);
        command_i64(self, items[i].delay_ms);
    }
    return link_ask_verdict(self);
}

static store_status_t settle(store_t *self, const char *alert_id, const char *recipient,
                             const char *claim, const char *state, int64_t delay_ms,
                             const char *error)
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
    command_text(self, claim);
    return link_ask_verdict(self);
}

store_status_t store_delivery_done(store_t *self, const char *alert_id, const char *recipient)
{
    return settle(self, alert_id, recipient, "", "done", 0, "");
}

store_status_t store_delivery_retry(store_t *self, const char *alert_id, const char *recipient,
                                    const char *claim, int64_t delay_ms, const char *error)
{
    return settle(self, alert_id, recipient, claim, "retry", delay_ms, error);
}

store_status_t store_delivery_dead(store_t *self, const char *alert_id, const char *recipient,
                                   const char *claim, const char *error)
{
    return settle(self, alert_id, recipient, claim, "dead", 0, error);
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
