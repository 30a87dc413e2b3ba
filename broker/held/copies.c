/*  copies -- see copies.h. */
#include "broker/held/copies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/runtime/durable.h"
#include "broker/stage/files.h"

enum { DIGITS = 20 };

static const char ending[] = ".copy";

int copies_enter(const char *root, const char *namespace, const char *collector, bool create,
                 fault_t *fault)
{
    char *path;
    fault_set(fault, "%s", "");
    if (asprintf(&path, "%s/%s.held/%s", root, namespace, collector) < 0) {
        fault_set(fault, "out of memory");
        return -1;
    }
    int directory = files_enter(AT_FDCWD, path, create);
    if (directory < 0 && (create || errno != ENOENT))
        fault_set(fault, "cannot enter %s: %s", path, strerror(errno));
    free(path);
    return directory;
}

void copies_name(char name[COPIES_NAME_BYTES], int64_t created_us)
{
    snprintf(name, COPIES_NAME_BYTES, "%0*" PRIi64 "%s", DIGITS, created_us, ending);
}

static bool s_parse(const char *name, int64_t *created_us)
{
    if (strlen(name) != COPIES_NAME_BYTES - 1 || strcmp(name + DIGITS, ending) != 0 ||
        strspn(name, "0123456789") != DIGITS)
        return false;
    errno = 0;
    *created_us = strtoll(name, NULL, 10);
    return errno == 0;
}

static int s_newest_first(const void *a, const void *b)
{
    int64_t left = *(const int64_t *) a, right = *(const int64_t *) b;
    return (left < right) - (left > right);
}

bool copies_list(int directory, int64_t created_us[COPIES_LIST_MAX], size_t *count)
{
    *count = 0;
    // A descriptor of its own: fdopendir takes it over, and with it the place in the listing.
    int descriptor = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    DIR *listing = fdopendir(descriptor);
    if (!listing) {
        close(descriptor);
        return false;
    }
    const struct dirent *entry;
    for (errno = 0; (entry = readdir(listing)) && *count < COPIES_LIST_MAX; errno = 0)
        *count += s_parse(entry->d_name, &created_us[*count]);
    int why = errno;
    closedir(listing);
    errno = why;
    qsort(created_us, *count, sizeof created_us[0], s_newest_first);
    return why == 0;
}

bool copies_remove(int directory, int64_t created_us)
{
    char name[COPIES_NAME_BYTES];
    copies_name(name, created_us);
    return (unlinkat(directory, name, 0) == 0 || errno == ENOENT) && durable_sync(directory);
}
