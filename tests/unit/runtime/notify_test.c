/*  What a service manager hears, on a socket of the test's own, and what it must not say to us. */
#include "broker/runtime/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/runtime/life.h"

typedef struct {
    int socket;
    char name[64]; // as in NOTIFY_SOCKET
} manager_t;

static manager_t manager_new(char first)
{
    manager_t self;
    snprintf(self.name, sizeof self.name, "%ctidewire-notify-test-%d", first, (int) getpid());
    if (first == '/')
        snprintf(self.name, sizeof self.name, "/tmp/tidewire-notify-test-%d", (int) getpid());
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, self.name, strlen(self.name));
    if (first == '@')
        address.sun_path[0] = '\0';
    self.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(self.name));
    assert_int_equal(bind(self.socket, (struct sockaddr *) &address, size), 0);
    setenv("NOTIFY_SOCKET", self.name, 1);
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    return self;
}

static void manager_end(manager_t *self)
{
    notify_close();
    close(self->socket);
    if (self->name[0] == '/')
        unlink(self->name);
}

static void hears(const manager_t *self, const char *expected)
{
    char text[1000] = "";
    ssize_t size = recv(self->socket, text, sizeof text - 1, 0);
    if (!expected) {
        assert_int_equal(size, -1);
        assert_int_equal(errno, EAGAIN);
        return;
    }
    assert_true(size > 0);
    assert_string_equal(text, expected);
}

static const char READY[] = "READY=1\nSTATUS=working";

static void test_life(void **state)
{
    (void) state;
    manager_t manager = manager_new('@');
    setenv("WATCHDOG_USEC", "60000000", 1);
    fault_t fault;
    assert_true(notify_open(&fault));
    assert_null(getenv("NOTIFY_SOCKET")); // a child is not the service
    assert_null(getenv("WATCHDOG_USEC"));
    notify_waiting("redis\nREADY=1"); // one line
    hears(&manager, "STATUS=waiting for redis");
    notify_turn(false);
    hears(&manager, "WATCHDOG=1");
    notify_turn(true);
    hears(&manager, READY);
    hears(&manager, "WATCHDOG=1");
    notify_turn(true); // ready only once
    hears(&manager, "WATCHDOG=1");
    notify_stopping();
    hears(&manager, "STOPPING=1\nSTATUS=finishing what was begun");
    notify_reloading(); // no longer
    notify_turn(true);
    hears(&manager, "WATCHDOG=1"); // while it drains
    hears(&manager, NULL);
    manager_end(&manager);
}

static void test_signals(void **state)
{
    (void) state;
    manager_t manager = manager_new('/');
    fault_t fault;
    assert_true(notify_open(&fault));
    int signals = life_open_signals();
    assert_true(signals >= 0);
    notify_turn(true);
    hears(&manager, READY);
    hears(&manager, NULL); // no watchdog was asked for

    kill(getpid(), SIGHUP);
    while (life_take_signal(signals) != LIFE_RELOAD)
        usleep(1000);
    char text[1000] = "";
    assert_true(recv(manager.socket, text, sizeof text - 1, 0) > 0);
    int64_t at_us = 0;
    assert_int_equal(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%" SCNd64, &at_us), 1);
    assert_true(at_us > 0 && at_us <= life_mono_us());
    notify_turn(false); // still at it
    hears(&manager, NULL);
    notify_turn(true);
    hears(&manager, READY);

    kill(getpid(), SIGTERM);
    while (life_take_signal(signals) != LIFE_DRAIN)
        usleep(1000);
    hears(&manager, "STOPPING=1\nSTATUS=finishing what was begun");
    close(signals);
    manager_end(&manager);
}

// A manager that does not read: nobody waits, and READY comes as soon as there is room.
static void test_full(void **state)
{
    (void) state;
    manager_t manager = manager_new('@');
    setenv("WATCHDOG_USEC", "60000000", 1);
    fault_t fault;
    assert_true(notify_open(&fault));
    for (int i = 0; i < 100000; i++)
        notify_turn(false);
    notify_turn(true);
    char text[1000];
    while (recv(manager.socket, text, sizeof text, 0) > 0)
        assert_memory_equal(text, "WATCHDOG=1", 10);
    notify_turn(true);
    hears(&manager, READY);
    manager_end(&manager);
    notify_turn(true); // gone: nothing happens
}

static void test_nobody(void **state)
{
    (void) state;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    fault_t fault;
    assert_true(notify_open(&fault));
    notify_turn(true);
    notify_stopping();
    notify_close();
}

static void test_bad_sockets(void **state)
{
    (void) state;
    static const char *const bad[] = {
        "", "@", "/", "relative", "vsock:2:1234", "/nowhere/at/all"
    };
    unsetenv("WATCHDOG_USEC");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv("NOTIFY_SOCKET", bad[i], 1);
        fault_t fault = { 0 };
        assert_false(notify_open(&fault));
        assert_non_null(strstr(fault.text, "NOTIFY_SOCKET"));
    }
    char longest[200];
    memset(longest, 'a', sizeof longest);
    longest[0] = '@';
    longest[sizeof longest - 1] = '\0';
    setenv("NOTIFY_SOCKET", longest, 1);
    fault_t fault;
    assert_false(notify_open(&fault));
    unsetenv("NOTIFY_SOCKET");
}

static void test_watchdog(void **state)
{
    (void) state;
    fault_t fault;
    uint64_t us = 1;
    assert_true(notify_watchdog(NULL, NULL, 7, &us, &fault) && us == 0);
    assert_true(notify_watchdog("60000000", NULL, 7, &us, &fault) && us == 60000000);
    assert_true(notify_watchdog("60000000", "7", 7, &us, &fault) && us == 60000000);
    assert_true(notify_watchdog("60000000", "8", 7, &us, &fault) && us == 0); // our parent's
    assert_true(notify_watchdog("3000000", "7", 7, &us, &fault) && us == 3000000);
    static const char *const bad[] = { "",        "0",       "-1",
                                       "1s",      "2999999", "99999999999999999999",
                                       " 6000000" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(notify_watchdog(bad[i], NULL, 7, &us, &fault));
    assert_false(notify_watchdog("60000000", "me", 7, &us, &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_full),        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_bad_sockets), cmocka_unit_test(test_watchdog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
