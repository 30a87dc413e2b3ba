/*  What is shown of an alert is by the plan that it was said by, whatever plan its rows came under:
 *  logs are staged, told again, and explained.
 */
#include "actors/cli/retell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/cli/evidence.h"
#include "actors/prep/mapping.h"
#include "broker/stage/stage.h"
#include "proto/json.h"
#include "proto/owned.h"
#include "proto/tick.h"
#include "tests/unit/stage/scratch.h"

#define SECOND INT64_C(1000000)

enum { LATENESS = 600, NOW = 10000 }; // seconds; no row is of the future

#define SERIES "tick:a"
#define OTHER                                                                                      \
    {                                                                                              \
        .name = "other", .when = "volume > 999 * max(volume) OVER rows_4"                          \
    }

typedef struct {
    const char *name, *when;
    uint32_t min_rows;
    int64_t nodata_us;
} told_rule_t;

// ---- a log --------------------------------------------------------------------------------------

typedef struct {
    scratch_t scratch;
    stage_t *stage;
    plan_t *plan; // in force
    source_t source;
    uint64_t plan_seq, last;
    int64_t now_us;
} log_t;

static setting_pair_t pair[] = { { .name = "pair", .value = "/k" } };
static setting_pair_t volume[] = { { .name = "volume", .value = "/v" } };

static void open_log(log_t *self, int64_t lateness_us)
{
    fault_t fault;
    *self = (log_t){ .scratch = scratch_new(),
                     .now_us = NOW * SECOND,
                     .source = { .kind = SOURCE_HTTP,
                                 .format = FORMAT_JSON,
                                 .table = "tick",
                                 .key = { .count = 1, .items = pair },
                                 .time_at = "/t",
                                 .time_unit = "s",
                                 .columns = { .count = 1, .items = volume },
                                 .lateness_us = lateness_us } };
    self->stage = stage_open(self->scratch.path, "tw", "s", NULL, NULL, &fault);
    assert_non_null(self->stage);
}

static void close_log(log_t *self)
{
    stage_destroy(&self->stage);
    plan_destroy(&self->plan);
    scratch_destroy(&self->scratch);
}

static void append(log_t *self, record_kind_t kind, const char *source, slice_t payload)
{
    fault_t fault;
    self->now_us += SECOND;
    self->last = stage_append(self->stage, kind, self->now_us, slice_text(source),
                              slice_of(NULL, 0), payload);
    assert_true(self->last > 0 && stage_sync(self->stage, &fault));
}

static void put(plan_t *plan, plan_kind_t kind, const char *name, const buffer_t *body)
{
    fault_t fault;
    if (!plan_set(plan, kind, slice_text(name), buffer_slice(body), &fault))
        fail_msg("%s: %s", name, fault.text);
}

// Rules up to the first without a name.
static void put_plan(log_t *self, const told_rule_t *rules)
{
    plan_t *plan = plan_new();
    owned(buffer_destroy) buffer_t source = { 0 }, change = { 0 };
    assert_true(mapping_define(&self->source, &source));
    put(plan, PLAN_SOURCE, "feed", &source);
    for (; rules->name; rules++) {
        owned(buffer_destroy) buffer_t body = { 0 };
        const rule_t rule = { .on = slice_text("tick"),
                              .when = slice_text(rules->when),
                              .severity = slice_text("warning"),
                              .min_rows = rules->min_rows,
                              .positive = true,
                              .enabled = true,
                              .nodata_us = rules->nodata_us };
        rule_encode(&rule, &body);
        put(plan, PLAN_RULE, rules->name, &body);
    }
    assert_true(plan_encode(plan, self->plan, &change));
    append(self, RECORD_PLAN, "", buffer_slice(&change));
    self->plan_seq = self->last;
    plan_destroy(&self->plan);
    self->plan = plan;
}

// As a new segment begins with it.
static void put_snapshot(log_t *self)
{
    owned(buffer_destroy) buffer_t snapshot = { 0 };
    assert_true(plan_encode(self->plan, NULL, &snapshot));
    append(self, RECORD_PLAN, "", buffer_slice(&snapshot));
}

static void put_row(log_t *self, int64_t second, int of)
{
    char text[64];
    snprintf(text, sizeof text, "{\"k\":\"a\",\"t\":%lld,\"v\":%d}", (long long) second, of);
    append(self, RECORD_PAYLOAD, "feed", slice_text(text));
}

// Those of these seconds: ones, and a nine at the end.
static void put_rows(log_t *self, int64_t from, int64_t to)
{
    for (int64_t second = from; second <= to; second++)
        put_row(self, second, second == to ? 9 : 1);
}

