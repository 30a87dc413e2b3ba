/*  disk -- see disk.h. By broker/stage/calls.h. */
#include "tests/sim/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/stage/calls.h"
#include "tests/sim/process.h"
#include "tests/sim/world.h"

enum { FILES_MAX = 256, FLUSH_US_MAX = 2000, SLOW_FLUSH_US_MAX = 400000 };

int __real_close(int fd);

// A file that is being written, as far as it is known to be on the disk.
typedef struct {
    process_t *writer;
    ino_t inode;
    int handle; // our own
    off_t flushed, written;
} file_t;

static struct {
    stage_calls_t honest;
    int64_t full_until_us, bad_until_us, was_bad_us;
    unsigned bad_of_1000, forgets_of_1000;
    bool observed, tears;
    size_t count;
    file_t files[FILES_MAX];
} disk;

static file_t *s_file(int handle)
{
    struct stat status;
    if (fstat(handle, &status) != 0)
        abort();
    for (size_t i = 0; i < disk.count; i++)
        if (disk.files[i].inode == status.st_ino && disk.files[i].writer == process_current())
            return &disk.files[i];
    if (disk.count == FILES_MAX)
        abort();
    file_t *file = &disk.files[disk.count++];
    *file = (file_t){ .writer = process_current(),
                      .inode = status.st_ino,
                      .handle = dup(handle),
                      .flushed = status.st_size,
                      .written = status.st_size };
    return file;
}

static bool s_fails(void)
{
    if (disk.observed || world_us() >= disk.bad_until_us || !world_chance(disk.bad_of_1000))
        return false;
    world_count(FAULT_DISK_ERROR);
    disk.was_bad_us = world_us();
    world_note("disk fails", 0, 0);
    errno = EIO;
    return true;
}

static int s_create(int directory, const char *name)
{
    process_step("creates");
    if (world_us() < disk.full_until_us) {
        errno = ENOSPC;
        return -1;
    }
    return s_fails() ? -1 : disk.honest.create(directory, name);
}

static ssize_t s_write(int handle, const void *data, size_t size, off_t offset)
{
    file_t *file = s_file(handle);
    process_step("writes");
    if (s_fails())
        return -1;
    if (world_us() < disk.full_until_us) {
        size = world_chance(300) ? world_below(size) : 0; // the last of the room
        errno = ENOSPC;
        if (size == 0)
            return -1;
    }
    ssize_t put = disk.honest.write(handle, data, size, offset);
    if (put > 0 && offset + put > file->written)
        file->written = offset + put;
    world_note("writes", (uint64_t) offset, (uint64_t) put);
    if (put > 0 && disk.tears) {
        disk.tears = false;
        process_doom(process_current(), 1);
    }
    return put;
}

static bool s_never(void *context)
{
    (void) context;
    return false;
}

static int s_flush(int handle)
{
    file_t *file = s_file(handle);
    off_t written = file->written;
    int64_t us =
        world_chance(20) ? world_between(0, SLOW_FLUSH_US_MAX) : world_between(10, FLUSH_US_MAX);
    (void) process_wait(s_never, NULL, world_us() + us);
    if (s_fails())
        return -1;
    file->flushed = written;
    world_note("flushed", (uint64_t) written, 0);
    return 0;
}

static int s_cut(int handle, off_t size)
{
    file_t *file = s_file(handle);
    process_step("cuts");
    if (s_fails())
        return -1;
    if (size < file->flushed)
        file->flushed = size;
    file->written = size;
    return disk.honest.cut(handle, size);
}

static ssize_t s_read(int handle, void *data, size_t size, off_t offset)
{
    return s_fails() ? -1 : disk.honest.read(handle, data, size, offset);
}

static int s_remove(int directory, const char *name)
{
    process_step("removes");
    return s_fails() ? -1 : disk.honest.remove(directory, name);
}

// There is always room as far as anybody asks: a disk that is full says so when it is written to.
static int s_room(const char *path, uint64_t *free_bytes, uint64_t *disk_bytes)
{
    (void) path;
    *free_bytes = *disk_bytes = (uint64_t) 1 << 40;
    return 0;
}

// What the kernel had not written when its host went away.
static void s_forget(const file_t *file)
{
    off_t kept =
        file->flushed + (off_t) world_below((uint64_t) (file->written - file->flushed) + 1);
    world_count(FAULT_TORN_TAIL);
    world_note("tail torn", (uint64_t) kept, (uint64_t) file->written);
    if (ftruncate(file->handle, kept) != 0)
        abort();
    if (kept > file->flushed && world_chance(300)) {
        // The last block that came is not as it was written.
        uint8_t byte = (uint8_t) world_random();
        off_t at = kept - 1 - (off_t) world_below(8);
        at = at < file->flushed ? file->flushed : at;
        if (pwrite(file->handle, &byte, 1, at) != 1)
            abort();
    }
}

static void s_on_gone(process_t *process, bool killed)
{
    bool forgets = killed && world_chance(disk.forgets_of_1000);
    for (size_t i = disk.count; i-- > 0;) {
        file_t *file = &disk.files[i];
        if (file->writer != process)
            continue;
        if (forgets && file->written > file->flushed)
            s_forget(file);
        (void) __real_close(file->handle);
        *file = disk.files[--disk.count];
    }
}

void disk_begin(void)
{
    disk.honest = stage_calls;
    stage_calls = (stage_calls_t){ s_create, s_write, s_flush, s_cut, s_read, s_remove, s_room };
    process_on_gone(s_on_gone);
}

void disk_full(int64_t until_us)
{
    world_note("disk full", (uint64_t) until_us, 0);
    disk.full_until_us = until_us;
    if (until_us > disk.was_bad_us)
        disk.was_bad_us = until_us;
}

bool disk_was_bad(int64_t since_us)
{
    return disk.was_bad_us > since_us;
}

void disk_bad(unsigned of_1000, int64_t until_us)
{
    disk.bad_of_1000 = of_1000;
    disk.bad_until_us = until_us;
}

void disk_tear(void)
{
    disk.tears = true;
}

void disk_forgets(unsigned of_1000)
{
    disk.forgets_of_1000 = of_1000;
}

bool disk_flip(const char *path, uint64_t from, uint64_t to)
{
    int handle = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte = 0;
    off_t at = (off_t) (from + world_below(to - from));
    bool done = handle >= 0 && pread(handle, &byte, 1, at) == 1;
    byte ^= (uint8_t) (1u << world_below(8));
    done = done && pwrite(handle, &byte, 1, at) == 1;
    if (handle >= 0)
        (void) __real_close(handle);
    return done;
}

void disk_observe(bool on)
{
    disk.observed = on;
}
