/*  subscription -- how one subscriber wants to be told, from the hash a person wrote. Pure. */
#pragma once
#include "actors/notifier/bulletin.h"
#include "broker/store.h"

// Value of a field; NULL = absent or empty.
const char *subscription_field(const store_subscriber_t *subscriber, const char *name);

// Where to send webhooks; NULL: nowhere, or the receiver said 410 for this very address (the
// field `gone` holds it; a new address, or HDEL of `gone`, switches it on again).
const char *subscription_webhook(const store_subscriber_t *subscriber);

// Why this subscriber cannot be told, in words for its delivery's record; "" if it can.
const char *subscription_refusal(const store_subscriber_t *subscriber);

// An alert id, "-", a name of dots, NUL.
enum { SUBSCRIPTION_ID_MAX = 33 + 3 * BULLETIN_NAME_MAX + 1 };

// The webhook-id: "<alert id>-<subscriber>", the same at every attempt, with every '.' written
// as %2E because Standard Webhooks separates by dots. False: it would be too long.
bool subscription_id(const char *alert_id, const char *subscriber, char id[SUBSCRIPTION_ID_MAX]);
