/*  What is pure, when the n-th allocation fails: messages, plans, rows, mappings, rules, the fold
 *  and its journal, settings.
 *
 *  Lack of memory is told as such. It never makes a good rule, payload or configuration a bad one,
 *  and never gives half of a result.
 */
#include "tests/nth/nth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "actors/prep/mapping.h"
#include "broker/runtime/settings.h"
#include "proto/message.h"
#include "proto/owned.h"
#include "tests/unit/transform/feeds.h"

#define assert_memory_is_named(done, fault)                                                        \
    do {                                                                                           \
        nth_assert_done(done, fault);                                                              \
        if (!(done) && !strstr((fault).text, "memory"))                                            \
            fail_msg("takes lack of memory for: %s", (fault).text);                                \
    } while (0)

// ---- messages
// -------------------------------------------------------------------------------------

static bool encode_raw(buffer_t *out)
{
    owned(buffer_destroy) buffer_t mappings = { 0 }, records = { 0 };
    for (unsigned i = 1; i <= 40; i++) {
        raw_record_encode(&(raw_record_t){ .seq = i,
                                           .recv_us = 1700000000000000 + i,
                                           .kind = 1,
                                           .payload = slice_text("{\"a\":1}") },
                          &records);
    }
    raw_mapping_encode(
        &(raw_mapping_t){ .source = slice_text("feed"), .definition = slice_text("definition") },
        &mappings);
    message_raw_encode(
        &(message_raw_t){ .stream = slice_text("main"),
                          .from = 1,
                          .to = 40,
                          .mappings = { .count = 1, .bytes = buffer_slice(&mappings) },
                          .records = { .count = 40, .bytes = buffer_slice(&records) } },
        out);
    return !out->failed && !mappings.failed && !records.failed;
}

static void a_message_is_whole_or_failed(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_MEMORY);
    while (nth_next(&nth)) {
        owned(buffer_destroy) buffer_t out = { 0 };
        nth_arm(&nth);
        bool done = encode_raw(&out);
        nth_disarm(&nth);
        assert_true(done || nth_excused());
        buffer_clear(&out);
        assert_true(encode_raw(&out)); // the same buffer is usable again
        message_raw_t raw;
        fault_t fault;
        assert_true(message_raw_decode(&raw, buffer_slice(&out), &fault));
        assert_int_equal(raw.records.count, 40);
    }
}

// ---- plans
// ----------------------------------------------------------------------------------------

static bool same_hash(const plan_t *a, const plan_t *b)
{
    plan_hash_t left = plan_hash(a), right = plan_hash(b);
    return memcmp(&left, &right, sizeof left) == 0;
}

static plan_t *plan_of(unsigned entries, fault_t *fault)
{
    plan_t *plan = plan_new();
    bool good = plan != NULL;
    if (!good)
        fault_set(fault, "out of memory");
    for (unsigned i = 0; good && i < entries; i++) {
        char name[16];
        snprintf(name, sizeof name, "rule-%u", i);
        good = plan_set(plan, PLAN_RULE, slice_text(name), slice_text("body"), fault);
    }
    if (!good)
        plan_destroy(&plan);
    return plan;
}

static void a_plan_changes_whole_or_not_at_all(void **state)
{
    (void) state;
    fault_t none;
    owned(plan_destroy) plan_t *few = plan_of(3, &none), *many = plan_of(12, &none);
    nth_t nth = nth_over(NTH_MEMORY);
    while (nth_next(&nth)) {
        fault_t fault = { 0 };
        owned(buffer_destroy) buffer_t change = { 0 };
        owned(plan_destroy) plan_t *plan = plan_copy(few);
        assert_non_null(plan);
        nth_arm(&nth);
        owned(plan_destroy) plan_t *made = plan_of(12, &fault);
        bool encoded = made && plan_encode(made, few, &change);
        if (made && !encoded)
            fault_set(&fault, "out of memory");
        bool done = encoded && plan_apply(plan, buffer_slice(&change), &fault);
        nth_disarm(&nth);
        assert_memory_is_named(done, fault);
        assert_true(same_hash(plan, done ? many : few));
        buffer_clear(&change);
        assert_true(done || (plan_encode(many, few, &change) &&
                             plan_apply(plan, buffer_slice(&change), &fault)));
        assert_true(same_hash(plan, many));
    }
}

