/*  subscription -- how one subscriber wants to be told, from the hash a person wrote. Pure.
 *
 *  Each field that is a channel is a way to tell the subscriber, and all are used at once. A
 *  channel is a recipient of its own, so that none waits for another: `alice` is the webhook of
 *  alice, `alice/slack` her chat.
 */
#pragma once
#include "actors/notifier/bulletin.h"
#include "actors/notifier/means.h"
#include "broker/store.h"

enum {
    CHANNEL_NAME_MAX = 63,                                   // bytes
    RECIPIENT_MAX = BULLETIN_NAME_MAX + 1 + CHANNEL_NAME_MAX // bytes
};

typedef enum {
    CHANNEL_WEBHOOK, // signed, in the `format` that the subscriber names
    CHANNEL_CHAT,    // `slack`, and what is compatible with it
    CHANNEL_MAIL,    // `email`
    CHANNEL_COMMAND, // the operator's program that `command` names
    CHANNEL_GATEWAY, // the operator's HTTP service of that name
} channel_kind_t;

typedef struct {
    channel_kind_t kind;
    const char *name;                  // of the field
    const char *address;               // what the field holds; NULL = nothing
    const gateway_t *gateway;          // the means that it takes, if it is there
    const mail_server_t *mail;         // the same
    const command_settings_t *command; // the same
    const char *refusal;               // why nothing can be sent there, "" if it can
    bool off; // it is refused until the subscriber is changed; else until the configuration is
} channel_t;

// Value of a field; NULL = absent or empty.
const char *subscription_field(const store_subscriber_t *subscriber, const char *name);

// Why nothing can be sent to somebody who is not there, or has no address for a channel any more.
extern const char subscription_missing[];

// The channel of that name; false: there is none in this configuration. An address whose receiver
// said 410 (the field `gone` holds it, or `gone.<channel>`) is refused: a new address, or HDEL of
// that field, switches it on again.
bool subscription_channel(const store_subscriber_t *subscriber, const means_t *means,
                          const char *name, channel_t *channel);

// Every recipient of this subscriber, and why it cannot be told ("" = it can). Without a channel
// the subscriber itself is one that cannot. The texts are valid during the visit.
typedef void subscription_visit_t(void *context, const char *recipient, const char *refusal);
void subscription_recipients(const store_subscriber_t *subscriber, const means_t *means,
                             subscription_visit_t *visit, void *context);

// How much each channel of this subscriber may carry; count 0: as much as there is. False with
// fault: `rate` is none such as 10/1m.
enum { RATE_COUNT_MAX = 1000 }; // in its stretch of time, each of which Redis remembers
bool subscription_rate(const store_subscriber_t *subscriber, budget_t *rate, fault_t *fault);

// How long the first of several waits for the others, to go as one letter, least_ms at least; 0:
// each goes alone, as they do to Alertmanager itself, which groups them. False with fault: `group`
// is none such as 30s.
bool subscription_group(const store_subscriber_t *subscriber, const channel_t *channel,
                        int64_t least_ms, int64_t *window_ms, fault_t *fault);

// Whose recipient is it, by which channel? False: it is none.
bool subscription_split(const char *recipient, char name[BULLETIN_NAME_MAX + 1],
                        const char **channel);

// The field that holds an address of this channel that is gone.
enum { GONE_FIELD_MAX = 5 + CHANNEL_NAME_MAX + 1 };
void subscription_gone(const char *channel, char field[GONE_FIELD_MAX]);

// An alert id, "-", a recipient of dots, NUL.
enum { SUBSCRIPTION_ID_MAX = 33 + 3 * RECIPIENT_MAX + 1 };

// The id of a delivery: "<alert id>-<subscriber>", "...~<channel>" where it is not the webhook; the
// same at every attempt, with every '.' written as %2E because Standard Webhooks separates by dots.
// False: it would be too long.
bool subscription_id(const char *alert_id, const char *recipient, char id[SUBSCRIPTION_ID_MAX]);
