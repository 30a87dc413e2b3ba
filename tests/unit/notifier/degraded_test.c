/*  degraded_test -- what subscribers read of our own illness, who they are, and of which rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "actors/notifier/census.h"
#include "actors/notifier/degraded.h"
#include "actors/notifier/mail.h"
#include "actors/notifier/payload.h"
#include "actors/notifier/reach.h"
#include "actors/notifier/wording.h"
#include "proto/json.h"
#include "proto/owned.h"
#include "proto/wire.h"
#include "tests/unit/proto/golden.h"

static vigil_state_t state_of(vigil_phase_t phase)
{
    return (vigil_state_t){
        .cause = "source:quotes",
        .text = "source quotes fails: HTTP 500",
        .phase = phase,
        .since_us = INT64_C(1700000000000000),
        .at_us = INT64_C(1700000030000000),
    };
}

// ---- bodies ---------------------------------------------------------------------------------

static void an_id_is_of_cause_time_kind_and_subscriber(void **state)
{
    (void) state;
    vigil_state_t one = state_of(VIGIL_TELLING), other = one;
    char id[DEGRADED_ID_TEXT], same[DEGRADED_ID_TEXT], ids[4][DEGRADED_ID_TEXT];
    degraded_id(&one, "alice", id);
    other.at_us++;
    strcpy(other.text, "in other words");
    degraded_id(&other, "alice", same); // told again after a crash
    assert_string_equal(id, same);
    assert_int_equal(strlen(id), 32);
    assert_int_equal(strspn(id, "0123456789abcdef"), 32);
    degraded_id(&one, "alicf", ids[0]);
    other = one;
    other.since_us++;
    degraded_id(&other, "alice", ids[1]);
    other = one;
    other.phase = VIGIL_RESTORING;
    degraded_id(&other, "alice", ids[2]);
    other = one;
    strcpy(other.cause, "source:quote");
    degraded_id(&other, "alice", ids[3]);
    for (int i = 0; i < 4; i++)
        assert_string_not_equal(ids[i], id);
}

static void write_body(const vigil_state_t *state, const char *rules, buffer_t *body,
                       notice_t *notice)
{
    char id[DEGRADED_ID_TEXT];
    degraded_id(state, "alice", id);
    assert_true(degraded_write(state, id, rules, body));
    assert_true(notice_read(notice, buffer_slice(body)));
}

static void it_says_what_since_when_and_of_which_rules(void **state)
{
    (void) state;
    vigil_state_t told = state_of(VIGIL_TELLING);
    owned(buffer_destroy) buffer_t body = { 0 }, text = { 0 };
    notice_t notice;
    write_body(&told, "23 a,b.c,d", &body, &notice);
    assert_false(notice_is_over(&notice));
    notice_t items[2] = { notice, notice };
    const notice_group_t group = { .count = 64, .shown = 2, .items = items };
    notice.group = &group;
    wording_title(&text, &notice);
    assert_string_equal(buffer_string(&text), "[warning] the watch is degraded: source quotes "
                                              "fails: HTTP 500 and 63 more");
    notice.group = NULL;
    buffer_clear(&text);
    wording_text(&text, &notice);
    assert_non_null(strstr(buffer_string(&text),
                           "[warning] the watch is degraded: source quotes fails: HTTP 500\n"));
    assert_non_null(strstr(buffer_string(&text), "\nrules of yours: a, b.c, d and 20 more\n"));
    assert_non_null(strstr(buffer_string(&text), "\nsince: 2023-11-14T22:13:20Z (30 s)\n"));
    told.phase = VIGIL_RESTORING;
    buffer_clear(&body);
    buffer_clear(&text);
    write_body(&told, "1 a", &body, &notice);
    assert_true(notice_is_over(&notice));
    wording_text(&text, &notice);
    assert_non_null(strstr(buffer_string(&text), "[warning] the watch is back: source quotes"));
    assert_non_null(strstr(buffer_string(&text), "\nrules of yours: a\n"));
}

static void expect_shape(payload_t payload, vigil_phase_t phase, const char *const *pieces)
{
    vigil_state_t told = state_of(phase);
    owned(buffer_destroy) buffer_t body = { 0 }, out = { 0 };
    notice_t notice;
    write_body(&told, "2 a,b", &body, &notice);
    assert_true(payload_write(payload, &notice, "alice", &out));
    for (; *pieces; pieces++)
        if (!strstr(buffer_string(&out), *pieces))
            fail_msg("no %s in %s", *pieces, buffer_string(&out));
}

static void every_channel_can_write_it(void **state)
{
    (void) state;
    expect_shape(PAYLOAD_JSON, VIGIL_TELLING,
                 (const char *[]){ "\"kind\":\"degraded\"", "\"rules\":[\"a\",\"b\"]",
                                   "\"rules_total\":2", "\"since\":1700000000000000", NULL });
    expect_shape(PAYLOAD_ALERTMANAGER, VIGIL_TELLING,
                 (const char *[]){ "\"status\":\"firing\"", "\"alertname\":\"TidewireDegraded\"",
                                   "\"series\":\"source:quotes\"",
                                   "\"endsAt\":\"0001-01-01T00:00:00Z\"", NULL });
    expect_shape(PAYLOAD_ALERTMANAGER, VIGIL_RESTORING,
                 (const char *[]){ "\"status\":\"resolved\"",
                                   "\"startsAt\":\"2023-11-14T22:13:20Z\"",
                                   "\"endsAt\":\"2023-11-14T22:13:50Z\"", NULL });
    expect_shape(PAYLOAD_ALERTMANAGER_API, VIGIL_RESTORING,
                 (const char *[]){ "\"endsAt\":\"2023-11-14T22:13:50Z\"", NULL });
    expect_shape(PAYLOAD_CLOUDEVENTS, VIGIL_TELLING,
                 (const char *[]){ "\"type\":\"tidewire.degraded\"", NULL });
    expect_shape(PAYLOAD_CHAT, VIGIL_RESTORING,
                 (const char *[]){ "*[warning] the watch is back: ", NULL });
    vigil_state_t told = state_of(VIGIL_TELLING);
    owned(buffer_destroy) buffer_t body = { 0 }, mail = { 0 };
    notice_t notice;
    write_body(&told, "2 a,b", &body, &notice);
    const mail_envelope_t envelope = { .from = "a@b.c", .to = "d@e.f", .id = "1", .sent_us = 1 };
    assert_true(mail_write(&notice, &envelope, &mail));
    assert_non_null(strstr(buffer_string(&mail), "the watch is degraded"));
}

// A reason comes from outside, and is cut anywhere.
static void what_is_no_text_is_made_one(void **state)
{
    (void) state;
    vigil_state_t told = state_of(VIGIL_TELLING);
    owned(buffer_destroy) buffer_t body = { 0 };
    notice_t notice;
    strcpy(told.text, "a\xff\x01\r\n\xc3");
    write_body(&told, "0", &body, &notice);
    assert_true(notice.note.size > 0);
    assert_int_equal(notice.rules_total, 0);
}

// ---- who ------------------------------------------------------------------------------------

static void each_subscriber_comes_once_with_its_rules(void **state)
{
    (void) state;
    owned(census_destroy) census_t *census = census_new();
    owned(buffer_destroy) buffer_t rules = { 0 };
    assert_non_null(census);
    for (int twice = 0; twice < 2; twice++) { // a scan may visit again
        assert_true(census_add(census, slice_text("b"), "alice"));
        assert_true(census_add(census, slice_text("b"), "bob"));
        assert_true(census_add(census, slice_text("a"), "bob"));
        assert_true(census_add(census, slice_text("ab"), "bob"));
        for (int i = 0; i < 25; i++) {
            char name[16];
            snprintf(name, sizeof name, "r%02d", i);
            assert_true(census_add(census, slice_text(name), "carol"));
        }
    }
    census_sort(census);
    assert_string_equal(census_next(census, &rules), "alice");
    assert_string_equal(buffer_string(&rules), "1 b");
    assert_string_equal(census_next(census, &rules), "bob");
    assert_string_equal(buffer_string(&rules), "3 a,ab,b");
    assert_string_equal(census_next(census, &rules), "carol");
    assert_int_equal(strncmp(buffer_string(&rules), "25 r00,r01,", 11), 0);
    assert_non_null(strstr(buffer_string(&rules), ",r19"));
    assert_null(strstr(buffer_string(&rules), "r20"));
    assert_null(census_next(census, &rules));
}

static void of_nobody_there_is_none(void **state)
{
    (void) state;
    owned(census_destroy) census_t *census = census_new();
    owned(buffer_destroy) buffer_t rules = { 0 };
    census_sort(census);
    assert_null(census_next(census, &rules));
}

// ---- the alert socket -----------------------------------------------------------------------

// The names of a map, in order, and what schema.def says of it.
static void expect_schema(slice_t body)
{
    owned(buffer_destroy) buffer_t keys = { 0 }, parts = { 0 };
    wire_reader_t in = wire_reader(body);
    uint32_t count;
    assert_true(wire_read_map(&in, &count));
    for (uint32_t i = 0; i < count; i++) {
        slice_t key;
        assert_true(wire_read_text(&in, &key, 100) && wire_skip(&in, NULL));
        buffer_printf(&keys, "%.*s ", (int) key.size, key.data);
    }
    assert_true(wire_done(&in));
    bool here = false;
#define SHAPE(name, kind, place, sentence) here = strcmp(#name, "health") == 0;
#define PART(name, type, unit, sentence) buffer_text(&parts, here ? #name " " : "");
#include "proto/schema.def"
    assert_string_equal(buffer_string(&keys), buffer_string(&parts));
}

static void the_alert_socket_hears_it_by_tables(void **state)
{
    (void) state;
    static const char *const tables[] = { "quote", "trade" };
    vigil_state_t told = state_of(VIGIL_TELLING);
    owned(buffer_destroy) buffer_t some = { 0 }, again = { 0 }, all = { 0 }, json = { 0 };
    assert_true(degraded_health(&told, tables, 2, &some));
    assert_true(degraded_health(&told, tables, 2, &again));
    assert_int_equal(some.size, again.size);
    assert_memory_equal(some.data, again.data, some.size);
    expect_schema(buffer_slice(&some));
    golden_same("health-v1.msgpack", buffer_slice(&some));
    assert_true(json_from_wire(&json, buffer_slice(&some)));
    assert_non_null(strstr(buffer_string(&json),
                           "\"kind\":\"degraded\",\"cause\":\"source:quotes\","
                           "\"tables\":[\"quote\",\"trade\"],"
                           "\"note\":\"source quotes fails: HTTP 500\","
                           "\"since\":1700000000000000,\"ts\":1700000030000000}"));
    told.phase = VIGIL_RESTORING;
    assert_true(degraded_health(&told, NULL, 0, &all));
    buffer_clear(&json);
    assert_true(json_from_wire(&json, buffer_slice(&all)));
    assert_non_null(strstr(buffer_string(&json), "\"kind\":\"restored\""));
    assert_non_null(strstr(buffer_string(&json), "\"tables\":null,"));
}

// ---- of which rules -------------------------------------------------------------------------

static const char config[] =
    "sources:\n"
    "  - { name: quotes, url: 'file:///q', table: quote, stream: c2, key: { p: /p },\n"
    "      time: fetch, columns: { x: /x } }\n"
    "  - { name: trades, url: 'file:///t', table: trade, key: { p: /p },\n"
    "      time: fetch, columns: { x: /x } }\n"
    "rules:\n"
    "  dear: { on: quote, when: 'x > 1' }\n"
    "  much: { on: trade, when: 'x > 1' }\n";

static void expect_reach(const settings_t *settings, const char *cause, bool dear, bool much)
{
    owned(reach_destroy) reach_t *reach = reach_new(settings, cause);
    assert_non_null(reach);
    if (reach_wants(reach, slice_text("dear")) != dear ||
        reach_wants(reach, slice_text("much")) != much)
        fail_msg("%s", cause);
    assert_true(reach_wants(reach, slice_text("unknown")));
    const char *tables[2];
    assert_int_equal(reach_is_all(reach), dear && much);
    if (reach_is_all(reach))
        return;
    assert_int_equal(reach_tables(reach, tables), 1);
    assert_string_equal(tables[0], dear ? "quote" : "trade");
}

static void a_cause_reaches_the_rules_on_its_tables(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    owned(settings_destroy) settings_t *settings =
        settings_parse(config, sizeof config - 1, &fault);
    if (!settings)
        fail_msg("%d:%d %s", fault.line, fault.column, fault.text);
    expect_reach(settings, "source:quotes", true, false);
    expect_reach(settings, "source:trades", false, true);
    expect_reach(settings, "source:elsewhere", true, true);
    expect_reach(settings, "log:c2", true, false);
    expect_reach(settings, "collector:c2", true, false);
    expect_reach(settings, "log:c1", false, true); // what has no stream is staged by the others
    expect_reach(settings, "work", true, true);
    expect_reach(settings, "outbox", true, true);
    expect_reach(settings, "collector", true, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_of_cause_time_kind_and_subscriber),
        cmocka_unit_test(it_says_what_since_when_and_of_which_rules),
        cmocka_unit_test(every_channel_can_write_it),
        cmocka_unit_test(what_is_no_text_is_made_one),
        cmocka_unit_test(each_subscriber_comes_once_with_its_rules),
        cmocka_unit_test(of_nobody_there_is_none),
        cmocka_unit_test(the_alert_socket_hears_it_by_tables),
        cmocka_unit_test(a_cause_reaches_the_rules_on_its_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