// ---- rows
// -----------------------------------------------------------------------------------------

enum { ROWS = 60 };
static const char *const row_columns[] = { "price", "volume" };

static bool build_rows(rows_t *rows, buffer_t *out)
{
    rows_head_t head = { .seq = 1,
                         .recv_us = 1,
                         .source = slice_text("feed"),
                         .table = slice_text("trade"),
                         .column_count = 2,
                         .columns = row_columns };
    rows_begin(rows, &head);
    for (unsigned i = 0; i < ROWS; i++) {
        char pair[8];
        snprintf(pair, sizeof pair, "p%u", i % 20);
        slice_t values[] = { slice_text("x"), slice_text(pair) };
        bool too_long;
        int series = rows_series_of(rows, slice_text("trade"), values, 2, &too_long);
        decimal_t numbers[] = { { .mantissa = i }, { .mantissa = 5, .exponent = -(int) (i % 3) } };
        if (series < 0 || !rows_add(rows, series, 1000 - i, numbers, slice_text("id"), i))
            return false;
    }
    partitions_t all = feed_everything();
    (void) rows_encode(rows, &all, out);
    return !out->failed;
}

static void rows_are_all_there_or_none(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t expected = { 0 };
    owned(rows_destroy) rows_t *first = rows_new();
    assert_true(build_rows(first, &expected));
    nth_t nth = nth_over(NTH_MEMORY);
    while (nth_next(&nth)) {
        owned(buffer_destroy) buffer_t block = { 0 };
        nth_arm(&nth);
        rows_t *rows = rows_new();
        bool done = rows && build_rows(rows, &block);
        nth_disarm(&nth);
        assert_true(done || nth_excused());
        if (done)
            assert_true(slice_same(buffer_slice(&block), buffer_slice(&expected)));
        buffer_clear(&block);
        rows = rows ? rows : rows_new();
        assert_true(build_rows(rows, &block)); // the same builder goes on
        assert_true(slice_same(buffer_slice(&block), buffer_slice(&expected)));
        rows_destroy(&rows);
    }
}

// ---- mappings
// -------------------------------------------------------------------------------------

static setting_pair_t key[] = { { .name = "a", .value = "/s" }, { .name = "b", .value = "=x" } };
static setting_pair_t cells[] = { { .name = "p", .value = "/1" }, { .name = "q", .value = "/2" } };
static setting_pair_t values[] = { { .name = "p", .value = "/p" }, { .name = "q", .value = "/q" } };
static setting_pair_t literal[] = { { .name = "a", .value = "=x" } };
static setting_pair_t checks[] = { { .name = "p", .value = "> 0" } };
static const char *identity[] = { "/id" };

#define PAIRS(array)                                                                               \
    {                                                                                              \
        .count = sizeof(array) / sizeof((array)[0]), .items = (array)                              \
    }

