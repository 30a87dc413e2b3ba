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

// ---- the documents say what the rights are ------------------------------------------------------

enum { CELLS_MAX = 8, ROW_BYTES = 8192, KEY_BYTES = 256, KEYS_LEAST = 40 };

// The cells of "| a | b |", each with a blank before it. False: no row of a table.
static bool split_row(char *line, char *cells[CELLS_MAX], size_t *count)
{
    *count = 0;
    if (line[0] != '|')
        return false;
    for (char *at = line + 1, *end; (end = strstr(at, " |")); at = end + 2) {
        *end = '\0';
        assert_true(*count < CELLS_MAX);
        cells[(*count)++] = at;
    }
    return *count > 0;
}

// "`tw:subs:<rule>:<series>`" becomes "tw:subs:x:x", and <role> the role.
static bool make_key(const char *cell, const char *role, char key[KEY_BYTES])
{
    size_t used = 0;
    if (strncmp(cell, " `tw:", 5) != 0)
        return false;
    for (const char *at = cell + 2; *at != '`'; at++) {
        bool placed = *at == '<';
        const char *put = placed ? strncmp(at, "<role>", 6) == 0 ? role : "x" : at;
        size_t size = placed ? strlen(put) : 1;
        assert_true(*at && used + size < KEY_BYTES);
        memcpy(key + used, put, size);
        used += size;
        at = placed ? strchr(at, '>') : at;
        assert_non_null(at);
    }
    key[used] = '\0';
    return true;
}

// Has a selector "(... ~<pattern> ... +...)" whose pattern is of this key, to write it?
static bool may_write(redis_user_t user, const char *key)
{
    owned(buffer_destroy) buffer_t out = { 0 };
    for (const char *at = rules_of(user, true, 0, &out); (at = strchr(at, '~')); at++) {
        char pattern[KEY_BYTES];
        snprintf(pattern, sizeof pattern, "%.*s", (int) strcspn(at + 1, " )"), at + 1);
        if (at[-1] != 'R' && fnmatch(pattern, key, 0) == 0)
            return true;
    }
    return false;
}

static bool is_named(redis_user_t user, const char *who)
{
    if (strstr(who, "every actor") || strstr(who, "that actor"))
        return user <= REDIS_BROKER;
    return strstr(who, redis_user_role(user)) != NULL;
}

static void assert_written_by(const char *cell, const char *who)
{
    bool somebody = false;
    for (int user = 0; user < REDIS_USERS; user++) {
        const char *role = redis_user_role((redis_user_t) user);
        char key[KEY_BYTES];
        if (!is_named((redis_user_t) user, who) || !make_key(cell, role, key))
            continue;
        somebody = true;
        if (!may_write((redis_user_t) user, key))
            fail_msg("%s may not write %s", role, key);
    }
    if (!somebody)
        fail_msg("%s is written by nobody: '%s'", cell, who);
}

// The table of what people write has no column of who writes.
static void every_key_may_be_written_by_whom_the_document_names(void **state)
{
    (void) state;
    FILE *file = fopen("docs/redis.md", "r");
    assert_non_null(file);
    static char line[ROW_BYTES];
    unsigned keys = 0;
    size_t count, column = 0;
    while (fgets(line, sizeof line, file)) {
        char *cells[CELLS_MAX], key[KEY_BYTES];
        if (!split_row(line, cells, &count))
            continue;
        if (strcmp(cells[0], " key") == 0)
            for (column = 0; column < count && strcmp(cells[column], " who writes") != 0;)
                column++;
        if (!make_key(cells[0], "", key))
            continue;
        assert_written_by(cells[0], column < count ? cells[column] : "operator");
        keys++;
    }
    fclose(file);
    assert_in_range(keys, KEYS_LEAST, 1000);
}

static void the_document_names_all_that_people_may_write(void **state)
{
    (void) state;
    static const struct {
        const char *key, *word;
    } written[] = {
        { "tw:rule:x", "rules" },
        { "tw:subscriber:x", "subscribers" },
        { "tw:subs:x", "subscriptions" },
        { "tw:silence:x", "silences" },
        { "tw:{degraded}:x", "illness" },
        { "tw:{deliveries}", "dead letters" },
        { "tw:delivery:x", "dead letters" },
    };
    static char line[ROW_BYTES];
    bool found = false;
    FILE *file = fopen("docs/security.md", "r");
    assert_non_null(file);
    while (!found && fgets(line, sizeof line, file))
        found = strncmp(line, "| `operator` | people", 21) == 0;
    fclose(file);
    assert_true(found);
    owned(buffer_destroy) buffer_t out = { 0 };
    for (const char *at = rules_of(REDIS_OPERATOR, true, 0, &out); (at = strchr(at, '~')); at++) {
        char pattern[KEY_BYTES];
        const char *word = NULL;
        snprintf(pattern, sizeof pattern, "%.*s", (int) strcspn(at + 1, " )"), at + 1);
        for (size_t i = 0; i < sizeof written / sizeof *written; i++)
            if (fnmatch(pattern, written[i].key, 0) == 0)
                word = written[i].word;
        if (at[-1] != 'R' && (!word || !strstr(line, word)))
            fail_msg("people may write %s, and the document does not say %s", pattern,
                     word ? word : "so");
    }
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
        cmocka_unit_test(every_key_may_be_written_by_whom_the_document_names),
        cmocka_unit_test(the_document_names_all_that_people_may_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
