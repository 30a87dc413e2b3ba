/*  json -- fields out of documents, rows out of documents, and refusals with their place. */
#include <sys/mman.h>
#include <unistd.h>

#include "actors/prep/json.h"
#include "proto/buffer.h"
#include "tests/unit/prep/cmocka_first.h"

enum { PLACES_MAX = 8 };

typedef struct {
    json_t *json;
    pointer_t *rows;
    pointer_t *pointers[PLACES_MAX];
    int count;
    pointer_tree_t tree;
    field_t fields[PLACES_MAX];
    buffer_t out;
} fixture_t;

static void open_fixture(fixture_t *self, const char *rows, const char *const *places, int count)
{
    *self = (fixture_t){ .json = json_new(), .count = count };
    assert_non_null(self->json);
    self->rows = pointer_new(slice_text(rows), NULL);
    pointer_tree_begin(&self->tree);
    for (int i = 0; i < count; i++) {
        self->pointers[i] = pointer_new(slice_text(places[i]), NULL);
        assert_int_equal(pointer_tree_add(&self->tree, self->pointers[i], i), i);
    }
}

static void close_fixture(fixture_t *self)
{
    for (int i = 0; i < self->count; i++)
        pointer_destroy(&self->pointers[i]);
    pointer_destroy(&self->rows);
    buffer_destroy(&self->out);
    json_destroy(&self->json);
    assert_null(self->json);
}

static void print_fields(fixture_t *self)
{
    static const char *const KINDS[] = { "-", "null", "false", "true", "#", "'", "{}", "twice" };
    for (int i = 0; i < self->count; i++) {
        const field_t *field = &self->fields[i];
        bool text = field->kind == FIELD_NUMBER || field->kind == FIELD_TEXT;
        buffer_printf(&self->out, "%s%s%.*s", i ? " " : "", KINDS[field->kind],
                      text ? (int) field->text.size : 0, (const char *) field->text.data);
    }
}

static bool print_row(void *context, const json_match_t *matches)
{
    fixture_t *self = context;
    for (unsigned i = 0; i < self->rows->stars; i++) {
        if (matches[i].key.data)
            buffer_printf(&self->out, "[%.*s]", (int) matches[i].key.size,
                          (const char *) matches[i].key.data);
        else
            buffer_printf(&self->out, "[%u]", matches[i].index);
    }
    print_fields(self);
    buffer_text(&self->out, "\n");
    return true;
}

// The fields of a document, or "at: what" of its refusal.
static const char *outcome(fixture_t *self, slice_t text)
{
    size_t end;
    json_fault_t fault;
    buffer_clear(&self->out);
    assert_true(json_open(self->json, text));
    switch (json_read(self->json, 0, text.size, &self->tree, self->fields, &end, &fault)) {
    case JSON_GOOD:
        print_fields(self);
        if (end < text.size)
            buffer_printf(&self->out, " rest at %zu", end);
        break;
    case JSON_BAD:
        assert_true(fault.at <= text.size);
        buffer_printf(&self->out, "%zu: %s", fault.at, fault.what);
        break;
    case JSON_NO_MEMORY:
        fail();
    }
    return buffer_string(&self->out);
}

