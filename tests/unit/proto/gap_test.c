/*  gap_test -- what is missing, there and back; nothing else is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/gap.h"
#include "proto/owned.h"

static const gap_t stopped = { .reason = GAP_STOPPED, .from_us = 5, .to_us = 9 };
static gap_t pushed(void)
{
    return (gap_t){ GAP_PUSHED, 7, 7, slice_text("client-1"), 41, UINT64_MAX };
}

static bool survives(const gap_t *gap)
{
    owned(buffer_destroy) buffer_t bytes = { 0 };
    gap_t back;
    fault_t fault;
    gap_encode(gap, &bytes);
    return gap_decode(&back, buffer_slice(&bytes), &fault) && back.reason == gap->reason &&
           back.from_us == gap->from_us && back.to_us == gap->to_us &&
           slice_same(back.client, gap->client) && back.from_n == gap->from_n &&
           back.to_n == gap->to_n;
}

static void test_there_and_back(void **state)
{
    (void) state;
    gap_t gap = pushed();
    assert_true(survives(&stopped));
    assert_true(survives(&gap));
    gap = stopped;
    gap.from_us = INT64_MIN;
    assert_true(survives(&gap));
}

static void test_nonsense_is_refused(void **state)
{
    (void) state;
    gap_t gap = stopped;
    gap.to_us = gap.from_us - 1;
    assert_false(survives(&gap)); // ends before it begins
    gap = stopped;
    gap.client = slice_text("who");
    assert_false(survives(&gap)); // a client without numbers
    gap = pushed();
    gap.to_n = gap.from_n - 1;
    assert_false(survives(&gap));
    gap = pushed();
    gap.client.size = 0;
    assert_false(survives(&gap));
    gap = stopped;
    gap.reason = (gap_reason_t) (GAP_PUSHED + 1);
    assert_false(survives(&gap));
}

// No prefix, and nothing behind the end.
static void test_cut(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t bytes = { 0 };
    gap_t gap = pushed(), back;
    fault_t fault;
    gap_encode(&gap, &bytes);
    for (size_t size = 0; size < bytes.size; size++)
        assert_false(gap_decode(&back, slice_of(bytes.data, size), &fault));
    buffer_append(&bytes, "\0", 1);
    assert_false(gap_decode(&back, buffer_slice(&bytes), &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_nonsense_is_refused),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
