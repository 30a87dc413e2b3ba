/*  store_witness_test -- what it costs to find out whether others wait for the body of a delivery.
 *  Counted by a real redis-server.
 */
#include "tests/unit/broker/store_fixture.h"

#include "broker/store_delivery.h"

// Whoever is told looks whether others wait for the body, and not at each of them.
static void very_many_are_told_in_few_looks(void **state)
{
    (void) state;
    enum { MANY = 300, LOOKS_MOST = 20 };
    owned(store_destroy) store_t *store = open_store("tw");
    static char names[MANY][16];
    static store_told_t told[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "s%d", i);
        told[i] = (store_told_t){ names[i], "" };
    }
    for (int turn = 0; turn < 2; turn++) {
        const char *id = turn ? "02" : "01";
        expect(store, store_delivery_plan(store, slice_text(id), slice_text("B"), told, MANY),
               STORE_OK);
        redis("CONFIG RESETSTAT");
        for (int i = 0; i < MANY; i++) {
            if (i % 100 == 99)
                assert_string_equal(redis("EXISTS 'tw:{deliveries}:body:%s'", id), "1");
            expect(store, store_delivery_done(store, id, names[turn ? MANY - 1 - i : i]), STORE_OK);
        }
        int looks = atoi(redis("INFO commandstats | sed -n 's/cmdstat_hgetall:calls=//p'"));
        assert_in_range(looks, 1, LOOKS_MOST);
        assert_string_equal(redis("EXISTS 'tw:{deliveries}:body:%s'", id), "0");
        assert_string_equal(redis("--raw KEYS '*witness*'"), "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(very_many_are_told_in_few_looks, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