static void put_tick(log_t *self, int64_t after_us)
{
    uint8_t bytes[TICK_BYTES];
    const tick_t tick = { .since_us = 1 };
    tick_encode(&tick, bytes);
    self->now_us += after_us;
    append(self, RECORD_TICK, "", slice_of(bytes, sizeof bytes));
}

// ---- explained ----------------------------------------------------------------------------------

typedef struct {
    const char *kind, *rule; // of the one that is asked for
    logged_alert_t *logged;
    evidence_t *evidence; // NULL: it is to be logged first
    size_t said;
} asked_t;

static void take_alert(void *context, const retell_alert_t *said)
{
    asked_t *self = context;
    const alert_t *alert = said->alert;
    if (strcmp(alert->kind, self->kind) != 0 || !slice_is(alert->rule, self->rule))
        return;
    self->said++;
    if (self->evidence) {
        assert_true(evidence_judge(self->evidence, said));
        return;
    }
    owned(buffer_destroy) buffer_t encoded = { 0 };
    alert_encode(alert, &encoded);
    self->logged->ts_us = alert->ts_us;
    assert_true(json_from_wire(&self->logged->body, buffer_slice(&encoded)));
}

static bool take_row(void *context, const fold_taken_t *taken)
{
    asked_t *self = context;
    return !self->evidence || evidence_add(self->evidence, taken);
}

static void tell_again(const log_t *log, asked_t *asked)
{
    const retell_t told = { .root = log->scratch.path,
                            .namespace = "tw",
                            .stream = slice_text("s"),
                            .partition = series_partition(slice_text(SERIES)),
                            .last = log->last,
                            .alert = take_alert,
                            .row = take_row,
                            .context = asked };
    retell_count_t count;
    fault_t fault = { 0 };
    asked->said = 0;
    if (!retell(&told, &count, &fault))
        fail_msg("%s", fault.text);
    assert_int_equal(asked->said, 1);
}

// What is said of the one entry of this kind and rule, which is of the row of this second.
static void explain(const log_t *log, const char *kind, const char *rule, int64_t second,
                    buffer_t *out)
{
    fault_t fault = { 0 };
    owned(logged_alert_destroy) logged_alert_t *logged = calloc(1, sizeof *logged);
    asked_t asked = { .kind = kind, .rule = rule, .logged = logged };
    logged->rule = strdup(rule);
    logged->series = strdup(SERIES);
    tell_again(log, &asked);
    assert_int_equal(logged->ts_us, second * SECOND);
    if (!logged_alert_read(logged, &fault))
        fail_msg("%s", fault.text);
    owned(evidence_destroy) evidence_t *evidence = evidence_new(logged, EVIDENCE_ROWS_MAX);
    assert_non_null(asked.evidence = evidence);
    tell_again(log, &asked);
    assert_true(evidence_print(evidence, true, out));
}

static void assert_shows(const buffer_t *out, const char *text)
{
    if (!strstr(buffer_string((buffer_t *) out), text))
        fail_msg("no '%s' in:\n%s", text, buffer_string((buffer_t *) out));
}

static void assert_shows_plan(const buffer_t *out, plan_hash_t hash, uint64_t seq)
{
    owned(buffer_destroy) buffer_t line = { 0 };
    buffer_text(&line, "\nplan         ");
    for (size_t i = 0; i < sizeof hash.bytes; i++)
        buffer_printf(&line, "%02x", hash.bytes[i]);
    buffer_printf(&line, ", in force since record %llu\n", (unsigned long long) seq);
    assert_shows(out, buffer_string(&line));
}

// ---- plans that change behind the rows
// -----------------------------------------------------------

#define NEWS                                                                                       \
    {                                                                                              \
        .name = "new", .when = "volume > 3 * avg(volume) OVER rows_4", .min_rows = 3               \
    }
static const told_rule_t others[] = { OTHER, { 0 } };
static const told_rule_t high[] = { { .name = "new", .when = "volume > 100", .min_rows = 4 },
                                    OTHER,
                                    { 0 } };
static const told_rule_t news[] = { NEWS, OTHER, { 0 } };
static const told_rule_t news_alone[] = { NEWS, { 0 } };

