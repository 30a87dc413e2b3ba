/*  runner_test -- commands that end, fail and hang. What they are given is tried in
 *  channels_test.py.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/notifier/runner.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

enum { WAIT_US = 20 * 1000 * 1000, TIMEOUT_US = 10 * 1000 * 1000 };

// In place of libc's: as if what we run belonged to somebody else.
static bool may_not_kill;
int kill(pid_t pid, int number)
{
    if (!may_not_kill)
        return (int) syscall(SYS_kill, pid, number);
    errno = EPERM;
    return -1;
}

static char folder[] = "/tmp/tw-runner-XXXXXX";

static int make_folder(void **state)
{
    (void) state;
    return mkdtemp(folder) ? 0 : 1;
}

static int drop_folder(void **state)
{
    (void) state;
    char path[64];
    snprintf(path, sizeof path, "%s/script", folder);
    unlink(path);
    return rmdir(folder);
}

static const char *script(const char *text)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/script", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", text);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}

static command_settings_t command = { .name = "c", .timeout_us = TIMEOUT_US };

static letter_t letter_to(const char *program)
{
    static uint8_t body[] = "{\"a\":1}";
    command.run = program;
    return (letter_t){ .kind = LETTER_COMMAND,
                       .id = "00-alice~command",
                       .subscriber = "alice",
                       .command = &command,
                       .body = { .data = body, .size = sizeof body - 1 } };
}

static answer_t answer_of(runner_t *runner)
{
    answer_t answer;
    int64_t end_us = life_mono_us() + WAIT_US;
    while (!runner_next(runner, life_mono_us(), &answer)) {
        struct pollfd ended[RUNNER_AT_ONCE_MAX];
        int descriptors[RUNNER_AT_ONCE_MAX];
        runner_descriptors(runner, descriptors);
        for (size_t i = 0; i < RUNNER_AT_ONCE_MAX; i++)
            ended[i] = (struct pollfd){ .fd = descriptors[i], .events = POLLIN };
        poll(ended, RUNNER_AT_ONCE_MAX, 100);
        assert_true(life_mono_us() < end_us);
    }
    return answer;
}

static answer_t run(runner_t *runner, const char *text)
{
    fault_t fault = { 0 };
    letter_t letter = letter_to(script(text));
    if (runner_start(runner, &letter, 7, life_mono_us(), &fault) != DELIVER_STARTED)
        fail_msg("%s", fault.text);
    answer_t answer = answer_of(runner);
    assert_int_equal(answer.tag, 7);
    return answer;
}

static void the_end_is_the_answer(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        verdict_t verdict;
        const char *says;
    } cases[] = {
        { "exit 0", VERDICT_DELIVERED, "" },
        { "test \"$(cat)\" = '{\"a\":1}'", VERDICT_DELIVERED, "" },
        { "test \"$TIDEWIRE_ID $TIDEWIRE_SUBSCRIBER\" = '00-alice~command alice'",
          VERDICT_DELIVERED, "" },
        { "test \"$HOME\" = ''", VERDICT_DELIVERED, "" },
        { "test $# = 0", VERDICT_DELIVERED, "" },
        { "grep -q '^NoNewPrivs:.1' /proc/self/status", VERDICT_DELIVERED, "" }, // no sudo
        { "exit 9", VERDICT_RETRY, "ended with 9" },
        { "kill -9 $$", VERDICT_RETRY, "killed by signal 9" },
    };
    owned(runner_destroy) runner_t *runner = runner_new(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        answer_t answer = run(runner, cases[i].text);
        if (answer.verdict != cases[i].verdict || !strstr(answer.error, cases[i].says))
            fail_msg("%s: %s", cases[i].text, answer.error);
    }
    assert_int_equal(runner_due_us(runner), INT64_MAX);
}

static void what_hangs_is_killed_in_time(void **state)
{
    (void) state;
    owned(runner_destroy) runner_t *runner = runner_new(NULL);
    int64_t start_us = life_mono_us();
    command.timeout_us = 300000;
    answer_t answer = run(runner, "trap '' TERM INT HUP; sleep 1000");
    command.timeout_us = TIMEOUT_US;
    assert_int_equal(answer.verdict, VERDICT_RETRY);
    assert_non_null(strstr(answer.error, "too long"));
    assert_true(life_mono_us() - start_us >= 300000);
}

// Whoever started us may not have wanted to hear of children.
static void ends_are_heard_of_whoever_started_us(void **state)
{
    (void) state;
    signal(SIGCHLD, SIG_IGN);
    owned(runner_destroy) runner_t *runner = runner_new(NULL);
    assert_int_equal(run(runner, "exit 0").verdict, VERDICT_DELIVERED);
    answer_t answer = run(runner, "exit 3");
    assert_int_equal(answer.verdict, VERDICT_RETRY);
    assert_non_null(strstr(answer.error, "ended with 3"));
}

static void nobody_waits_for_what_cannot_be_killed(void **state)
{
    (void) state;
    owned(runner_destroy) runner_t *runner = runner_new(NULL);
    answer_t answer;
    int64_t start_us = life_mono_us();
    command.timeout_us = 100000;
    may_not_kill = true;
    assert_non_null(strstr(run(runner, "sleep 2").error, "too long"));
    assert_int_equal(runner_due_us(runner), INT64_MAX);
    assert_false(runner_next(runner, life_mono_us(), &answer)); // it is told once
    assert_true(life_mono_us() - start_us < 1500000);
    // Its place is taken until it is gone.
    fault_t fault = { 0 };
    letter_t letter = letter_to(script("sleep 2"));
    for (size_t i = 1; i < RUNNER_AT_ONCE_MAX; i++)
        assert_int_equal(runner_start(runner, &letter, i, life_mono_us(), &fault), DELIVER_STARTED);
    assert_false(runner_has_room(runner));
    for (size_t i = 1; i < RUNNER_AT_ONCE_MAX; i++)
        assert_non_null(strstr(answer_of(runner).error, "too long"));
    while (life_mono_us() - start_us < WAIT_US && !runner_has_room(runner)) {
        assert_false(runner_next(runner, life_mono_us(), &answer));
        usleep(10000);
    }
    assert_true(runner_has_room(runner));
    may_not_kill = false;
    command.timeout_us = TIMEOUT_US;
}

static void few_run_at_once(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    owned(runner_destroy) runner_t *runner = runner_new(NULL);
    letter_t letter = letter_to(script("sleep 1000"));
    for (size_t i = 0; i < RUNNER_AT_ONCE_MAX; i++)
        assert_int_equal(runner_start(runner, &letter, i, life_mono_us(), &fault), DELIVER_STARTED);
    assert_false(runner_has_room(runner));
    assert_int_equal(runner_start(runner, &letter, 9, life_mono_us(), &fault), DELIVER_BUSY);
    assert_true(runner_due_us(runner) <= life_mono_us() + TIMEOUT_US);
    runner_destroy(&runner); // kills them: else this test would not end
    runner = NULL;
}

static void what_is_no_program_is_refused(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    owned(runner_destroy) runner_t *runner = runner_new(NULL);
    letter_t letter = letter_to("/nonexistent/program");
    assert_int_equal(runner_start(runner, &letter, 0, life_mono_us(), &fault), DELIVER_REFUSED);
    assert_non_null(strstr(fault.text, "No such file"));
    assert_true(runner_has_room(runner));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_is_the_answer),
        cmocka_unit_test(what_hangs_is_killed_in_time),
        cmocka_unit_test(ends_are_heard_of_whoever_started_us),
        cmocka_unit_test(nobody_waits_for_what_cannot_be_killed),
        cmocka_unit_test(few_run_at_once),
        cmocka_unit_test(what_is_no_program_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
