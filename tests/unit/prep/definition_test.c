/*  definition -- settings go in, the same mapping comes out; what is wrong is told. */
#include "actors/prep/definition.h"
#include "proto/wire.h"
#include "tests/unit/prep/mapped.h"

static setting_pair_t PAIR[] = { { .name = "pair", .value = "/s" } };
static setting_pair_t PRICE[] = { { .name = "price", .value = "/p" } };

static const char *STARRED[] = { "/*" };

static source_t plain(void)
{
    return (source_t){
        .kind = SOURCE_HTTP,
        .format = FORMAT_JSON,
        .rows = "/d/*",
        .table = "tick",
        .key = MAPPED_PAIRS(PAIR),
        .time_at = "/t",
        .time_unit = "ms",
        .columns = MAPPED_PAIRS(PRICE),
    };
}

// Why these settings are refused; "" if they are not.
static const char *fault_of(const source_t *source)
{
    static fault_t fault;
    buffer_t body = { 0 };
    fault.text[0] = '\0';
    assert_true(mapping_define(source, &body));
    mapping_t *mapping = mapping_new(buffer_slice(&body), &fault);
    assert_int_equal(mapping == NULL, fault.text[0] != '\0');
    mapping_destroy(&mapping);
    buffer_destroy(&body);
    return fault.text;
}

#define FAULT(source, expected) assert_string_equal(fault_of(&(source)), expected)

static void good_settings_are_taken(void **state)
{
    (void) state;
    source_t source = plain();
    FAULT(source, "");
    source.rows = NULL; // the document
    FAULT(source, "");
    source.key.count = 0;
    source.columns.count = 0;
    FAULT(source, "");
    source.time_fetch = true;
    source.time_at = source.time_unit = NULL;
    FAULT(source, "");
}

static void bad_places_are_refused(void **state)
{
    (void) state;
    static setting_pair_t BARE[] = { { .name = "price", .value = "p" } };
    static setting_pair_t STAR[] = { { .name = "price", .value = "/*/p" } };
    static setting_pair_t TILDE[] = { { .name = "price", .value = "/~2" } };
    source_t source = plain();
    source.columns = (setting_pairs_t) MAPPED_PAIRS(BARE);
    FAULT(source, "column price: a JSON Pointer is empty or begins with '/'");
    source.columns = (setting_pairs_t) MAPPED_PAIRS(STAR);
    FAULT(source, "column price: '*' stands only in rows");
    source.columns = (setting_pairs_t) MAPPED_PAIRS(TILDE);
    FAULT(source, "column price: '~' in a pointer stands only before 0 or 1");
    source = plain();
    source.rows = "d/*";
    FAULT(source, "rows: a JSON Pointer is empty or begins with '/'");
    source = plain();
    source.time_at = "t";
    FAULT(source, "time: a JSON Pointer is empty or begins with '/'");
    source.time_at = "/t";
    source.time_unit = "hours";
    FAULT(source, "time: time unit 'hours' is none of s, ms, us, ns, rfc3339, or a format");
    source.time_unit = NULL;
    FAULT(source, "time: time unit '' is none of s, ms, us, ns, rfc3339, or a format");
    source = plain();
    source.identity = STARRED;
    source.identity_count = 1;
    FAULT(source, "identity: '*' stands only in rows");
    source.identity_none = true;
    FAULT(source, "identity: time and at most 8 more, or none");
}

