/*  ranks -- the middle of a window that slides, and that its memory is that of the window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gmp.h>

#include "actors/transform/ranks.h"

enum { WINDOW_ROWS = 20, ROWS = 100000, NULL_EACH = 7 };

static bool is_null(uint64_t position)
{
    return position % NULL_EACH == 1;
}

static int64_t number(uint64_t position)
{
    return (int64_t) (position * 2654435761u % 1009);
}

static void append(ring_t *ring, uint64_t position)
{
    figure_t value;
    figure_init(&value);
    figure_set_decimal(&value, is_null(position) ? DECIMAL_NULL
                                                 : (decimal_t){ .mantissa = number(position) });
    while (ring_count(ring) >= WINDOW_ROWS + 1)
        ring->head++;
    assert_true(ring_push(ring, (int64_t) position));
    assert_true(ring_set(ring, 0, position, &value));
    figure_clear(&value);
}

// Twice the middle of the window's numbers, by sorting them.
static int64_t plain_twice(uint64_t first, uint64_t last)
{
    int64_t sorted[WINDOW_ROWS];
    size_t count = 0;
    for (uint64_t p = first; p <= last; p++) {
        if (is_null(p))
            continue;
        size_t at = count++;
        for (; at > 0 && sorted[at - 1] > number(p); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = number(p);
    }
    assert_true(count > 0);
    return sorted[(count - 1) / 2] + sorted[count / 2];
}

static void rows_without_a_number_take_no_memory(void **state)
{
    (void) state;
    ring_t ring;
    ranks_t ranks = { 0 };
    mpq_t median;
    mpq_init(median);
    assert_true(ring_open(&ring, 1, 0, WINDOW_ROWS));
    size_t most = 0;
    for (uint64_t p = 0; p < ROWS; p++) {
        append(&ring, p);
        if (!is_null(p))
            assert_true(ranks_enter(&ranks, &ring, 0, p));
        if (p >= WINDOW_ROWS && !is_null(p - WINDOW_ROWS))
            ranks_leave(&ranks, &ring, 0, p - WINDOW_ROWS);
        uint64_t first = p >= WINDOW_ROWS ? p - WINDOW_ROWS + 1 : 0;
        assert_true(ranks_exact(&ranks, &ring, 0, median));
        mpq_t twice;
        mpq_init(twice);
        mpq_add(twice, median, median);
        assert_int_equal(mpq_cmp_si(twice, plain_twice(first, p), 1), 0);
        mpq_clear(twice);
        most = ranks_bytes(&ranks) > most ? ranks_bytes(&ranks) : most;
    }
    assert_true(most <= 2 * 2 * WINDOW_ROWS * 2 * sizeof(uint32_t));
    mpq_clear(median);
    ranks_close(&ranks);
    ring_close(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_without_a_number_take_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
