/*  subscription -- see subscription.h. */
#include "actors/notifier/subscription.h"

#include <stdio.h>

const char *subscription_field(const store_subscriber_t *subscriber, const char *name)
{
    for (size_t i = 0; i < subscriber->count; i++)
        if (strcmp(subscriber->fields[i].name, name) == 0)
            return subscriber->fields[i].value[0] ? subscriber->fields[i].value : NULL;
    return NULL;
}

const char *subscription_webhook(const store_subscriber_t *subscriber)
{
    const char *webhook = subscription_field(subscriber, "webhook");
    const char *gone = subscription_field(subscriber, "gone");
    return webhook && gone && strcmp(webhook, gone) == 0 ? NULL : webhook;
}

const char *subscription_refusal(const store_subscriber_t *subscriber)
{
    static const char *const channels[] = { "email", "sms", "slack" };
    if (subscriber->count == 0)
        return "there is no such subscriber";
    if (subscription_webhook(subscriber))
        return "";
    if (subscription_field(subscriber, "webhook"))
        return "the webhook answered 410; a new one, or HDEL of `gone`, switches it on";
    for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++)
        if (subscription_field(subscriber, channels[i]))
            return "the subscriber has no webhook, and other channels are not in this version";
    return "the subscriber has no webhook";
}

bool subscription_id(const char *alert_id, const char *subscriber, char id[SUBSCRIPTION_ID_MAX])
{
    int size = snprintf(id, SUBSCRIPTION_ID_MAX, "%s-", alert_id);
    if (size < 0 || size >= SUBSCRIPTION_ID_MAX)
        return false;
    size_t used = (size_t) size;
    for (const char *c = subscriber; *c; c++) {
        const char text[] = { *c, '\0' };
        const char *piece = *c == '.' ? "%2E" : text;
        size_t length = strlen(piece);
        if (used + length >= SUBSCRIPTION_ID_MAX)
            return false;
        memcpy(id + used, piece, length + 1);
        used += length;
    }
    return true;
}