enum { SOURCES = 4 };
static const source_t sources[SOURCES] = {
    { .format = FORMAT_JSON,
      .kind = SOURCE_FILE,
      .rows = "/d/*",
      .table = "t",
      .key = PAIRS(key),
      .time_at = "/t",
      .time_unit = "ms",
      .columns = PAIRS(values),
      .validate = PAIRS(checks),
      .identity = identity,
      .identity_count = 1 },
    { .format = FORMAT_JSONL,
      .kind = SOURCE_FILE,
      .rows = "",
      .table = "t",
      .key = PAIRS(key),
      .time_at = "/t",
      .time_unit = "rfc3339",
      .columns = PAIRS(values),
      .newest_first = true },
    { .format = FORMAT_CSV,
      .kind = SOURCE_FILE,
      .csv_delimiter = ',',
      .table = "t",
      .key = PAIRS(literal),
      .time_at = "/0",
      .time_unit = "s",
      .columns = PAIRS(cells) },
    { .format = FORMAT_JSON, // gzip
      .kind = SOURCE_FILE,
      .rows = "/d/*",
      .table = "t",
      .key = PAIRS(key),
      .time_at = "/t",
      .time_unit = "ms",
      .columns = PAIRS(values) },
};
static const char *const payloads[SOURCES] = {
    "{\"d\":[{\"s\":\"u\",\"t\":5,\"p\":1.5,\"q\":\"2\",\"id\":\"\\u00e9\"},"
    "{\"s\":\"v\",\"t\":4,\"p\":-1,\"q\":2,\"id\":2},{\"s\":\"u\",\"t\":6,\"p\":2,\"id\":3}]}",
    "{\"s\":\"u\",\"t\":\"2023-03-01T00:00:01Z\",\"p\":1,\"q\":2}\n"
    "{\"s\":\"u\",\"t\":\"2023-03-01T00:00:00Z\",\"p\":3,\"q\":4}\n{\"s\":\"u\",\"t\":\"x\"}\n",
    "1,2.5,3\n2,\"4\",5\nx,6,7\n",
    "{\"d\":[{\"s\":\"u\",\"t\":5,\"p\":1.5,\"q\":\"2\"}]}",
};

typedef struct {
    unsigned refused;
    char reasons[8][MAPPING_REASON_MAX];
} refusals_t;

static void refuse(void *context, const quarantine_t *quarantine)
{
    refusals_t *refusals = context;
    assert_true(refusals->refused < 8);
    snprintf(refusals->reasons[refusals->refused++], MAPPING_REASON_MAX, "%s", quarantine->reason);
}

// Map the payload with this definition. False: out of memory (or `fault`).
static bool map(slice_t definition, slice_t payload, rows_t *rows, buffer_t *block,
                refusals_t *refusals, fault_t *fault)
{
    owned(mapping_destroy) mapping_t *mapping = mapping_new(definition, fault);
    if (!mapping)
        return false;
    rows_head_t head = { .seq = 1,
                         .recv_us = INT64_C(1700000000000000),
                         .source = slice_text("s") };
    mapping_count_t count;
    partitions_t all = feed_everything();
    bool done = mapping_apply(mapping, &head, payload, rows, refuse, refusals, &count) &&
                (rows_encode(rows, &all, block), !block->failed);
    return done || fault_set(fault, "out of memory");
}

static slice_t payload_of(unsigned i, uint8_t room[256])
{
    if (i < SOURCES - 1)
        return slice_text(payloads[i]);
    z_stream stream = { 0 };
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *) (uintptr_t) payloads[i];
    stream.avail_in = (uInt) strlen(payloads[i]);
    stream.next_out = room;
    stream.avail_out = 256;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t size = stream.total_out;
    deflateEnd(&stream);
    return slice_of(room, size);
}

static void lack_of_memory_refuses_no_row(void **state)
{
    (void) state;
    for (unsigned i = 0; i < SOURCES; i++) {
        uint8_t room[256];
        slice_t payload = payload_of(i, room);
        owned(buffer_destroy) buffer_t definition = { 0 }, expected = { 0 };
        owned(rows_destroy) rows_t *rows = rows_new();
        fault_t none = { 0 };
        refusals_t wanted = { 0 };
        assert_true(mapping_define(&sources[i], &definition));
        assert_true(map(buffer_slice(&definition), payload, rows, &expected, &wanted, &none));
        assert_true(expected.size > 0);
        nth_t nth = nth_over(NTH_MEMORY);
        while (nth_next(&nth)) {
            owned(buffer_destroy) buffer_t block = { 0 }, again = { 0 };
            fault_t fault = { 0 };
            refusals_t refusals = { 0 };
            nth_arm(&nth);
            bool done = mapping_define(&sources[i], &again) || fault_set(&fault, "out of memory");
            rows_t *fresh = done ? rows_new() : NULL;
            done = fresh && map(buffer_slice(&again), payload, fresh, &block, &refusals, &fault);
            nth_disarm(&nth);
            if (!fresh)
                fault_set(&fault, "out of memory");
            assert_memory_is_named(done, fault);
            assert_true(refusals.refused <= wanted.refused);
            for (unsigned r = 0; r < refusals.refused; r++)
                assert_string_equal(refusals.reasons[r], wanted.reasons[r]);
            assert_true(!done || (refusals.refused == wanted.refused &&
                                  slice_same(buffer_slice(&block), buffer_slice(&expected))));
            rows_destroy(&fresh);
        }
    }
}

