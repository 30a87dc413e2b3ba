/*  The embedded redis-server: where it listens, what it promises, what it says when it cannot. */
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/broker/store_fixture.h"

static char dir[64];

static int make_dir(void **state)
{
    (void) state;
    strcpy(dir, "/tmp/tw-server-XXXXXX");
    return mkdtemp(dir) ? 0 : 1;
}

static int remove_dir(void **state)
{
    (void) state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static store_t *connect_to(const char *where, char url[REDIS_SERVER_URL_MAX])
{
    assert_true(redis_server_url(where, url, NULL));
    store_t *store = store_new(url, NULL, "tw", NULL);
    assert_non_null(store);
    return store;
}

static void on_bytes(void *context, slice_t bytes)
{
    *(size_t *) context = bytes.size;
}

static void it_starts_keeps_what_it_was_told_and_stops(void **state)
{
    (void) state;
    char url[REDIS_SERVER_URL_MAX], path[128];
    fault_t fault = { 0 };
    assert_false(redis_server_ready(dir));
    for (int round = 0; round < 3; round++) {
        pid_t pid = redis_server_start(dir, &fault);
        if (pid < 0)
            fail_msg("%s", fault.text);
        assert_true(redis_server_ready(dir));
        owned(store_destroy) store_t *store = connect_to(dir, url);
        assert_int_equal(store_ping(store), STORE_OK); // with an append-only file
        size_t size = 0;
        if (round > 0)
            expect(store, store_plan_get(store, "a", on_bytes, &size), STORE_OK);
        assert_int_equal(size, round > 0 ? 3 : 0);
        expect(store, store_plan_put(store, "a", slice_text("abc")), STORE_OK);
        struct stat about;
        snprintf(path, sizeof path, "%s/redis.sock", dir);
        assert_int_equal(stat(path, &about), 0);
        assert_int_equal(about.st_mode & 0777, 0700);
        if (round == 1) { // kill -9: what was answered is on disk
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        } else {
            assert_true(redis_server_stop(pid));
        }
        assert_false(redis_server_ready(dir));
    }
}

static void a_second_one_is_refused(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    pid_t pid = redis_server_start(dir, NULL);
    assert_true(pid > 0);
    assert_int_equal(redis_server_start(dir, &fault), -1);
    assert_non_null(strstr(fault.text, "already"));
    assert_true(redis_server_ready(dir)); // and the first one did not notice
    assert_true(redis_server_stop(pid));
}

static void a_torn_tail_is_cut_and_garbage_is_told(void **state)
{
    (void) state;
    char url[REDIS_SERVER_URL_MAX], command[256];
    fault_t fault = { 0 };
    pid_t pid = redis_server_start(dir, NULL);
    assert_true(pid > 0);
    owned(store_destroy) store_t *store = connect_to(dir, url);
    expect(store, store_plan_put(store, "a", slice_text("abc")), STORE_OK);
    redis_server_stop(pid);
    snprintf(command, sizeof command,
             "printf '*3\\r\\n$3\\r\\nSET\\r\\n$1' >> %s/redis/appendonlydir/*.incr.aof", dir);
    assert_int_equal(system(command), 0);
    pid = redis_server_start(dir, &fault);
    if (pid < 0)
        fail_msg("%s", fault.text);
    owned(store_destroy) store_t *again = connect_to(dir, url);
    size_t size = 0;
    expect(again, store_plan_get(again, "a", on_bytes, &size), STORE_OK);
    assert_int_equal(size, 3);
    redis_server_stop(pid);
    // Damage in the middle is not a torn tail: it refuses to start, and we say what it said.
    snprintf(command, sizeof command, "sed -i 's/^\\*/#/' %s/redis/appendonlydir/*.incr.aof", dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(redis_server_start(dir, &fault), -1);
    assert_non_null(strstr(fault.text, "Bad file format reading the append only file"));
}

static void places_it_cannot_live_in_are_told(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    char url[REDIS_SERVER_URL_MAX], path[256];
    assert_int_equal(redis_server_start("/no/such/dir", &fault), -1);
    assert_non_null(strstr(fault.text, "/no/such/dir"));
    // The longest path that fits, and one byte more.
    for (size_t size = 106; size <= 107; size++) {
        int made = snprintf(path, sizeof path, "%s/", dir);
        memset(path + made, 'x', sizeof path - (size_t) made);
        path[size - strlen("/redis.sock") + 1] = '\0';
        assert_int_equal(mkdir(path, 0700), 0);
        bool fits = redis_server_url(path, url, &fault);
        assert_int_equal(fits, size == 106);
        pid_t pid = redis_server_start(path, &fault);
        assert_int_equal(pid > 0, size == 106);
        if (pid > 0)
            assert_true(redis_server_stop(pid));
    }
    assert_non_null(strstr(fault.text, "107 bytes"));
    snprintf(path, sizeof path, "%s/redis", dir);
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    close(file);
    assert_int_equal(redis_server_start(dir, &fault), -1);
    assert_non_null(strstr(fault.text, "redis.conf"));
}

static void odd_names_of_directories_work(void **state)
{
    (void) state;
    char path[128], url[REDIS_SERVER_URL_MAX];
    snprintf(path, sizeof path, "%s/a \"b\\c' d", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    fault_t fault = { 0 };
    pid_t pid = redis_server_start(path, &fault);
    if (pid < 0)
        fail_msg("%s", fault.text);
    owned(store_destroy) store_t *store = connect_to(path, url);
    assert_int_equal(store_ping(store), STORE_OK);
    assert_true(redis_server_stop(pid));
}

static void a_missing_program_is_told(void **state)
{
    (void) state;
    char *kept = strdup(getenv("PATH"));
    fault_t fault = { 0 };
    setenv("PATH", "/nowhere", 1);
    pid_t pid = redis_server_start(dir, &fault);
    setenv("PATH", kept, 1);
    free(kept);
    assert_int_equal(pid, -1);
    assert_non_null(strstr(fault.text, "is it installed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_starts_keeps_what_it_was_told_and_stops, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_second_one_is_refused, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_torn_tail_is_cut_and_garbage_is_told, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(places_it_cannot_live_in_are_told, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(odd_names_of_directories_work, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_missing_program_is_told, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
