/*  letter_test -- what goes out to one recipient, by each kind of channel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/notifier/letter.h"
#include "proto/owned.h"
#include "tests/unit/notifier/noticed.h"

static const char id[] = "00-alice";
enum { NOW_S = 1700000100 };

static bool write_to(letter_t *letter, const store_subscriber_t *subscriber, const char *name,
                     fault_t *fault)
{
    owned(buffer_destroy) buffer_t body = { 0 };
    noticed_alert(&body, "alert");
    notice_t notice;
    channel_t channel;
    assert_true(notice_read(&notice, buffer_slice(&body)));
    assert_true(subscription_channel(subscriber, name, &channel));
    return letter_write(letter, subscriber, &channel, &notice, id, NOW_S * INT64_C(1000000), fault);
}

// The value of a header, or NULL.
static const char *header(const letter_t *letter, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < letter->header_count; i++)
        if (strncmp(letter->headers[i], name, size) == 0 &&
            strncmp(letter->headers[i] + size, ": ", 2) == 0)
            return letter->headers[i] + size + 2;
    return NULL;
}

static store_subscriber_t subscriber_with(const char *channel, const char *address)
{
    return (store_subscriber_t){ .name = "alice", .count = 1, .fields = { { channel, address } } };
}

static void a_webhook_is_signed_and_of_the_wanted_format(void **state)
{
    (void) state;
    static const struct {
        const char *format, *type, *begins;
    } formats[] = {
        { "", "application/json", "{\"v\":" },
        { "json", "application/json", "{\"v\":" },
        { "alertmanager", "application/json", "{\"receiver\":\"alice\"," },
        { "alertmanager-api", "application/json", "[{\"labels\":" },
        { "cloudevents", "application/cloudevents+json", "{\"specversion\":\"1.0\"," },
    };
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        fault_t fault = { 0 };
        owned(letter_destroy) letter_t letter = { 0 };
        store_subscriber_t subscriber = subscriber_with("webhook", "http://h/x");
        subscriber.fields[subscriber.count++] = (store_field_t){ "format", formats[i].format };
        subscriber.fields[subscriber.count++] = (store_field_t){ "secret", "whsec_AAAA" };
        if (!write_to(&letter, &subscriber, "webhook", &fault))
            fail_msg("%s: %s", formats[i].format, fault.text);
        assert_string_equal(letter.url, "http://h/x");
        assert_true(letter.judged);
        assert_string_equal(header(&letter, "Content-Type"), formats[i].type);
        assert_string_equal(header(&letter, "webhook-id"), id);
        assert_string_equal(header(&letter, "webhook-timestamp"), "1700000100");
        assert_memory_equal(header(&letter, "webhook-signature"), "v1,", 3);
        assert_memory_equal(letter.body.data, formats[i].begins, strlen(formats[i].begins));
    }
}

static void chat_is_unsigned_whatever_the_secret(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    owned(letter_destroy) letter_t letter = { 0 };
    store_subscriber_t subscriber = subscriber_with("slack", "http://chat/x");
    subscriber.fields[subscriber.count++] = (store_field_t){ "format", "cloudevents" };
    subscriber.fields[subscriber.count++] = (store_field_t){ "secret", "no secret" };
    assert_true(write_to(&letter, &subscriber, "slack", &fault));
    assert_true(letter.judged);
    assert_string_equal(header(&letter, "Content-Type"), "application/json");
    assert_null(header(&letter, "webhook-signature"));
    assert_memory_equal(letter.body.data, "{\"text\":\"*[warning] volume-spike", 32);
}

static void mistakes_are_told(void **state)
{
    (void) state;
    static const struct {
        const char *field, *value, *says;
    } mistakes[] = {
        { "format", "xml", "format is none of" },
        { "secret", "hunter2", "whsec_" },
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        fault_t fault = { 0 };
        owned(letter_destroy) letter_t letter = { 0 };
        store_subscriber_t subscriber = subscriber_with("webhook", "http://h/x");
        subscriber.fields[subscriber.count++] =
            (store_field_t){ mistakes[i].field, mistakes[i].value };
        assert_false(write_to(&letter, &subscriber, "webhook", &fault));
        assert_non_null(strstr(fault.text, mistakes[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_webhook_is_signed_and_of_the_wanted_format),
        cmocka_unit_test(chat_is_unsigned_whatever_the_secret),
        cmocka_unit_test(mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