// ---- rules
// ----------------------------------------------------------------------------------------

static const char *const conditions[] = {
    "volume > 3 * avg(volume) OVER last_1h AND price > 0",
    "price > avg(price) OVER rows_20 + 2 * stddev_pop(price) OVER rows_20",
    "extra > 2 AND round(price, 2) <> 1.5 OR abs(volume - lag(volume, 2) OVER rows_4) > 1e3",
    ("pair LIKE 'B%' AND exchange IN ('x', 'y') AND "
     "CASE WHEN price IS NULL THEN false ELSE true END"),
};
enum { RULES = sizeof conditions / sizeof *conditions };

static rule_t rule_of(unsigned i)
{
    return (rule_t){ .on = slice_text("candle"),
                     .when = slice_text(conditions[i]),
                     .severity = slice_text("warning"),
                     .min_rows = 2,
                     .positive = true,
                     .enabled = true,
                     .flap_changes = RULE_FLAP_LEAST,
                     .flap_us = 60 * 1000000,
                     .freeze = i % 2 == 0 && strstr(conditions[i], " OVER ") };
}

static plan_t *plan_of_rules(void)
{
    plan_t *plan = plan_new();
    owned(buffer_destroy) buffer_t body = { 0 };
    feed_source(&body, "candle");
    assert_true(plan_set(plan, PLAN_SOURCE, slice_text("feed"), buffer_slice(&body), NULL));
    assert_true(plan_set(plan, PLAN_DERIVE, slice_text("candle.extra"),
                         slice_text("volume / avg(volume) OVER last_1h"), NULL));
    for (unsigned i = 0; i < RULES; i++) {
        char name[8];
        rule_t rule = rule_of(i);
        snprintf(name, sizeof name, "rule%u", i);
        buffer_clear(&body);
        rule_encode(&rule, &body);
        assert_true(plan_set(plan, PLAN_RULE, slice_text(name), buffer_slice(&body), NULL));
    }
    return plan;
}

static void refuse_entry(void *context, plan_kind_t kind, const char *name, const fault_t *fault)
{
    (void) kind;
    snprintf(context, 400, "%.100s: %.250s", name, fault->text);
}

static void lack_of_memory_refuses_no_rule(void **state)
{
    (void) state;
    owned(plan_destroy) plan_t *plan = plan_of_rules();
    nth_t nth = nth_over(NTH_MEMORY);
    while (nth_next(&nth)) {
        char refused[400] = "";
        owned(buffer_destroy) buffer_t sql = { 0 };
        fault_t fault = { 0 };
        rule_t rule = rule_of(2);
        nth_arm(&nth);
        owned(ruleset_destroy) ruleset_t *rules = ruleset_new(plan, refuse_entry, refused);
        if (!rules)
            fault_set(&fault, "out of memory");
        bool checked = rules && ruleset_check(plan, "another", &rule, &fault);
        bool done = checked && ruleset_sql(rules, "rule2", &sql, &fault);
        nth_disarm(&nth);
        if (rules && refused[0])
            fail_msg("left out for lack of memory: %s", refused);
        assert_memory_is_named(done, fault);
        if (rules)
            assert_int_equal(ruleset_table(rules, slice_text("candle"))->rule_count, RULES);
    }
}

