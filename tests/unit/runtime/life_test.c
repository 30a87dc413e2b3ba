/*  Signals arrive as events, the second request to stop ends the process, clocks run. */
#include "broker/runtime/life.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

// Runs in a process of its own, whose signals are its own affair: exit 0 = as expected.
static int in_child(int (*body)(void))
{
    pid_t child = fork();
    if (child == 0)
        _exit(body());
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

// As another process would send it; true when the descriptor tells of it.
static bool sent(int descriptor, int number)
{
    struct pollfd wait = { .fd = descriptor, .events = POLLIN };
    return kill(getpid(), number) == 0 && poll(&wait, 1, 10000) == 1;
}

static int take_each(void)
{
    int descriptor = life_open_signals();
    if (descriptor < 0)
        return 10;
    if (life_take_signal(descriptor) != LIFE_GO_ON) // nothing there, and it does not block
        return 11;
    if (!sent(descriptor, SIGHUP) || life_take_signal(descriptor) != LIFE_RELOAD)
        return 12;
    if (!sent(descriptor, SIGTERM) || life_take_signal(descriptor) != LIFE_DRAIN)
        return 13;
    if (!sent(descriptor, SIGHUP) || life_take_signal(descriptor) != LIFE_RELOAD)
        return 14;
    raise(SIGPIPE); // would kill us
    return life_take_signal(descriptor) == LIFE_GO_ON ? 0 : 15;
}

static _Noreturn void wait_for_ever(void)
{
    for (;;)
        pause();
}

static int stop_twice(void)
{
    int descriptor = life_open_signals();
    if (!sent(descriptor, SIGTERM) || life_take_signal(descriptor) != LIFE_DRAIN)
        return 10;
    kill(getpid(), SIGINT);
    wait_for_ever();
}

static int stop_twice_unread(void)
{
    if (!sent(life_open_signals(), SIGTERM))
        return 10;
    kill(getpid(), SIGTERM);
    wait_for_ever();
}

static void exit_otherwise(void)
{
    _exit(42);
}

static int leave_by_hook(void)
{
    life_before_leaving(exit_otherwise);
    return stop_twice();
}

static void signals_are_events(void **state)
{
    (void) state;
    assert_int_equal(in_child(take_each), 0);
}

static void second_stop_exits_at_once(void **state)
{
    (void) state;
    assert_int_equal(in_child(stop_twice), EXIT_FAILED);
    assert_int_equal(in_child(stop_twice_unread), EXIT_FAILED);
    assert_int_equal(in_child(leave_by_hook), 42);
}

static void clocks_run(void **state)
{
    (void) state;
    int64_t mono = life_mono_us(), wall = life_wall_us();
    const struct timespec pause = { .tv_nsec = 2000000 };
    nanosleep(&pause, NULL);
    assert_in_range(life_mono_us() - mono, 2000, 10000000);
    assert_true(wall / 1000000 >= time(NULL) - 10 && wall / 1000000 <= time(NULL));
}

static void random_bytes_differ(void **state)
{
    (void) state;
    unsigned char a[64] = { 0 }, b[64] = { 0 };
    assert_true(life_random(a, sizeof a));
    assert_true(life_random(b, sizeof b));
    assert_memory_not_equal(a, b, sizeof a);
    memset(b, 0, sizeof b);
    assert_memory_not_equal(a + 32, b, 32);
    assert_true(life_random(b, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_are_events),
        cmocka_unit_test(second_stop_exits_at_once),
        cmocka_unit_test(clocks_run),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
