/*  notify -- see notify.h. */
#include "broker/runtime/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "broker/runtime/life.h"

enum { TEXT_MAX = 600 };

static struct {
    int socket; // connected; only if `open`
    bool open, alive;
    bool ready, stopping; // was said
} manager;

static bool s_number(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

bool notify_watchdog(const char *usec, const char *pid, pid_t self, uint64_t *watchdog_us,
                     fault_t *fault)
{
    uint64_t whose = (uint64_t) self;
    *watchdog_us = 0;
    if (!usec)
        return true;
    if (!s_number(usec, watchdog_us) || *watchdog_us == 0 || (pid && !s_number(pid, &whose)))
        return fault_set(fault, "WATCHDOG_USEC='%.40s' WATCHDOG_PID='%.40s': no positive numbers",
                         usec, pid ? pid : "");
    if (whose != (uint64_t) self)
        *watchdog_us = 0;
    else if (*watchdog_us < NOTIFY_WATCHDOG_US_MIN)
        return fault_set(fault,
                         "WatchdogSec is %" PRIu64 " us, and actors say once a second that they "
                         "live: make it %d s or more, better 60",
                         *watchdog_us, NOTIFY_WATCHDOG_US_MIN / 1000000);
    return true;
}

// "/path", or "@name" for one that is in no file system.
static bool s_connect(const char *name, fault_t *fault)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t size = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || size < 2 || size >= sizeof address.sun_path)
        return fault_set(fault, "NOTIFY_SOCKET='%.200s' is neither a path nor '@' and a name",
                         name);
    memcpy(address.sun_path, name, size);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    socklen_t length = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + size);
    manager.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (manager.socket < 0)
        return fault_set(fault, "cannot open a socket to the service manager: %s", strerror(errno));
    manager.open = true;
    if (connect(manager.socket, (const struct sockaddr *) &address, length) == 0)
        return true;
    fault_set(fault, "cannot reach the service manager at NOTIFY_SOCKET='%.200s': %s", name,
              strerror(errno));
    notify_close();
    return false;
}

bool notify_open(fault_t *fault)
{
    const char *name = getenv("NOTIFY_SOCKET");
    uint64_t watchdog_us;
    if (!notify_watchdog(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"), getpid(), &watchdog_us,
                         fault) ||
        (name && !s_connect(name, fault)))
        return false;
    manager.alive = watchdog_us > 0;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return true;
}

void notify_close(void)
{
    if (manager.open)
        close(manager.socket);
    manager.open = manager.alive = manager.ready = manager.stopping = false;
}

static bool s_say(const char *text)
{
    size_t size = strlen(text);
    return manager.open && send(manager.socket, text, size, MSG_NOSIGNAL) == (ssize_t) size;
}

void notify_turn(bool works)
{
    if (works && !manager.ready && !manager.stopping)
        manager.ready = s_say("READY=1\nSTATUS=working");
    if (manager.alive)
        (void) s_say("WATCHDOG=1"); // not heard: with the next second again
}

void notify_reloading(void)
{
    char text[TEXT_MAX];
    if (manager.stopping)
        return;
    snprintf(text, sizeof text,
             "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reading its "
             "configuration again",
             life_mono_us());
    if (s_say(text))
        manager.ready = false; // which ends the reloading, too
}

void notify_stopping(void)
{
    manager.stopping = s_say("STOPPING=1\nSTATUS=finishing what was begun");
}

void notify_waiting(const char *status)
{
    char text[TEXT_MAX];
    snprintf(text, sizeof text, "STATUS=waiting for %s", status);
    text[strcspn(text, "\n")] = '\0'; // one line: the next would be an order
    (void) s_say(text);
}
