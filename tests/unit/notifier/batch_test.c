/*  batch_test -- entries of the outbox become what is published, planned and logged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/notifier/batch.h"
#include "proto/alert.h"
#include "proto/owned.h"
#include "proto/wire.h"

static const char id_text[] = "00112233445566778899aabbccddeeff";
static const char topic_text[] = "alert/spike/candle:binance:BTCUSDT/";

static void encode_alert(buffer_t *out, const char *rule, uint64_t seq)
{
    alert_t alert = {
        .kind = "alert",
        .seq = seq,
        .rule = slice_text(rule),
        .severity = slice_text("warning"),
        .series = slice_text("candle:binance:BTCUSDT"),
        .when = slice_text("volume > 3"),
        .ts_us = 1700000000000000,
        .stream = slice_text("c1"),
        .record_seq = 7,
    };
    assert_true(alert_id_parse(&alert.id, slice_text(id_text)));
    alert_encode(&alert, out);
    assert_false(out->failed);
}

static void add(batch_t *batch, unsigned group, const char *entry, slice_t body)
{
    store_entry_t what = {
        .group = group,
        .entry = entry,
        .id = slice_text(id_text),
        .topic = slice_text(topic_text),
        .body = body,
    };
    batch_add(batch, &what, 1700000001234567);
}

static batch_t *batch_of_one(slice_t body)
{
    batch_t *batch = calloc(1, sizeof *batch);
    assert_non_null(batch);
    add(batch, 3, "17-0", body);
    return batch;
}

static void batch_free(batch_t *batch)
{
    batch_destroy(batch);
    free(batch);
}

static void alerts_are_stamped_and_told_as_json(void **state)
{
    (void) state;
    buffer_t body = { 0 };
    encode_alert(&body, "spike", 5);
    batch_t *batch = batch_of_one(buffer_slice(&body));
    assert_int_equal(batch->count, 1);
    const item_t *item = &batch->items[0];
    assert_true(item->good);
    assert_true(slice_is(batch_piece(batch, item->id), id_text));
    assert_true(slice_is(batch_piece(batch, item->topic), topic_text));
    assert_int_equal(item->body.size, body.size);

    char json[4096];
    slice_t text = batch_piece(batch, item->json);
    assert_true(text.size < sizeof json);
    memcpy(json, text.data, text.size);
    json[text.size] = '\0';
    assert_non_null(strstr(json, "\"at\":1700000001234567"));
    assert_non_null(strstr(json, "\"id\":\"00112233445566778899aabbccddeeff\""));

    bulletin_t bulletin;
    assert_true(bulletin_read(&bulletin, batch_piece(batch, item->body)));
    assert_true(slice_is(bulletin.rule, "spike"));
    assert_true(slice_is(bulletin.series, "candle:binance:BTCUSDT"));
    assert_true(slice_is(bulletin.severity, "warning"));
    assert_true(slice_is(bulletin.kind, "alert"));
    assert_int_equal(bulletin.ts_us, 1700000000000000);
    assert_int_equal(bulletin.seq, 5);
    batch_free(batch);
    buffer_destroy(&body);
}

// Subscribers are told of what changes with an incident.
static void what_is_news(void **state)
{
    (void) state;
    static const char *const kinds[] = { "firing", "still", "resolved",   "flapping", "nodata",
                                         "data",   "alert", "correction", "" };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bulletin_t bulletin = { .kind = slice_text(kinds[i]) };
        assert_int_equal(bulletin_is_news(&bulletin), i < 6);
        assert_int_equal(bulletin_is_state(&bulletin), i < 4);
    }
}

// Every cut of an alert, and every cut with something behind it, is no alert.
static void damaged_bodies_are_kept_but_not_good(void **state)
{
    (void) state;
    buffer_t body = { 0 };
    encode_alert(&body, "spike", 5);
    for (size_t size = 0; size < body.size; size++) {
        batch_t *batch = batch_of_one(slice_of(body.data, size));
        assert_int_equal(batch->count, 1); // its place in the outbox is still taken
        assert_false(batch->items[0].good);
        assert_false(batch->bytes.failed);
        batch_free(batch);
    }
    buffer_append(&body, "\0", 1);
    batch_t *batch = batch_of_one(buffer_slice(&body));
    assert_false(batch->items[0].good);
    batch_free(batch);
    buffer_destroy(&body);
}

static void bulletins_need_rule_series_time_and_seq(void **state)
{
    (void) state;
    static const char *const names[] = { "rule", "series", "ts", "seq" };
    for (int missing = -1; missing < 4; missing++) {
        buffer_t body = { 0 };
        wire_map(&body, missing < 0 ? 5 : 4);
        wire_string(&body, "severity");
        wire_nil(&body);
        for (int i = 0; i < 4; i++) {
            if (i == missing)
                continue;
            wire_string(&body, names[i]);
            if (i < 2)
                wire_string(&body, "x");
            else
                wire_u64(&body, 1);
        }
        bulletin_t bulletin;
        assert_int_equal(bulletin_read(&bulletin, buffer_slice(&body)), missing < 0);
        buffer_destroy(&body);
    }
}

static void each_group_has_its_entries(void **state)
{
    (void) state;
    buffer_t body = { 0 };
    encode_alert(&body, "spike", 5);
    batch_t *batch = calloc(1, sizeof *batch);
    assert_non_null(batch);
    add(batch, 3, "1-0", buffer_slice(&body));
    add(batch, 3, "2-0", slice_text("damaged"));
    add(batch, 15, "1-7", buffer_slice(&body));
    static store_taken_t taken[BATCH_MAX];
    for (unsigned g = 0; g < GROUPS; g++)
        assert_int_equal(batch_of_group(batch, g, taken), g == 3 ? 2 : g == 15 ? 1 : 0);
    assert_int_equal(batch_of_group(batch, 3, taken), 2);
    assert_string_equal(taken[0].entry, "1-0");
    assert_string_equal(taken[1].entry, "2-0"); // damaged ones as well
    assert_true(slice_same(taken[1].id, batch_piece(batch, batch->items[1].id)));

    batch_clear(batch);
    for (int i = 0; i < BATCH_MAX; i++)
        add(batch, 0, "1-0", buffer_slice(&body));
    assert_false(batch->bytes.failed);
    add(batch, 0, "1-0", buffer_slice(&body)); // one more than was asked for
    assert_true(batch->bytes.failed);
    assert_int_equal(batch->count, BATCH_MAX);
    batch_clear(batch);
    assert_false(batch->bytes.failed);
    batch_free(batch);
    buffer_destroy(&body);
}

static void names_are_judged(void **state)
{
    (void) state;
    char longest[130];
    memset(longest, 'n', 129);
    longest[129] = '\0';
    assert_true(bulletin_name_is_good(slice_text("Al.ice_0-9")));
    assert_true(bulletin_name_is_good(slice_of(longest, 128)));
    assert_false(bulletin_name_is_good(slice_of(longest, 129)));
    static const char *const bad[] = { "", "a b", "a\r\nX: y", "a:b", "a/b", "\xc3\xa4", "a\"" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(bulletin_name_is_good(slice_text(bad[i])));
    assert_false(bulletin_name_is_good(slice_of("a\0b", 3)));
}

static void an_id_that_comes_again_is_told(void **state)
{
    (void) state;
    batch_t *batch = calloc(1, sizeof *batch);
    bool again[BATCH_MAX];
    owned(buffer_destroy) buffer_t body = { 0 };
    encode_alert(&body, "spike", 1);
    char id[33], entry[32];
    for (unsigned i = 0; i < BATCH_MAX; i++) {
        // every third id comes again at once, the first one with the last too; some are none
        unsigned number = i == BATCH_MAX - 1 ? 0 : i - i % 3 / 2;
        snprintf(id, sizeof id, i == 7 ? "x" : "%032x", number * 2654435761u);
        snprintf(entry, sizeof entry, "17-%u", i);
        const store_entry_t what = { .entry = entry,
                                     .id = slice_text(id),
                                     .topic = slice_text(topic_text),
                                     .body = i == 10 ? slice_text("x") : buffer_slice(&body) };
        batch_add(batch, &what, 1);
    }
    memset(again, true, sizeof again);
    batch_repeats(batch, again);
    for (unsigned i = 0; i < BATCH_MAX; i++) // what is no alert stands in for none
        assert_int_equal(again[i], (i % 3 == 2 && i != 8 && i != 11) || i == BATCH_MAX - 1);
    batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_that_comes_again_is_told),
        cmocka_unit_test(alerts_are_stamped_and_told_as_json),
        cmocka_unit_test(what_is_news),
        cmocka_unit_test(damaged_bodies_are_kept_but_not_good),
        cmocka_unit_test(bulletins_need_rule_series_time_and_seq),
        cmocka_unit_test(each_group_has_its_entries),
        cmocka_unit_test(names_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
