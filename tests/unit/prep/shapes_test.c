/*  shapes -- what feeds really look like: mixed messages, documents in a row, jq, odd CSV. */
#include "actors/prep/numbers.h"
#include "tests/unit/prep/mapped.h"

typedef struct {
    const char *payload;
    const char *outcome;
} case_t;

static void map_all(const source_t *source, const case_t *cases, size_t count)
{
    mapped_t mapped;
    buffer_t text = { 0 };
    mapped_open(&mapped, source);
    for (size_t i = 0; i < count; i++) {
        mapped_apply(&mapped, slice_text(cases[i].payload));
        mapped_outcome(&mapped, &text);
        if (mapped.count.skipped)
            buffer_printf(&text, "%llu skipped\n", (unsigned long long) mapped.count.skipped);
        assert_string_equal(buffer_string(&text), cases[i].outcome);
    }
    buffer_destroy(&text);
    mapped_close(&mapped);
}

#define MAP_ALL(source, cases) map_all(source, cases, sizeof(cases) / sizeof((cases)[0]))

static setting_pair_t SYMBOL[] = { { .name = "k", .value = "/s" } };
static setting_pair_t PRICE[] = { { .name = "p", .value = "/p" } };
static const char *ID[] = { "/id" };

static source_t lines(void)
{
    return (source_t){ .kind = SOURCE_FILE,
                       .format = FORMAT_JSONL,
                       .rows = "",
                       .table = "t",
                       .key = MAPPED_PAIRS(SYMBOL),
                       .time_at = "/t",
                       .time_unit = "s",
                       .columns = MAPPED_PAIRS(PRICE) };
}

// A websocket as it was captured: a time of receipt in front, several kinds of messages.
static void mixed_messages(void **state)
{
    (void) state;
    static setting_pair_t TRADES[] = { { .name = "^/stream", .value = "a@trade" },
                                       { .name = "/e", .value = "trade" } };
    source_t source = lines();
    source.rows = "/data";
    source.only = (setting_pairs_t) MAPPED_PAIRS(TRADES);
    static const case_t CASES[] = {
        { "17 {\"stream\":\"a@trade\",\"data\":{\"e\":\"trade\",\"s\":\"A\",\"t\":1,\"p\":\"2\"}}\n"
          "18 {\"stream\":\"a@depth\",\"data\":{\"e\":\"depth\",\"b\":[]}}\n"
          "19 {\"lastUpdateId\":5,\"bids\":[]}\n"
          "{\"data\":{\"e\":\"trade\"},\"stream\":\"a@trade\"}\n",
          "t:A 1000000 2 #0\n! 1: key k: missing | {\"e\":\"trade\"}\n2 skipped\n" },
        { "{\"stream\":\"a@trade\",\"data\":{\"e\":\"x\"}}\n{\"stream\":3}\n"
          "{\"stream\":\"a@trade\"}\n",
          "! 1: no row in this line | {\"stream\":\"a@trade\"}\n2 skipped\n" },
    };
    MAP_ALL(&source, CASES);
    static setting_pair_t FLAGS[] = { { .name = "/ok", .value = "true" },
                                      { .name = "/v", .value = "1.0" } };
    source = lines();
    source.only = (setting_pairs_t) MAPPED_PAIRS(FLAGS);
    static const case_t WORDS[] = {
        { "{\"ok\":true,\"v\":1.0,\"s\":\"A\",\"t\":1}{\"ok\":true,\"v\":1,\"s\":\"A\",\"t\":1}"
          "{\"ok\":\"true\",\"v\":\"1.0\",\"s\":\"B\",\"t\":2}{\"ok\":false}{\"ok\":[]}",
          "t:A 1000000 null #0\nt:B 2000000 null #2\n3 skipped\n" },
    };
    MAP_ALL(&source, WORDS);
}

static void documents_in_a_row(void **state)
{
    (void) state;
    source_t source = lines();
    source.format = FORMAT_CONCATENATED;
    static const case_t CASES[] = {
        { "{\"s\":\"A\",\n \"t\":1, \"p\":1}{\"s\":\"B\",\"t\":2,\"p\":\"}\"} \r\n[]\n{\"s\":\"]\","
          "\n\"t\":3,\"p\":null}",
          "t:A 1000000 1 #0\nt:%5D 3000000 null #3\n"
          "! 1: column p: not a number: \"}\" | {\"s\":\"B\",\"t\":2,\"p\":\"}\"}\n"
          "! 2: no row in this document | []\n" },
        { "{\"s\":\"A\",\"t\":1,\"p\":1} {\"s\": bad} {\"s\":\"B\",\"t\":2,\"p\":2}",
          "t:A 1000000 1 #0\nt:B 2000000 2 #2\n"
          "! 1: bad JSON at byte 6 of the document: unexpected text | {\"s\": bad}\n" },
        { "{\"s\":\"A\",\"t\":1,\"p\":1} {\"s\":\"B\"",
          "t:A 1000000 1 #0\n! 1: bad JSON at byte 8 of the document: no closing bracket at the "
          "end "
          "| {\"s\":\"B\"\n" },
        { "{\"p\":1,\"s\":\"A\",\"t\":1}17 \"x\" ]{\"p\":2,\"s\":\"A\",\"t\":2}",
          "t:A 1000000 1 #0\nt:A 2000000 2 #4\n! 1: no row in this document | 17 \n"
          "! 2: no row in this document | \"x\" \n"
          "! 3: bad JSON at byte 0 of the document: unexpected text | ]\n" },
        { "", "! record: empty | \n" },
        { "<html>", "! record: not JSON: starts with \"<html>\" | <html>\n" },
    };
    MAP_ALL(&source, CASES);
}

