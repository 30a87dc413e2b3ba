/*  letter_test -- what goes out to one recipient, by each kind of channel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/notifier/letter.h"
#include "proto/owned.h"
#include "tests/unit/notifier/noticed.h"

static const char id[] = "00-alice";
enum { NOW_S = 1700000100 };

static char secret_file[] = "/tmp/tw-letter-XXXXXX";
static setting_pair_t headers[] = {
    { .name = "X-Rule", .value = "rule {{rule}}", .line = 1, .column = 1 },
    { .name = "Authorization", .value = secret_file, .secret = true },
};
static gateway_settings_t gateways[] = {
    { .name = "sms",
      .url = { "https://sms.example/send?to={{address}}&id={{delivery}}", 1, 1 },
      .method = "POST",
      .type = "application/x-www-form-urlencoded",
      .body = { "text={{title}}&from={{subscriber}}", 1, 1 },
      .headers = { 2, headers } },
    { .name = "ntfy", .url = { "https://ntfy.example/{{address}}", 1, 1 }, .method = "GET" },
    { .name = "post",
      .url = { "https://post.example/{{subscriber}}/x?a={{address}}", 1, 1 },
      .method = "GET" },
};
static command_settings_t commands[] = { { "page", "/opt/page", 5000000 } };
static settings_t settings = {
    .gateway_count = 3,
    .gateways = gateways,
    .command_count = 1,
    .commands = commands,
    .smtp = { .line = 1,
              .url = { "smtps://mail.example:465", 1, 1 },
              .from = { "tidewire@example.org", 1, 1 } },
};

static means_t *means;

static int make_secret(void **state)
{
    (void) state;
    static const char secret[] = "Bearer {{x\nno more\n";
    int file = mkstemp(secret_file);
    bool written = file >= 0 && write(file, secret, sizeof secret - 1) == sizeof secret - 1;
    if (file >= 0)
        close(file);
    return written ? 0 : 1;
}

static int drop_means(void **state)
{
    (void) state;
    means_destroy(&means);
    return unlink(secret_file);
}

static bool write_to(letter_t *letter, const store_subscriber_t *subscriber, const char *name,
                     fault_t *fault)
{
    owned(buffer_destroy) buffer_t body = { 0 };
    noticed_alert(&body, "alert");
    notice_t notice;
    channel_t channel;
    means_destroy(&means); // of the letter before
    means = means_new(&settings, NULL);
    assert_non_null(means);
    assert_true(notice_read(&notice, buffer_slice(&body)));
    assert_true(subscription_channel(subscriber, means, name, &channel));
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

static void a_gateway_gets_what_its_templates_say(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    owned(letter_destroy) letter_t letter = { 0 };
    store_subscriber_t subscriber = subscriber_with("sms", "+49 1&to=x");
    assert_true(write_to(&letter, &subscriber, "sms", &fault));
    assert_string_equal(letter.url, "https://sms.example/send?to=%2B49%201%26to%3Dx&id=00-alice");
    assert_string_equal(letter.method, "POST");
    assert_false(letter.judged);
    assert_string_equal(header(&letter, "Content-Type"), "application/x-www-form-urlencoded");
    assert_string_equal(header(&letter, "X-Rule"), "rule volume-spike");
    assert_string_equal(header(&letter, "Authorization"), "Bearer {{x");
    assert_null(header(&letter, "webhook-id"));
    assert_string_equal(buffer_string(&letter.body),
                        "text=%5Bwarning%5D%20volume-spike%20on%20candle%3Akraken%3AXBT%252FUSD"
                        "&from=alice");
}

static void an_address_cannot_leave_its_place_in_a_path(void **state)
{
    (void) state;
    static const struct {
        const char *address, *url; // NULL: refused
    } cases[] = {
        { "topic", "https://ntfy.example/topic" },
        { "../admin", "https://ntfy.example/..%2Fadmin" },
        { "a?b#c@d", "https://ntfy.example/a%3Fb%23c%40d" },
        { "..", NULL },
        { ".", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fault_t fault = { 0 };
        owned(letter_destroy) letter_t letter = { 0 };
        store_subscriber_t subscriber = subscriber_with("ntfy", cases[i].address);
        assert_int_equal(write_to(&letter, &subscriber, "ntfy", &fault), cases[i].url != NULL);
        if (cases[i].url)
            assert_string_equal(letter.url, cases[i].url);
    }
}

// Nor can any other value, where it is a part of the path.
static void no_value_leads_elsewhere(void **state)
{
    (void) state;
    static const struct {
        const char *subscriber, *address, *url; // NULL: refused
    } cases[] = {
        { "alice", "..", "https://post.example/alice/x?a=.." },
        { "...", "/../", "https://post.example/.../x?a=%2F..%2F" },
        { ".a", "1", "https://post.example/.a/x?a=1" },
        { "..", "1", NULL },
        { ".", "1", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fault_t fault = { 0 };
        owned(letter_destroy) letter_t letter = { 0 };
        store_subscriber_t subscriber = subscriber_with("post", cases[i].address);
        subscriber.name = cases[i].subscriber;
        assert_int_equal(write_to(&letter, &subscriber, "post", &fault), cases[i].url != NULL);
        if (cases[i].url)
            assert_string_equal(letter.url, cases[i].url);
        else
            assert_non_null(strstr(fault.text, "part of the path"));
    }
}

static void mail_goes_to_good_mailboxes_alone(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    owned(letter_destroy) letter_t letter = { 0 };
    store_subscriber_t subscriber = subscriber_with("email", "a@example.org");
    assert_true(write_to(&letter, &subscriber, "email", &fault));
    assert_int_equal(letter.kind, LETTER_MAIL);
    assert_string_equal(letter.url, "smtps://mail.example:465");
    assert_string_equal(letter.to, "a@example.org");
    assert_null(letter.mail->password);
    assert_non_null(strstr(buffer_string(&letter.body), "\r\nMessage-ID: <00-alice@example.org>"));
    subscriber.fields[0].value = "a@example.org>\r\nRCPT TO:<b@example.org";
    owned(letter_destroy) letter_t other = { 0 };
    assert_false(write_to(&other, &subscriber, "email", &fault));
    assert_non_null(strstr(fault.text, "local@domain"));
}

static void a_command_gets_the_alert_as_json(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    owned(letter_destroy) letter_t letter = { 0 };
    store_subscriber_t subscriber = subscriber_with("command", "page");
    assert_true(write_to(&letter, &subscriber, "command", &fault));
    assert_int_equal(letter.kind, LETTER_COMMAND);
    assert_string_equal(letter.command->run, "/opt/page");
    assert_string_equal(letter.subscriber, "alice");
    assert_memory_equal(letter.body.data, "{\"v\":", 5);
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
        cmocka_unit_test(a_gateway_gets_what_its_templates_say),
        cmocka_unit_test(an_address_cannot_leave_its_place_in_a_path),
        cmocka_unit_test(no_value_leads_elsewhere),
        cmocka_unit_test(mail_goes_to_good_mailboxes_alone),
        cmocka_unit_test(a_command_gets_the_alert_as_json),
        cmocka_unit_test(mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, make_secret, drop_means);
}
