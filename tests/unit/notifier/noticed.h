/*  noticed -- bodies of the outbox for tests of what is made of them. */
#pragma once
#include "actors/notifier/notice.h"
#include "proto/alert.h"

// A window rule that held, with its evidence.
static inline void noticed_alert(buffer_t *out, const char *kind)
{
    static const alert_value_t columns[] = { { "close", "27123.5" },
                                             { "volume", "12.5" },
                                             { "trades", NULL } };
    static const alert_evidence_t evidence[] = {
        { "avg(volume)", "last_1h", 60, "120", "2", "2", true },
    };
    alert_t alert = {
        .kind = kind,
        .seq = 7,
        .rule = slice_text("volume-spike"),
        .severity = slice_text("warning"),
        .series = slice_text("candle:kraken:XBT%2FUSD"),
        .when = slice_text("volume > 3 * avg(volume) OVER last_1h AND close < 1e9"),
        .key_count = 2,
        .key_names = { "exchange", "pair" },
        .key_values = { slice_text("kraken"), slice_text("XBT/USD") },
        .ts_us = INT64_C(1700000000500000),
        .column_count = 3,
        .columns = columns,
        .evidence_count = 1,
        .evidence = evidence,
        .threshold = "6",
        .ratio = "2.0833",
        .stream = slice_text("c1"),
        .record_seq = 9,
        .row = 3,
        .recv_us = 1,
        .staged_us = 2,
        .prep_us = 3,
        .fired_us = 4,
    };
    for (unsigned i = 0; i < ALERT_ID_BYTES; i++)
        alert.id.bytes[i] = (uint8_t) (i * 17);
    alert_encode(&alert, out);
}

static inline void noticed_pair(buffer_t *out, const char *name, const char *text)
{
    wire_string(out, name);
    wire_string(out, text);
}

// Everything in it is meant to break out of where it is put.
static inline void noticed_hostile(buffer_t *out)
{
    wire_map(out, 11);
    noticed_pair(out, "id", "00112233445566778899aabbccddeeff");
    noticed_pair(out, "kind", "firing");
    noticed_pair(out, "rule", "r\"1");
    noticed_pair(out, "severity", "<b>&'x");
    noticed_pair(out, "series", "t:a%0D%0A");
    noticed_pair(out, "when", "a > 1\r\nBcc: x@example.org\n.\r\n");
    noticed_pair(out, "note",
                 "\xe2\x82\xac 5 \\ <!channel> @everyone =?UTF-8?Q?x?= \x1b[31m\xc2\x85");
    wire_string(out, "key");
    wire_map(out, 2);
    noticed_pair(out, "pair", "X\"}, \"injected\": {\"\r\n/../?a=b&c#d");
    noticed_pair(out, "series", "again");
    wire_string(out, "ts");
    wire_i64(out, INT64_C(1700000000000000));
    wire_string(out, "since");
    wire_i64(out, INT64_C(1699996100000000));
    wire_string(out, "columns");
    wire_map(out, 2);
    wire_string(out, "close");
    wire_double(out, 0.1);
    noticed_pair(out, "text", "no number");
}
