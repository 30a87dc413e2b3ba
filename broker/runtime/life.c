/*  life -- see life.h. */
#include "broker/runtime/life.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

int life_open_signals(void)
{
    const struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGINT);
    sigaddset(&watched, SIGTERM);
    sigaddset(&watched, SIGHUP);
    if (sigaction(SIGPIPE, &ignore, NULL) != 0)
        return -1;
    int error = pthread_sigmask(SIG_BLOCK, &watched, NULL);
    if (error != 0) {
        errno = error;
        return -1;
    }
    return signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC);
}

life_signal_t life_take_signal(int descriptor)
{
    static bool draining; // of the process, as signals are
    struct signalfd_siginfo info;
    if (read(descriptor, &info, sizeof info) != (ssize_t) sizeof info)
        return LIFE_GO_ON;
    if (info.ssi_signo == SIGHUP)
        return LIFE_RELOAD;
    if (draining)
        _exit(EXIT_FAILED); // somebody is in a hurry: nothing is flushed, all of it can be redone
    draining = true;
    return LIFE_DRAIN;
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
