/*  handshakes: who failed is told once, who did not never, though libzmq says of few who they are.
 */
#include "broker/trust/handshakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FAULTS = HANDSHAKE_GARBLED + 1 };

typedef struct {
    unsigned count, of_fault[FAULTS];
    char peer[HANDSHAKES_PEER_MAX + 1]; // the last one
} told_t;

static told_t told;
static handshakes_t self;

static void note(void *context, const char *peer, handshake_fault_t fault)
{
    told_t *notes = context;
    notes->count++;
    notes->of_fault[fault]++;
    strcpy(notes->peer, peer);
}

static int set_up(void **state)
{
    (void) state;
    told = (told_t){ 0 };
    memset(&self, 0, sizeof self);
    self.tell = note;
    self.context = &told;
    return 0;
}

static void expect(unsigned count, handshake_fault_t fault, const char *peer)
{
    assert_int_equal(told.count, count);
    assert_int_equal(told.of_fault[fault], count);
    assert_string_equal(told.peer, peer);
}

static void a_peer_is_no_failure(void **state)
{
    (void) state;
    handshakes_accepted(&self, 7, "10.0.0.1", 0);
    handshakes_settled(&self);
    handshakes_ended(&self, 7, 100);
    handshakes_tick(&self, INT64_MAX);
    assert_int_equal(told.count, 0);
    assert_false(handshakes_waits(&self));
}

static void each_kind_of_failure_is_told_at_once(void **state)
{
    (void) state;
    static const struct {
        handshake_fault_t said, told;
        int64_t lasts_ms;
    } all[] = {
        { HANDSHAKE_LEFT, HANDSHAKE_LEFT, 20 },
        { HANDSHAKE_LEFT, HANDSHAKE_LATE, HANDSHAKES_MS },
        { HANDSHAKE_GARBLED, HANDSHAKE_GARBLED, HANDSHAKES_MS },
        { HANDSHAKE_MECHANISM, HANDSHAKE_MECHANISM, 1 },
        { HANDSHAKE_SEALED, HANDSHAKE_SEALED, 1 },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        set_up(NULL);
        handshakes_accepted(&self, 7, "10.0.0.1", 1000);
        handshakes_failed(&self, all[i].said);
        handshakes_failed(&self, HANDSHAKE_FOREIGN); // libzmq may say more than once
        handshakes_ended(&self, 7, 1000 + all[i].lasts_ms);
        expect(1, all[i].told, "10.0.0.1");
        handshakes_tick(&self, INT64_MAX);
        assert_int_equal(told.count, 1);
    }
}

static void an_end_without_more_is_a_failure(void **state)
{
    (void) state;
    handshakes_accepted(&self, 7, "10.0.0.1", 0);
    handshakes_accepted(&self, 8, "10.0.0.2", 0); // silent so far
    handshakes_ended(&self, 7, 1);
    expect(1, HANDSHAKE_FOREIGN, "10.0.0.1");
    handshakes_settled(&self);
    handshakes_ended(&self, 8, 2);
    assert_int_equal(told.count, 1);
}

// Of two under way one has succeeded: which?
static void who_ended_is_told_when_the_other_stays(void **state)
{
    (void) state;
    handshakes_accepted(&self, 7, "10.0.0.1", 0);
    handshakes_accepted(&self, 8, "10.0.0.2", 0);
    handshakes_settled(&self);
    handshakes_ended(&self, 7, 10);
    handshakes_tick(&self, HANDSHAKES_DECIDED_MS - 1);
    assert_int_equal(told.count, 0);
    assert_true(handshakes_waits(&self));
    handshakes_tick(&self, HANDSHAKES_DECIDED_MS);
    expect(1, HANDSHAKE_FOREIGN, "10.0.0.1");
    assert_false(handshakes_waits(&self));
    handshakes_ended(&self, 8, HANDSHAKES_DECIDED_MS + 1);
    assert_int_equal(told.count, 1);
}

