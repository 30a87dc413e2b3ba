/*  registry_secret_test -- nothing is sealed with a secret that Redis has not taken, and nothing
 *  sent of a log whose mark it has not taken.
 */
#include "tests/unit/broker/store_fixture.h"

#include <sys/eventfd.h>

#include "actors/collector/registry_inside.h"

// A registry without its thread, of one durable log.
static registry_t *registry_alone(void)
{
    registry_t *self = calloc(1, sizeof *self);
    assert_non_null(self);
    pthread_mutex_init(&self->lock, NULL);
    self->to_loop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->to_thread = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(self->to_loop >= 0 && self->to_thread >= 0);
    self->store = open_store("tw");
    registry_log(self, 0, "s", 7, NULL);
    registry_log_durable(self, 0);
    return self;
}

static bool check_without_room(registry_t *self)
{
    redis("CONFIG SET maxmemory 1");
    bool checked = registry_check_logs(self);
    redis("CONFIG SET maxmemory 0");
    return checked;
}

static void assert_secret(registry_t *self, const char *text)
{
    seal_secret_t secret;
    assert_true(registry_secret(self, 0, &secret));
    assert_string_equal(secret.bytes, text);
}

// It was killed, and Redis is full when it comes back.
static void a_full_redis_tells_the_secret_that_it_has(void **state)
{
    (void) state;
    owned(registry_destroy) registry_t *self = registry_alone();
    seal_secret_t ours = { "ours" };
    expect(self->store, store_secret_agree(self->store, slice_text("s"), &ours), STORE_OK);
    expect(self->store, store_log_set(self->store, slice_text("s"), 7, 0), STORE_OK);
    assert_true(check_without_room(self));
    assert_secret(self, "ours");
}

static void a_secret_without_room_is_none(void **state)
{
    (void) state;
    owned(registry_destroy) registry_t *self = registry_alone();
    seal_secret_t secret;
    registry_note_t note;
    assert_false(check_without_room(self));
    assert_false(check_without_room(self));
    assert_false(registry_secret(self, 0, &secret));
    assert_false(registry_log_durable(self, 0)); // nothing is sent
    assert_int_equal(self->note_count, 1);
    note = self->notes[0];
    assert_string_equal(note.message, "Redis has no room for the secret of a stream");
    assert_true(registry_check_logs(self));
    assert_true(registry_secret(self, 0, &secret));
    assert_true(registry_log_durable(self, 0));
    store_secret_t item = { .stream = slice_text("s") };
    expect(self->store, store_secrets(self->store, &item, 1), STORE_OK);
    assert_true(item.known);
    assert_memory_equal(&item.secret, &secret, sizeof secret);
}

// One that Redis had, lost, and has no room for now, is what workers know.
static void a_secret_that_was_there_stays(void **state)
{
    (void) state;
    owned(registry_destroy) registry_t *self = registry_alone();
    seal_secret_t ours = { "ours" };
    expect(self->store, store_secret_agree(self->store, slice_text("s"), &ours), STORE_OK);
    assert_true(registry_check_logs(self));
    redis("DEL 'tw:{secrets}'");
    assert_true(check_without_room(self));
    assert_secret(self, "ours");
    assert_int_equal(self->note_count, 1);
    redis("SET 'tw:{secrets}' text");
    assert_false(registry_check_logs(self)); // refused: nobody knows
    assert_secret(self, "ours");
}

// What is not written must not count as written: another log could come and take it for its own.
static void a_mark_without_room_is_not_noted(void **state)
{
    (void) state;
    owned(registry_destroy) registry_t *self = registry_alone();
    seal_secret_t ours = { "ours" };
    expect(self->store, store_secret_agree(self->store, slice_text("s"), &ours), STORE_OK);
    assert_true(check_without_room(self));
    assert_false(registry_log_durable(self, 0));
    assert_int_equal(self->note_count, 1);
    assert_string_equal(self->notes[0].message, "Redis has no room for the mark of a log");
    assert_true(registry_check_logs(self));
    assert_true(registry_log_durable(self, 0));
    store_log_t known;
    uint64_t edition;
    expect(self->store, store_log_get(self->store, slice_text("s"), 7, &known, &edition), STORE_OK);
    assert_int_equal(known, STORE_LOG_OURS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_full_redis_tells_the_secret_that_it_has, flush),
        cmocka_unit_test_setup(a_secret_without_room_is_none, flush),
        cmocka_unit_test_setup(a_secret_that_was_there_stays, flush),
        cmocka_unit_test_setup(a_mark_without_room_is_not_noted, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
