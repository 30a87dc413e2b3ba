/*  subscription_test -- how a subscriber's hash is understood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/notifier/subscription.h"

static void webhook_is_off_only_for_the_address_that_is_gone(void **state)
{
    (void) state;
    store_subscriber_t subscriber = { .name = "alice" };
    assert_null(subscription_webhook(&subscriber));

    subscriber.count = 1;
    subscriber.fields[0] = (store_field_t){ "webhook", "" };
    assert_null(subscription_webhook(&subscriber));
    subscriber.fields[0].value = "http://a/";
    assert_string_equal(subscription_webhook(&subscriber), "http://a/");

    subscriber.count = 2;
    subscriber.fields[1] = (store_field_t){ "gone", "http://a/" };
    assert_null(subscription_webhook(&subscriber));
    subscriber.fields[0].value = "http://b/";
    assert_string_equal(subscription_webhook(&subscriber), "http://b/");
    assert_null(subscription_field(&subscriber, "secret"));
}

static void why_somebody_cannot_be_told(void **state)
{
    (void) state;
    store_subscriber_t subscriber = { .name = "alice" };
    assert_string_equal(subscription_refusal(&subscriber), "there is no such subscriber");
    subscriber.count = 1;
    subscriber.fields[0] = (store_field_t){ "email", "a@example.org" };
    assert_non_null(strstr(subscription_refusal(&subscriber), "not in this version"));
    subscriber.fields[0] = (store_field_t){ "secret", "x" };
    assert_string_equal(subscription_refusal(&subscriber), "the subscriber has no webhook");
    subscriber.fields[0] = (store_field_t){ "webhook", "http://a/" };
    assert_string_equal(subscription_refusal(&subscriber), "");
    subscriber.fields[subscriber.count++] = (store_field_t){ "gone", "http://a/" };
    assert_non_null(strstr(subscription_refusal(&subscriber), "410"));
}

static void ids_have_no_dots_and_do_not_collide(void **state)
{
    (void) state;
    char id[SUBSCRIPTION_ID_MAX];
    assert_true(subscription_id("0123456789abcdef0123456789abcdef", "al.ice", id));
    assert_string_equal(id, "0123456789abcdef0123456789abcdef-al%2Eice");
    assert_true(subscription_id("00", "a-b_c", id));
    assert_string_equal(id, "00-a-b_c");

    char dots[129];
    memset(dots, '.', 128);
    dots[128] = '\0';
    assert_true(subscription_id("0123456789abcdef0123456789abcdef", dots, id));
    assert_int_equal(strlen(id), 33 + 3 * 128);
    assert_null(strchr(id, '.'));
}

static void too_long_ids_are_refused(void **state)
{
    (void) state;
    char id[SUBSCRIPTION_ID_MAX], name[500];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_false(subscription_id("00", name, id));
    assert_false(subscription_id(name, "x", id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(webhook_is_off_only_for_the_address_that_is_gone),
        cmocka_unit_test(why_somebody_cannot_be_told),
        cmocka_unit_test(ids_have_no_dots_and_do_not_collide),
        cmocka_unit_test(too_long_ids_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
