/*  refusals: what Redis did not take is not told, whatever its answer was. */
#include "actors/prep/refusals.h"

#include "tests/unit/broker/store_fixture.h"

static void add_one(refusals_t *refusals, store_t *store)
{
    const quarantine_t bad = { .row = 3, .reason = "bad" };
    refusals_add(refusals, store, slice_text("feed"), slice_text("s"), 7, &bad);
}

static void what_redis_refuses_is_not_told(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owned(refusals_destroy) refusals_t *refusals = refusals_new();
    redis("SET 'tw:{quarantine}:count:feed' oops"); // somebody's own
    add_one(refusals, store);
    assert_false(refusals_flush(refusals, store));
    redis("DEL 'tw:{quarantine}:count:feed'");
    assert_true(refusals_flush(refusals, store)); // the message comes again, and with it the row:
    add_one(refusals, store);
    assert_true(refusals_flush(refusals, store));
    assert_string_equal(redis("HGET 'tw:{quarantine}:count:feed' total"), "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_redis_refuses_is_not_told, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
