/*  letter -- see letter.h. */
#include "actors/notifier/letter.h"

#include <inttypes.h>

#include "actors/notifier/payload.h"
#include "actors/notifier/sign.h"

void letter_destroy(letter_t *self)
{
    arena_destroy(&self->texts);
    buffer_destroy(&self->body);
    *self = (letter_t){ 0 };
}

static void add_header(letter_t *self, const char *name, const char *value)
{
    if (self->header_count < LETTER_HEADERS_MAX)
        self->headers[self->header_count++] = arena_printf(self->texts, "%s: %s", name, value);
    else
        arena_fail(self->texts);
}

// Signed where there is a secret, as Standard Webhooks has it.
static bool sign(letter_t *self, const char *secret, int64_t now_us, fault_t *fault)
{
    char text[SIGN_TEXT_MAX];
    int64_t now_s = now_us / 1000000;
    if (secret &&
        !sign_webhook(slice_text(secret), self->id, now_s, buffer_slice(&self->body), text, fault))
        return false;
    const char *timestamp = arena_printf(self->texts, "%" PRId64, now_s);
    add_header(self, "webhook-id", self->id);
    if (timestamp)
        add_header(self, "webhook-timestamp", timestamp);
    if (secret)
        add_header(self, "webhook-signature", text);
    return true;
}

static bool write_payload(letter_t *self, payload_t payload, const notice_t *notice,
                          const char *receiver, fault_t *fault)
{
    add_header(self, "Content-Type", payload_type(payload));
    return payload_write(payload, notice, receiver, &self->body) ||
           fault_set(fault, "out of memory");
}

static bool write_webhook(letter_t *self, const store_subscriber_t *subscriber,
                          const notice_t *notice, int64_t now_us, fault_t *fault)
{
    payload_t payload;
    if (!payload_parse(&payload, subscription_field(subscriber, "format")))
        return fault_set(fault, "the format is none of json, alertmanager, alertmanager-api and "
                                "cloudevents");
    return write_payload(self, payload, notice, subscriber->name, fault) &&
           sign(self, subscription_field(subscriber, "secret"), now_us, fault);
}

static bool write_kind(letter_t *self, const store_subscriber_t *subscriber,
                       const channel_t *channel, const notice_t *notice, int64_t now_us,
                       fault_t *fault)
{
    self->url = arena_text(self->texts, slice_text(channel->address));
    self->judged = true;
    switch (channel->kind) {
    case CHANNEL_WEBHOOK:
        return write_webhook(self, subscriber, notice, now_us, fault);
    case CHANNEL_CHAT:
        return write_payload(self, PAYLOAD_CHAT, notice, subscriber->name, fault) &&
               sign(self, NULL, now_us, fault);
    }
    return false;
}

bool letter_write(letter_t *self, const store_subscriber_t *subscriber, const channel_t *channel,
                  const notice_t *notice, const char *id, int64_t now_us, fault_t *fault)
{
    *self = (letter_t){ .texts = arena_new(LETTER_TEXTS_MAX) };
    if (!self->texts)
        return fault_set(fault, "out of memory");
    self->id = arena_text(self->texts, slice_text(id));
    if (!self->id)
        return fault_set(fault, "out of memory");
    if (!write_kind(self, subscriber, channel, notice, now_us, fault))
        return false;
    return (!arena_failed(self->texts) && !self->body.failed) ||
           fault_set(fault, arena_starved(self->texts) || self->body.failed
                                ? "out of memory"
                                : "what is to be sent is too long");
}
