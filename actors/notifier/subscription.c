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

static bool find_kind(const means_t *means, channel_t *channel)
{
    static const struct {
        const char *name;
        channel_kind_t kind;
    } kinds[] = {
        { webhook, CHANNEL_WEBHOOK },   { "slack", CHANNEL_CHAT },  { "email", CHANNEL_MAIL },
        { "command", CHANNEL_COMMAND }, { "sms", CHANNEL_GATEWAY },
    };
    channel->gateway = means_gateway(means, channel->name);
    channel->kind = CHANNEL_GATEWAY;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, channel->name) == 0) {
            channel->kind = kinds[i].kind;
            return true;
        }
    }
    return channel->gateway != NULL;
}

// What this channel takes, and what is missing of it ("" = nothing).
static const char *find_means(const means_t *means, channel_t *channel)
{
    switch (channel->kind) {
    case CHANNEL_WEBHOOK:
    case CHANNEL_CHAT:
        return "";
    case CHANNEL_MAIL:
        channel->mail = means_mail(means);
        return channel->mail ? "" : "the configuration has no `smtp`";
    case CHANNEL_COMMAND:
        channel->command = means_command(means, channel->address);
        return channel->command ? "" : "the configuration has no command of that name";
    case CHANNEL_GATEWAY:
        return channel->gateway ? "" : "the configuration has no gateway of that name";
    }
    return "";
}

const char subscription_missing[] = "the subscriber has no such channel any more";

// Has its receiver said that it wants no more?
static bool is_gone(const store_subscriber_t *subscriber, const channel_t *channel)
{
    char field[GONE_FIELD_MAX];
    subscription_gone(channel->name, field);
    const char *gone = subscription_field(subscriber, field);
    return gone && strcmp(gone, channel->address) == 0;
}

bool subscription_channel(const store_subscriber_t *subscriber, const means_t *means,
                          const char *name, channel_t *channel)
{
    channel_t found = { .name = name };
    if (!find_kind(means, &found))
        return false;
    found.address = subscription_field(subscriber, name);
    found.off = true;
    if (!found.address)
        found.refusal = subscription_missing;
    else if (!is_gone(subscriber, &found))
        found.off = false;
    else
        found.refusal =
            found.kind == CHANNEL_WEBHOOK
                ? "the webhook answered 410; a new one, or HDEL of `gone`, switches it on"
                : "the receiver answered 410; a new address, or HDEL of `gone.<channel>`, "
                  "switches it on";
    if (!found.off)
        found.refusal = find_means(means, &found);
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

void subscription_recipients(const store_subscriber_t *subscriber, const means_t *means,
                             subscription_visit_t *visit, void *context)
{
    size_t count = 0;
    for (size_t i = 0; i < subscriber->count; i++) {
        char recipient[RECIPIENT_MAX + 1];
        channel_t channel;
        if (!subscription_channel(subscriber, means, subscriber->fields[i].name, &channel) ||
            !channel.address)
            continue;
        bool plain = channel.kind == CHANNEL_WEBHOOK;
        snprintf(recipient, sizeof recipient, "%s%s%s", subscriber->name, plain ? "" : "/",
                 plain ? "" : channel.name);
        visit(context, recipient, channel.refusal);
        count++;
    }
    if (count == 0)
        visit(context, subscriber->name,
              subscriber->count == 0 ? "there is no such subscriber"
                                     : "the subscriber has no channel of this configuration");
}

bool subscription_rate(const store_subscriber_t *subscriber, budget_t *rate, fault_t *fault)
{
    const char *text = subscription_field(subscriber, "rate");
    *rate = (budget_t){ .count = 0 };
    if (!text || (settings_budget(text, rate) && rate->count <= RATE_COUNT_MAX))
        return true;
    return fault_set(fault, "the rate is not of the form 10/1m, up to %d in 1ms to 1d",
                     RATE_COUNT_MAX);
}

bool subscription_group(const store_subscriber_t *subscriber, const channel_t *channel,
                        int64_t least_ms, int64_t *window_ms, fault_t *fault)
{
    enum { SECOND_US = 1000 * 1000, HOUR_S = 3600 };
    const char *text = subscription_field(subscriber, "group");
    const char *format = subscription_field(subscriber, "format");
    int64_t us = 0;
    *window_ms = 0;
    if (channel->kind == CHANNEL_WEBHOOK && format && strcmp(format, "alertmanager-api") == 0)
        return true;
    *window_ms = least_ms;
    if (!text)
        return true;
    if (!settings_duration(text, &us) || us < SECOND_US || us > HOUR_S * (int64_t) SECOND_US)
        return fault_set(fault, "`group` is not of the form 30s, from 1s to 1h");
    if (us / 1000 > least_ms)
        *window_ms = us / 1000;
    return true;
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