// A line of many documents takes time in proportion: their number squared would not end here.
static void many_documents_in_a_line(void **state)
{
    (void) state;
    enum { DOCUMENTS = 200000 };
    for (int i = 0; i < 2; i++) {
        source_t source = lines();
        source.format = i ? FORMAT_CONCATENATED : FORMAT_JSONL;
        mapped_t mapped;
        buffer_t text = { 0 };
        for (int d = 0; d < DOCUMENTS; d++)
            buffer_text(&text, "{\"s\":\"A\",\"t\":1,\"p\":1}");
        mapped_open(&mapped, &source);
        mapped_apply(&mapped, buffer_slice(&text));
        assert_int_equal(mapped.count.rows, DOCUMENTS);
        assert_int_equal(mapped.refused, 0);
        buffer_destroy(&text);
        mapped_close(&mapped);
    }
}

// Beyond 2^53, and beyond 2^64: names, not numbers.
static void long_ids_are_exact(void **state)
{
    (void) state;
    static setting_pair_t ORDER[] = { { .name = "k", .value = "/order" } };
    source_t source = lines();
    source.key = (setting_pairs_t) MAPPED_PAIRS(ORDER);
    source.identity = ID;
    source.identity_count = 1;
    static const case_t CASES[] = {
        { "{\"order\":9007199254740993,\"id\":18446744073709551617,\"t\":1,\"p\":1}",
          "t:9007199254740993 1000000 1 143138343436373434303733373039353531363137 #0\n" },
        { "{\"order\":9007199254740992,\"id\":18446744073709551616,\"t\":1,\"p\":1}",
          "t:9007199254740992 1000000 1 143138343436373434303733373039353531363136 #0\n" },
    };
    MAP_ALL(&source, CASES);
    source.jq = "."; // the long way round
    MAP_ALL(&source, CASES);
}

static void filters(void **state)
{
    (void) state;
    source_t source = lines();
    source.format = FORMAT_JSON;
    source.jq = ". as $d | range($d.t | length) | {s: $d.s, t: $d.t[.], p: $d.p[.]}";
    static const case_t CASES[] = {
        { "{\"s\":\"A\",\"t\":[1,2],\"p\":[0.1,12345678.123456789]}",
          "t:A 1000000 0.1 #0\nt:A 2000000 12345678.123456789 #1\n" },
        { "{\"s\":\"A\",\"t\":[1,2],\"p\":[1,[]]}",
          "t:A 1000000 1 #0\n! 1: column p: not a number: an array | "
          "{\"s\":\"A\",\"t\":2,\"p\":[]}\n" },
        { "{\"error\":\"down\"}", "" },
        { "[1]", "! 0: jq: Cannot index array with string \"t\" | [1]\n" },
        { "{", "! record: bad JSON at byte 1: no closing bracket at the end | {\n" },
    };
    MAP_ALL(&source, CASES);
    source.jq = ".[]";
    static const case_t KINDS[] = {
        { "[{\"s\":\"A\",\"t\":1,\"p\":3},null,\"x\"]",
          "t:A 1000000 3 #0\n! 1: jq: an output that is no object: \"null\" | null\n"
          "! 2: jq: an output that is no object: \"\"x\"\" | \"x\"\n" },
    };
    MAP_ALL(&source, KINDS);
    source.format = FORMAT_JSONL;
    static const case_t LINES[] = {
        { "[{\"s\":\"A\",\"t\":1,\"p\":3}]\n[]\n7\n[{\"s\":\"B\",\"t\":1,\"p\":\"\\u0034\"}]\n",
          "t:A 1000000 3 #0\nt:B 1000000 4 #2\n! 1: jq: Cannot iterate over number (7) | 7\n" },
    };
    MAP_ALL(&source, LINES);
}