static void bad_keys_are_refused(void **state)
{
    (void) state;
    static setting_pair_t KEY[] = { { .name = "pair", .value = "" } };
    static const struct {
        const char *value, *fault;
    } TABLE[] = {
        { "~1", "" },
        { "~1:0", "" },
        { "~1:9", "" },
        { "=", "key pair: the literal is empty" },
        { "=any text: even ~1", "" },
        { "^/x", "" },
        { "^", "" },
        { "", "" },
        { "~2", "key pair: rows has only 1 *" },
        { "~0", "key pair: write ~1 for what the first * stands for, ~1:0 for its part 0" },
        { "~1:", "key pair: write ~1 for what the first * stands for, ~1:0 for its part 0" },
        { "~1:10", "key pair: write ~1 for what the first * stands for, ~1:0 for its part 0" },
        { "~", "key pair: write ~1 for what the first * stands for, ~1:0 for its part 0" },
        { "^x", "key pair: a JSON Pointer is empty or begins with '/'" },
        { "x", "key pair: a JSON Pointer is empty or begins with '/'" },
    };
    source_t source = plain();
    source.key = (setting_pairs_t) MAPPED_PAIRS(KEY);
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        KEY[0].value = TABLE[i].value;
        FAULT(source, TABLE[i].fault);
    }
}

static void names_are_checked(void **state)
{
    (void) state;
    static setting_pair_t NAMED[] = { { .name = "", .value = "/x" } };
    static const char *const NAMES[] = { "", "A", "1a", "a-b", "_a", "a b", "\xc3\xa9" };
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        source_t source = plain();
        NAMED[0].name = NAMES[i];
        source.columns = (setting_pairs_t) MAPPED_PAIRS(NAMED);
        assert_non_null(strstr(fault_of(&source), "is no name of a column"));
        source = plain();
        source.key = (setting_pairs_t) MAPPED_PAIRS(NAMED);
        assert_non_null(strstr(fault_of(&source), "is no name of a key"));
        source = plain();
        source.table = NAMES[i];
        assert_non_null(strstr(fault_of(&source), "is no name of a table"));
    }
}

static void columns_that_are_not_there_are_told(void **state)
{
    (void) state;
    static const char *OTHER[] = { "volume" };
    static setting_pair_t CHECK[] = { { .name = "volume", .value = "> 0" } };
    static setting_pair_t NONSENSE[] = { { .name = "price", .value = "positive" } };
    source_t source = plain();
    source.required = OTHER;
    source.required_count = 1;
    FAULT(source, "required: no column 'volume'");
    source = plain();
    source.validate = (setting_pairs_t) MAPPED_PAIRS(CHECK);
    FAULT(source, "validate: no column 'volume'");
    source.validate = (setting_pairs_t) MAPPED_PAIRS(NONSENSE);
    FAULT(source, "validate price: 'positive' is no condition; for example '>= 0', '< 10', "
                  "'!= 0', 'between 0 and 100', '> 0 and < 1'");
}

static void csv_has_cells(void **state)
{
    (void) state;
    static setting_pair_t CELL[] = { { .name = "price", .value = "" } };
    source_t source = plain();
    source.format = FORMAT_CSV;
    source.csv_header = true;
    source.csv_delimiter = ',';
    source.columns = (setting_pairs_t) MAPPED_PAIRS(CELL);
    CELL[0].value = "Preis (EUR)";
    FAULT(source, "rows: csv has none to point to");
    source.rows = "";
    FAULT(source, "key pair: '/0' to '/1023' name the cells of csv");
    source.key.count = 0;
    source.time_at = "when";
    FAULT(source, "");
    CELL[0].value = "/1023";
    FAULT(source, "");
    CELL[0].value = "/1024";
    FAULT(source, "column price: '/0' to '/1023' name the cells of csv");
    CELL[0].value = "^/0";
    FAULT(source, "column price: csv cells are named by header or by /index");
    CELL[0].value = "/0";
    source.csv_header = false;
    FAULT(source, "time: csv without header: name the cell by /index");
    source.time_at = "/1";
    FAULT(source, "");
    source.csv_delimiter = '"';
    FAULT(source, "a csv delimiter is one printable character or a tab, no quote");
    source.csv_delimiter = '\n';
    FAULT(source, "a csv delimiter is one printable character or a tab, no quote");
}

