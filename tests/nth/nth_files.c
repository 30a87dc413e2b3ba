/*  nth_files -- calls on files that fail: see nth.h. Nothing is really flushed: no test here cuts
 *  the power.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/nth/nth_inside.h"

#define HERE __builtin_return_address(0)

int __real_open(const char *path, int flags, ...);
int __real_openat(int directory, const char *path, int flags, ...);
int __real_mkdirat(int directory, const char *path, mode_t mode);
FILE *__real_fopen(const char *path, const char *mode);
ssize_t __real_write(int file, const void *data, size_t size);
ssize_t __real_pwrite(int file, const void *data, size_t size, off_t offset);
ssize_t __real_read(int file, void *data, size_t size);
ssize_t __real_pread(int file, void *data, size_t size, off_t offset);
struct dirent *__real_readdir(DIR *directory);
int __real_rename(const char *from, const char *to);
int __real_renameat(int from_directory, const char *from, int to_directory, const char *to);
int __real_ftruncate(int file, off_t size);
int __real_unlinkat(int directory, const char *path, int flags);
int __real_gzwrite(gzFile file, voidpc data, unsigned size);
int __real_gzclose(gzFile file);
int __real_clock_gettime(clockid_t clock, struct timespec *now);

// ---- open
// -----------------------------------------------------------------------------------------

static mode_t mode_of(int flags, va_list arguments)
{
    return flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
}

int __wrap_open(const char *path, int flags, ...)
{
    if (nth_fails(NTH_OPEN, HERE))
        return -1;
    va_list arguments;
    va_start(arguments, flags);
    int file = __real_open(path, flags, mode_of(flags, arguments));
    va_end(arguments);
    return file;
}

int __wrap_openat(int directory, const char *path, int flags, ...)
{
    if (nth_fails(NTH_OPEN, HERE))
        return -1;
    va_list arguments;
    va_start(arguments, flags);
    int file = __real_openat(directory, path, flags, mode_of(flags, arguments));
    va_end(arguments);
    return file;
}

int __wrap_mkdirat(int directory, const char *path, mode_t mode)
{
    return nth_fails(NTH_OPEN, HERE) ? -1 : __real_mkdirat(directory, path, mode);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    return nth_fails(NTH_OPEN, HERE) ? NULL : __real_fopen(path, mode);
}

// ---- read and write
// -------------------------------------------------------------------------------

// How much of it is done before it fails; all of it if it does not. Half of one byte is one.
static size_t part(const nth_fault_t *fault, size_t size)
{
    if (!fault)
        return size;
    return fault->half ? size - size / 2 : 0;
}

ssize_t __wrap_write(int file, const void *data, size_t size)
{
    size_t fits = part(nth_fails(NTH_WRITE, HERE), size);
    return fits > 0 || size == 0 ? __real_write(file, data, fits) : -1;
}

ssize_t __wrap_pwrite(int file, const void *data, size_t size, off_t offset)
{
    size_t fits = part(nth_fails(NTH_WRITE, HERE), size);
    return fits > 0 || size == 0 ? __real_pwrite(file, data, fits, offset) : -1;
}

ssize_t __wrap_read(int file, void *data, size_t size)
{
    size_t fits = part(nth_fails(NTH_READ, HERE), size);
    return fits > 0 || size == 0 ? __real_read(file, data, fits) : -1;
}

ssize_t __wrap_pread(int file, void *data, size_t size, off_t offset)
{
    size_t fits = part(nth_fails(NTH_READ, HERE), size);
    return fits > 0 || size == 0 ? __real_pread(file, data, fits, offset) : -1;
}

struct dirent *__wrap_readdir(DIR *directory)
{
    int before = errno; // which it does not touch at the end
    const nth_fault_t *fault = nth_fails(NTH_READ, HERE);
    if (fault && !fault->harmless)
        return NULL;
    errno = before;
    return __real_readdir(directory);
}

// zlib itself goes on after EINTR and short writes.
int __wrap_gzwrite(gzFile file, voidpc data, unsigned size)
{
    const nth_fault_t *fault = nth_fails(NTH_WRITE, HERE);
    return fault && !fault->harmless ? 0 : __real_gzwrite(file, data, size);
}

int __wrap_gzclose(gzFile file)
{
    const nth_fault_t *fault = nth_fails(NTH_WRITE, HERE);
    int result = __real_gzclose(file);
    if (!fault || fault->harmless)
        return result;
    errno = fault->error;
    return Z_ERRNO;
}

// ---- the rest
// -------------------------------------------------------------------------------------

int __wrap_fsync(int file)
{
    (void) file;
    return nth_fails(NTH_FLUSH, HERE) ? -1 : 0;
}

int __wrap_fdatasync(int file)
{
    (void) file;
    return nth_fails(NTH_FLUSH, HERE) ? -1 : 0;
}

int __wrap_rename(const char *from, const char *to)
{
    return nth_fails(NTH_RENAME, HERE) ? -1 : __real_rename(from, to);
}

int __wrap_renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    return nth_fails(NTH_RENAME, HERE) ? -1
                                       : __real_renameat(from_directory, from, to_directory, to);
}

int __wrap_ftruncate(int file, off_t size)
{
    return nth_fails(NTH_CUT, HERE) ? -1 : __real_ftruncate(file, size);
}

int __wrap_unlinkat(int directory, const char *path, int flags)
{
    return nth_fails(NTH_CUT, HERE) ? -1 : __real_unlinkat(directory, path, flags);
}

// What the same calls are named where files may be large.
#define ALSO(name) __attribute__((alias(#name)))
int __wrap_open64(const char *path, int flags, ...) ALSO(__wrap_open);
int __wrap_openat64(int directory, const char *path, int flags, ...) ALSO(__wrap_openat);
FILE *__wrap_fopen64(const char *path, const char *mode) ALSO(__wrap_fopen);
ssize_t __wrap_pwrite64(int file, const void *data, size_t size, off_t offset) ALSO(__wrap_pwrite);
ssize_t __wrap_pread64(int file, void *data, size_t size, off_t offset) ALSO(__wrap_pread);
struct dirent *__wrap_readdir64(DIR *directory) ALSO(__wrap_readdir);
int __wrap_ftruncate64(int file, off_t size) ALSO(__wrap_ftruncate);

// ---- the clock
// ------------------------------------------------------------------------------------

static int64_t skipped_ms;

void nth_skip_ms(int64_t ms)
{
    skipped_ms += ms;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = __real_clock_gettime(clock, now);
    if (clock == CLOCK_MONOTONIC) {
        now->tv_sec += skipped_ms / 1000;
        now->tv_nsec += skipped_ms % 1000 * 1000000;
        now->tv_sec += now->tv_nsec / 1000000000;
        now->tv_nsec %= 1000000000;
    }
    return result;
}
