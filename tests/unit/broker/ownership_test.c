/*  ownership_test -- everybody has as much as everybody else, and little moves when somebody comes
 *  or goes.
 */
#include "broker/ownership.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 201, SETS = 3, MORE_MOST = 24 };

static char texts[SETS][MOST][48];
static const char *names[SETS][MOST];

static void name_all(void)
{
    for (int set = 0; set < SETS; set++) {
        for (int i = 0; i < MOST; i++) {
            snprintf(texts[set][i], sizeof texts[set][i], "transform-%d.host%d", i + 1, set);
            names[set][i] = texts[set][i];
        }
    }
}

static void nobody_has_two_more_than_another(void **state)
{
    (void) state;
    for (size_t count = 1; count < MOST; count++) {
        ownership_t found = ownership_of(names[0], count);
        unsigned load[MOST] = { 0 }, least = PARTITIONS, most = 0;
        for (unsigned p = 0; p < PARTITIONS; p++) {
            assert_true(found.worker[p] < count);
            load[found.worker[p]]++;
        }
        for (size_t i = 0; i < count; i++) {
            least = load[i] < least ? load[i] : least;
            most = load[i] > most ? load[i] : most;
        }
        assert_true(most - least <= 1);
    }
}

static void more_workers_than_partitions(void **state)
{
    (void) state;
    static char many[OWNERSHIP_WORKERS_MAX][16];
    const char *all[OWNERSHIP_WORKERS_MAX];
    for (int i = 0; i < OWNERSHIP_WORKERS_MAX; i++) {
        snprintf(many[i], sizeof many[i], "w%d", i);
        all[i] = many[i];
    }
    ownership_t found = ownership_of(all, OWNERSHIP_WORKERS_MAX);
    unsigned load[OWNERSHIP_WORKERS_MAX] = { 0 };
    for (unsigned p = 0; p < PARTITIONS; p++)
        assert_int_equal(load[found.worker[p]]++, 0);
}

static void order_does_not_matter(void **state)
{
    (void) state;
    const char *turned[37];
    for (int i = 0; i < 37; i++)
        turned[i] = names[0][(i * 5 + 3) % 37];
    ownership_t a = ownership_of(names[0], 37), b = ownership_of(turned, 37);
    for (unsigned p = 0; p < PARTITIONS; p++)
        assert_string_equal(names[0][a.worker[p]], turned[b.worker[p]]);
}

// Partitions that have another owner once names[at] has joined the others, which is as many as move
// when it leaves.
static unsigned moved(const char *const *all, size_t count, size_t at)
{
    const char *others[MOST];
    size_t other = 0;
    for (size_t i = 0; i < count; i++)
        if (i != at)
            others[other++] = all[i];
    ownership_t with = ownership_of(all, count), without = ownership_of(others, other);
    unsigned moves = 0;
    for (unsigned p = 0; p < PARTITIONS; p++)
        moves += strcmp(all[with.worker[p]], others[without.worker[p]]) != 0;
    return moves;
}

// At least a share must move: what the newcomer is to have. That all others then have equal shares
// again costs some more, a few as a rule.
static void little_moves(void **state)
{
    (void) state;
    for (int set = 0; set < SETS; set++) {
        for (size_t count = 2; count < MOST; count++) {
            unsigned share = (unsigned) ((PARTITIONS + count - 1) / count);
            unsigned last = moved(names[set], count, count - 1);
            unsigned some = moved(names[set], count, count / 3);
            unsigned most = share + MORE_MOST;
            if (last > most || some > most)
                fail_msg("with %zu workers %u and %u move", count, last, some);
            assert_true(last >= PARTITIONS / count && some >= PARTITIONS / count);
        }
    }
}

int main(void)
{
    name_all();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_has_two_more_than_another),
        cmocka_unit_test(more_workers_than_partitions),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(little_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