// ---- the fold
// -------------------------------------------------------------------------------------

enum { RECORDS = 12, ROWS_A_RECORD = 5 };

static ruleset_t *fold_rules;

static ruleset_t *find_plan(void *context, plan_hash_t hash)
{
    (void) context;
    plan_hash_t known = ruleset_hash(fold_rules);
    return memcmp(&known, &hash, sizeof hash) == 0 ? fold_rules : NULL;
}

enum { SERIES = 3 };
static unsigned homes[SERIES]; // the partitions of the series

static partitions_t home(void)
{
    partitions_t set = { { 0 } };
    for (unsigned i = 0; i < SERIES; i++)
        partitions_add(&set, homes[i]);
    return set;
}

// The blocks of all records, made before anything fails.
static struct {
    buffer_t bytes[RECORDS];
    rows_view_t views[RECORDS];
} blocks;

static void make_blocks(void)
{
    static const char *const pairs[SERIES] = { "a", "b", "c" };
    for (unsigned i = 0; i < SERIES; i++) {
        char id[SERIES_ID_MAX + 1];
        homes[i] = series_partition(feed_series(pairs[i], id));
    }
    owned(rows_destroy) rows_t *builder = rows_new();
    for (unsigned i = 0; i < RECORDS; i++) {
        rows_head_t head = { .seq = 2 + i,
                             .recv_us = 1,
                             .source = slice_text("feed"),
                             .table = slice_text("candle"),
                             .column_count = FEED_COLUMNS,
                             .columns = feed_columns,
                             .ordinal = i % 4 == 3 };
        rows_begin(builder, &head);
        for (unsigned r = 0; r < ROWS_A_RECORD; r++) {
            char id[SERIES_ID_MAX + 1];
            unsigned n = i * ROWS_A_RECORD + r;
            decimal_t numbers[] = { { .mantissa = n % 7 ? 3 : 1000, .exponent = n % 5 ? 0 : -12 },
                                    { .mantissa = n } };
            int series = rows_series(builder, feed_series(pairs[n % 3], id));
            assert_true(rows_add(builder, series, 1000000 * (int64_t) n, numbers,
                                 slice_text(head.ordinal ? "" : "i"), r));
        }
        partitions_t all = feed_everything();
        fault_t fault;
        assert_true(rows_encode(builder, &all, &blocks.bytes[i]));
        assert_true(rows_decode(&blocks.views[i], buffer_slice(&blocks.bytes[i]), &fault));
    }
}

// What is durable of the partitions: deltas one after the other, as of `records`.
typedef struct {
    unsigned records;
    size_t count[SERIES];
    buffer_t deltas[SERIES][RECORDS + 1];
} durable_t;

static void durable_clear(durable_t *self)
{
    for (unsigned p = 0; p < SERIES; p++)
        for (size_t i = 0; i <= RECORDS; i++)
            buffer_destroy(&self->deltas[p][i]);
    memset(self, 0, sizeof *self);
}

// All partitions or none.
static bool commit(fold_t *fold, durable_t *durable, unsigned records)
{
    slice_t deltas[SERIES] = { { 0 } };
    for (unsigned p = 0; p < SERIES; p++)
        if (fold_changed(fold, homes[p]) && !fold_delta(fold, homes[p], &deltas[p]))
            return false;
    bool copied = true;
    for (unsigned p = 0; p < SERIES; p++) {
        buffer_t *to = &durable->deltas[p][durable->count[p]];
        buffer_append(to, deltas[p].data, deltas[p].size);
        copied = copied && !to->failed;
    }
    for (unsigned p = 0; p < SERIES; p++) {
        if (!copied) // it did not happen
            buffer_destroy(&durable->deltas[p][durable->count[p]]);
        else if (deltas[p].size > 0)
            durable->count[p]++;
        if (copied)
            fold_delta_reset(fold, homes[p]);
    }
    if (!copied)
        return false;
    durable->records = records;
    return true;
}

