/*  durable -- see durable.h. */
#include "broker/runtime/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/runtime/fault_point.h"

bool durable_sync(int directory)
{
    int readable = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (readable < 0)
        return false;
    bool done = fsync(readable) == 0;
    int why = errno;
    close(readable);
    errno = why;
    return done;
}

int durable_folder_of(const char *path)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    size_t size = slash ? (size_t) (slash - path) + (slash == path) : 0; // "/" of "/a"
    if (size >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (slash)
        snprintf(folder, sizeof folder, "%.*s", (int) size, path);
    return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

bool durable_sync_around(const char *path)
{
    int folder = durable_folder_of(path);
    bool good = folder >= 0 && durable_sync(folder);
    int why = errno;
    if (folder >= 0)
        close(folder);
    errno = why;
    return good;
}

static bool s_write(int file, const uint8_t *data, size_t size)
{
    bool good = true;
    for (size_t at = 0; good && at < size;) {
        ssize_t put = write(file, data + at, size - at);
        if (put < 0 && errno == EINTR)
            continue;
        good = put > 0;
        at += good ? (size_t) put : 0;
    }
    return good;
}

bool durable_replace(int directory, const char *name, const void *data, size_t size, mode_t mode,
                     bool exact)
{
    char fresh[NAME_MAX + 1];
    if ((size_t) snprintf(fresh, sizeof fresh, "%s.new", name) >= sizeof fresh) {
        errno = ENAMETOOLONG;
        return false;
    }
    int file = openat(directory, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (file < 0)
        return false;
    // One that was left by a write that was cut off may have other rights.
    bool good =
        (!exact || fchmod(file, mode) == 0) && s_write(file, data, size) && fsync(file) == 0;
    int why = errno;
    good = close(file) == 0 && good;
    errno = why;
    if (!good || renameat(directory, fresh, directory, name) != 0)
        return false; // the next one writes over what is left
    FAULT_POINT("files.replaced");
    return durable_sync(directory);
}
