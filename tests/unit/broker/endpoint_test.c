/*  endpoint: taken apart and put together. */
#include "broker/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void there_and_back(void **state)
{
    (void) state;
    static const char *const good[] = { "tcp://10.0.0.5:41234#" KEY, "tcp://[::1]:1#" KEY,
                                        "tcp://127.0.0.1:1", "ipc:///a/b", "" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        endpoint_t parsed;
        char text[ENDPOINT_MAX];
        assert_true(endpoint_parse(&parsed, good[i], NULL));
        assert_int_equal(parsed.has_key, strchr(good[i], '#') != NULL);
        assert_null(strchr(parsed.address, '#'));
        assert_true(endpoint_format(&parsed, text));
        assert_string_equal(text, good[i]);
    }
}

static void bad(void **state)
{
    (void) state;
    endpoint_t parsed;
    fault_t fault;
    char large[ENDPOINT_MAX + 1];
    memset(large, 'a', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    const char *const texts[] = { "tcp://h:1#",
                                  "tcp://h:1#00",
                                  "tcp://h:1#" KEY "0",
                                  "tcp://h:1#A0112233445566778899aabbccddeeff00112233445566778899"
                                  "aabbccddeeff",
                                  "tcp://h:1##" KEY,
                                  large };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (endpoint_parse(&parsed, texts[i], &fault))
            fail_msg("taken: %s", texts[i]);
    large[ENDPOINT_MAX - 1] = '\0';
    assert_true(endpoint_parse(&parsed, large, &fault));
    parsed.has_key = true;
    assert_false(endpoint_format(&parsed, large)); // no room for the key
}

static void where(void **state)
{
    (void) state;
    static const char *const local[] = { "tcp://127.0.0.1:5", "tcp://127.9.9.9:*", "tcp://[::1]:5",
                                         "tcp://localhost:5", "ipc:///x",          "inproc://x" };
    static const char *const remote[] = { "tcp://10.0.0.1:5",
                                          "tcp://127.0.0.1.example.org:5",
                                          "tcp://127.evil.org:5",
                                          "tcp://127.0.0.1",
                                          "tcp://localhost.example.org:5",
                                          "tcp://0.0.0.0:5",
                                          "tcp://*:5",
                                          "" };
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        if (!endpoint_is_local(local[i]))
            fail_msg("not local: %s", local[i]);
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
        if (endpoint_is_local(remote[i]))
            fail_msg("local: %s", remote[i]);
    assert_true(endpoint_is_everywhere("tcp://*:5") && endpoint_is_everywhere("tcp://0.0.0.0:5") &&
                endpoint_is_everywhere("tcp://[::]:5"));
    assert_false(endpoint_is_everywhere("tcp://10.0.0.0:5"));
    char moved[ENDPOINT_MAX];
    assert_true(endpoint_move("tcp://0.0.0.0:41234", "a.example.org", moved));
    assert_string_equal(moved, "tcp://a.example.org:41234");
    assert_true(endpoint_move("tcp://[::]:7", "[fd00::1]", moved));
    assert_string_equal(moved, "tcp://[fd00::1]:7");
    assert_false(endpoint_move("ipc:///a", "h", moved));
    assert_false(endpoint_move("tcp://", "h", moved));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(bad),
        cmocka_unit_test(where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