static void counts_are_limited(void **state)
{
    (void) state;
    enum { MANY = ROWS_COLUMNS_MAX + 1 };
    static char names[MANY][16];
    static setting_pair_t many[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "c%d", i);
        many[i] = (setting_pair_t){ .name = names[i], .value = "/x" };
    }
    source_t source = plain();
    source.columns = (setting_pairs_t){ .count = MANY - 1, .items = many };
    FAULT(source, "");
    source.columns.count = MANY;
    FAULT(source, "more than 64 columns");
    source = plain();
    source.key = (setting_pairs_t){ .count = SERIES_KEYS_MAX, .items = many };
    FAULT(source, "");
    source.key.count++;
    FAULT(source, "more than 16 keys");
}

// Bodies come in messages: no byte of them is believed.
static void damaged_bodies_are_refused(void **state)
{
    (void) state;
    source_t source = plain();
    buffer_t body = { 0 };
    fault_t fault;
    assert_true(mapping_define(&source, &body));
    for (size_t size = 0; size < body.size; size++)
        assert_null(mapping_new(slice_of(body.data, size), &fault));
    for (size_t at = 0; at < body.size; at++) {
        for (int byte = 0; byte < 256; byte++) {
            uint8_t kept = body.data[at];
            body.data[at] = (uint8_t) byte;
            mapping_t *mapping = mapping_new(buffer_slice(&body), &fault);
            mapping_destroy(&mapping);
            body.data[at] = kept;
        }
    }
    wire_nil(&body);
    assert_null(mapping_new(buffer_slice(&body), &fault));
    assert_string_equal(fault.text, "not a mapping definition of version 1");
    buffer_destroy(&body);
}

// How often a source is polled is none of prep's business: no plan changes for it.
static void only_what_makes_rows_is_in_the_body(void **state)
{
    (void) state;
    source_t a = plain(), b = plain();
    b.name = "other";
    b.url = "https://example.org/";
    b.every_us = 5;
    b.timeout_us = 7;
    b.line = 9;
    buffer_t one = { 0 }, two = { 0 };
    assert_true(mapping_define(&a, &one) && mapping_define(&b, &two));
    assert_true(slice_same(buffer_slice(&one), buffer_slice(&two)));
    b.newest_first = true;
    buffer_clear(&two);
    assert_true(mapping_define(&b, &two));
    assert_false(slice_same(buffer_slice(&one), buffer_slice(&two)));
    buffer_destroy(&one);
    buffer_destroy(&two);
}

static void shards_are_kept_and_checked(void **state)
{
    (void) state;
    source_t source = plain();
    buffer_t body = { 0 };
    source.shards = 3;
    source.shard = 2;
    FAULT(source, "");
    assert_true(mapping_define(&source, &body));
    fault_t fault;
    for (size_t size = 0; size < body.size; size++)
        assert_null(mapping_new(slice_of(body.data, size), &fault));
    definition_t *definition = definition_new(buffer_slice(&body), &fault);
    assert_non_null(definition);
    assert_int_equal(definition->shard, 2);
    assert_int_equal(definition->shards, 3);
    definition_destroy(&definition);
    source.shard = 3;
    FAULT(source, "shards: 1 to 64, numbered from 0");
    source.shards = 65;
    FAULT(source, "shards: 1 to 64, numbered from 0");
    body.data[body.size - 3 - strlen("shard")] ^= 1; // some other extra
    assert_null(mapping_new(buffer_slice(&body), &fault));
    assert_non_null(strstr(fault.text, "a mapping definition of a newer version: '"));
    buffer_destroy(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_settings_are_taken),
        cmocka_unit_test(bad_places_are_refused),
        cmocka_unit_test(bad_keys_are_refused),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(columns_that_are_not_there_are_told),
        cmocka_unit_test(csv_has_cells),
        cmocka_unit_test(counts_are_limited),
        cmocka_unit_test(damaged_bodies_are_refused),
        cmocka_unit_test(only_what_makes_rows_is_in_the_body),
        cmocka_unit_test(shards_are_kept_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
