/*  subscription_test -- how a subscriber's hash is understood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "actors/notifier/subscription.h"
#include "proto/buffer.h"
#include "proto/owned.h"

static settings_t settings; // without means of the operator's, but in their own test
static means_t *means;

static int set_means(void **state)
{
    (void) state;
    means_destroy(&means);
    settings = (settings_t){ .path = "" };
    means = means_new(&settings, NULL);
    return means ? 0 : 1;
}

static int drop_means(void **state)
{
    (void) state;
    means_destroy(&means);
    return 0;
}

// "name=value" of each field, up to a NULL.
static void write_down(store_subscriber_t *subscriber, const char *const *fields)
{
    *subscriber = (store_subscriber_t){ .name = "alice" };
    for (; fields[0]; fields += 2)
        subscriber->fields[subscriber->count++] = (store_field_t){ fields[0], fields[1] };
}

static void put_recipient(void *context, const char *recipient, const char *refusal)
{
    buffer_printf(context, "%s:%s\n", recipient, refusal);
}

static void expect_recipients(const char *const *fields, const char *expected)
{
    store_subscriber_t subscriber;
    owned(buffer_destroy) buffer_t text = { 0 };
    write_down(&subscriber, fields);
    subscription_recipients(&subscriber, means, put_recipient, &text);
    assert_string_equal(buffer_string(&text), expected);
}

static void every_channel_is_a_recipient(void **state)
{
    (void) state;
    const char *const both[] = { "slack",     "http://c/", "secret", "x", "webhook",
                                 "http://a/", "format",    "json",   NULL };
    expect_recipients(both, "alice/slack:\nalice:\n");
    const char *const empty[] = { "slack", "", "webhook", "http://a/", NULL };
    expect_recipients(empty, "alice:\n");
}

static void why_somebody_cannot_be_told(void **state)
{
    (void) state;
    const char *const nobody[] = { NULL };
    expect_recipients(nobody, "alice:there is no such subscriber\n");
    const char *const nothing[] = { "secret", "x", "webhook", "", NULL };
    expect_recipients(nothing, "alice:the subscriber has no channel of this configuration\n");
    const char *const others[] = { "email", "a@h.org", "sms", "+1", "command",
                                   "page",  "ntfy",    "x",   NULL };
    expect_recipients(others, "alice/email:the configuration has no `smtp`\n"
                              "alice/sms:the configuration has no gateway of that name\n"
                              "alice/command:the configuration has no command of that name\n");
}

// What is refused for lack of means is not off: the operator may mend that.
static void the_operators_means_make_channels(void **state)
{
    (void) state;
    gateway_settings_t gateways[] = {
        { .name = "ntfy", .url = { "https://ntfy.example/{{address}}", 1, 1 }, .method = "POST" },
    };
    command_settings_t commands[] = { { "page", "/bin/true", 1000000 } };
    settings.gateways = gateways;
    settings.gateway_count = 1;
    settings.commands = commands;
    settings.command_count = 1;
    settings.smtp.line = 1;
    settings.smtp.from.text = "tidewire@example.org";
    means_destroy(&means);
    means = means_new(&settings, NULL);
    assert_non_null(means);
    const char *const all[] = { "email", "a@h.org", "sms", "+1", "command",
                                "page",  "ntfy",    "x",   NULL };
    expect_recipients(all, "alice/email:\nalice/sms:the configuration has no gateway of that name\n"
                           "alice/command:\nalice/ntfy:\n");
    store_subscriber_t subscriber;
    channel_t channel;
    write_down(&subscriber, all);
    assert_true(subscription_channel(&subscriber, means, "sms", &channel));
    assert_false(channel.off);
    assert_true(subscription_channel(&subscriber, means, "command", &channel));
    assert_ptr_equal(channel.command, commands);
    assert_true(subscription_channel(&subscriber, means, "ntfy", &channel));
    assert_string_equal(channel.gateway->settings->name, "ntfy");
    subscriber.fields[2].value = "other"; // command
    assert_true(subscription_channel(&subscriber, means, "command", &channel));
    assert_false(channel.off);
    assert_string_not_equal(channel.refusal, "");
}

static void an_address_that_is_gone_is_off_alone(void **state)
{
    (void) state;
    const char *const fields[] = { "webhook",   "http://a/",  "slack",       "http://c/", "gone",
                                   "http://a/", "gone.slack", "http://old/", NULL };
    store_subscriber_t subscriber;
    channel_t channel;
    write_down(&subscriber, fields);
    assert_true(subscription_channel(&subscriber, means, "webhook", &channel));
    assert_int_equal(channel.kind, CHANNEL_WEBHOOK);
    assert_non_null(strstr(channel.refusal, "410"));
    assert_true(subscription_channel(&subscriber, means, "slack", &channel));
    assert_int_equal(channel.kind, CHANNEL_CHAT);
    assert_string_equal(channel.refusal, "");
    assert_string_equal(channel.address, "http://c/");
    subscriber.fields[3].value = "http://c/";
    assert_true(subscription_channel(&subscriber, means, "slack", &channel));
    assert_non_null(strstr(channel.refusal, "gone.<channel>"));

    subscriber.count = 0;
    assert_true(subscription_channel(&subscriber, means, "slack", &channel));
    assert_null(channel.address);
    assert_string_not_equal(channel.refusal, "");
    assert_false(subscription_channel(&subscriber, means, "secret", &channel));
    assert_false(subscription_channel(&subscriber, means, "gone", &channel));
}

static void recipients_are_split(void **state)
{
    (void) state;
    char name[BULLETIN_NAME_MAX + 1], field[GONE_FIELD_MAX];
    const char *channel;
    assert_true(subscription_split("al.ice", name, &channel));
    assert_string_equal(name, "al.ice");
    assert_string_equal(channel, "webhook");
    subscription_gone(channel, field);
    assert_string_equal(field, "gone");
    assert_true(subscription_split("bob/slack", name, &channel));
    assert_string_equal(name, "bob");
    assert_string_equal(channel, "slack");
    subscription_gone(channel, field);
    assert_string_equal(field, "gone.slack");
    assert_false(subscription_split("", name, &channel));
    assert_false(subscription_split("/slack", name, &channel));
    char longest[300];
    memset(longest, 'a', sizeof longest);
    longest[BULLETIN_NAME_MAX] = '\0';
    assert_true(subscription_split(longest, name, &channel));
    longest[BULLETIN_NAME_MAX] = 'a';
    longest[BULLETIN_NAME_MAX + 1] = '\0';
    assert_false(subscription_split(longest, name, &channel));
}

static void rates_are_read(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        bool good;
        uint32_t count;
    } cases[] = {
        { "", true, 0 },           { "10/1m", true, 10 },   { "1/s", true, 1 },
        { "1000/1d", true, 1000 }, { "1001/1d", false, 0 }, { "10", false, 0 },
        { "0/1m", false, 0 },      { "10/2d", false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const fields[] = { "rate", cases[i].text, NULL };
        store_subscriber_t subscriber;
        budget_t rate;
        fault_t fault;
        write_down(&subscriber, fields);
        if (subscription_rate(&subscriber, &rate, &fault) != cases[i].good)
            fail_msg("%s", cases[i].text);
        if (cases[i].good)
            assert_int_equal(rate.count, cases[i].count);
    }
}

static void ids_have_no_dots_and_do_not_collide(void **state)
{
    (void) state;
    char id[SUBSCRIPTION_ID_MAX];
    assert_true(subscription_id("0123456789abcdef0123456789abcdef", "al.ice", id));
    assert_string_equal(id, "0123456789abcdef0123456789abcdef-al%2Eice");
    assert_true(subscription_id("00", "a-b_c", id));
    assert_string_equal(id, "00-a-b_c");
    assert_true(subscription_id("00", "a.b/slack", id));
    assert_string_equal(id, "00-a%2Eb~slack");

    char dots[RECIPIENT_MAX + 1];
    memset(dots, '.', RECIPIENT_MAX);
    dots[RECIPIENT_MAX] = '\0';
    assert_true(subscription_id("0123456789abcdef0123456789abcdef", dots, id));
    assert_int_equal(strlen(id), 33 + 3 * RECIPIENT_MAX);
    assert_null(strchr(id, '.'));
}

static void too_long_ids_are_refused(void **state)
{
    (void) state;
    char id[SUBSCRIPTION_ID_MAX], name[2 * SUBSCRIPTION_ID_MAX];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_false(subscription_id("00", name, id));
    assert_false(subscription_id(name, "x", id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_channel_is_a_recipient),
        cmocka_unit_test(why_somebody_cannot_be_told),
        cmocka_unit_test_teardown(the_operators_means_make_channels, set_means),
        cmocka_unit_test(an_address_that_is_gone_is_off_alone),
        cmocka_unit_test(rates_are_read),
        cmocka_unit_test(recipients_are_split),
        cmocka_unit_test(ids_have_no_dots_and_do_not_collide),
        cmocka_unit_test(too_long_ids_are_refused),
    };
    return cmocka_run_group_tests(tests, set_means, drop_means);
}