// The row that closes others comes under a plan with a rule that none of them has seen, or that
// said otherwise then.
static void test_late(void **state)
{
    (void) state;
    static const told_rule_t *const before[][2] = { { others }, { others, high }, { high } };
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        log_t log;
        owned(buffer_destroy) buffer_t out = { 0 };
        open_log(&log, LATENESS * SECOND);
        put_plan(&log, before[i][0]);
        put_rows(&log, 1, 6);
        if (before[i][1])
            put_plan(&log, before[i][1]);
        put_plan(&log, news);
        put_row(&log, 7 + LATENESS, 1);
        explain(&log, "alert", "new", 6, &out);
        assert_shows(&out, "condition    volume > 3 * avg(volume) OVER rows_4\n");
        assert_shows(&out, "guards       min_rows 3\n");
        assert_shows_plan(&out, plan_hash(log.plan), log.plan_seq);
        assert_shows(&out, "rows         OVER rows_4: 4\n");
        close_log(&log);
    }
}

// No row comes at all.
static void test_silent(void **state)
{
    (void) state;
    static const told_rule_t quiet[] = {
        { .name = "new", .when = "volume > 100", .nodata_us = 20 * SECOND }, OTHER, { 0 }
    };
    log_t log;
    owned(buffer_destroy) buffer_t out = { 0 };
    open_log(&log, 0);
    put_plan(&log, news);
    put_rows(&log, 1, 6);
    put_plan(&log, others);
    put_plan(&log, quiet);
    put_tick(&log, 0);
    put_tick(&log, 60 * SECOND);
    explain(&log, "nodata", "new", 6, &out);
    assert_shows(&out, "condition    volume > 100\n");
    assert_shows(&out, "guards       min_rows 0\n");
    assert_shows_plan(&out, plan_hash(log.plan), log.plan_seq);
    close_log(&log);
}

// A plan that ends an incident does not have its rule: it is told by the one before, which may be
// one that was in force earlier, too.
static void test_removed(void **state)
{
    (void) state;
    log_t log;
    owned(buffer_destroy) buffer_t out = { 0 };
    open_log(&log, 0);
    put_plan(&log, news);
    put_rows(&log, 1, 6);
    put_plan(&log, news_alone);
    put_plan(&log, news);
    plan_hash_t hash = plan_hash(log.plan);
    uint64_t seq = log.plan_seq;
    put_row(&log, 7, 99);
    put_plan(&log, others);
    explain(&log, "resolved", "new", 7, &out);
    assert_shows(&out, "condition    volume > 3 * avg(volume) OVER rows_4\n");
    assert_shows(&out, "guards       min_rows 3\n");
    assert_shows_plan(&out, hash, seq);
    assert_shows(&out, "rows         OVER rows_4: 4\n");
    close_log(&log);
}

// A plan that is said once more is in force since it was said first.
static void test_said_again(void **state)
{
    (void) state;
    log_t log;
    owned(buffer_destroy) buffer_t out = { 0 };
    open_log(&log, 0);
    put_plan(&log, others);
    put_plan(&log, news);
    for (int64_t second = 1; second <= 5; second++)
        put_row(&log, second, 1);
    put_snapshot(&log);
    put_row(&log, 6, 9);
    explain(&log, "alert", "new", 6, &out);
    assert_shows_plan(&out, plan_hash(log.plan), log.plan_seq);
    close_log(&log);
}

// Windows that are longer than all that was asked when their rows came.
static void test_longer(void **state)
{
    (void) state;
    static const told_rule_t short_one[] = {
        { .name = "other", .when = "volume > 999 * max(volume) OVER last_5s" }, { 0 }
    };
    static const told_rule_t by_time[] = {
        { .name = "new", .when = "volume > 3 * avg(volume) OVER last_10s" }, { 0 }
    };
    static const told_rule_t by_rows[] = {
        { .name = "new", .when = "volume > 3 * avg(volume) OVER rows_8" }, { 0 }
    };
    static const struct {
        const told_rule_t *before, *after;
        int64_t lateness, last;
        const char *shows;
    } cases[] = { { short_one, by_time, 0, 26, "rows         OVER last_10s: 10\n" },
                  { others, by_rows, LATENESS, 22, "rows         OVER rows_8: 8\n" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        log_t log;
        owned(buffer_destroy) buffer_t out = { 0 };
        open_log(&log, cases[i].lateness * SECOND);
        put_plan(&log, cases[i].before);
        for (int64_t second = 1; second <= 20; second++)
            put_row(&log, second, 1);
        put_plan(&log, cases[i].after);
        put_rows(&log, 21, cases[i].last);
        explain(&log, "alert", "new", cases[i].last, &out);
        assert_shows(&out, cases[i].shows);
        close_log(&log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late),    cmocka_unit_test(test_silent),
        cmocka_unit_test(test_removed), cmocka_unit_test(test_said_again),
        cmocka_unit_test(test_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
