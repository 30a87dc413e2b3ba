/*  subscriber_check -- see subscriber_check.h. */
#include "actors/cli/subscriber_check.h"

#include <string.h>

#include "actors/notifier/deliver.h"
#include "actors/notifier/mail.h"
#include "actors/notifier/payload.h"
#include "actors/notifier/quiet.h"
#include "actors/notifier/sign.h"
#include "actors/notifier/subscription.h"
#include "proto/owned.h"

bool subscriber_is_channel(const settings_t *settings, const char *field)
{
    static const char *const channels[] = { "webhook", "slack", "email", "command", "sms" };
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        if (strcmp(channels[i], field) == 0)
            return true;
    for (size_t i = 0; i < settings->gateway_count; i++)
        if (strcmp(settings->gateways[i].name, field) == 0)
            return true;
    return false;
}

static bool quiet_is_good(const char *text, fault_t *fault)
{
    quiet_t quiet;
    owned(zone_destroy) zone_t *zone =
        quiet_parse(&quiet, text, fault) ? zone_load(quiet.zone, fault) : NULL;
    return zone != NULL;
}

static bool url_is_good(const char *text, fault_t *fault)
{
    char host[DELIVER_HOST_MAX];
    return deliver_host(text, host, fault);
}

static bool secret_is_good(const char *text, fault_t *fault)
{
    char signature[SIGN_TEXT_MAX];
    return sign_webhook(slice_text(text), "id", 0, slice_text(""), signature, fault);
}

static bool field_is_good(const settings_t *settings, const store_subscriber_t *made,
                          const store_field_t *field, fault_t *fault)
{
    const channel_t channel = { .kind = CHANNEL_CHAT }; // of which every field counts
    const char *name = field->name;
    payload_t payload;
    budget_t rate;
    int64_t window_ms;
    if (!field->value[0])
        return fault_set(fault, "`%s` is empty", name);
    if (strcmp(name, "webhook") == 0 || strcmp(name, "slack") == 0)
        return url_is_good(field->value, fault);
    if (strcmp(name, "email") == 0)
        return mail_address_is_good(field->value) ||
               fault_set(fault, "the address is not local@domain, without quotes, in ASCII");
    if (strcmp(name, "format") == 0)
        return payload_parse(&payload, field->value) ||
               fault_set(fault, "the format is none of json, alertmanager, alertmanager-api and "
                                "cloudevents");
    if (strcmp(name, "secret") == 0)
        return secret_is_good(field->value, fault);
    if (strcmp(name, "rate") == 0)
        return subscription_rate(made, &rate, fault);
    if (strcmp(name, "group") == 0)
        return subscription_group(made, &channel, 0, &window_ms, fault);
    if (strcmp(name, "quiet") == 0)
        return quiet_is_good(field->value, fault);
    if (strcmp(name, "degraded") == 0)
        return strcmp(field->value, "no") == 0 || strcmp(field->value, "yes") == 0 ||
               fault_set(fault, "degraded is neither yes nor no");
    return strcmp(name, "quiet_except") == 0 || subscriber_is_channel(settings, name) ||
           fault_set(fault, "there is no channel or field '%s' in this configuration", name);
}

static bool rule_is_good(const char *text, fault_t *fault)
{
    size_t size = strcspn(text, ":");
    return (bulletin_name_is_good(slice_of(text, size)) && (!text[size] || text[size + 1])) ||
           fault_set(fault, "'%s' is neither RULE nor RULE:SERIES", text);
}

bool subscriber_check(const settings_t *settings, const store_subscriber_t *made,
                      char *const *rules, size_t rule_count, fault_t *fault)
{
    if (!bulletin_name_is_good(slice_text(made->name)))
        return fault_set(fault, "a name is 1 to %d letters, digits, '.', '_' and '-'",
                         BULLETIN_NAME_MAX);
    for (size_t i = 0; i < made->count; i++)
        if (!field_is_good(settings, made, &made->fields[i], fault))
            return false;
    for (size_t i = 0; i < rule_count; i++)
        if (!rule_is_good(rules[i], fault))
            return false;
    return made->count + rule_count > 0 || fault_set(fault, "nothing is given");
}
