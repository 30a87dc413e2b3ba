/*  memo and refusal -- the small parts of prep that have an edge. */
#include "actors/prep/memo.h"
#include "actors/prep/refusal.h"
#include "tests/unit/prep/cmocka_first.h"

// It may forget, it never mixes up.
static void a_memo_never_mixes_up(void **state)
{
    (void) state;
    enum { KEYS = 20000, BLOCKS = 20 };
    memo_t *memo = memo_new();
    uint64_t random = 99;
    unsigned known = 0;
    for (int block = 0; block < BLOCKS; block++) {
        memo_forget(memo);
        for (int i = 0; i < KEYS; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            int key = (int) (random >> 33) % (10 << block % 12);
            char text[80];
            int size = snprintf(text, sizeof text, "%0*d", 1 + key % 60, key);
            int found = memo_find(memo, slice_of(text, (size_t) size));
            known += found != MEMO_NONE;
            if (found != MEMO_NONE)
                assert_int_equal(found, key + block);
            else
                memo_put(memo, slice_of(text, (size_t) size), key + block);
        }
    }
    assert_true(known > KEYS);
    assert_int_equal(memo_find(memo, slice_of(NULL, 0)), MEMO_NONE);
    memo_put(memo, slice_of(NULL, 0), 3);
    assert_int_equal(memo_find(memo, slice_of(NULL, 0)), 3);
    memo_forget(memo);
    assert_int_equal(memo_find(memo, slice_of(NULL, 0)), MEMO_NONE);
    memo_destroy(&memo);
    assert_null(memo);
}

static void quotes_are_short_and_printable(void **state)
{
    (void) state;
    char out[REFUSAL_QUOTE_MAX];
    assert_string_equal(refusal_quote_text(slice_text("a\n\x7f\xff\"b"), out), "\"a???\"b\"");
    assert_string_equal(refusal_quote_text(slice_text(""), out), "\"\"");
    char longest[200];
    for (size_t size = 0; size < sizeof longest; size++) {
        for (size_t i = 0; i < size; i++)
            longest[i] = "\xe2\x82\xac"[i % 3];
        const char *quoted = refusal_quote_text(slice_of(longest, size), out);
        assert_true(strlen(quoted) < REFUSAL_QUOTE_MAX);
        if (size % 3 == 0)
            assert_null(strchr(quoted, '?')); // no character is cut in two
    }
}

static void snippets_end_with_their_row(void **state)
{
    (void) state;
    static const struct {
        const char *text, *snippet;
    } TABLE[] = {
        { "", "" },
        { "plain, text]", "plain, text]" },
        { "[1,2],[3]", "[1,2]" },
        { "{\"a\":\"}\\\"}\"},x", "{\"a\":\"}\\\"}\"}" },
        { "[[1", "[[1" },
        { "]x", "]x" },
        { "[\"\\", "[\"\\" },
    };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++)
        assert_true(slice_is(refusal_snippet(slice_text(TABLE[i].text)), TABLE[i].snippet));
    char longest[MAPPING_SNIPPET_MAX * 2];
    memset(longest, 'x', sizeof longest);
    assert_int_equal(refusal_snippet(slice_of(longest, sizeof longest)).size, MAPPING_SNIPPET_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_memo_never_mixes_up),
        cmocka_unit_test(quotes_are_short_and_printable),
        cmocka_unit_test(snippets_end_with_their_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
