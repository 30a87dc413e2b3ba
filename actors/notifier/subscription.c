/*  subscription -- see subscription.h. */
#include "actors/notifier/subscription.h"

#include <stdio.h>

static const char webhook[] = "webhook";

const char *subscription_field(const store_subscriber_t *subscriber, const char *name)
{
    for (size_t i = 0; i < subscriber->count; i++)
        if (strcmp(subscriber->fields[i].name, name) == 0)
            return subscriber->fields[i].value[0] ? subscriber->fields[i].value : NULL;
    return NULL;
}

void subscription_gone(const char *channel, char field[GONE_FIELD_MAX])
{
    if (strcmp(channel, webhook) == 0)
        strcpy(field, "gone");
    else
        snprintf(field, GONE_FIELD_MAX, "gone.%s", channel);
}

// ---- channels -------------------------------------------------------------------------------

static bool find_kind(const char *name, channel_kind_t *kind)
{
    static const struct {
        const char *name;
        channel_kind_t kind;
    } kinds[] = {
        { webhook, CHANNEL_WEBHOOK },
        { "slack", CHANNEL_CHAT },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}

static const char *find_refusal(const store_subscriber_t *subscriber, const channel_t *channel)
{
    char field[GONE_FIELD_MAX];
    subscription_gone(channel->name, field);
    const char *gone = subscription_field(subscriber, field);
    if (gone && strcmp(gone, channel->address) == 0)
        return channel->kind == CHANNEL_WEBHOOK
                   ? "the webhook answered 410; a new one, or HDEL of `gone`, switches it on"
                   : "the receiver answered 410; a new address, or HDEL of `gone.<channel>`, "
                     "switches it on";
    return "";
}

bool subscription_channel(const store_subscriber_t *subscriber, const char *name,
                          channel_t *channel)
{
    channel_t found = { .name = name };
    if (!find_kind(name, &found.kind))
        return false;
    found.address = subscription_field(subscriber, name);
    found.refusal = found.address ? find_refusal(subscriber, &found)
                                  : "the subscriber has no such channel any more";
    *channel = found;
    return true;
}

// ---- recipients -----------------------------------------------------------------------------

bool subscription_split(const char *recipient, char name[BULLETIN_NAME_MAX + 1],
                        const char **channel)
{
    size_t size = strcspn(recipient, "/");
    if (size == 0 || size > BULLETIN_NAME_MAX)
        return false;
    memcpy(name, recipient, size);
    name[size] = '\0';
    *channel = recipient[size] == '/' ? recipient + size + 1 : webhook;
    return true;
}

void subscription_recipients(const store_subscriber_t *subscriber, subscription_visit_t *visit,
                             void *context)
{
    static const char *const later[] = { "email", "sms" };
    size_t count = 0;
    for (size_t i = 0; i < subscriber->count; i++) {
        char recipient[RECIPIENT_MAX + 1];
        channel_t channel;
        if (!subscription_channel(subscriber, subscriber->fields[i].name, &channel) ||
            !channel.address)
            continue;
        snprintf(recipient, sizeof recipient, "%s%s%s", subscriber->name,
                 channel.kind == CHANNEL_WEBHOOK ? "" : "/",
                 channel.kind == CHANNEL_WEBHOOK ? "" : channel.name);
        visit(context, recipient, channel.refusal);
        count++;
    }
    if (count > 0)
        return;
    const char *refusal =
        subscriber->count == 0 ? "there is no such subscriber" : "the subscriber has no channel";
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        if (subscription_field(subscriber, later[i]))
            refusal = "the subscriber has no channel that is in this version";
    visit(context, subscriber->name, refusal);
}

bool subscription_id(const char *alert_id, const char *recipient, char id[SUBSCRIPTION_ID_MAX])
{
    int size = snprintf(id, SUBSCRIPTION_ID_MAX, "%s-", alert_id);
    if (size < 0 || size >= SUBSCRIPTION_ID_MAX)
        return false;
    size_t used = (size_t) size;
    for (const char *c = recipient; *c; c++) {
        const char text[] = { *c, '\0' };
        const char *piece = *c == '.' ? "%2E" : *c == '/' ? "~" : text;
        size_t length = strlen(piece);
        if (used + length >= SUBSCRIPTION_ID_MAX)
            return false;
        memcpy(id + used, piece, length + 1);
        used += length;
    }
    return true;
}
