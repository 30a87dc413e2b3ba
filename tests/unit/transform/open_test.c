/*  Open rows against a plain list: found by identity however many there are, gone when dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "actors/transform/open.h"
#include "tests/unit/proto/seeded.h"

enum { ROWS = 3000 };

static char identities[ROWS][24];
static bool ordinals[ROWS];

static slice_t identity(size_t row)
{
    return slice_text(identities[row]);
}

static void compare(const open_t *open, size_t first, size_t end)
{
    size_t next = open->first;
    for (size_t i = first; i < end; i++) {
        if (ordinals[i] && i + 1 < end)
            continue; // made room for the next row
        assert_true(next < open->end);
        assert_int_equal(open->rows[next].position, i);
        assert_true(slice_same(open_identity(open, next), identity(i)));
        assert_int_equal(open_values(open, next)[1].mantissa, i);
        assert_int_equal(open_find(open, 7, identity(i)), ordinals[i] ? SIZE_MAX : next);
        assert_int_equal(open_find(open, 8, identity(i)), SIZE_MAX);
        next++;
    }
    assert_int_equal(next, open->end);
}

static void run(uint64_t state, bool mixed)
{
    seeded_t seed = { .state = state };
    open_t open;
    open_init(&open, 2);
    size_t first = 0;
    for (size_t i = 0; i < ROWS; i++) {
        ordinals[i] = mixed && seeded_below(&seed, 3) == 0;
        snprintf(identities[i], sizeof identities[i], "%s%zu",
                 seeded_below(&seed, 2) ? "" : "a-longer-name-", i);
        if (i > first && ordinals[i - 1])
            open_drop_ordinal(&open);
        if (seeded_below(&seed, 700) == 0) {
            open_clear(&open);
            first = i;
        }
        opening_t row = { .ts = 7, .position = i, .identity = identity(i), .ordinal = ordinals[i] };
        assert_true(open_insert(&open, open.end, &row));
        open_values(&open, open.end - 1)[0] = DECIMAL_NULL;
        open_values(&open, open.end - 1)[1] = (decimal_t){ .mantissa = (int64_t) i };
        if (seeded_below(&seed, 4) == 0 && open_count(&open) > 5) {
            size_t count = 1 + seeded_below(&seed, 3);
            assert_true(open_drop_first(&open, count));
            first = (size_t) open.rows[open.first].position;
        }
        if (i % 50 == 0 || i < 80)
            compare(&open, first, i + 1);
        assert_int_equal(open_find(&open, 7, slice_text("nobody")), SIZE_MAX);
    }
    int from[3] = { 1, -1, 0 };
    assert_true(open_rearrange(&open, 3, from));
    assert_int_equal(open_values(&open, open.end - 1)[0].mantissa, ROWS - 1);
    assert_true(decimal_is_null(open_values(&open, open.end - 1)[1]));
    open_close(&open);
}

static void test_identities(void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed < 6; seed++)
        run(seed * 31337, false);
}

static void test_mixed_with_ordinals(void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed < 6; seed++)
        run(seed * 271828, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identities),
        cmocka_unit_test(test_mixed_with_ordinals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
