/*  A request is found as it was put, once it is removed no more, and rubbish is told. */
#include "broker/stage/replay_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/stage/scratch.h"

static const replay_request_t asked = { .id = "00112233445566778899aabbccddeeff",
                                        .mappings = "ffeeddccbbaa99887766554433221100",
                                        .from_us = -7,
                                        .source = "binance-1m" };

static void put_and_found(void **state)
{
    (void) state;
    scratch_t scratch = scratch_new();
    fault_t fault;
    replay_request_t found;
    assert_false(replay_request_put(scratch.path, "tw", "main", &asked, &fault)); // no such stream
    stage_t *stage = stage_open(scratch.path, "tw", "main", NULL, NULL, &fault);
    assert_int_equal(replay_request_get(scratch.path, "tw", "main", &found, &fault), REQUEST_NONE);
    assert_true(replay_request_put(scratch.path, "tw", "main", &asked, &fault));
    for (int again = 0; again < 2; again++) {
        assert_int_equal(replay_request_get(scratch.path, "tw", "main", &found, &fault),
                         REQUEST_READ);
        assert_string_equal(found.id, asked.id);
        assert_string_equal(found.mappings, asked.mappings);
        assert_string_equal(found.source, "binance-1m");
        assert_int_equal(found.from_us, -7);
    }
    replay_request_t all = asked;
    all.source[0] = '\0';
    memset(all.id, 'a', REQUEST_ID_BYTES);
    assert_false(replay_request_put(scratch.path, "tw", "main", &all, &fault)); // one waits
    assert_non_null(strstr(fault.text, "already"));
    assert_true(replay_request_remove(scratch.path, "tw", "main", all.id)); // is not there
    assert_true(replay_request_remove(scratch.path, "tw", "main", NULL));   // is no rubbish
    assert_int_equal(replay_request_get(scratch.path, "tw", "main", &found, &fault), REQUEST_READ);
    assert_string_equal(found.id, asked.id);
    assert_true(replay_request_remove(scratch.path, "tw", "main", asked.id));
    assert_true(replay_request_put(scratch.path, "tw", "main", &all, &fault));
    assert_int_equal(replay_request_get(scratch.path, "tw", "main", &found, &fault), REQUEST_READ);
    assert_string_equal(found.source, "");
    assert_true(replay_request_remove(scratch.path, "tw", "main", all.id));
    assert_true(replay_request_remove(scratch.path, "tw", "main", all.id));
    assert_int_equal(replay_request_get(scratch.path, "tw", "main", &found, &fault), REQUEST_NONE);
    stage_destroy(&stage);
    scratch_destroy(&scratch);
}

static void rubbish_is_told(void **state)
{
    (void) state;
    scratch_t scratch = scratch_new();
    fault_t fault;
    replay_request_t found;
    stage_t *stage = stage_open(scratch.path, "tw", "main", NULL, NULL, &fault);
    char path[128];
    snprintf(path, sizeof path, "%s/tw/main/REPLAY", scratch.path);
    static const char *const texts[] = {
        "",
        "replay",
        "replay 00112233445566778899aabbccddeeff ffeeddccbbaa99887766554433221100 5 s",
        "replay 0011 ffeeddccbbaa99887766554433221100 5 s\n",
        "replay 00112233445566778899aabbccddeeff ffeeddccbbaa99887766554433221100 5 s more\n",
        "replay 00112233445566778899aabbccddeeff ffeeddccbbaa99887766554433221100 x s\n",
        "erase 00112233445566778899aabbccddeeff ffeeddccbbaa99887766554433221100 5 s\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        FILE *file = fopen(path, "w");
        assert_true(file && fputs(texts[i], file) >= 0 && fclose(file) == 0);
        fault.text[0] = '\0';
        assert_int_equal(replay_request_get(scratch.path, "tw", "main", &found, &fault),
                         REQUEST_BAD);
        assert_true(fault.text[0] != '\0');
        assert_false(replay_request_put(scratch.path, "tw", "main", &asked, &fault));
        assert_true(replay_request_remove(scratch.path, "tw", "main", asked.id)); // not that one's
        assert_int_equal(replay_request_get(scratch.path, "tw", "main", &found, &fault),
                         REQUEST_BAD);
        assert_true(replay_request_remove(scratch.path, "tw", "main", NULL));
        assert_int_equal(replay_request_get(scratch.path, "tw", "main", &found, &fault),
                         REQUEST_NONE);
    }
    stage_destroy(&stage);
    scratch_destroy(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_and_found),
        cmocka_unit_test(rubbish_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