static void who_ended_was_a_peer_when_the_other_fails(void **state)
{
    (void) state;
    handshakes_accepted(&self, 7, "10.0.0.1", 0);
    handshakes_accepted(&self, 8, "10.0.0.2", 0);
    handshakes_settled(&self);
    handshakes_ended(&self, 7, 10);
    handshakes_failed(&self, HANDSHAKE_LEFT);
    handshakes_ended(&self, 8, 20);
    expect(1, HANDSHAKE_LEFT, "10.0.0.2");
    handshakes_tick(&self, INT64_MAX);
    assert_int_equal(told.count, 1);
}

static void of_two_that_ended_who_was_there_longer_was_the_peer(void **state)
{
    (void) state;
    handshakes_accepted(&self, 7, "10.0.0.1", 0);
    handshakes_accepted(&self, 8, "10.0.0.2", 0);
    handshakes_settled(&self);
    handshakes_ended(&self, 7, 10);
    handshakes_ended(&self, 8, 500);
    expect(1, HANDSHAKE_FOREIGN, "10.0.0.1");
}

static void a_number_that_is_used_again_is_another(void **state)
{
    (void) state;
    handshakes_accepted(&self, 9, "10.0.0.9", 0);
    handshakes_accepted(&self, 7, "10.0.0.1", 0);
    handshakes_settled(&self); // it is 9
    handshakes_ended(&self, 7, 10);
    handshakes_accepted(&self, 7, "10.0.0.2", 20);
    handshakes_failed(&self, HANDSHAKE_LEFT);
    handshakes_ended(&self, 7, 30);
    expect(1, HANDSHAKE_LEFT, "10.0.0.2");
    handshakes_tick(&self, HANDSHAKES_DECIDED_MS);
    assert_int_equal(told.count, 2);
    assert_string_equal(told.peer, "10.0.0.1");
}

// While new peers come all the time, those of before are decided all the same.
static void newcomers_do_not_put_it_off(void **state)
{
    (void) state;
    int number = 100;
    handshakes_accepted(&self, 7, "10.0.0.1", 0);
    handshakes_accepted(&self, 8, "10.0.0.2", 0);
    handshakes_settled(&self);
    handshakes_ended(&self, 7, 10);
    for (int64_t now_ms = 0; now_ms < 2 * HANDSHAKES_DECIDED_MS; now_ms += 500) {
        handshakes_accepted(&self, number++, "10.0.0.3", now_ms);
        handshakes_accepted(&self, number++, "10.0.0.3", now_ms);
        handshakes_settled(&self); // one of the two
        handshakes_tick(&self, now_ms);
    }
    expect(1, HANDSHAKE_FOREIGN, "10.0.0.1");
}

static void more_than_are_remembered_are_counted_all_the_same(void **state)
{
    (void) state;
    for (int i = 0; i < 3 * HANDSHAKES_MAX; i++)
        handshakes_accepted(&self, i, "10.0.0.1", 0);
    for (int i = 0; i < 3 * HANDSHAKES_MAX; i++) {
        handshakes_failed(&self, HANDSHAKE_LEFT);
        handshakes_ended(&self, i, HANDSHAKES_MS);
    }
    assert_int_equal(told.count, 3 * HANDSHAKES_MAX);
    assert_int_equal(told.of_fault[HANDSHAKE_LATE], HANDSHAKES_MAX);
    assert_int_equal(self.count, 0);
}

static void noise_without_end_beside_a_peer_is_counted(void **state)
{
    (void) state;
    handshakes_accepted(&self, 1, "10.0.0.2", 0);
    handshakes_accepted(&self, 2, "10.0.0.1", 0);
    handshakes_settled(&self); // it is 1, and stays
    for (int i = 0; i < 10 * HANDSHAKES_MAX; i++) {
        handshakes_ended(&self, 2, i / 10);
        handshakes_accepted(&self, 2, "10.0.0.1", i / 10);
    }
    handshakes_ended(&self, 2, HANDSHAKES_MAX);
    assert_in_range(told.count, 9 * HANDSHAKES_MAX, 10 * HANDSHAKES_MAX + 1);
    handshakes_tick(&self, 2 * HANDSHAKES_DECIDED_MS);
    expect(10 * HANDSHAKES_MAX + 1, HANDSHAKE_FOREIGN, "10.0.0.1");
}

