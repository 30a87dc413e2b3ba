/*  csv -- RFC 4180, and what becomes of text that breaks it. */
#include "actors/prep/csv.h"
#include "proto/buffer.h"
#include "tests/unit/prep/cmocka_first.h"

// All records as text: cells in <>, a record a line; refusals as !number.
static const char *read_all(csv_t *csv, slice_t text, char delimiter, buffer_t *out)
{
    buffer_clear(out);
    csv_open(csv, text, (csv_dialect_t){ .delimiter = delimiter });
    for (;;) {
        csv_result_t result = csv_next(csv);
        if (result == CSV_END)
            return buffer_string(out);
        if (result != CSV_RECORD)
            buffer_printf(out, "!%d%.*s", (int) result, (int) csv->record.size,
                          (const char *) csv->record.data);
        else
            for (unsigned i = 0; i < csv->count; i++)
                buffer_printf(out, "<%.*s>", (int) csv->cells[i].size,
                              (const char *) csv->cells[i].data);
        buffer_text(out, "\n");
    }
}

static void records(void **state)
{
    (void) state;
    static const struct {
        const char *text, *expected;
    } TABLE[] = {
        { "", "" },
        { "\n\r\n\r", "" },
        { "a,b,c\n1,2,3\n", "<a><b><c>\n<1><2><3>\n" },
        { "a,b\r\n1,2", "<a><b>\n<1><2>\n" },
        { "a,b\r1,2\r", "<a><b>\n<1><2>\n" },
        { ",\n,,\n", "<><>\n<><><>\n" },
        { "a\n\n\nb", "<a>\n<b>\n" },
        { "\"a\",\"b\"\n", "<a><b>\n" },
        { "\"a,b\",\"c\nd\"\r\ne", "<a,b><c\nd>\n<e>\n" },
        { "\"say \"\"hi\"\"\",\"\"\"\"\n", "<say \"hi\"><\">\n" },
        { "\"\",x\n", "<><x>\n" },
        { " a , b \n", "<a><b>\n" },
        { " \"a \" ,\t\"b\"\t\n", "<a ><b>\n" },
        { "\"a\" x,b\n", "!2\"a\" x,b\n" },
        { " \n, \n\t", "<><>\n" },
        { "a\"b,c\nd,e\n", "!2a\"b,c\n<d><e>\n" },
        { "\"a\"b,c\nd\n", "!2\"a\"b,c\n<d>\n" },
        { "x,\"a\ny\nz\n", "!3x,\"a\n<y>\n<z>\n" },
        { "\"", "!3\"\n" },
        { "a,\"b", "!3a,\"b\n" },
        { "\"a\"", "<a>\n" },
        { "1;2\n", "<1;2>\n" },
    };
    csv_t *csv = csv_new();
    buffer_t out = { 0 };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++)
        assert_string_equal(read_all(csv, slice_text(TABLE[i].text), ',', &out), TABLE[i].expected);
    assert_string_equal(read_all(csv, slice_text("1;\"2;\"\t\n"), ';', &out), "<1><2;>\n");
    assert_string_equal(read_all(csv, slice_text("1;2,\t\n"), '\t', &out), "<1;2,><>\n");
    buffer_destroy(&out);
    csv_destroy(&csv);
}

static void limits(void **state)
{
    (void) state;
    csv_t *csv = csv_new();
    buffer_t text = { 0 };
    for (int i = 0; i < CSV_CELLS_MAX; i++)
        buffer_text(&text, "x,");
    buffer_text(&text, "\na\n");
    csv_open(csv, buffer_slice(&text), (csv_dialect_t){ .delimiter = ',' });
    assert_int_equal(csv_next(csv), CSV_TOO_WIDE);
    assert_int_equal(csv_next(csv), CSV_RECORD);
    assert_int_equal(csv->count, 1);

    buffer_clear(&text);
    buffer_text(&text, "\"");
    for (int i = 0; i < CSV_CELL_BYTES_MAX; i++)
        buffer_text(&text, "y");
    buffer_text(&text, "\"\n\"z");
    csv_open(csv, buffer_slice(&text), (csv_dialect_t){ .delimiter = ',' });
    assert_int_equal(csv_next(csv), CSV_RECORD);
    assert_int_equal(csv->cells[0].size, CSV_CELL_BYTES_MAX);
    assert_int_equal(csv_next(csv), CSV_UNCLOSED);
    assert_int_equal(csv_next(csv), CSV_END);

    text.data[1 + CSV_CELL_BYTES_MAX] = 'y'; // now one longer, and without end
    csv_open(csv, buffer_slice(&text), (csv_dialect_t){ .delimiter = ',' });
    assert_int_equal(csv_next(csv), CSV_UNCLOSED);
    buffer_destroy(&text);
    csv_destroy(&csv);
}

