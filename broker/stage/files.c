/*  files -- see files.h. */
#include "broker/stage/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/runtime/durable.h"
#include "broker/stage/segment.h"

enum { DIGITS = 20, DIRECTORY_MODE = 0750 };

void files_name(char name[STAGE_FILE_NAME_BYTES], uint64_t first_seq)
{
    snprintf(name, STAGE_FILE_NAME_BYTES, "%020" PRIu64 STAGE_SEGMENT_SUFFIX, first_seq);
}

static bool s_parse_name(const char *name, const char *suffix, uint64_t *first_seq)
{
    if (strspn(name, "0123456789") != DIGITS || strcmp(name + DIGITS, suffix) != 0)
        return false;
    errno = 0;
    *first_seq = strtoull(name, NULL, 10);
    return errno == 0 && *first_seq > 0;
}

static int s_compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *) a, right = *(const uint64_t *) b;
    return (left > right) - (left < right);
}

bool files_list(int directory, uint64_t **firsts, size_t *count)
{
    return files_list_of(directory, STAGE_SEGMENT_SUFFIX, firsts, count);
}

bool files_list_of(int directory, const char *suffix, uint64_t **firsts, size_t *count)
{
    // A descriptor of its own: fdopendir takes it over, and with it the place in the listing.
    int descriptor = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    DIR *listing = fdopendir(descriptor);
    if (!listing) {
        close(descriptor);
        return false;
    }
    uint64_t *found = NULL;
    size_t used = 0, capacity = 0;
    bool fine = true;
    const struct dirent *entry;
    for (errno = 0; fine && (entry = readdir(listing)); errno = 0) {
        uint64_t first_seq;
        if (!s_parse_name(entry->d_name, suffix, &first_seq))
            continue;
        if (used == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            uint64_t *larger = (uint64_t *) reallocarray(found, capacity, sizeof *found);
            fine = larger != NULL;
            found = fine ? larger : found;
        }
        if (fine)
            found[used++] = first_seq;
    }
    fine = fine && errno == 0;
    int why = errno;
    closedir(listing);
    if (!fine) {
        free(found);
        errno = why ? why : ENOMEM;
        return false;
    }
    if (used > 0)
        qsort(found, used, sizeof *found, s_compare);
    *firsts = found;
    *count = used;
    return true;
}

// ---- the directory ------------------------------------------------------------------------

// Names come from configurations and command lines: never a way out of the root.
static bool s_is_name(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size <= SEGMENT_NAME_MAX && name[0] != '.' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
               size;
}

// One step down; a directory made here is durable before anything is put into it. O_PATH,
// because parents need not be readable.
static int s_enter(int parent, const char *name, bool create)
{
    int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    int child = openat(parent, name, flags);
    if (child >= 0 || errno != ENOENT || !create)
        return child;
    if (mkdirat(parent, name, DIRECTORY_MODE) != 0 && errno != EEXIST)
        return -1;
    return durable_sync(parent) ? openat(parent, name, flags) : -1;
}

int files_enter(int parent, const char *path, bool create)
{
    char *copy = strdup(path);
    if (!copy)
        return -1;
    int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    int at = *path == '/' ? open("/", flags) : openat(parent, ".", flags);
    char *rest = copy;
    for (char *step; at >= 0 && (step = strsep(&rest, "/"));) {
        if (*step == '\0')
            continue;
        int below = s_enter(at, step, create);
        int why = errno;
        close(at);
        at = below;
        errno = why;
    }
    int why = errno;
    free(copy);
    errno = why;
    return at;
}

int files_open(const char *root, const char *namespace, const char *stream, bool create,
               fault_t *fault)
{
    if (!s_is_name(namespace) || !s_is_name(stream)) {
        fault_set(fault,
                  "'%s/%s' is no name of a stream: letters, digits, '.', '_', '-', "
                  "at most %d bytes",
                  namespace, stream, SEGMENT_NAME_MAX);
        return -1;
    }
    const char *steps[] = { namespace, stream };
    int at = files_enter(AT_FDCWD, root, create);
    for (size_t i = 0; at >= 0 && i < sizeof steps / sizeof *steps; i++) {
        int below = s_enter(at, steps[i], create);
        int why = errno;
        close(at);
        at = below;
        errno = why;
    }
    if (at < 0)
        fault_set(fault, "cannot open the stage %s/%s/%s: %s", root, namespace, stream,
                  strerror(errno));
    return at;
}
