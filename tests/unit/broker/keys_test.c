/*  The text of every key: a contract with people and with data that is already there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "broker/keys.h"

static void is(keys_t *keys, slice_t key, const char *text)
{
    assert_false(keys->text.failed);
    if (!slice_is(key, text))
        fail_msg("%.*s is not %s", (int) key.size, key.data, text);
}

static void keys_read_as_documented(void **state)
{
    (void) state;
    keys_t k;
    assert_true(keys_init(&k, "tw"));
    slice_t rule = slice_text("spike"), series = slice_text("candle:kraken:XBT%2FUSD");
    is(&k, keys_meta(&k, 37), "tw:m:{5}:37");
    is(&k, keys_journal(&k, 255), "tw:j:{15}:255");
    is(&k, keys_base(&k, 0), "tw:b:{0}:0");
    is(&k, keys_offset_field(&k, slice_text("c1")), "off:c1");
    is(&k, keys_outbox(&k, 15), "tw:o:{15}");
    is(&k, keys_notifier(&k, 0), "tw:n:{0}");
    is(&k, keys_actors(&k), "tw:{actors}");
    is(&k, keys_actor(&k, slice_text("prep:p1")), "tw:{actors}:prep:p1");
    is(&k, keys_failing(&k, "c1"), "tw:{failing}:c1");
    is(&k, keys_plan(&k, "00ff"), "tw:{plan}:00ff");
    is(&k, keys_rule(&k, "spike"), "tw:rule:spike");
    is(&k, keys_rule_pattern(&k), "tw:rule:*");
    is(&k, keys_rule_events(&k, 3), "__keyspace@3__:tw:rule:*");
    is(&k, keys_status(&k, "spike"), "tw:status:spike");
    is(&k, keys_latest(&k, series), "tw:latest:candle:kraken:XBT%2FUSD");
    is(&k, keys_quarantine(&k, slice_text("f")), "tw:{quarantine}:count:f");
    is(&k, keys_floor_field(&k, slice_text("c1")), "floor:c1");
    is(&k, keys_quarantine_log(&k, slice_text("f")), "tw:{quarantine}:log:f");
    is(&k, keys_quarantine_seen(&k, slice_text("f"), slice_text("c1")),
       "tw:{quarantine}:seen:f/c1");
    is(&k, keys_quarantine_sources(&k), "tw:{quarantine}");
    is(&k, keys_alerts(&k), "tw:alerts");
    is(&k, keys_logs(&k), "tw:{logs}");
    is(&k, keys_secrets(&k), "tw:{secrets}");
    is(&k, keys_alerts_seen(&k), "tw:seen:{tw:alerts}");
    is(&k, keys_subscriptions(&k, rule, slice_of(NULL, 0)), "tw:subs:spike");
    is(&k, keys_subscriptions(&k, rule, series), "tw:subs:spike:candle:kraken:XBT%2FUSD");
    is(&k, keys_subscriber(&k, slice_text("alice")), "tw:subscriber:alice");
    is(&k, keys_delivery(&k, slice_text("0a")), "tw:delivery:0a");
    is(&k, keys_delivery_body(&k, slice_text("0a")), "tw:{deliveries}:body:0a");
    is(&k, keys_delivery_due(&k), "tw:{deliveries}");
    is(&k, keys_delivery_asleep(&k, slice_text("al/chat")), "tw:{deliveries}:asleep:al/chat");
    keys_clear(&k);
}

static void names_are_found_again_in_keys(void **state)
{
    (void) state;
    keys_t k;
    slice_t name = { 0 };
    assert_true(keys_init(&k, "tw"));
    assert_true(keys_rule_name(&k, slice_text("tw:rule:a.b-c"), &name));
    assert_true(slice_is(name, "a.b-c"));
    static const char *const others[] = { "tw:rule:", "tw:rule", "", "tx:rule:a", "xtw:rule:a" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(keys_rule_name(&k, slice_text(others[i]), &name));
    assert_true(keys_offset_stream(slice_text("off:a:b"), &name));
    assert_true(slice_is(name, "a:b"));
    assert_false(keys_offset_stream(slice_text("off:"), &name));
    assert_false(keys_offset_stream(slice_text("sent:a"), &name));
    assert_true(keys_sent_stream(slice_text("sent:a:b"), &name));
    assert_true(slice_is(name, "a:b"));
    assert_false(keys_sent_stream(slice_text("off:a"), &name));
    assert_false(keys_offset_stream(slice_text("offset"), &name));
    // Bytes are bytes: names that differ after a NUL are different keys.
    assert_int_equal(keys_subscriber(&k, slice_of("a\0b", 3)).size, strlen("tw:subscriber:") + 3);
    keys_clear(&k);
}

static void namespaces_are_checked(void **state)
{
    (void) state;
    keys_t k;
    assert_true(keys_init(&k, "a"));
    assert_true(keys_init(&k, "z_9abcdefghijklmnopqrstuvwxyz_09"));
    static const char *const bad[] = {
        "", "9a", "_a", "A", "aB", "a-b", "a*b", "a\nb", "a}b", "z_9abcdefghijklmnopqrstuvwxyz_090"
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (keys_init(&k, bad[i]))
            fail_msg("'%s' was taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_read_as_documented),
        cmocka_unit_test(names_are_found_again_in_keys),
        cmocka_unit_test(namespaces_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
