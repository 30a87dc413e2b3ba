/*  letter -- see letter.h. */
#include "actors/notifier/letter.h"

#include <inttypes.h>

#include "actors/notifier/mail.h"
#include "actors/notifier/payload.h"
#include "actors/notifier/sign.h"
#include "proto/owned.h"

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

static void address_to_subscriber(letter_t *self, const channel_t *channel)
{
    self->url = arena_text(self->texts, slice_text(channel->address));
    self->judged = true;
    self->method = "POST";
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

// ---- the operator's means -------------------------------------------------------------------

static const char *keep(letter_t *self, buffer_t *text)
{
    return text->failed ? NULL : arena_text(self->texts, buffer_slice(text));
}

static bool write_headers(letter_t *self, const gateway_t *gateway, const notice_t *notice,
                          const template_reader_t *reader)
{
    bool whole = true;
    owned(buffer_destroy) buffer_t value = { 0 };
    if (gateway->body)
        add_header(self, "Content-Type", gateway->settings->type);
    for (size_t i = 0; i < gateway->settings->headers.count && whole; i++) {
        const means_header_t *header = &gateway->headers[i];
        buffer_clear(&value);
        if (header->value)
            whole = template_write(header->value, notice, reader, &value);
        const char *text = header->value ? buffer_string(&value) : header->text;
        // Without a value curl would take it for a header to leave out.
        if (text[0])
            add_header(self, header->name, text);
    }
    return whole;
}

// Has the path a part "." or ".."? It would lead elsewhere than the operator meant, and no escape
// prevents it.
static bool leads_elsewhere(const char *url)
{
    const char *part = strstr(url, "://");
    part = part ? part + 3 : url;
    for (part += strcspn(part, "/?#"); *part == '/'; part += strcspn(part, "/?#")) {
        size_t dots = strspn(++part, ".");
        if (dots > 0 && dots <= 2 && strcspn(part, "/?#") == dots)
            return true;
    }
    return false;
}

static bool write_gateway(letter_t *self, const store_subscriber_t *subscriber,
                          const channel_t *channel, const notice_t *notice, fault_t *fault)
{
    const gateway_t *gateway = channel->gateway;
    const template_reader_t reader = { self->id, subscriber->name, channel->address };
    owned(buffer_destroy) buffer_t url = { 0 };
    self->method = gateway->settings->method;
    self->ca_file = gateway->settings->ca_file;
    bool whole = template_write(gateway->url, notice, &reader, &url) &&
                 write_headers(self, gateway, notice, &reader) &&
                 (!gateway->body || template_write(gateway->body, notice, &reader, &self->body));
    self->url = keep(self, &url);
    if (!whole || !self->url)
        return fault_set(fault, "out of memory, or what the template gives is too long");
    return !leads_elsewhere(self->url) ||
           fault_set(fault, "a value is '.' or '..' where it is a part of the path");
}

static bool write_mail(letter_t *self, const channel_t *channel, const notice_t *notice,
                       int64_t now_us, fault_t *fault)
{
    const mail_envelope_t envelope = { .from = channel->mail->settings->from.text,
                                       .to = channel->address,
                                       .id = self->id,
                                       .sent_us = now_us };
    if (!mail_address_is_good(channel->address))
        return fault_set(fault, "the address is not local@domain, without quotes, in ASCII");
    self->kind = LETTER_MAIL;
    self->url = channel->mail->settings->url.text;
    self->ca_file = channel->mail->settings->ca_file;
    self->mail = channel->mail;
    self->to = arena_text(self->texts, slice_text(channel->address));
    return mail_write(notice, &envelope, &self->body) || fault_set(fault, "out of memory");
}

static bool write_command(letter_t *self, const channel_t *channel, const notice_t *notice,
                          fault_t *fault)
{
    self->kind = LETTER_COMMAND;
    self->command = channel->command;
    return payload_write(PAYLOAD_JSON, notice, "", &self->body) ||
           fault_set(fault, "out of memory");
}

// ---- each kind ------------------------------------------------------------------------------

static bool write_kind(letter_t *self, const store_subscriber_t *subscriber,
                       const channel_t *channel, const notice_t *notice, int64_t now_us,
                       fault_t *fault)
{
    switch (channel->kind) {
    case CHANNEL_WEBHOOK:
        address_to_subscriber(self, channel);
        return write_webhook(self, subscriber, notice, now_us, fault);
    case CHANNEL_CHAT:
        address_to_subscriber(self, channel);
        return write_payload(self, PAYLOAD_CHAT, notice, subscriber->name, fault) &&
               sign(self, NULL, now_us, fault);
    case CHANNEL_MAIL:
        return write_mail(self, channel, notice, now_us, fault);
    case CHANNEL_COMMAND:
        return write_command(self, channel, notice, fault);
    case CHANNEL_GATEWAY:
        return write_gateway(self, subscriber, channel, notice, fault);
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
    self->subscriber = arena_text(self->texts, slice_text(subscriber->name));
    if (!self->id || !self->subscriber)
        return fault_set(fault, "out of memory");
    if (!write_kind(self, subscriber, channel, notice, now_us, fault))
        return false;
    return (!arena_failed(self->texts) && !self->body.failed) ||
           fault_set(fault, arena_starved(self->texts) || self->body.failed
                                ? "out of memory"
                                : "what is to be sent is too long");
}
