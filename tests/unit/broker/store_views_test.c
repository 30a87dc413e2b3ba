/*  store_views_test -- latest values and incidents as they are listed, against a real Redis. */
#include "broker/store_views.h"
#include "tests/unit/broker/store_fixture.h"

typedef struct {
    size_t count;
    char text[512];
} seen_t;

static void see(void *context, const store_rule_t *item)
{
    seen_t *seen = context;
    size_t used = strlen(seen->text);
    used += (size_t) snprintf(seen->text + used, sizeof seen->text - used, "[%s", item->name);
    for (size_t i = 0; i < item->count; i++)
        used += (size_t) snprintf(seen->text + used, sizeof seen->text - used, " %s=%s",
                                  item->fields[i].name, item->fields[i].value);
    snprintf(seen->text + used, sizeof seen->text - used, "]");
    seen->count++;
}

static void each_series_is_listed_with_its_values(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    seen_t seen = { 0 };
    expect(store, store_latest(store, see, &seen), STORE_OK);
    assert_int_equal(seen.count, 0);
    redis("HSET tw:latest:t:b:x ts 7 price 1.5 > /dev/null");
    redis("HSET tw:latest:t:a ts 6 > /dev/null");
    redis("HSET tw2:latest:t:c ts 6 > /dev/null"); // of another namespace
    expect(store, store_latest(store, see, &seen), STORE_OK);
    assert_string_equal(seen.text, "[t:a ts=6][t:b:x ts=7 price=1.5]");
}

static void each_incident_is_listed_under_rule_and_series(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    seen_t seen = { 0 };
    redis("HSET tw:incident:spike:t:a state firing > /dev/null");
    redis("SET tw:incident:odd:t:a text > /dev/null"); // not a hash: without fields
    expect(store, store_incidents(store, see, &seen), STORE_OK);
    assert_string_equal(seen.text, "[odd:t:a][spike:t:a state=firing]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_series_is_listed_with_its_values, flush),
        cmocka_unit_test_setup(each_incident_is_listed_under_rule_and_series, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
