/*  certificate: what is written can be read, and nothing else can. */
#include "broker/trust/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[128];

static int set_up(void **state)
{
    (void) state;
    strcpy(folder, "/tmp/certificate_XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.key", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    unlink(path);
    return rmdir(folder);
}

static void write_text(const char *text, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static size_t read_text(char text[CERTIFICATE_FILE_MAX])
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, CERTIFICATE_FILE_MAX - 1, file);
    text[size] = '\0';
    fclose(file);
    return size;
}

static void there_and_back(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    certificate_t made, read;
    for (unsigned r = 0; r < ROLES_OF_KEYS; r++) {
        assert_true(certificate_make(&made, "a-1.host_x", (role_t) r, &fault));
        for (int secret = 0; secret < 2; secret++) {
            assert_true(certificate_write(&made, path, secret, &fault));
            struct stat file;
            assert_int_equal(stat(path, &file), 0);
            assert_int_equal(file.st_mode & 0777, secret ? 0600 : 0644);
            if (!certificate_read(&read, path, secret, &fault))
                fail_msg("%s", fault.text);
            assert_string_equal(read.name, "a-1.host_x");
            assert_int_equal(read.role, r);
            assert_memory_equal(read.public_key, made.public_key, CERTIFICATE_KEY_BYTES);
            static const uint8_t none[CERTIFICATE_KEY_BYTES];
            assert_memory_equal(read.secret_key, secret ? made.secret_key : none,
                                CERTIFICATE_KEY_BYTES);
        }
    }
    certificate_forget(&made);
    static const uint8_t wiped[CERTIFICATE_KEY_BYTES];
    assert_memory_equal(made.secret_key, wiped, sizeof wiped);
}

static void names(void **state)
{
    (void) state;
    static const char longest[] = "123456789012345678901234567890123456789012345678901234567890123";
    static const char *const good[] = { "a", "A-1.b_c", longest };
    static const char *const bad[] = { "",
                                       ".",
                                       ".hidden",
                                       "a b",
                                       "a/b",
                                       "a\"b",
                                       "\xc3\xa4",
                                       "a\n",
                                       ("1234567890123456789012345678901234567890123456789012345678"
                                        "901234") };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(certificate_is_name(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(certificate_is_name(bad[i]));
    certificate_t made;
    fault_t fault;
    assert_false(certificate_make(&made, "a b", ROLE_PREP, &fault));
}

#define KEY "Ufy8MPI:b!@p#qd)tO$&3O#^CV5)=RE-Gli>r!tT"

static void bad_text(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        { "metadata\n    name = \"a\"\n    role = \"prep\"\ncurve\n    public-key = \"" KEY "\"\n",
          true },
        { "#c\n\nmetadata\n    role = \"prep\"\n    name = \"a\"\ncurve\n    public-key = \"" KEY
          "\"",
          true },
        { "", false },
        { "metadata\n    name = \"a\"\n    role = \"prep\"\ncurve\n", false },
        { "metadata\n    name = \"a\"\ncurve\n    public-key = \"" KEY "\"\n", false },
        { "metadata\n    name = \"a b\"\n    role = \"prep\"\ncurve\n    public-key = \"" KEY
          "\"\n",
          false },
        { "metadata\n    name = \"a\"\n    role = \"king\"\ncurve\n    public-key = \"" KEY "\"\n",
          false },
        { "metadata\n    name = \"a\"\n    role = \"prep\"\ncurve\n    public-key = \"x\"\n",
          false },
        { "metadata\n    name = \"a\"\n    role = \"prep\"\n    role = \"feed\"\ncurve\n"
          "    public-key = \"" KEY "\"\n",
          false },
        { "metadata\n    name = \"a\"\n    role = \"prep\"\n    other = \"x\"\ncurve\n"
          "    public-key = \"" KEY "\"\n",
          false },
        { "metadata\n    name = \"a\"\"\n    role = \"prep\"\ncurve\n    public-key = \"" KEY
          "\"\n",
          false },
        { "metadata\n    name = \"a\"\n    role = \"prep\"\ncurve\n    public-key = \"" KEY
          "\"\t\n",
          false },
        { "curve\n    public-key = \"" KEY "\"\n", false }, // of CZMQ, without a role
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fault_t fault = { 0 };
        certificate_t read;
        write_text(cases[i].text, strlen(cases[i].text));
        if (certificate_read(&read, path, false, &fault) != cases[i].good)
            fail_msg("case %zu: %s", i, fault.text);
        if (!cases[i].good)
            assert_non_null(strstr(fault.text, path));
    }
}

static void a_secret_in_a_public_file_or_of_another_key(void **state)
{
    (void) state;
    fault_t fault;
    certificate_t made, other, read;
    assert_true(certificate_make(&made, "a", ROLE_PREP, &fault));
    assert_true(certificate_make(&other, "a", ROLE_PREP, &fault));
    assert_true(certificate_write(&made, path, true, &fault));
    assert_true(certificate_read(&read, path, true, &fault));
    assert_false(certificate_read(&read, path, false, &fault));
    assert_non_null(strstr(fault.text, "secret"));
    memcpy(other.public_key, made.public_key, sizeof other.public_key);
    assert_true(certificate_write(&other, path, true, &fault));
    assert_false(certificate_read(&read, path, true, &fault));
    assert_true(certificate_write(&made, path, false, &fault));
    assert_false(certificate_read(&read, path, true, &fault)); // has none
}

static void files_that_others_may_touch(void **state)
{
    (void) state;
    fault_t fault;
    certificate_t made, read;
    assert_true(certificate_make(&made, "a", ROLE_PREP, &fault));
    assert_true(certificate_write(&made, path, true, &fault));
    assert_int_equal(chmod(path, 0640), 0);
    assert_false(certificate_read(&read, path, true, &fault));
    assert_non_null(strstr(fault.text, "chmod 600"));
    assert_true(certificate_write(&made, path, false, &fault));
    assert_int_equal(chmod(path, 0664), 0);
    assert_false(certificate_read(&read, path, false, &fault));
    if (geteuid() == 0) {
        assert_int_equal(chmod(path, 0644), 0);
        assert_int_equal(chown(path, 12345, 0), 0);
        assert_true(certificate_read(&read, path, false, &fault) == false);
    }
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0); // does not wait for a writer
    assert_false(certificate_read(&read, path, false, &fault));
    unlink(path);
    assert_false(certificate_read(&read, path, false, &fault));
}

// Every byte of a good file replaced by every other, and every length: refused, or read as another
// good one; never anything worse.
static void every_damage(void **state)
{
    (void) state;
    fault_t fault;
    certificate_t made, read;
    assert_true(certificate_make(&made, "a", ROLE_PREP, &fault));
    assert_true(certificate_write(&made, path, true, &fault));
    char text[CERTIFICATE_FILE_MAX], damaged[CERTIFICATE_FILE_MAX];
    size_t size = read_text(text);
    for (size_t at = 0; at < size; at++) {
        static const char others[] = { 0, '"', '\n', ' ', '#', '\\', 'a', '\x7f', '\xff' };
        for (size_t i = 0; i < sizeof others; i++) {
            memcpy(damaged, text, size);
            damaged[at] = others[i];
            write_text(damaged, size);
            if (certificate_read(&read, path, true, &fault))
                assert_true(certificate_is_name(read.name));
        }
        write_text(text, at);
        certificate_read(&read, path, true, &fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_and_back, set_up, tear_down),
        cmocka_unit_test(names),
        cmocka_unit_test_setup_teardown(bad_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_in_a_public_file_or_of_another_key, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(files_that_others_may_touch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_damage, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
