/*  payload_test -- alerts in the shapes that receivers know, and as mail, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/notifier/mail.h"
#include "actors/notifier/payload.h"
#include "proto/owned.h"
#include "tests/unit/notifier/noticed.h"
#include "tests/unit/proto/golden.h"

static void make_body(const char *kind, buffer_t *body, notice_t *notice)
{
    if (kind)
        noticed_alert(body, kind);
    else
        noticed_hostile(body);
    assert_true(notice_read(notice, buffer_slice(body)));
}

static void check_shape(payload_t payload, const char *kind, const char *golden)
{
    owned(buffer_destroy) buffer_t body = { 0 }, out = { 0 };
    notice_t notice;
    make_body(kind, &body, &notice);
    assert_true(payload_write(payload, &notice, "alice", &out));
    golden_same(golden, buffer_slice(&out));
}

static void shapes_are_what_they_were(void **state)
{
    (void) state;
    check_shape(PAYLOAD_JSON, "alert", "payload-json-v1.json");
    check_shape(PAYLOAD_ALERTMANAGER, "alert", "payload-alertmanager-v1.json");
    check_shape(PAYLOAD_ALERTMANAGER, "resolved", "payload-alertmanager-resolved-v1.json");
    check_shape(PAYLOAD_ALERTMANAGER, "nodata", "payload-alertmanager-nodata-v1.json");
    check_shape(PAYLOAD_ALERTMANAGER, "data", "payload-alertmanager-data-v1.json");
    check_shape(PAYLOAD_ALERTMANAGER, NULL, "payload-alertmanager-hostile-v1.json");
    check_shape(PAYLOAD_ALERTMANAGER_API, "alert", "payload-alertmanager-api-v1.json");
    check_shape(PAYLOAD_ALERTMANAGER_API, "correction", "payload-alertmanager-api-over-v1.json");
    check_shape(PAYLOAD_CLOUDEVENTS, "alert", "payload-cloudevents-v1.json");
    check_shape(PAYLOAD_CLOUDEVENTS, NULL, "payload-cloudevents-hostile-v1.json");
    check_shape(PAYLOAD_CHAT, "alert", "payload-chat-v1.json");
    check_shape(PAYLOAD_CHAT, NULL, "payload-chat-hostile-v1.json");
}

static void check_mail(const char *kind, const char *golden)
{
    owned(buffer_destroy) buffer_t body = { 0 }, out = { 0 };
    notice_t notice;
    make_body(kind, &body, &notice);
    const mail_envelope_t envelope = { .from = "tidewire@example.org",
                                       .to = "alice@example.com",
                                       .id = "00112233445566778899aabbccddeeff-alice~email",
                                       .sent_us = INT64_C(1700000001000000) };
    assert_true(mail_write(&notice, &envelope, &out));
    golden_same(golden, buffer_slice(&out));
    size_t line = 0;
    for (size_t i = 0; i < out.size; i++) {
        line = out.data[i] == '\n' ? 0 : line + 1;
        assert_true(line <= 998);
        if (out.data[i] == '\n') // never alone, nor is a CR
            assert_true(i > 0 && out.data[i - 1] == '\r');
        if (out.data[i] == '\r')
            assert_true(i + 1 < out.size && out.data[i + 1] == '\n');
    }
}

static void mails_are_what_they_were(void **state)
{
    (void) state;
    check_mail("alert", "mail-alert-v1.eml");
    check_mail(NULL, "mail-hostile-v1.eml");
}

static void only_plain_addresses_are_good(void **state)
{
    (void) state;
    static const char *const good[] = { "a@b", "alice+tag@mail.example.com", "o'neil@x-y.org" };
    static const char *const bad[] = {
        "",        "alice",    "@b",         "a@",      "a@b@c",       "a b@c",          "a@b c",
        "<a@b>",   "a@b\r\nX", "-a@b",       ".a@b",    "a.@b",        "a..b@c",         "a@-b",
        "a@b.",    "a@.b",     "a@b..c",     "\"a\"@b", "a@[1.2.3.4]", "\xc3\xa4@b.org", "a,c@b",
        "a@b,c@d", "a@b>x",    "a@b SIZE=1",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!mail_address_is_good(good[i]))
            fail_msg("%s is refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (mail_address_is_good(bad[i]))
            fail_msg("%s is taken", bad[i]);
    char longer[MAIL_ADDRESS_MAX + 2];
    memset(longer, 'a', sizeof longer);
    longer[10] = '@';
    longer[sizeof longer - 1] = '\0';
    assert_false(mail_address_is_good(longer));
    longer[sizeof longer - 2] = '\0';
    assert_true(mail_address_is_good(longer));
    longer[10] = 'a';
    longer[65] = '@';
    assert_false(mail_address_is_good(longer));
}

static void check_header(const char *text, const char *expected)
{
    owned(buffer_destroy) buffer_t out = { 0 };
    mail_header(&out, "Subject", slice_text(text));
    assert_string_equal(buffer_string(&out), expected);
}

static void headers_are_of_ascii(void **state)
{
    (void) state;
    check_header("plain [x] text", "Subject: plain [x] text");
    check_header("a\r\nBcc: x@y", "Subject: a  Bcc: x@y");
    check_header("\xe2\x82\xac", "Subject: =?UTF-8?B?4oKs?=");
    check_header("=?UTF-8?B?x?=", "Subject: =?UTF-8?B?PT9VVEYtOD9CP3g/PQ==?=");
    check_header("0123456789012345678901234567890123456789012\xe2\x82\xac", // cut before the euro
                 "Subject: =?UTF-8?B?MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMg==?="
                 "\r\n =?UTF-8?B?4oKs?=");
}

static void formats_have_names(void **state)
{
    (void) state;
    payload_t payload;
    assert_true(payload_parse(&payload, NULL) && payload == PAYLOAD_JSON);
    assert_true(payload_parse(&payload, "alertmanager") && payload == PAYLOAD_ALERTMANAGER);
    assert_true(payload_parse(&payload, "cloudevents") && payload == PAYLOAD_CLOUDEVENTS);
    assert_string_equal(payload_type(payload), "application/cloudevents+json");
    assert_false(payload_parse(&payload, "xml"));
    assert_false(payload_parse(&payload, ""));
}

static void what_is_no_notice_is_refused(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t body = { 0 };
    noticed_alert(&body, "alert");
    notice_t notice;
    for (size_t size = 0; size < body.size; size++)
        assert_false(notice_read(&notice, slice_of(body.data, size)));
    assert_true(notice_read(&notice, buffer_slice(&body)));
    assert_int_equal(notice.key_count, 2);
    assert_false(notice_is_over(&notice));
    assert_false(notice_read(&notice, slice_text("{\"id\":1}")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_are_what_they_were),
        cmocka_unit_test(mails_are_what_they_were),
        cmocka_unit_test(only_plain_addresses_are_good),
        cmocka_unit_test(headers_are_of_ascii),
        cmocka_unit_test(formats_have_names),
        cmocka_unit_test(what_is_no_notice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
