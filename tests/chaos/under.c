/*  under -- what stands between a process of a chaos run and the kernel (LD_PRELOAD).
 *
 *  The environment CHAOS_UNDER names a file of two little-endian int64, which the run changes while
 *  the process lives:
 *
 *      [0]  us that every fsync and fdatasync takes longer
 *      [1]  us that the wall clock is off
 *
 *  The monotonic clock is never touched: a clock step moves the wall clock alone.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { SYNC_US, CLOCK_US, SETTINGS, US = 1000000 };

static const volatile int64_t none[SETTINGS];
static const volatile int64_t *settings = none;

static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_clock_gettime)(clockid_t, struct timespec *); // NULL until we are set up

__attribute__((constructor)) static void under_open(void)
{
    real_fsync = (int (*)(int)) dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    real_clock_gettime = (int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("CHAOS_UNDER");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *map = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (map != MAP_FAILED)
        settings = map;
}

static void delay(void)
{
    int64_t us = settings[SYNC_US];
    struct timespec left = { .tv_sec = us / US, .tv_nsec = us % US * 1000 };
    while (us > 0 && nanosleep(&left, &left) != 0)
        ;
}

int fsync(int file)
{
    delay();
    return real_fsync(file);
}

int fdatasync(int file)
{
    delay();
    return real_fdatasync(file);
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    // Allocators and sanitizers ask for the time before constructors run.
    int result = real_clock_gettime ? real_clock_gettime(clock, at)
                                    : (int) syscall(SYS_clock_gettime, clock, at);
    if (result != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return result;
    int64_t us = (int64_t) at->tv_sec * US + at->tv_nsec / 1000 + settings[CLOCK_US];
    at->tv_sec = us / US;
    at->tv_nsec = us % US * 1000 + at->tv_nsec % 1000;
    return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    (void) zone; // obsolete; nobody here asks for it
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *at = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
    return 0;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
