/*  life -- see life.h. */
#include "broker/runtime/life.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "broker/runtime/notify.h"

// What the descriptor counts: requests to reload in the low half, to stop in the high one.
static const uint64_t RELOAD = 1, DRAIN = UINT64_C(1) << 32;

typedef struct {
    sigset_t signals;
    int events; // its own descriptor of the counter: ours may be closed, and its number used again
} watch_t;

static void (*_Atomic before_leaving)(void);

void life_before_leaving(void (*last)(void))
{
    before_leaving = last;
}

// Somebody is in a hurry: nothing is flushed, all of it can be redone.
static _Noreturn void s_leave(void)
{
    void (*last)(void) = before_leaving;
    if (last)
        last();
    _exit(EXIT_FAILED);
}

// A thread, because the others may be in the middle of a call that takes long, with a Redis that
// answers no more or a child that does not end.
static void *s_watch_signals(void *argument)
{
    const watch_t *watch = argument; // for as long as the process lives
    bool draining = false;
    for (;;) {
        int number = 0;
        if (sigwait(&watch->signals, &number) != 0)
            continue;
        bool stop = number != SIGHUP;
        if (stop && draining)
            s_leave();
        draining |= stop;
        ssize_t told = write(watch->events, stop ? &DRAIN : &RELOAD, sizeof DRAIN);
        (void) told; // fails only if 2^32 are waiting to be read
    }
}

static int s_start_watching(int events)
{
    pthread_t thread;
    watch_t *watch = malloc(sizeof *watch);
    if (!watch)
        return ENOMEM;
    sigemptyset(&watch->signals);
    sigaddset(&watch->signals, SIGINT);
    sigaddset(&watch->signals, SIGTERM);
    sigaddset(&watch->signals, SIGHUP);
    watch->events = fcntl(events, F_DUPFD_CLOEXEC, 0);
    int error = watch->events < 0 ? errno : pthread_sigmask(SIG_BLOCK, &watch->signals, NULL);
    if (error == 0)
        error = pthread_create(&thread, NULL, s_watch_signals, watch);
    if (error == 0)
        return pthread_detach(thread);
    if (watch->events >= 0)
        close(watch->events);
    free(watch);
    return error;
}

int life_open_signals(void)
{
    const struct sigaction ignore = { .sa_handler = SIG_IGN };
    int events = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (events < 0)
        return -1;
    int error = sigaction(SIGPIPE, &ignore, NULL) != 0 ? errno : s_start_watching(events);
    if (error == 0)
        return events;
    close(events);
    errno = error;
    return -1;
}

life_signal_t life_take_signal(int descriptor)
{
    uint64_t events;
    if (read(descriptor, &events, sizeof events) != (ssize_t) sizeof events)
        return LIFE_GO_ON;
    if (events >= DRAIN) {
        notify_stopping();
        return LIFE_DRAIN;
    }
    notify_reloading();
    return LIFE_RELOAD;
}

static int64_t s_read_us(clockid_t clock)
{
    struct timespec now;
    int result = clock_gettime(clock, &now);
    assert(result == 0); // fails only for clocks that do not exist
    (void) result;
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void life_raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void) setrlimit(RLIMIT_NOFILE, &limit); // else with what there is
}

int64_t life_wall_us(void)
{
    return s_read_us(CLOCK_REALTIME);
}

int64_t life_mono_us(void)
{
    return s_read_us(CLOCK_MONOTONIC);
}

bool life_random(void *bytes, unsigned size)
{
    for (unsigned done = 0; done < size;) {
        ssize_t got = getrandom((char *) bytes + done, size - done, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (unsigned) got;
    }
    return true;
}
