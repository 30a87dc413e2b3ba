/*  last_port -- see last_port.h. */
#include "broker/last_port.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { PORT_MAX = 65535 };

static bool file_of(const char *dir, const char *name, const char *ending, char path[PATH_MAX])
{
    int size = snprintf(path, PATH_MAX, "%s/%s.%s", dir, name, ending);
    return size > 0 && size < PATH_MAX;
}

bool last_port_endpoint(const char *dir, const char *name, const char *wanted,
                        char endpoint[BUS_ENDPOINT_MAX])
{
    size_t size = strlen(wanted);
    char path[PATH_MAX];
    if (size < 2 || strcmp(wanted + size - 2, ":*") != 0 || !file_of(dir, name, "port", path))
        return false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    unsigned port = 0;
    bool good = fscanf(file, "%5u", &port) == 1 && port > 0 && port <= PORT_MAX;
    fclose(file);
    int length = snprintf(endpoint, BUS_ENDPOINT_MAX, "%.*s:%u", (int) size - 2, wanted, port);
    return good && length > 0 && length < BUS_ENDPOINT_MAX;
}

bool last_port_keep(const char *dir, const char *name, const char *endpoint, fault_t *fault)
{
    char path[PATH_MAX], draft[PATH_MAX];
    const char *port = strrchr(endpoint, ':');
    if (!port || !file_of(dir, name, "port", path) || !file_of(dir, name, "port.new", draft))
        return fault_set(fault, "the name is too long");
    FILE *file = fopen(draft, "we");
    bool written = file && fprintf(file, "%s\n", port + 1) > 0;
    if (file && fclose(file) != 0)
        written = false;
    // Half a file would be another port.
    if (!written || rename(draft, path) == -1)
        return fault_set(fault, "cannot write '%s': %s", path, strerror(errno));
    return true;
}
