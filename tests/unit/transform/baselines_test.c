/*  What stands still behind which row, as rows come, are judged again, close and are told again: as
 *  a table of them has it. Memory is counted as it comes and goes, and given back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/transform/baselines.h"
#include "tests/unit/proto/seeded.h"

enum { ROWS = 64, RULES = 5, STEPS = 4000, MANY = 20000, VALUES = 2 };

static baseline_t *make(uint64_t number)
{
    baseline_t *made = baseline_new(VALUES);
    assert_non_null(made);
    made->values[0].known = true;
    mpq_set_ui(made->values[0].value, number, 1);
    return made;
}

// ---- as a table has it --------------------------------------------------------------------------

typedef struct {
    uint64_t first, end;               // positions that have rows
    const baseline_t *at[ROWS][RULES]; // from `first` on; NULL: its windows move
    const baseline_t *told[RULES];
} table_t;

static size_t bytes_of(const table_t *table)
{
    size_t bytes = 0;
    const baseline_t *seen[(ROWS + 1) * RULES];
    size_t count = 0, rows = table->end - table->first;
    for (size_t r = 0; r < rows + 1; r++)
        for (size_t i = 0; i < RULES; i++) {
            const baseline_t *baseline = r < rows ? table->at[r][i] : table->told[i];
            bool known = !baseline;
            for (size_t s = 0; !known && s < count; s++)
                known = seen[s] == baseline;
            if (known)
                continue;
            seen[count++] = baseline;
            bytes += baseline_bytes(baseline);
        }
    return bytes;
}

static void assert_as(const baselines_t *self, const table_t *table)
{
    size_t count = 0;
    for (size_t r = 0; r < table->end - table->first; r++)
        for (uint32_t i = 0; i < RULES; i++) {
            const baseline_t *expected = table->at[r][i];
            assert_ptr_equal(baselines_find(self, table->first + r, i), expected);
            if (!expected)
                continue;
            const baseline_row_t *row = baselines_row(self, count++);
            assert_int_equal(row->position, table->first + r);
            assert_int_equal(row->rule, i);
        }
    assert_int_equal(self->count, count);
    for (uint32_t i = 0; i < RULES; i++)
        assert_ptr_equal(standings_find(&self->told, i), table->told[i]);
    assert_int_equal(baselines_bytes(self), self->capacity * sizeof *self->rows +
                                                self->told.capacity * sizeof *self->told.items +
                                                bytes_of(table));
}

// A row is judged: what stood still behind the one before goes on, begins or ends.
static void judge(seeded_t *seed, baselines_t *self, table_t *table, size_t r)
{
    standings_t behind = { 0 };
    for (uint32_t i = 0; i < RULES; i++) {
        baseline_t *before = r > 0 ? baselines_find(self, table->first + r - 1, i) : NULL;
        uint64_t what = seeded_below(seed, 4);
        baseline_t *now = what == 0              ? NULL
                          : what == 1 || !before ? make(seeded_below(seed, 9))
                                                 : baseline_share(before);
        table->at[r][i] = now;
        if (now)
            assert_true(standings_add(&behind, i, now));
    }
    assert_true(baselines_set(self, table->first + r, &behind));
    assert_int_equal(behind.count, 0);
    standings_close(&behind);
}

static void forget(baselines_t *self, table_t *table, uint64_t count)
{
    memmove(table->at, table->at + count, (ROWS - count) * sizeof *table->at);
    table->first += count;
    baselines_forget(self, table->first);
}

static void step(seeded_t *seed, baselines_t *self, table_t *table)
{
    uint64_t count = table->end - table->first, r = count ? seeded_below(seed, count) : 0;
    switch (seeded_below(seed, 7)) {
    case 0:
    case 1:
        if (count == ROWS)
            return;
        table->end++;
        judge(seed, self, table, count);
        return;
    case 2: // one is judged again; the first ones most often
        if (count > 0)
            judge(seed, self, table, seeded_below(seed, 2) ? r : seeded_below(seed, 2) % count);
        return;
    case 3:
        forget(self, table, count > 1 && seeded_below(seed, 3) ? 1 : seeded_below(seed, r + 1));
        return;
    case 4: // one is put in, and its windows move
        if (count == ROWS)
            return;
        memmove(table->at + r + 1, table->at + r, (count - r) * sizeof *table->at);
        memset(table->at + r, 0, sizeof *table->at);
        table->end++;
        baselines_move_up(self, table->first + r);
        return;
    case 5: // the first row is no more open, and all is in the journal
        for (uint32_t i = 0; i < RULES; i++)
            table->told[i] = count > 0 ? table->at[0][i] : NULL;
        assert_true(baselines_mark(self, table->first + 1));
        return;
    default:
        if (seeded_below(seed, 8) > 0)
            return;
        table->end = table->first + r;
        baselines_drop(self, table->end);
    }
}

static void test_at_random(void **state)
{
    (void) state;
    for (uint64_t run = 1; run <= 10; run++) {
        seeded_t seed = { .state = run * 15487469 };
        baselines_t self = { 0 };
        table_t table = { 0 };
        for (size_t i = 0; i < STEPS; i++) {
            step(&seed, &self, &table);
            assert_as(&self, &table);
        }
        baselines_close(&self);
        assert_int_equal(baselines_bytes(&self), 0);
    }
}

// ---- many ---------------------------------------------------------------------------------------

static void stand(baselines_t *self, uint64_t position, baseline_t *baseline)
{
    standings_t behind = { 0 };
    assert_true(standings_add(&behind, 0, baseline_share(baseline)));
    assert_true(baselines_set(self, position, &behind));
    standings_close(&behind);
}

// What many open rows took is given back when they have closed.
static void test_shrinks(void **state)
{
    (void) state;
    baselines_t self = { 0 };
    baseline_t *baseline = make(1);
    for (uint64_t i = 0; i < MANY; i++)
        stand(&self, i, baseline);
    assert_in_range(baselines_bytes(&self), MANY * sizeof *self.rows, 5 * MANY * sizeof *self.rows);
    baselines_forget(&self, MANY - 2);
    assert_int_equal(self.count, 2);
    assert_ptr_equal(baselines_find(&self, MANY - 1, 0), baseline);
    assert_in_range(baselines_bytes(&self), 1, 64 * sizeof *self.rows);
    baselines_close(&self);
    baseline_release(&baseline);
}

// As many rows close as come: they do not take more and more.
static void test_goes_on(void **state)
{
    (void) state;
    enum { OPEN = 100 };
    baselines_t self = { 0 };
    baseline_t *baseline = make(1);
    for (uint64_t i = 0; i < MANY; i++) {
        stand(&self, i, baseline);
        if (i >= OPEN)
            baselines_forget(&self, i - OPEN);
    }
    assert_int_equal(self.count, OPEN + 1);
    assert_in_range(self.capacity, OPEN, 8 * OPEN);
    baselines_close(&self);
    baseline_release(&baseline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_random),
        cmocka_unit_test(test_shrinks),
        cmocka_unit_test(test_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