// From a new fold, or from what is durable, to the end. False: out of memory.
static bool fold_all(fold_t *fold, durable_t *durable)
{
    partitions_t all = home();
    if (durable->records == 0 &&
        (!fold_plan(fold, slice_text("s"), &all, fold_rules, 1, 0) || !commit(fold, durable, 1)))
        return false;
    for (unsigned i = durable->records; i <= RECORDS; i++) {
        if (!fold_rows(fold, slice_text("s"), &blocks.views[i - 1], &all, 7))
            return false;
        if (i % 3 == 0 && !commit(fold, durable, i + 1))
            return false;
    }
    return true;
}

static void count_alert(void *context, unsigned partition, const alert_t *alert)
{
    (void) partition;
    (void) alert;
    ++*(unsigned *) context;
}

static fold_t *fold_fresh(unsigned *alerts)
{
    fold_t *fold = fold_new(count_alert, alerts);
    for (unsigned p = 0; fold && p < SERIES; p++)
        fold_own(fold, homes[p]);
    return fold;
}

static bool base_of(const fold_t *fold, buffer_t *base)
{
    bool good = true;
    for (unsigned p = 0; good && p < SERIES; p++)
        good = fold_base(fold, homes[p], base);
    return good;
}

// Load what is durable. False with fault.
static bool load_all(fold_t *fold, const durable_t *durable, fault_t *fault)
{
    bool good = true;
    for (unsigned p = 0; p < SERIES; p++)
        for (size_t i = 0; good && i < durable->count[p]; i++)
            good = fold_load(fold, homes[p], buffer_slice(&durable->deltas[p][i]), find_plan, NULL,
                             fault);
    return good;
}

static void open_fold(void)
{
    owned(plan_destroy) plan_t *plan = plan_of_rules();
    fold_rules = ruleset_new(plan, NULL, NULL);
    assert_non_null(fold_rules);
    make_blocks();
}

static void close_fold(void)
{
    for (unsigned i = 0; i < RECORDS; i++)
        buffer_destroy(&blocks.bytes[i]);
    ruleset_destroy(&fold_rules);
}

// Somebody who ran out of memory is dropped; what he wrote before leads to the same state.
static void what_was_written_leads_to_the_same_state(void **state)
{
    (void) state;
    static durable_t durable;
    open_fold();
    unsigned alerts = 0;
    owned(buffer_destroy) buffer_t expected = { 0 };
    owned(fold_destroy) fold_t *calm = fold_fresh(&alerts);
    assert_true(fold_all(calm, &durable) && base_of(calm, &expected));
    assert_true(alerts > 0);
    durable_clear(&durable);
    nth_t nth = nth_over(NTH_MEMORY);
    while (nth_next(&nth)) {
        nth_arm(&nth);
        fold_t *fold = fold_fresh(&alerts);
        bool done = fold && fold_all(fold, &durable);
        nth_disarm(&nth);
        assert_true(done || nth_excused());
        fault_t fault = { 0 };
        owned(buffer_destroy) buffer_t base = { 0 };
        if (!done) {
            fold_destroy(&fold);
            fold = fold_fresh(&alerts);
            if (!load_all(fold, &durable, &fault))
                fail_msg("%s", fault.text);
            assert_true(fold_all(fold, &durable));
        }
        assert_true(base_of(fold, &base));
        assert_true(slice_same(buffer_slice(&base), buffer_slice(&expected)));
        fold_destroy(&fold);
        durable_clear(&durable);
    }
    close_fold();
}

