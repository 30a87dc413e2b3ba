/*  audience -- see audience.h. */
#include "actors/notifier/audience.h"

#include <stdlib.h>
#include <string.h>

#include "actors/notifier/subscription.h"
#include "proto/owned.h"

// Recipient, then why it cannot be told ("" = it can), each with its NUL.
typedef struct {
    const means_t *means;
    buffer_t text;
    size_t asked; // subscribers
    size_t count, refused, nameless;
} audience_t;

static void audience_clear(audience_t *self)
{
    buffer_destroy(&self->text);
}

// A subscription of somebody who cannot be told must not look like one that works.
static void add_recipient(void *context, const char *recipient, const char *refusal)
{
    audience_t *audience = context;
    audience->count++;
    audience->refused += refusal[0] != '\0';
    buffer_append(&audience->text, recipient, strlen(recipient) + 1);
    buffer_append(&audience->text, refusal, strlen(refusal) + 1);
}

static void add_subscriber(void *context, const store_subscriber_t *subscriber)
{
    audience_t *audience = context;
    audience->asked++;
    if (bulletin_name_is_good(slice_text(subscriber->name)))
        subscription_recipients(subscriber, audience->means, add_recipient, audience);
    else
        audience->nameless++; // not even a record can be kept under such a name
}

// NULL: no memory.
static store_told_t *list(const audience_t *audience)
{
    store_told_t *told = audience->text.failed ? NULL : calloc(audience->count, sizeof *told);
    const char *at = (const char *) audience->text.data;
    for (size_t i = 0; told && i < audience->count; i++) {
        told[i].name = at;
        told[i].refusal = at + strlen(at) + 1;
        at = told[i].refusal + strlen(told[i].refusal) + 1;
    }
    return told;
}

// Those who cannot be told are planned, and so recorded; the others wait for the silence to end.
static store_status_t plan_silenced(store_t *store, const store_silenced_t *news,
                                    const store_told_t *told, size_t count)
{
    store_status_t status = store_delivery_silence(store, news, false, told, count);
    for (size_t i = 0; i < count && status == STORE_OK; i++)
        if (told[i].refusal[0])
            status = store_delivery_plan(store, news->alert_id, news->body, &told[i], 1);
    return status;
}

static store_status_t plan_all(const audience_look_t *look, const store_silenced_t *news,
                               const audience_t *audience)
{
    store_told_t *told = list(audience);
    if (!told)
        return STORE_FULL; // the batch is read again
    store_status_t status = news->silence ? plan_silenced(look->store, news, told, audience->count)
                                          : store_delivery_plan(look->store, news->alert_id,
                                                                news->body, told, audience->count);
    free(told);
    return status;
}

store_status_t audience_plan(const audience_look_t *look, slice_t id, slice_t body,
                             const bulletin_t *bulletin, audience_count_t *count)
{
    owned(audience_clear) audience_t audience = { .means = look->means };
    unsigned unread;
    store_status_t status =
        enrolment_subscribers(look->enrolment, look->store, bulletin->rule, bulletin->series,
                              &unread, add_subscriber, &audience);
    if (status != STORE_OK)
        return status;
    const store_silenced_t news = {
        .alert_id = id,
        .body = body,
        .rule = bulletin->rule,
        .series = bulletin->series,
        .kind = bulletin->kind,
        .seq = bulletin->seq,
        .silence =
            look->silences ? silences_find(look->silences, bulletin->rule, bulletin->series) : NULL,
    };
    if (audience.count > 0)
        status = plan_all(look, &news, &audience);
    size_t told = audience.count - audience.refused;
    *count = (audience_count_t){
        .asked = audience.asked,
        .recipients = audience.count,
        .planned = news.silence ? 0 : told,
        .silenced = news.silence ? told : 0,
        .untold = audience.refused + audience.nameless,
        .unread = unread > 0,
    };
    return status;
}
