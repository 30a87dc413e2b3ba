/*  What is shown of an alert are the rows that it rests on, however long ago they came. */
#include "actors/cli/evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/transform/feeds.h"

#define SECOND INT64_C(1000000)

enum { ROWS_MAX = 3000, STILL_SINCE = 100, LAST = 20000 };

static const feed_rule_t rules[] = { { "spike", "volume > 3 * avg(volume) OVER rows_4", 2 },
                                     { 0 } };

typedef struct {
    ruleset_t *rules;
    logged_alert_t logged;
    evidence_t *evidence;
} shown_t;

static void to_stand_still(const char *name, rule_t *rule)
{
    (void) name;
    rule->freeze = true;
}

static void open_shown(shown_t *self)
{
    feed_more = to_stand_still;
    *self = (shown_t){ .rules = feed_rules(rules, NULL),
                       .logged = { .id = "0",
                                   .rule = "spike",
                                   .series = "candle:x:a",
                                   .stream = "s",
                                   .ts_us = LAST * SECOND,
                                   .frozen_us = STILL_SINCE * SECOND,
                                   .record_seq = LAST,
                                   .rows = 4 } };
    self->evidence = evidence_new(&self->logged, ROWS_MAX);
    assert_non_null(self->evidence);
}

static void close_shown(shown_t *self)
{
    evidence_destroy(&self->evidence);
    ruleset_destroy(&self->rules);
}

// A row of this second; its volume is the second.
static void add(shown_t *self, int64_t second, bool revised, int64_t floor_us)
{
    rows_t *builder = rows_new();
    const rows_head_t head = { .seq = (uint64_t) second,
                               .recv_us = 1,
                               .source = slice_text("feed"),
                               .table = slice_text("candle"),
                               .column_count = FEED_COLUMNS,
                               .columns = feed_columns };
    decimal_t values[FEED_COLUMNS] = { { .mantissa = second }, { .mantissa = revised } };
    rows_begin(builder, &head);
    assert_true(rows_add(builder, rows_series(builder, slice_text("candle:x:a")), second * SECOND,
                         values, slice_text("1"), 0));
    partitions_t all = feed_everything();
    buffer_t block = { 0 };
    assert_true(rows_encode(builder, &all, &block));
    rows_view_t view;
    fault_t fault;
    assert_true(rows_decode(&view, buffer_slice(&block), &fault));
    const fold_taken_t taken = { .series = slice_text("candle:x:a"),
                                 .block = &view,
                                 .row = 0,
                                 .revised = revised,
                                 .floor_us = floor_us };
    assert_true(evidence_add(self->evidence, &taken));
    buffer_destroy(&block);
    rows_destroy(&builder);
}

static void judge(shown_t *self, int64_t still_since)
{
    const alert_evidence_t item = { .expr = "avg(volume)", .window = "rows_4", .rows = 4 };
    const alert_t alert = { .kind = "alert",
                            .rule = slice_text("spike"),
                            .when = slice_text(rules->when),
                            .series = slice_text("candle:x:a"),
                            .ts_us = LAST * SECOND,
                            .frozen = true,
                            .frozen_us = still_since * SECOND,
                            .evidence_count = 1,
                            .evidence = &item };
    const retell_alert_t said = { .alert = &alert,
                                  .table = ruleset_table(self->rules, slice_text("candle")),
                                  .plan_seq = 1 };
    assert_true(evidence_judge(self->evidence, &said));
}

static void assert_shows(const shown_t *self, const char *text, bool shows)
{
    buffer_t out = { 0 };
    assert_true(evidence_print(self->evidence, true, &out));
    if (shows != (strstr(buffer_string(&out), text) != NULL))
        fail_msg("%s '%s' in:\n%s", shows ? "no" : "found", text, buffer_string(&out));
    buffer_destroy(&out);
}

// The rows before the one where windows came to stand still are there, far more rows later than
// are kept; with rows that may still be revised, and with none.
static void test_long_anomaly(void **state)
{
    (void) state;
    for (int64_t lateness = 0; lateness <= 2000; lateness += 2000) {
        shown_t shown;
        open_shown(&shown);
        for (int64_t i = 1; i <= LAST; i++)
            add(&shown, i, false, (i - lateness) * SECOND);
        judge(&shown, STILL_SINCE);
        assert_shows(&shown, "windows      stand still since 1970-01-01T00:01:40", true);
        assert_shows(&shown, "rows         OVER rows_4: 4\n", true);
        assert_shows(&shown, "00:01:39.000000Z  record 99 row 0  volume 99", true);
        assert_shows(&shown, "00:01:35.000000Z", false);
        close_shown(&shown);
    }
}

// A row takes the place of the one before it also where others have gone.
static void test_revised(void **state)
{
    (void) state;
    shown_t shown;
    open_shown(&shown);
    for (int64_t i = 1; i <= STILL_SINCE + 2; i++)
        add(&shown, i, false, 0);
    add(&shown, STILL_SINCE - 1, true, 0);
    judge(&shown, STILL_SINCE);
    assert_shows(&shown, "volume 99  price 1\n", true);
    assert_shows(&shown, "volume 99  price 0\n", false);
    assert_shows(&shown, "rows         OVER rows_4: 4\n", true);
    close_shown(&shown);
}

// Told again they stand still since a row that is not there: no others are shown in its place.
static void test_not_found(void **state)
{
    (void) state;
    static const int64_t since[] = { STILL_SINCE, STILL_SINCE + 1 };
    for (size_t i = 0; i < 2; i++) {
        shown_t shown;
        open_shown(&shown);
        for (int64_t second = 1; second <= 2 * STILL_SINCE; second++)
            if (second != STILL_SINCE)
                add(&shown, second, false, second * SECOND);
        judge(&shown, since[i]);
        assert_shows(&shown, "not shown: the row whose windows it rests on was not found", true);
        assert_shows(&shown, "OVER rows_4: ", false);
        close_shown(&shown);
    }
}

// Told again it has a window that it was not logged with: what of that was kept may not be all.
static void test_other_window(void **state)
{
    (void) state;
    shown_t shown;
    open_shown(&shown);
    shown.logged.rows = 3;
    for (int64_t i = 1; i <= STILL_SINCE; i++)
        add(&shown, i, false, 0);
    judge(&shown, STILL_SINCE);
    assert_shows(&shown, "OVER rows_4: not shown, since it was logged without them\n", true);
    assert_shows(&shown, "record 99", false);
    close_shown(&shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_anomaly),
        cmocka_unit_test(test_revised),
        cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_other_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
