/*  store_secrets_test -- what the messages of each stream are sealed with. */
#include "tests/unit/broker/store_fixture.h"

// Whoever comes first makes the secret of a stream.
static void a_stream_has_one_secret(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    slice_t main = slice_text("main");
    seal_secret_t first = { "first\0after a zero" }, second = { "second" };
    expect(store, store_secret_agree(store, main, &first), STORE_OK);
    expect(store, store_secret_agree(store, main, &second), STORE_OK);
    assert_memory_equal(&second, &first, sizeof first);
    assert_memory_equal(second.bytes, "first\0after a zero", 18);
    store_secret_t items[] = { { .stream = slice_text("side") }, { .stream = main } };
    expect(store, store_secrets(store, items, 2), STORE_OK);
    assert_false(items[0].known);
    assert_true(items[1].known);
    assert_memory_equal(&items[1].secret, &first, sizeof first);
    redis("HSET 'tw:{secrets}' main short");
    expect(store, store_secret_agree(store, main, &second), STORE_REFUSED);
    expect(store, store_secrets(store, items, 2), STORE_OK);
    assert_false(items[1].known);
}

// One that is full says which secret there is. What it has no room for is no secret.
static void a_full_redis_has_the_secrets_that_it_had(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    const seal_secret_t ours = { "ours" }, new = { "new" };
    seal_secret_t known = ours, proposed = new, again = new, other = new;
    expect(store, store_secret_agree(store, slice_text("main"), &known), STORE_OK);
    redis("CONFIG SET maxmemory 1");
    store_status_t status = store_secret_agree(store, slice_text("main"), &proposed);
    store_status_t refused = store_secret_agree(store, slice_text("side"), &other);
    redis("CONFIG SET maxmemory 0");
    assert_int_equal(status, STORE_OK);
    assert_memory_equal(&proposed, &ours, sizeof ours);
    assert_int_equal(refused, STORE_FULL);
    assert_memory_equal(&other, &new, sizeof new);
    assert_string_equal(redis("HLEN 'tw:{secrets}'"), "1");
    expect(store, store_secret_agree(store, slice_text("side"), &again), STORE_OK);
    assert_string_equal(redis("HLEN 'tw:{secrets}'"), "2");
    redis("SET 'tw:{secrets}' text");
    expect(store, store_secret_agree(store, slice_text("main"), &other), STORE_REFUSED);
    assert_memory_equal(&other, &new, sizeof new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_stream_has_one_secret, flush),
        cmocka_unit_test_setup(a_full_redis_has_the_secrets_that_it_had, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
