/*  A set of ids: what was added is there, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/held/ids.h"

enum { MANY = 20000 };

static slice_t id_of(unsigned number, char text[33])
{
    snprintf(text, 33, "%032x", number);
    return slice_text(text);
}

static void what_was_added_is_there(void **state)
{
    (void) state;
    ids_t ids = { 0 };
    char text[33];
    assert_false(ids_has(&ids, slice_text("x")));
    for (unsigned round = 0; round < 2; round++) // the second time it grows by nothing
        for (unsigned i = 0; i < MANY; i++)
            assert_true(ids_add(&ids, id_of(2 * i, text)));
    assert_int_equal(ids.count, MANY);
    for (unsigned i = 0; i < 2 * MANY; i++)
        assert_int_equal(ids_has(&ids, id_of(i, text)), i % 2 == 0);
    ids_clear(&ids);
    assert_false(ids_has(&ids, id_of(0, text)));
}

static void an_empty_id_is_none(void **state)
{
    (void) state;
    ids_t ids = { 0 };
    assert_false(ids_add(&ids, slice_text("")));
    assert_false(ids_has(&ids, slice_text("")));
    assert_true(ids_add(&ids, slice_text("a")));
    assert_false(ids_has(&ids, slice_text("ab")));
    ids_clear(&ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_there),
        cmocka_unit_test(an_empty_id_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