// Reading what is durable, and writing a base of it.
static void loading_is_refused_for_lack_of_memory_alone(void **state)
{
    (void) state;
    static durable_t durable;
    open_fold();
    unsigned alerts = 0;
    owned(buffer_destroy) buffer_t expected = { 0 };
    owned(fold_destroy) fold_t *calm = fold_fresh(&alerts);
    assert_true(fold_all(calm, &durable) && commit(calm, &durable, RECORDS + 1));
    assert_true(base_of(calm, &expected));
    nth_t nth = nth_over(NTH_MEMORY);
    while (nth_next(&nth)) {
        fault_t fault = { 0 };
        owned(buffer_destroy) buffer_t base = { 0 };
        nth_arm(&nth);
        fold_t *fold = fold_fresh(&alerts);
        if (!fold)
            fault_set(&fault, "out of memory");
        bool done = fold && load_all(fold, &durable, &fault);
        if (done && !base_of(fold, &base))
            done = fault_set(&fault, "out of memory");
        nth_disarm(&nth);
        assert_memory_is_named(done, fault);
        if (done)
            assert_true(slice_same(buffer_slice(&base), buffer_slice(&expected)));
        fold_destroy(&fold);
    }
    durable_clear(&durable);
    close_fold();
}

// ---- settings
// -------------------------------------------------------------------------------------

static const char configuration[] =
    "namespace: tw\nredis: embedded\nstage: dir:stage\n"
    "sources:\n"
    "  - name: feed\n    url: file:///data/*.json\n    rows: /*\n    table: candle\n"
    "    key: { exchange: \"=x\", pair: /pair }\n    time: { at: /0, unit: ms }\n"
    "    columns: { open: /1, volume: \"${NTH_NOT_SET:/5}\" }\n    required: [open]\n"
    "    validate: { volume: \">= 0\" }\n    rolling: { volume: 24h }\n"
    "derive:\n  candle:\n    ratio: volume / avg(volume) OVER last_1h\n"
    "budgets: { api.kraken.com: 1/s }\n"
    "rules:\n  spike: { on: candle, when: \"volume > 3\", min_rows: 10, cooldown: 10m, flap: 6/10m "
    "}\n";

static void lack_of_memory_makes_no_configuration_bad(void **state)
{
    (void) state;
    char root[64], path[96];
    nth_directory(root);
    snprintf(path, sizeof path, "%s/c.yaml", root);
    FILE *file = fopen(path, "w");
    fputs(configuration, file);
    fclose(file);
    nth_t nth = nth_over(NTH_MEMORY | NTH_OPEN | NTH_READ);
    while (nth_next(&nth)) {
        fault_t fault = { 0 };
        nth_arm(&nth);
        settings_t *settings = settings_load(path, &fault);
        nth_disarm(&nth);
        nth_assert_done(settings != NULL, fault);
        if (!settings && fault.line > 0 && !strstr(fault.text, "memory"))
            fail_msg("taken for a mistake in line %d: %s", fault.line, fault.text);
        if (settings) {
            assert_int_equal(settings->source_count, 1);
            assert_int_equal(settings->sources[0].columns.count, 2);
            assert_int_equal(settings->derive_count + settings->rule_count, 2);
            assert_int_equal(settings->budget_count, 1);
        }
        settings_destroy(&settings);
    }
    nth_remove(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_message_is_whole_or_failed, nth_teardown),
        cmocka_unit_test_teardown(a_plan_changes_whole_or_not_at_all, nth_teardown),
        cmocka_unit_test_teardown(rows_are_all_there_or_none, nth_teardown),
        cmocka_unit_test_teardown(lack_of_memory_refuses_no_row, nth_teardown),
        cmocka_unit_test_teardown(lack_of_memory_refuses_no_rule, nth_teardown),
        cmocka_unit_test_teardown(what_was_written_leads_to_the_same_state, nth_teardown),
        cmocka_unit_test_teardown(loading_is_refused_for_lack_of_memory_alone, nth_teardown),
        cmocka_unit_test_teardown(lack_of_memory_makes_no_configuration_bad, nth_teardown),
    };
    return cmocka_run_group_tests_name("nth_core", tests, NULL, NULL);
}
