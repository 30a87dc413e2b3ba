/*  system -- what actors ask the system for, by --wrap and in place of broker/runtime/life.c and
 *  log.c: clocks, chance, signals, waiting, threads, locks.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "broker/bus.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "tests/sim/net.h"
#include "tests/sim/process_inside.h"
#include "tests/sim/redis.h"
#include "tests/sim/world.h"
#include "tests/sim/world_redis.h"

enum { ITEMS_MAX = 128, TOPIC_BYTES_MAX = 512, QUOTES = 8, QUOTE_BYTES = 512 };

int __real_close(int fd);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_close(int fd);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned flags);
pid_t __wrap_getpid(void);
int __wrap_kill(pid_t pid, int number);
int __wrap_gethostname(char *name, size_t size);
int __wrap_flock(int fd, int how);
int __real_flock(int fd, int how);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *context);
int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_cond_signal(pthread_cond_t *condition);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock,
                                  const struct timespec *until);
int __wrap_zmq_poll(zmq_pollitem_t *items, int count, long timeout_ms);
int __wrap_zmq_send(void *socket, const void *data, size_t size, int flags);
int __wrap_zmq_setsockopt(void *socket, int option, const void *value, size_t size);
int __wrap_zmq_getsockopt(void *socket, int option, void *value, size_t *size);

// ---- clocks and chance
// --------------------------------------------------------------------------------

int64_t life_wall_us(void)
{
    return world_wall_us();
}

int64_t life_mono_us(void)
{
    world_pass(1); // so that no loop that waits for it waits for ever
    return world_us();
}

bool life_random(void *bytes, unsigned size)
{
    world_random_bytes(bytes, size);
    return true;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    int64_t us = clock == CLOCK_REALTIME ? world_wall_us() : world_us();
    *time = (struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
    return 0;
}

ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned flags)
{
    (void) flags;
    world_random_bytes(bytes, (unsigned) size);
    return (ssize_t) size;
}

// ---- who we are
// -----------------------------------------------------------------------------------------

pid_t __wrap_getpid(void)
{
    const process_t *self = process_current();
    return self ? self->pid : 1;
}

int __wrap_kill(pid_t pid, int number)
{
    (void) number; // only asked with 0: does it live?
    if (process_is_alive(process_of_pid(pid)))
        return 0;
    errno = ESRCH;
    return -1;
}

int __wrap_gethostname(char *name, size_t size)
{
    snprintf(name, size, "sim");
    return 0;
}

// ---- signals
// --------------------------------------------------------------------------------------------

int life_open_signals(void)
{
    process_t *self = process_current();
    self->events = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return self->events;
}

life_signal_t life_take_signal(int descriptor)
{
    process_t *self = process_current();
    uint64_t signals = descriptor == self->events ? self->signals : 0;
    if (signals == 0)
        return LIFE_GO_ON;
    self->signals = 0;
    return signals >= PROCESS_DRAIN ? LIFE_DRAIN : LIFE_RELOAD;
}

void life_raise_descriptors(void)
{
}

void life_before_leaving(void (*last)(void))
{
    (void) last;
}

// ---- waiting
// --------------------------------------------------------------------------------------------

static bool s_is_readable(int fd)
{
    if (fd >= NET_FD)
        return net_fd_is_readable(fd);
    if (fd >= SIM_REDIS_FD)
        return redis_world_readable(fd);
    const process_t *self = process_current();
    if (self && fd == self->events)
        return self->signals > 0;
    struct pollfd real = { .fd = fd, .events = POLLIN };
    return __real_poll(&real, 1, 0) == 1;
}

typedef struct {
    struct pollfd *fds;
    size_t count;
} fds_t;

static bool s_look_fds(void *context)
{
    const fds_t *self = context;
    bool any = false;
    for (size_t i = 0; i < self->count; i++) {
        struct pollfd *fd = &self->fds[i];
        fd->revents = fd->fd >= 0 && s_is_readable(fd->fd) ? POLLIN : 0;
        any |= fd->revents != 0;
    }
    return any;
}

static int64_t s_until_us(long timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX : world_us() + timeout_ms * 1000;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    fds_t all = { fds, count };
    if (timeout_ms != 0 && process_current())
        (void) process_wait(s_look_fds, &all, s_until_us(timeout_ms));
    (void) s_look_fds(&all);
    int ready = 0;
    for (size_t i = 0; i < count; i++)
        ready += fds[i].revents != 0;
    return ready;
}

typedef struct {
    zmq_pollitem_t *items;
    int count;
} items_t;

static bool s_look_items(void *context)
{
    const items_t *self = context;
    bool any = false;
    for (int i = 0; i < self->count; i++) {
        zmq_pollitem_t *item = &self->items[i];
        bool ready = false;
        if (!item->socket)
            ready = item->fd >= 0 && s_is_readable(item->fd);
        else if (item->events & ZMQ_POLLIN)
            ready = net_has_frame(item->socket);
        else
            ready = net_has_room(item->socket);
        item->revents = ready ? item->events : 0;
        any |= ready;
    }
    return any;
}

int __wrap_zmq_poll(zmq_pollitem_t *items, int count, long timeout_ms)
{
    items_t all = { items, count };
    (void) process_wait(s_look_items, &all, s_until_us(timeout_ms));
    (void) s_look_items(&all);
    int ready = 0;
    for (int i = 0; i < count; i++)
        ready += items[i].revents != 0;
    return ready;
}

// ---- what the notifier does with its socket
// -----------------------------------------------------------

int __wrap_zmq_send(void *socket, const void *data, size_t size, int flags)
{
    static char topic[TOPIC_BYTES_MAX];
    static size_t topic_size;
    if (flags & ZMQ_SNDMORE) {
        if (!net_can_publish(socket, data, size) || size > sizeof topic) {
            errno = EAGAIN;
            return -1;
        }
        memcpy(topic, data, size);
        topic_size = size;
        return (int) size;
    }
    bus_publish(socket, slice_of(topic, topic_size), slice_of(data, size));
    return (int) size;
}

int __wrap_zmq_setsockopt(void *socket, int option, const void *value, size_t size)
{
    (void) socket;
    (void) option;
    (void) value;
    (void) size;
    return 0;
}

int __wrap_zmq_getsockopt(void *socket, int option, void *value, size_t *size)
{
    (void) option; // ZMQ_FD
    (void) size;
    *(int *) value = net_fd(socket);
    return 0;
}

// ---- threads and locks
// ----------------------------------------------------------------------------------

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *context)
{
    (void) attributes;
    *thread = (pthread_t) process_thread(run, context);
    return 0;
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
    (void) result;
    process_join((int) thread);
    return 0;
}

static uint64_t signals; // of all conditions: who was not meant looks once in vain

static bool s_was_signalled(void *context)
{
    return signals != *(const uint64_t *) context;
}

int __wrap_pthread_cond_signal(pthread_cond_t *condition)
{
    (void) condition;
    signals++;
    if (process_current())
        process_poke(process_current());
    return 0;
}

// Nobody gives way while it holds a lock, so the lock is not contended; clocks are monotonic.
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock,
                                  const struct timespec *until)
{
    (void) condition;
    uint64_t before = signals;
    pthread_mutex_unlock(lock);
    bool woken = process_wait(s_was_signalled, &before,
                              (int64_t) until->tv_sec * 1000000 + until->tv_nsec / 1000);
    pthread_mutex_lock(lock);
    return woken ? 0 : ETIMEDOUT;
}

// A lock goes with the process that holds it.
int __wrap_flock(int fd, int how)
{
    process_t *self = process_current();
    int result = __real_flock(fd, how);
    for (size_t i = 0; result == 0 && self && i < PROCESS_LOCKS_MAX; i++) {
        if (self->locks[i])
            continue;
        self->locks[i] = fd + 1;
        break;
    }
    return result;
}

int __wrap_close(int fd)
{
    process_t *self = process_current();
    for (size_t i = 0; self && i < PROCESS_LOCKS_MAX; i++)
        if (self->locks[i] == fd + 1)
            self->locks[i] = 0;
    return __real_close(fd);
}

// ---- the log
// --------------------------------------------------------------------------------------------

void log_setup(const char *actor, const char *name, log_level_t least, bool json)
{
    (void) actor;
    (void) name;
    (void) least;
    (void) json;
}

bool log_level_parse(const char *text, log_level_t *level)
{
    (void) text;
    *level = LOG_INFO;
    return true;
}

const char *log_quote(const char *text)
{
    static char quotes[QUOTES][QUOTE_BYTES];
    static unsigned turn;
    char *quote = quotes[turn++ % QUOTES];
    snprintf(quote, QUOTE_BYTES, "'%s'", text ? text : "");
    return quote;
}

void log_event(log_level_t level, const char *message, const char *pairs, ...)
{
    static const char *const levels[] = { "debug", "info", "warning", "error" };
    if (!world_is_traced())
        return;
    char further[2048] = "";
    if (pairs) {
        va_list arguments;
        va_start(arguments, pairs);
        vsnprintf(further, sizeof further, pairs, arguments);
        va_end(arguments);
    }
    world_say("%s: %s %s", levels[level], message, further);
}
