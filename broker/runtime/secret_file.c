/*  secret_file -- see secret_file.h. */
#include "broker/runtime/secret_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool secret_file_read(const char *path, char secret[SECRET_BYTES_MAX + 1], fault_t *fault)
{
    ssize_t got = -1;
    struct stat status;
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode))
        got = read(file, secret, SECRET_BYTES_MAX + 1);
    if (file >= 0)
        close(file);
    if (got < 0)
        return fault_set(fault, "cannot read '%.200s'", path);
    size_t size = 0;
    while (size < (size_t) got && secret[size] != '\n' && secret[size] != '\r')
        size++;
    if (size == 0 || size > SECRET_BYTES_MAX || memchr(secret, '\0', size))
        return fault_set(fault, "the first line of '%.200s' is empty or too long", path);
    secret[size] = '\0';
    return true;
}
