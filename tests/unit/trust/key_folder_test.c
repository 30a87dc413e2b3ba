/*  ring and key_folder: keys come, are replaced and go; a bad folder is refused as a whole. */
#include "broker/trust/key_folder.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/owned.h"

static char home[64], one[128], two[128];

static int set_up(void **state)
{
    (void) state;
    strcpy(home, "/tmp/key_folder_XXXXXX");
    assert_non_null(mkdtemp(home));
    snprintf(one, sizeof one, "%s/one/keys", home); // also what is above is made
    snprintf(two, sizeof two, "%s/two", home);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", home);
    return system(command);
}

static size_t count_of(const char *folder)
{
    fault_t fault = { 0 };
    owned(ring_destroy) ring_t *ring = ring_load(folder, &fault);
    if (!ring)
        fail_msg("%s", fault.text);
    return ring_count(ring);
}

static void line_of(const char *folder, const char *name, char line[256])
{
    fault_t fault = { 0 };
    owned(buffer_destroy) buffer_t out = { 0 };
    if (!key_folder_export(folder, name, &out, &fault))
        fail_msg("%s", fault.text);
    snprintf(line, 256, "%s", buffer_string(&out));
    line[strcspn(line, "\n")] = '\0';
}

static void from_host_to_host(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    char line[256], again[256];
    bool fresh;
    assert_true(key_folder_add(one, "prep-1.a", ROLE_PREP, &fault));
    assert_false(key_folder_add(one, "prep-1.a", ROLE_PREP, &fault)); // has one
    line_of(one, "prep-1.a", line);
    assert_true(key_folder_import(two, line, false, &fresh, &fault) && fresh);
    assert_true(key_folder_import(two, line, false, &fresh, &fault) && !fresh);
    line_of(two, NULL, again);
    assert_string_equal(line, again);
    // Rotated there, imported here: both are known, until the old one is revoked.
    assert_true(key_folder_rotate(one, "prep-1.a", &fault));
    line_of(one, "prep-1.a", line);
    assert_string_not_equal(line, again);
    assert_true(key_folder_import(two, line, false, &fresh, &fault) && fresh);
    assert_int_equal(count_of(one), 2);
    assert_int_equal(count_of(two), 2);
    assert_false(key_folder_rotate(one, "prep-1.a", &fault)); // an old one is left
    assert_non_null(strstr(fault.text, "--old"));
    assert_true(key_folder_revoke(two, "prep-1.a", true, &fault));
    assert_false(key_folder_revoke(two, "prep-1.a", true, &fault));
    assert_int_equal(count_of(two), 1);
    line_of(two, NULL, again);
    assert_memory_equal(line, again, strlen(again)); // without the key that it replaced
    assert_true(key_folder_revoke(one, "prep-1.a", true, &fault));
    line_of(one, "prep-1.a", line);
    assert_string_equal(line, again);
    assert_true(key_folder_revoke(one, "prep-1.a", false, &fault));
    assert_int_equal(count_of(one), 0);
    char path[PATH_MAX];
    assert_true(ring_secret_path(one, "prep-1.a", path, sizeof path));
    assert_int_equal(access(path, F_OK), -1);
    assert_false(key_folder_rotate(two, "prep-1.a", &fault)); // its secret is elsewhere
}

// Two hosts of one name: neither may take the other's place unnoticed.
static void two_of_one_name(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    char line[256];
    bool fresh;
    assert_true(key_folder_add(one, "prep-1.a", ROLE_PREP, &fault));
    assert_true(key_folder_add(two, "prep-1.a", ROLE_PREP, &fault));
    line_of(two, NULL, line);
    assert_false(key_folder_import(one, line, false, &fresh, &fault));
    assert_non_null(strstr(fault.text, "--replace"));
    assert_int_equal(count_of(one), 1);
    // Nor does the other's rotation make it ours.
    assert_true(key_folder_rotate(two, "prep-1.a", &fault));
    line_of(two, NULL, line);
    assert_false(key_folder_import(one, line, false, &fresh, &fault));
    assert_int_equal(count_of(one), 1);
    assert_true(key_folder_import(one, line, true, &fresh, &fault) && fresh); // it is meant
    assert_int_equal(count_of(one), 2);
}