// ---- at random ---------------------------------------------------------------------------------

typedef enum { STAYS, LEAVES, SPEAKS_FOREIGN, LATE } kind_t;

typedef struct {
    kind_t kind;
    int64_t since_ms;
    bool there;
} connection_t;

static void step(connection_t *item, int number, int64_t now_ms, unsigned *failures)
{
    int64_t age_ms = now_ms - item->since_ms;
    if (!item->there || (item->kind == LATE && age_ms < HANDSHAKES_MS))
        return;
    if (item->kind == STAYS) { // a peer, for longer than it takes to know that
        if (age_ms > 2 * HANDSHAKES_DECIDED_MS)
            handshakes_ended(&self, number, now_ms);
        item->there = age_ms <= 2 * HANDSHAKES_DECIDED_MS;
        return;
    }
    if (item->kind != SPEAKS_FOREIGN || age_ms >= HANDSHAKES_MS)
        handshakes_failed(&self, HANDSHAKE_LEFT);
    handshakes_ended(&self, number, now_ms);
    item->there = false;
    ++*failures;
}

// Peers that stay and strangers of all kinds, mixed: exactly the strangers are told.
static void a_mix(unsigned seed)
{
    enum { NUMBERS = 60, STEPS = 4000 };
    connection_t all[NUMBERS] = { 0 };
    unsigned failures = 0;
    int64_t now_ms = 0;
    set_up(NULL);
    srand(seed);
    for (int i = 0; i < STEPS; i++) {
        int number = rand() % NUMBERS;
        now_ms += rand() % 60;
        if (!all[number].there) {
            kind_t kind = (kind_t) (rand() % (LATE + 1));
            all[number] = (connection_t){ .kind = kind, .since_ms = now_ms, .there = true };
            handshakes_accepted(&self, number, kind == STAYS ? "peer" : "stranger", now_ms);
            if (kind == STAYS)
                handshakes_settled(&self);
        } else
            step(&all[number], number, now_ms, &failures);
        for (int other = 0; other < NUMBERS; other++)
            if (all[other].kind != STAYS && now_ms - all[other].since_ms >= HANDSHAKES_MS)
                step(&all[other], other, now_ms, &failures); // libzmq's timer
        handshakes_tick(&self, now_ms);
        assert_string_not_equal(told.peer, "peer");
    }
    handshakes_tick(&self, now_ms + 2 * HANDSHAKES_DECIDED_MS);
    assert_int_equal(told.count, failures);
}

static void exactly_the_strangers_are_told(void **state)
{
    (void) state;
    for (unsigned seed = 1; seed <= 50; seed++)
        a_mix(seed);
}

static void every_fault_has_a_text_of_its_own(void **state)
{
    (void) state;
    for (unsigned a = 0; a < FAULTS; a++)
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(handshake_fault_text((handshake_fault_t) a),
                                    handshake_fault_text((handshake_fault_t) b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_peer_is_no_failure, set_up),
        cmocka_unit_test_setup(each_kind_of_failure_is_told_at_once, set_up),
        cmocka_unit_test_setup(an_end_without_more_is_a_failure, set_up),
        cmocka_unit_test_setup(who_ended_is_told_when_the_other_stays, set_up),
        cmocka_unit_test_setup(who_ended_was_a_peer_when_the_other_fails, set_up),
        cmocka_unit_test_setup(of_two_that_ended_who_was_there_longer_was_the_peer, set_up),
        cmocka_unit_test_setup(a_number_that_is_used_again_is_another, set_up),
        cmocka_unit_test_setup(newcomers_do_not_put_it_off, set_up),
        cmocka_unit_test_setup(more_than_are_remembered_are_counted_all_the_same, set_up),
        cmocka_unit_test_setup(noise_without_end_beside_a_peer_is_counted, set_up),
        cmocka_unit_test_setup(exactly_the_strangers_are_told, set_up),
        cmocka_unit_test(every_fault_has_a_text_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
