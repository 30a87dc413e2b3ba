/*  The folder of keys, when the n-th call of its files fails: a key is there whole or not at all,
 *  and a change that was said to be done is on disk.
 */
#include "tests/nth/nth.h"

#include <stdio.h>
#include <unistd.h>

#include "broker/trust/key_folder.h"
#include "proto/owned.h"

static size_t known_in(const char *folder)
{
    fault_t fault = { 0 };
    owned(ring_destroy) ring_t *ring = ring_load(folder, &fault);
    if (!ring)
        fail_msg("%s: %s", nth_words(), fault.text);
    return ring_count(ring);
}

static void a_key_is_whole_or_not_there(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_OPEN | NTH_WRITE | NTH_FLUSH | NTH_RENAME);
    while (nth_next(&nth)) {
        char home[64], path[256];
        fault_t fault = { 0 };
        certificate_t pair;
        nth_directory(home);
        assert_true(key_folder_make(home, &fault));
        nth_arm(&nth);
        bool done = key_folder_add(home, "a", ROLE_PREP, &fault);
        nth_disarm(&nth);
        nth_assert_done(done, fault);
        if (known_in(home) == 0)
            assert_true(key_folder_add(home, "a", ROLE_PREP, &fault));
        assert_int_equal(known_in(home), 1);
        assert_true(ring_secret_path(home, "a", path, sizeof path));
        assert_true(certificate_read(&pair, path, true, &fault)); // and its pair is, too
        certificate_forget(&pair);
        nth_remove(home);
    }
}

enum { WRITTEN = 2 }; // times that a file waits for the disk: its content, its name

static void what_is_done_is_on_disk(void **state)
{
    (void) state;
    nth_t nth = nth_over(NTH_FLUSH);
    unsigned struck = 0;
    while (nth_next(&nth)) {
        char home[64], folder[96];
        fault_t fault = { 0 };
        nth_directory(home);
        snprintf(folder, sizeof folder, "%s/x/keys", home);
        nth_arm(&nth);
        bool done = key_folder_add(folder, "a", ROLE_PREP, &fault) &&
                    key_folder_rotate(folder, "a", &fault) &&
                    key_folder_revoke(folder, "a", true, &fault);
        nth_disarm(&nth);
        nth_assert_done(done, fault);
        assert_true(done == !nth_struck());
        struck += nth_struck();
        nth_remove(home);
    }
    // Folders x, keys, known, secret; two pairs of two files; one renamed; one removed.
    assert_true(struck >= 4 + 2 * 2 * WRITTEN + 1 + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_key_is_whole_or_not_there, nth_teardown),
        cmocka_unit_test_teardown(what_is_done_is_on_disk, nth_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
