/*  pointer -- RFC 6901 and the tree. */
#include "actors/prep/pointer.h"
#include "tests/unit/prep/cmocka_first.h"

// "token|token|" of a pointer, or why it was refused.
static const char *compiled(const char *text)
{
    static char out[2 * FAULT_TEXT_MAX];
    fault_t fault;
    pointer_t *pointer = pointer_new(slice_text(text), &fault);
    if (!pointer)
        return strcpy(out, fault.text);
    size_t size = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < pointer->count; i++)
        size += (size_t) snprintf(
            out + size, sizeof out - size, "%.*s%s|", (int) pointer->tokens[i].text.size,
            (const char *) pointer->tokens[i].text.data, pointer->tokens[i].star ? "!" : "");
    pointer_destroy(&pointer);
    assert_null(pointer);
    return out;
}

static void tokens_are_unescaped(void **state)
{
    (void) state;
    assert_string_equal(compiled(""), "");
    assert_string_equal(compiled("/"), "|");
    assert_string_equal(compiled("/a/b"), "a|b|");
    assert_string_equal(compiled("/a~1b/m~0n/~01"), "a/b|m~n|~1|");
    assert_string_equal(compiled("/result/*/0"), "result|*!|0|");
    assert_string_equal(compiled("//"), "||");
    assert_string_equal(compiled("/\xc3\xa9 \"\\"), "\xc3\xa9 \"\\|");
}

static void bad_pointers_are_refused(void **state)
{
    (void) state;
    assert_non_null(strstr(compiled("a"), "begins with '/'"));
    assert_non_null(strstr(compiled("/a~"), "'~'"));
    assert_non_null(strstr(compiled("/a~2"), "'~'"));
    assert_non_null(strstr(compiled("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"), "more than 16"));
    assert_non_null(strstr(compiled("/*/*/*/*/*/*/*/*/*"), "more than 8 '*'"));
    char longest[POINTER_BYTES_MAX + 2];
    memset(longest, '/', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_non_null(strstr(compiled(longest), "more than 512 bytes"));
}

static void indexes_are_numbers_without_leading_zero(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        uint32_t index;
    } TABLE[] = {
        { "/0", 0 },
        { "/7", 7 },
        { "/999999999", 999999999 },
        { "/1000000000", POINTER_NO_INDEX },
        { "/00", POINTER_NO_INDEX },
        { "/01", POINTER_NO_INDEX },
        { "/-1", POINTER_NO_INDEX },
        { "/-", POINTER_NO_INDEX },
        { "/1a", POINTER_NO_INDEX },
        { "/", POINTER_NO_INDEX },
    };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        pointer_t *pointer = pointer_new(slice_text(TABLE[i].text), NULL);
        assert_non_null(pointer);
        assert_int_equal(pointer->tokens[0].index, TABLE[i].index);
        pointer_destroy(&pointer);
    }
}

static void the_tree_shares_steps_and_keeps_the_first_slot(void **state)
{
    (void) state;
    static const char *const TEXTS[] = { "/a/b", "/a/3", "/a", "/x", "/a/b" };
    static const int SLOTS[] = { 0, 1, 2, 3, 0 };
    pointer_t *pointers[5];
    pointer_tree_t *tree = malloc(sizeof *tree);
    pointer_tree_begin(tree);
    for (int i = 0; i < 5; i++) {
        pointers[i] = pointer_new(slice_text(TEXTS[i]), NULL);
        assert_int_equal(pointer_tree_add(tree, pointers[i], i), SLOTS[i]);
    }
    assert_int_equal(tree->count, 5); // root, a, a/b, a/3, x
    const pointer_node_t *a = pointer_tree_member(tree, &tree->nodes[0], slice_text("a"), NULL);
    assert_non_null(a);
    assert_int_equal(a->slot, 2);
    assert_int_equal(a->elements, 4);
    assert_int_equal(pointer_tree_element(tree, a, 3)->slot, 1);
    assert_int_equal(pointer_tree_member(tree, a, slice_text("3"), NULL)->slot, 1);
    assert_null(pointer_tree_element(tree, a, 2));
    assert_null(pointer_tree_member(tree, a, slice_text(""), NULL));
    for (int i = 0; i < 5; i++)
        pointer_destroy(&pointers[i]);
    free(tree);
}

static void a_full_tree_says_so(void **state)
{
    (void) state;
    enum { POINTERS = POINTER_NODES_MAX };
    static pointer_t *pointers[POINTERS];
    pointer_tree_t *tree = malloc(sizeof *tree);
    pointer_tree_begin(tree);
    for (int i = 0; i < POINTERS; i++) {
        char text[16];
        snprintf(text, sizeof text, "/%d", i);
        pointers[i] = pointer_new(slice_text(text), NULL);
        int slot = pointer_tree_add(tree, pointers[i], i);
        assert_int_equal(slot, i < POINTERS - 1 ? i : POINTER_NO_SLOT);
    }
    for (int i = 0; i < POINTERS; i++)
        pointer_destroy(&pointers[i]);
    free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_unescaped),
        cmocka_unit_test(bad_pointers_are_refused),
        cmocka_unit_test(indexes_are_numbers_without_leading_zero),
        cmocka_unit_test(the_tree_shares_steps_and_keeps_the_first_slot),
        cmocka_unit_test(a_full_tree_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
