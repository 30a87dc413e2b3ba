/*  Users of a shared Redis: what each may do, as the lines of an ACL say it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <fnmatch.h>

#include "broker/redis_users.h"
#include "proto/owned.h"

static const char *rules_of(redis_user_t user, bool copies, int database, buffer_t *out)
{
    keys_t keys;
    const redis_setup_t setup = { .database = database, .copies = copies };
    assert_true(keys_init(&keys, "tw"));
    buffer_clear(out);
    redis_user_rules(user, &keys, &setup, out);
    keys_clear(&keys);
    assert_false(out->failed);
    return buffer_string(out);
}

static void a_role_stands_for_its_mark(void **state)
{
    (void) state;
    char text[24];
    assert_true(redis_user_expand(REDIS_PREP, "redis://tw-{role}@h:1", text, sizeof text));
    assert_string_equal(text, "redis://tw-prep@h:1");
    assert_true(redis_user_expand(REDIS_BROKER, "{role}/{role}", text, sizeof text));
    assert_string_equal(text, "broker/broker");
    assert_true(redis_user_expand(REDIS_PREP, "{rolle}", text, sizeof text));
    assert_string_equal(text, "{rolle}");
    assert_true(redis_user_expand(REDIS_PREP, "", text, 1));
    assert_true(redis_user_expand(REDIS_PREP, "{role}", text, 5));
    assert_false(redis_user_expand(REDIS_PREP, "{role}", text, 4));
    assert_false(redis_user_expand(REDIS_PREP, "abcd", text, 4));
}

static void nobody_gets_what_could_harm_others(void **state)
{
    (void) state;
    static const char *const never[] = { "@all ",    "+@",       "+eval", "+script", "+keys",
                                         "+debug",   "+flush",   "+conf", "+acl",    "+client",
                                         "+module",  "+shut",    "+save", "+sort",   "+migrate",
                                         "+restore", "+publish", "~* ",   "&* ",     "allkeys" };
    owned(buffer_destroy) buffer_t out = { 0 };
    for (int user = 0; user < REDIS_USERS; user++) {
        const char *rules = rules_of((redis_user_t) user, true, 0, &out);
        const char *rest = rules + strlen(" resetkeys resetchannels -@all");
        assert_int_equal(strncmp(rules, " resetkeys resetchannels -@all", rest - rules), 0);
        for (size_t i = 0; i < sizeof never / sizeof *never; i++)
            if (strstr(rest, never[i]))
                fail_msg("%s may %s", redis_user_role((redis_user_t) user), never[i]);
        // Functions run with the rights of who calls them: who loads them has all.
        assert_int_equal(strstr(rest, "function|load") != NULL, user == REDIS_DEPLOYER);
        // Every key is of the namespace, every selector is closed.
        for (const char *at = rest; (at = strchr(at, '~')); at++)
            assert_true(strncmp(at, "~tw:", 4) == 0);
        int open = 0;
        for (const char *at = rest; *at; at++) {
            open += (*at == '(') - (*at == ')');
            assert_in_range(open, 0, 1);
        }
        assert_int_equal(open, 0);
    }
}

static void only_people_and_the_log_write_rules(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    for (int user = 0; user < REDIS_USERS; user++) {
        const char *rules = rules_of((redis_user_t) user, true, 0, &out);
        bool writes = strstr(rules, "%W~tw:rule:*") || strstr(rules, " ~tw:rule:*") ||
                      strstr(rules, "(~tw:rule:*");
        assert_int_equal(writes, user == REDIS_OPERATOR || user == REDIS_COLLECTOR);
    }
}

static void a_collector_without_copies_sees_little(void **state)
{
    (void) state;
    static const char *const copied[] = { ":o:", ":b:", ":j:", ":alerts", ":subs", ":deliver" };
    owned(buffer_destroy) buffer_t out = { 0 };
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        assert_non_null(strstr(rules_of(REDIS_COLLECTOR, true, 0, &out), copied[i]));
        assert_null(strstr(rules_of(REDIS_COLLECTOR, false, 0, &out), copied[i]));
    }
}

static void another_database_has_to_be_selected(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t out = { 0 };
    assert_null(strstr(rules_of(REDIS_PREP, false, 0, &out), "+select"));
    assert_non_null(strstr(rules_of(REDIS_PREP, false, 3, &out), "+select"));
    assert_non_null(
        strstr(rules_of(REDIS_COLLECTOR, false, 3, &out), " &__keyspace@3__:tw:rule:* "));
}

static bool matches(keys_kind_t kind, slice_t key)
{
    char text[256], pattern[256];
    keys_t other;
    assert_true(keys_init(&other, "tw"));
    snprintf(text, sizeof text, "%.*s", (int) key.size, (const char *) key.data);
    slice_t made = keys_pattern(&other, kind, "prep");
    snprintf(pattern, sizeof pattern, "%.*s", (int) made.size, (const char *) made.data);
    keys_clear(&other);
    return fnmatch(pattern, text, 0) == 0;
}

static void patterns_are_those_of_the_keys(void **state)
{
    (void) state;
    keys_t k;
    slice_t name = slice_text("a"), member = slice_text("prep:p");
    assert_true(keys_init(&k, "tw"));
    assert_true(matches(KEYS_OF_META, keys_meta(&k, 37)));
    assert_true(matches(KEYS_OF_JOURNAL, keys_journal(&k, 37)));
    assert_true(matches(KEYS_OF_BASE, keys_base(&k, 37)));
    assert_true(matches(KEYS_OF_RESTORED, keys_restored(&k, 37)));
    assert_true(matches(KEYS_OF_RESTORED, keys_ready(&k, 3)));
    assert_true(matches(KEYS_OF_OUTBOX, keys_outbox(&k, 3)));
    assert_true(matches(KEYS_OF_NOTIFIER, keys_notifier(&k, 3)));
    assert_true(matches(KEYS_OF_ACTORS, keys_actors(&k)));
    assert_false(matches(KEYS_OF_ACTOR, keys_actors(&k)));
    assert_true(matches(KEYS_OF_ACTOR, keys_actor(&k, slice_text("broker:b"))));
    assert_true(matches(KEYS_OF_OWN_ACTOR, keys_actor(&k, member)));
    assert_false(matches(KEYS_OF_OWN_ACTOR, keys_actor(&k, slice_text("broker:prep:b"))));
    assert_true(matches(KEYS_OF_FAILING, keys_failing(&k, "c")));
    assert_true(matches(KEYS_OF_PLAN, keys_plan(&k, "00")));
    assert_true(matches(KEYS_OF_LOGS, keys_logs(&k)));
    assert_true(matches(KEYS_OF_SECRETS, keys_secrets(&k)));
    assert_true(matches(KEYS_OF_RULE, keys_rule(&k, "r")));
    assert_true(matches(KEYS_OF_STATUS, keys_status(&k, "")));
    assert_true(matches(KEYS_OF_LATEST, keys_latest(&k, name)));
    assert_true(matches(KEYS_OF_QUARANTINE, keys_quarantine(&k, name)));
    assert_true(matches(KEYS_OF_QUARANTINE, keys_quarantine_log(&k, name)));
    assert_true(matches(KEYS_OF_QUARANTINE, keys_quarantine_seen(&k, name, name)));
    assert_true(matches(KEYS_OF_QUARANTINE, keys_quarantine_sources(&k)));
    assert_true(matches(KEYS_OF_ALERTS, keys_alerts(&k)));
    assert_true(matches(KEYS_OF_SEEN, keys_alerts_seen(&k)));
    assert_true(matches(KEYS_OF_SUBS, keys_subscriptions(&k, name, name)));
    assert_false(matches(KEYS_OF_SUBS, keys_subscriber(&k, name)));
    assert_true(matches(KEYS_OF_SUBSCRIBER, keys_subscriber(&k, name)));
    assert_true(matches(KEYS_OF_DELIVERY, keys_delivery(&k, name)));
    assert_true(matches(KEYS_OF_DELIVERIES, keys_delivery_due(&k)));
    assert_true(matches(KEYS_OF_DELIVERIES, keys_delivery_body(&k, name)));
    assert_true(matches(KEYS_OF_HELD, keys_held(&k)));
    assert_true(matches(KEYS_OF_HELD, keys_held_mark(&k)));
    assert_true(matches(KEYS_OF_ALL, keys_meta(&k, 0)));
    keys_clear(&k);
    assert_true(keys_init(&k, "tw2"));
    for (int kind = 0; kind < KEYS_KINDS; kind++)
        assert_false(matches((keys_kind_t) kind, keys_meta(&k, 0)));
    keys_clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_stands_for_its_mark),
        cmocka_unit_test(nobody_gets_what_could_harm_others),
        cmocka_unit_test(only_people_and_the_log_write_rules),
        cmocka_unit_test(a_collector_without_copies_sees_little),
        cmocka_unit_test(another_database_has_to_be_selected),
        cmocka_unit_test(patterns_are_those_of_the_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