static void fields_are_taken(void **state)
{
    (void) state;
    static const char *const PLACES[] = { "/a", "/b/0", "/b/2/c", "/d e", "", "/q\"\\", "/b/9" };
    static const struct {
        const char *text, *expected;
    } TABLE[] = {
        { "{}", "- - - - {} - -" },
        { "[]", "- - - - {} - -" },
        { "{\"a\":1}", "#1 - - - {} - -" },
        { " {\n\"a\" :\t-0.50E+3 } \r\n", "#-0.50E+3 - - - {} - -" },
        { "{\"a\":null,\"b\":[true,1,{\"c\":false}]}", "null true false - {} - -" },
        { "{\"b\":[\"x\"],\"a\":\"1.5\"}", "'1.5 'x - - {} - -" },
        { "{\"a\":[],\"b\":{\"0\":7,\"2\":{\"c\":8}}}", "{} #7 #8 - {} - -" },
        { "{\"a\":\"t\\u00e9\\n\\\"\\ud83d\\ude00\"}",
          "'t\xc3\xa9\n\"\xf0\x9f\x98\x80 - - - {} - -" },
        { "{\"\\u0061\":1,\"d\\u0020e\":2}", "#1 - - #2 {} - -" },
        { "{\"q\\\"\\\\\":3}", "- - - - {} #3 -" },
        { "{\"a\":1,\"a\":2}", "twice - - - {} - -" },
        { "{\"a\":1,\"\\u0061\":1}", "twice - - - {} - -" },
        { "{\"x\":{\"a\":1},\"aa\":2,\"\":3}", "- - - - {} - -" },
        { "{\"a\":12345678901234567890123.000000000000000000001}",
          "#12345678901234567890123.000000000000000000001 - - - {} - -" },
        { "17", "- - - - #17 - -" },
        { " \"text\" ", "- - - - 'text - -" },
        { "null", "- - - - null - -" },
        { "-1e5", "- - - - #-1e5 - -" },
        { "1 2", "- - - - #1 - - rest at 2" },
        { "{\"a\":1}{\"a\":2}", "#1 - - - {} - - rest at 7" },
        { "{\"a\":1} x", "#1 - - - {} - - rest at 8" },
        { "[1]\n[2]", "- - - - {} - - rest at 4" },
        { "{\"b\":[0,1,2,3,4,5,6,7,8,9]}", "- #0 - - {} - #9" },
    };
    fixture_t fixture;
    open_fixture(&fixture, "", PLACES, 7);
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++)
        assert_string_equal(outcome(&fixture, slice_text(TABLE[i].text)), TABLE[i].expected);
    close_fixture(&fixture);
}

static void what_is_not_json_is_refused_with_its_place(void **state)
{
    (void) state;
    static const char *const PLACES[] = { "/a" };
    static const struct {
        const char *text, *expected;
    } TABLE[] = {
        { "", "0: empty" },
        { " \n", "2: empty" },
        { "{", "1: no closing bracket at the end" },
        { "{\"a\":1", "6: no closing bracket at the end" },
        { "[1,2", "4: no closing bracket at the end" },
        { "[[1],[2]", "8: no closing bracket at the end" },
        { "{\"a\":{\"b\":1}", NULL },
        { "{\"a\":[1,2}", NULL },
        { "[1,2}", NULL },
        { "{\"a\" 1}", NULL },
        { "{\"a\":}", NULL },
        { "{\"a\":1,}", NULL },
        { "{a:1}", NULL },
        { "{1:1}", NULL },
        { "[1,]", NULL },
        { "[,1]", NULL },
        { "[1 2]", NULL },
        { "]", NULL },
        { "}", NULL },
        { ",", NULL },
        { ":", NULL },
        { "[\"a\":1]", NULL },
        { "{\"a\":1 \"b\":2}", NULL },
        { "{\"a\"}", NULL },
        { "[01]", "1: unexpected text" },
        { "[-]", "1: unexpected text" },
        { "[+1]", "1: unexpected text" },
        { "[1.]", "1: unexpected text" },
        { "[.5]", "1: unexpected text" },
        { "[1e]", "1: unexpected text" },
        { "[0x1]", "1: unexpected text" },
        { "[NaN]", "1: unexpected text" },
        { "[nul]", "1: unexpected text" },
        { "[nulll]", "1: unexpected text" },
        { "[true1]", "1: unexpected text" },
        { "[1\"a\"]", NULL },
        { "[\"a\"b]", NULL },
        { "<html>", "0: unexpected text" },
        { "{\"a\":\"x", "5: a string without end" },
        { "[\"\\", "1: a string without end" },
        { "{\"a\":\"x\ny\"}", "7: a control character inside a string" },
        { "[\"\\x\"]", "2: a bad escape in a string" },
        { "[\"\\u12g4\"]", "2: a bad escape in a string" },
        { "[\"\\ud800\"]", "2: a bad escape in a string" },
        { "{\"\\q\":1}", "2: a bad escape in a string" },
        { "{\"a\":\"\xff\"}", "6: not UTF-8" },
        { "[\"\xed\xa0\x80\"]", "2: not UTF-8" },
        { "[\"\xc0\xaf\"]", "2: not UTF-8" },
        { "[\"ok\",\"\xe2\x82\"]", "7: not UTF-8" },
    };
    fixture_t fixture;
    open_fixture(&fixture, "", PLACES, 1);
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        const char *found = outcome(&fixture, slice_text(TABLE[i].text));
        if (TABLE[i].expected)
            assert_string_equal(found, TABLE[i].expected);
        else if (!strchr(found, ':'))
            fail_msg("'%s' was taken for JSON: %s", TABLE[i].text, found);
    }
    close_fixture(&fixture);
}