// A line that never ends costs its record the rest, and the next record nothing.
static void runaway_filters(void **state)
{
    (void) state;
    source_t source = lines();
    source.jq = "if .loop then last(repeat(1)) else . end";
    static const case_t CASES[] = {
        { "{\"s\":\"A\",\"t\":1,\"p\":3}\n{\"loop\":1}\n{\"loop\":2}\n{\"s\":\"A\",\"t\":2,\"p\":4}"
          "\n",
          "t:A 1000000 3 #0\n! record: jq: it did not end within 5 s of computing: the rest of the "
          "record is not read, from row 1 | {\"loop\":1}\n" },
        { "{\"s\":\"A\",\"t\":3,\"p\":5}\n", "t:A 3000000 5 #0\n" },
    };
    MAP_ALL(&source, CASES);
}

static void dialects_of_csv(void **state)
{
    (void) state;
    static setting_pair_t CURRENCY[] = { { .name = "k", .value = "Currency" } };
    static setting_pair_t RATE[] = { { .name = "p", .value = "Rate" } };
    static const char *MISSING[] = { "-", "n/a" };
    static setting_pair_t DAILY[] = { { .name = "Kind", .value = "D" } };
    source_t source = { .kind = SOURCE_FILE,
                        .format = FORMAT_CSV,
                        .csv_header = true,
                        .csv_delimiter = ';',
                        .csv_skip_lines = 2,
                        .csv_comment = "#",
                        .numbers = "1.234,5",
                        .missing = MISSING,
                        .missing_count = 2,
                        .only = MAPPED_PAIRS(DAILY),
                        .table = "t",
                        .key = MAPPED_PAIRS(CURRENCY),
                        .time_at = "Millis",
                        .time_unit = "ms",
                        .time_from = "2013-10-07",
                        .columns = MAPPED_PAIRS(RATE) };
    static const case_t CASES[] = {
        { "\xef\xbb\xbf\"Rates;\r\nof; the day\r\n# all\r\nKind;Currency ;Rate;Millis\r\n"
          "D; USD;1.234,5;276\r\nD;CHF;-0,95;0\r\nD;JPY;-;1\r\nD;EUR;1.5;2\r\nM;GBP;1,0;3\r\n"
          "# (c) a bank\r\n",
          "t:CHF 1381104000000000 -0.95 #1\nt:JPY 1381104000001000 null #2\n"
          "t:USD 1381104000276000 1234.5 #0\n! 3: column p: not a number: \"1.5\" | D;EUR;1.5;2\n"
          "1 skipped\n" },
        { "a\nb\nCurrency;Rate;Millis\nUSD;1;1\n",
          "! record: the header has no \"Kind\" | Currency;Rate;Millis\n" },
        { "a\nb\n", "! record: empty | \n" },
    };
    MAP_ALL(&source, CASES);
}

static void samples_of_numbers(void **state)
{
    (void) state;
    static const struct {
        const char *sample, *text, *plain; // NULL: none
    } TABLE[] = {
        { "1234,5", "0,5", "0.5" },
        { "1234,5", "-17", "-17" },
        { "1234,5", "1.5", NULL },
        { "1.234,5", "1.234.567,25", "1234567.25" },
        { "1.234,5", "1234,5", "1234.5" },
        { "1.234,5", "12.34,5", NULL },
        { "1.234,5", "1.2345", NULL },
        { "1.234,5", "1.23", NULL },
        { "1,234.5", "16,823.000000", "16823.000000" },
        { "1,234.5", ",5", NULL },
        { "1 234,5", "1 000,5", "1000.5" },
        { "1'234.50", "1'000.5", "1000.5" },
        { "1234,5", "+3,5", "3.5" },
        { "1234,5", "3,5,1", NULL },
        { "1234,5", "1,5e3", NULL },
        { "1.234,5", "1..234", NULL },
    };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        numbers_t numbers;
        char out[NUMBERS_TEXT_MAX];
        slice_t plain;
        fault_t fault = { 0 };
        if (!numbers_compile(&numbers, slice_text(TABLE[i].sample), &fault))
            fail_msg("%s", fault.text);
        bool good = numbers_plain(&numbers, slice_text(TABLE[i].text), out, &plain);
        if (good != (TABLE[i].plain != NULL) || (good && !slice_is(plain, TABLE[i].plain)))
            fail_msg("%s as %s", TABLE[i].text, TABLE[i].sample);
    }
    static const char *const BAD[] = { "",        "1234",   "1234.",  "12,5",   "1,234,5",
                                       "1.234.5", "x234,5", "1234,x", "1234;5", "1_234.5" };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        numbers_t numbers;
        if (numbers_compile(&numbers, slice_text(BAD[i]), NULL))
            fail_msg("'%s' was taken for a sample", BAD[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed_messages),
        cmocka_unit_test(documents_in_a_row),
        cmocka_unit_test(many_documents_in_a_line),
        cmocka_unit_test(long_ids_are_exact),
        cmocka_unit_test(filters),
        cmocka_unit_test(runaway_filters),
        cmocka_unit_test(dialects_of_csv),
        cmocka_unit_test(samples_of_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