static void bad_lines(void **state)
{
    (void) state;
    fault_t fault;
    bool fresh;
    char line[256], other[400];
    assert_true(key_folder_add(one, "a", ROLE_PREP, &fault));
    line_of(one, "a", line);
    static const char *const bad[] = {
        "",
        "a",
        "a prep",
        "a prep short",
        "a king Ufy8MPI:b!@p#qd)tO$&3O#^CV5)=RE-Gli>r!tT",
        "../a prep Ufy8MPI:b!@p#qd)tO$&3O#^CV5)=RE-Gli>r!tT",
        "a.old prep Ufy8MPI:b!@p#qd)tO$&3O#^CV5)=RE-Gli>r!tT",
        "a prep Ufy8MPI:b!@p#qd)tO$&3O#^CV5)=RE-Gli>r!tT and more",
        "a prep Ufy8MPI:b!@p#qd)tO$&3O#^CV5)=RE-Gli>r!tT short",
        "a prep Ufy8MPI:b!@p#qd)tO$&3O#^CV5)=RE-Gli>r!tT "
        "Ufy8MPI:b!@p#qd)tO$&3O#^CV5)=RE-Gli>r!tT more",
        "a prep \"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (key_folder_import(one, bad[i], false, &fresh, &fault))
            fail_msg("case %zu was taken", i);
    snprintf(other, sizeof other, "b%s", line + 1); // the same key under another name
    assert_false(key_folder_import(one, other, false, &fresh, &fault));
    assert_false(key_folder_import(one, "a feed Ufy8MPI:b!@p#qd)tO$&3O#^CV5)=RE-Gli>r!tT", false,
                                   &fresh, &fault));
    assert_non_null(strstr(fault.text, "revoke")); // a name keeps its role
    assert_int_equal(count_of(one), 1);
}

static void a_bad_folder(void **state)
{
    (void) state;
    fault_t fault;
    char path[PATH_MAX], again[PATH_MAX];
    assert_null(ring_load(one, &fault)); // not there
    assert_true(key_folder_add(one, "a", ROLE_PREP, &fault));
    assert_true(ring_known_path(one, "a.key", path, sizeof path));
    assert_true(ring_known_path(one, "b.key", again, sizeof again));
    assert_int_equal(link(path, again), 0);
    assert_null(ring_load(one, &fault));
    assert_non_null(strstr(fault.text, "the same key"));
    assert_int_equal(unlink(again), 0);
    assert_true(ring_known_path(one, "notes.txt", again, sizeof again)); // is none of ours
    FILE *file = fopen(again, "w");
    fputs("hello\n", file);
    fclose(file);
    assert_int_equal(count_of(one), 1);
    assert_true(ring_known_path(one, "c.key", path, sizeof path));
    assert_int_equal(rename(again, path), 0);
    assert_null(ring_load(one, &fault));
    assert_int_equal(unlink(path), 0);
    assert_true(ring_known_path(one, "", path, sizeof path));
    assert_int_equal(chmod(path, 0777), 0);
    assert_null(ring_load(one, &fault));
    assert_non_null(strstr(fault.text, "others may change it"));
}

static void what_is_lost(void **state)
{
    (void) state;
    fault_t fault;
    assert_true(key_folder_add(one, "a", ROLE_PREP, &fault));
    owned(ring_destroy) ring_t *before = ring_load(one, &fault);
    uint64_t mark = ring_fingerprint(one);
    assert_int_equal(mark, ring_fingerprint(one));
    assert_true(key_folder_add(one, "b", ROLE_FEED, &fault));
    assert_int_not_equal(mark, ring_fingerprint(one));
    owned(ring_destroy) ring_t *more = ring_load(one, &fault);
    assert_false(ring_lost(before, more));
    assert_true(ring_lost(more, before));
    assert_false(ring_lost(more, more));
    const certificate_t *key = ring_at(before, 0);
    assert_ptr_equal(ring_find(before, key->public_key), key);
    const uint8_t strange[CERTIFICATE_KEY_BYTES] = { 1 };
    assert_null(ring_find(before, strange));
    // The same key with another role is another.
    assert_true(key_folder_revoke(one, "b", false, &fault));
    certificate_t changed = *key;
    changed.role = ROLE_FEED;
    char path[PATH_MAX];
    assert_true(ring_known_path(one, "a.key", path, sizeof path));
    assert_true(certificate_write(&changed, path, false, &fault));
    owned(ring_destroy) ring_t *after = ring_load(one, &fault);
    assert_true(ring_lost(before, after));
}

// The error says chmod: then that must be seen, though neither size nor time of the file change.
static void a_change_of_rights_is_one(void **state)
{
    (void) state;
    fault_t fault;
    char path[PATH_MAX], known[PATH_MAX];
    assert_true(key_folder_add(one, "a", ROLE_PREP, &fault));
    assert_true(ring_known_path(one, "a.key", path, sizeof path));
    assert_true(ring_known_path(one, "", known, sizeof known));
    const char *const paths[] = { path, known, one };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(chmod(paths[i], 0777), 0);
        assert_null(ring_load(one, &fault));
        uint64_t before = ring_fingerprint(one);
        assert_int_equal(ring_fingerprint(one), before);
        assert_int_equal(chmod(paths[i], 0755), 0);
        assert_int_equal(count_of(one), 1);
        assert_true(ring_fingerprint(one) != before);
    }
}

// Whoever has a name is out when it is revoked, under whatever file name his key is known.
static void revoking_takes_every_key_of_a_name(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    char path[PATH_MAX], other[PATH_MAX];
    assert_true(key_folder_add(one, "b", ROLE_PREP, &fault));
    assert_true(key_folder_add(one, "a", ROLE_PREP, &fault));
    assert_true(ring_known_path(one, "a.key", path, sizeof path));
    assert_true(ring_known_path(one, "laptop.key", other, sizeof other));
    assert_int_equal(rename(path, other), 0); // put there by hand
    assert_true(key_folder_add(one, "a", ROLE_PREP, &fault));
    assert_int_equal(count_of(one), 3);
    assert_true(key_folder_revoke(one, "a", false, &fault));
    assert_int_equal(count_of(one), 1);
}

// Actors keep all keys while a file is bad: who revokes then must not be told that it is done.
static void revoking_in_a_bad_folder_is_not_said_to_be_done(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    char path[PATH_MAX];
    assert_true(key_folder_add(one, "a", ROLE_PREP, &fault));
    assert_true(key_folder_add(one, "b", ROLE_PREP, &fault));
    assert_true(ring_known_path(one, "b.key", path, sizeof path));
    assert_int_equal(chmod(path, 0666), 0);
    assert_false(key_folder_revoke(one, "a", false, &fault));
    assert_non_null(strstr(fault.text, "b.key"));
    assert_true(ring_known_path(one, "a.key", path, sizeof path));
    assert_int_equal(access(path, F_OK), -1); // it takes effect with the mending
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_host_to_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_of_one_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_of_rights_is_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(revoking_takes_every_key_of_a_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(revoking_in_a_bad_folder_is_not_said_to_be_done, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