static void depth_is_limited(void **state)
{
    (void) state;
    static const char *const PLACES[] = { "/a" };
    fixture_t fixture;
    buffer_t text = { 0 };
    open_fixture(&fixture, "", PLACES, 1);
    for (int depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
        buffer_clear(&text);
        for (int i = 0; i < depth; i++)
            buffer_text(&text, i % 2 ? "{\"x\":" : "[");
        buffer_text(&text, "1");
        for (int i = depth; i-- > 0;)
            buffer_text(&text, i % 2 ? "}" : "]");
        const char *found = outcome(&fixture, buffer_slice(&text));
        assert_string_equal(found, depth <= JSON_DEPTH_MAX ? "-" : "96: nested too deeply");
    }
    buffer_clear(&text);
    for (int i = 0; i < 1000000; i++)
        buffer_text(&text, "[");
    buffer_text(&text, "]");
    assert_string_equal(outcome(&fixture, buffer_slice(&text)), "32: nested too deeply");
    buffer_destroy(&text);
    close_fixture(&fixture);
}

static void rows_are_found(void **state)
{
    (void) state;
    static const char *const PLACES[] = { "/0", "/p", "" };
    static const struct {
        const char *rows, *text, *expected;
        bool reached;
    } TABLE[] = {
        { "/*", "[[1,2],[3]]", "[0]#1 - {}\n[1]#3 - {}\n", true },
        { "/*", "{\"a\":[1],\"b\":{\"p\":2}}", "[a]#1 - {}\n[b]- #2 {}\n", true },
        { "/*", "[]", "", true },
        { "/*", "{}", "", true },
        { "/*", "[1,\"x\",null]", "[0]- - #1\n[1]- - 'x\n[2]- - null\n", true },
        { "/*", "7", "", false },
        { "/r/*", "{\"e\":\"bad\"}", "", false },
        { "/r/*", "{\"r\":null}", "", false },
        { "/r/*", "{\"r\":\"x\"}", "", false },
        { "/r/*", "{\"x\":{\"r\":[1]},\"r\":[]}", "", true },
        { "/r/*", "{\"x\":[[1]],\"r\":[{\"p\":1}],\"y\":2}", "[0]- #1 {}\n", true },
        { "/1", "[[5],[6],[7]]", "#6 - {}\n", true },
        { "/5", "[[5],[6],[7]]", "", false },
        { "/*/t/*", "{\"A\":{\"t\":[[1],[2]]},\"B\":{\"t\":3},\"C\":{},\"D\":{\"t\":{\"x\":[4]}}}",
          "[A][0]#1 - {}\n[A][1]#2 - {}\n[D][x]#4 - {}\n", true },
        { "/*/*", "[[],{}]", "", true },
        { "/*/*", "[1,2]", "", false },
        { "/*/0", "[[[1]],[[2]]]", "[0]#1 - {}\n[1]#2 - {}\n", true },
        { "/\xc3\xa9/*", "{\"\\u00e9\":{\"k\\t\":[9]}}", "[k\t]#9 - {}\n", true },
        { "/r/*", "{\"r\":[{\"p\":\"\\u0041\",\"0\":\"b\\\\\"}]}", "[0]'b\\ 'A {}\n", true },
    };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        fixture_t fixture;
        open_fixture(&fixture, TABLE[i].rows, PLACES, 3);
        pointer_tree_t nothing;
        pointer_tree_begin(&nothing);
        slice_t text = slice_text(TABLE[i].text);
        size_t end;
        json_fault_t fault;
        assert_true(json_open(fixture.json, text));
        assert_int_equal(
            json_read(fixture.json, 0, text.size, &nothing, fixture.fields, &end, &fault),
            JSON_GOOD);
        json_rows_t rows = json_rows(fixture.json, fixture.rows, &fixture.tree, fixture.fields,
                                     print_row, &fixture);
        assert_string_equal(buffer_string(&fixture.out), TABLE[i].expected);
        assert_int_equal(rows.reached, TABLE[i].reached);
        assert_false(rows.stopped);
        close_fixture(&fixture);
    }
}

static bool give_up(void *context, const json_match_t *matches)
{
    (void) matches;
    return ++*(int *) context < 3;
}

static void a_visitor_may_stop(void **state)
{
    (void) state;
    fixture_t fixture;
    static const char *const PLACES[] = { "/0" };
    open_fixture(&fixture, "/*", PLACES, 1);
    outcome(&fixture, slice_text("[1,2,3,4,5]"));
    int visits = 0;
    json_rows_t rows =
        json_rows(fixture.json, fixture.rows, &fixture.tree, fixture.fields, give_up, &visits);
    assert_true(rows.stopped);
    assert_int_equal(visits, 3);
    close_fixture(&fixture);
}