// Whatever is written by the rules is read back.
static void what_is_written_is_read_back(void **state)
{
    (void) state;
    static const char ALPHABET[] = "ab\",;\n\r \t1\xc3\xa9";
    enum { CELLS = 6, CELL_BYTES = 12 };
    csv_t *csv = csv_new();
    buffer_t text = { 0 };
    uint64_t random = 7;
    for (int round = 0; round < 20000; round++) {
        char cells[CELLS][CELL_BYTES + 1];
        unsigned count = 0;
        buffer_clear(&text);
        for (; count < CELLS; count++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            size_t size = (random >> 33) % CELL_BYTES;
            for (size_t i = 0; i < size; i++)
                cells[count][i] = ALPHABET[(random >> (3 * i)) % (sizeof ALPHABET - 1)];
            cells[count][size] = '\0';
            buffer_text(&text, count ? ",\"" : "\"");
            for (size_t i = 0; i < size; i++)
                buffer_printf(&text, cells[count][i] == '"' ? "\"\"" : "%c", cells[count][i]);
            buffer_text(&text, "\"");
        }
        buffer_text(&text, round % 2 ? "\r\n" : "\n");
        csv_open(csv, buffer_slice(&text), (csv_dialect_t){ .delimiter = ',' });
        assert_int_equal(csv_next(csv), CSV_RECORD);
        assert_int_equal(csv->count, count);
        for (unsigned i = 0; i < count; i++)
            assert_true(slice_is(csv->cells[i], cells[i]));
        assert_int_equal(csv_next(csv), CSV_END);
    }
    buffer_destroy(&text);
    csv_destroy(&csv);
}

// Titles before, remarks between and behind: what central banks and weather services send.
static void dialects(void **state)
{
    (void) state;
    static const struct {
        csv_dialect_t dialect;
        const char *text, *expected;
    } TABLE[] = {
        { { .delimiter = ',', .skip_lines = 2 }, "Title, \"of\n\na,b\n1,2\n", "<a><b>\n<1><2>\n" },
        { { .delimiter = ',', .skip_lines = 2 }, "x\r\ny\r\nz", "<z>\n" },
        { { .delimiter = ',', .skip_lines = 9 }, "x\ny", "" },
        { { .delimiter = ',', .comment = { (const uint8_t *) "#", 1 } },
          "# one, \"\na,b\n#\n1,#2\n\n# end",
          "<a><b>\n<1><#2>\n" },
        { { .delimiter = ';', .comment = { (const uint8_t *) "//", 2 } },
          "//\n/;1\n//x",
          "</><1>\n" },
    };
    csv_t *csv = csv_new();
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        buffer_t out = { 0 };
        csv_open(csv, slice_text(TABLE[i].text), TABLE[i].dialect);
        while (csv_next(csv) == CSV_RECORD) {
            for (unsigned c = 0; c < csv->count; c++)
                buffer_printf(&out, "<%.*s>", (int) csv->cells[c].size,
                              (const char *) csv->cells[c].data);
            buffer_text(&out, "\n");
        }
        assert_string_equal(buffer_string(&out), TABLE[i].expected);
        buffer_destroy(&out);
    }
    csv_destroy(&csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),
        cmocka_unit_test(dialects),
        cmocka_unit_test(limits),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