// Texts of the document survive the walk to its rows, and the other way round nothing leaks.
static void texts_with_escapes_survive_both_walks(void **state)
{
    (void) state;
    static const char *const PLACES[] = { "/e" };
    static const char TEXT[] =
        "{\"e\":\"env\\u0041\",\"r\":[{\"e\":\"one\\n\"},{\"e\":\"two\\n\"}]}";
    fixture_t fixture;
    open_fixture(&fixture, "/r/*", PLACES, 1);
    assert_string_equal(outcome(&fixture, slice_text(TEXT)), "'envA");
    field_t document = fixture.fields[0];
    buffer_clear(&fixture.out);
    json_rows(fixture.json, fixture.rows, &fixture.tree, fixture.fields, print_row, &fixture);
    assert_string_equal(buffer_string(&fixture.out), "[0]'one\n\n[1]'two\n\n");
    assert_true(slice_is(document.text, "envA"));
    json_close(fixture.json);
    close_fixture(&fixture);
}

// Cut and flip a good document everywhere: every outcome is a decision, none a crash, and what is
// still good has its fields in place.
static void damage_is_survived(void **state)
{
    (void) state;
    static const char *const PLACES[] = { "/r/1/p", "/r/0/0", "/e" };
    static const char TEXT[] = "{\"e\":\"x\\u00e9\",\"r\":[[1.5e3,null],{\"p\":\"\xc3\xa9\\\\\"}],"
                               "\"z\":{\"y\":[true,false,[],{}]}}";
    fixture_t fixture;
    open_fixture(&fixture, "/r/*", PLACES, 3);
    assert_string_equal(outcome(&fixture, slice_text(TEXT)), "'\xc3\xa9\\ #1.5e3 'x\xc3\xa9");
    for (size_t size = 0; size < sizeof TEXT - 1; size++)
        assert_non_null(strchr(outcome(&fixture, slice_of(TEXT, size)), ':'));
    for (size_t at = 0; at < sizeof TEXT - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            char damaged[sizeof TEXT];
            memcpy(damaged, TEXT, sizeof TEXT);
            damaged[at] = (char) byte;
            outcome(&fixture, slice_of(damaged, sizeof TEXT - 1));
        }
    }
    close_fixture(&fixture);
}

// Texts are read where they lie: one that ends with its page must not be read beyond.
static void nothing_behind_the_text_is_touched(void **state)
{
    (void) state;
    static const char *const PLACES[] = { "/a", "/b/0", "/c" };
    static const char *const TEXTS[] = {
        "{\"b\":[12],\"a\":123456.789012}",
        "{\"a\":1234567890123456789,\"b\":[-1.5e7]}",
        "{\"c\":\"\\u00e9\\n\",\"a\":\"x\"}",
        "123",
        "\"abc",
        "[1,2",
        "{\"a\":tru",
        "[\"\\",
    };
    long page = sysconf(_SC_PAGESIZE);
    char *pages =
        mmap(NULL, (size_t) page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(pages, MAP_FAILED);
    assert_int_equal(mprotect(pages + page, (size_t) page, PROT_NONE), 0);
    fixture_t fixture;
    open_fixture(&fixture, "", PLACES, 3);
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        buffer_t expected = { 0 };
        buffer_text(&expected, outcome(&fixture, slice_text(TEXTS[i])));
        for (size_t spaces = 0; spaces < 200; spaces++) { // every place in simdjson's blocks
            size_t size = strlen(TEXTS[i]);
            memset(pages, ' ', (size_t) page);
            memcpy(pages + page - size, TEXTS[i], size);
            const char *found =
                outcome(&fixture, slice_of(pages + page - size - spaces, size + spaces));
            bool good = !strchr(buffer_string(&expected), ':');
            if (good)
                assert_string_equal(found, buffer_string(&expected));
            else
                assert_non_null(strchr(found, ':'));
        }
        buffer_destroy(&expected);
    }
    close_fixture(&fixture);
    munmap(pages, (size_t) page * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_taken),
        cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(rows_are_found),
        cmocka_unit_test(a_visitor_may_stop),
        cmocka_unit_test(texts_with_escapes_survive_both_walks),
        cmocka_unit_test(damage_is_survived),
        cmocka_unit_test(nothing_behind_the_text_is_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
