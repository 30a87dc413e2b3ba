/*  object_file -- see object_file.h. */
#include "broker/stage/object_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "broker/runtime/durable.h"
#include "broker/runtime/fault_point.h"
#include "broker/stage/files.h"
#include "broker/stage/stage.h"
#include "proto/owned.h"

enum {
    FILE_MODE = 0640,
    STEP_BYTES = 128 << 10,
    LINE_BYTES_MAX = STAGE_PAYLOAD_BYTES_MAX / 3 * 4 + (64 << 10), // base64, and what is before it
};

// The directory of an object, and its name in it. -1: errno.
static int s_place(const char *root, const char *namespace, const char *path, bool create,
                   char name[NAME_MAX + 1])
{
    const char *last = strrchr(path, '/');
    char *below;
    if (!last || strlen(last + 1) + sizeof ".part" > NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(name, last + 1);
    if (asprintf(&below, "%s/%s.objects/%.*s", root, namespace, (int) (last - path), path) < 0)
        return -1;
    int directory = files_enter(AT_FDCWD, below, create);
    int why = errno;
    free(below);
    errno = why;
    return directory;
}

static bool s_refuse(fault_t *fault, const char *doing, const char *path, const char *why)
{
    return fault_set(fault, "cannot %s object %s: %s", doing, path, why);
}

// ---- writing --------------------------------------------------------------------------------

struct object_writer {
    char *path;
    char name[NAME_MAX + 1], part[NAME_MAX + 1];
    int directory, file;
    gzFile gzip; // owns a descriptor of its own
    bool done;
};

object_writer_t *object_writer_new(const char *root, const char *namespace, const char *path,
                                   fault_t *fault)
{
    owned(object_writer_destroy) object_writer_t *self = calloc(1, sizeof *self);
    if (self)
        self->directory = self->file = -1;
    if (!self || !(self->path = strdup(path))) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->directory = s_place(root, namespace, path, true, self->name);
    if (self->directory >= 0) {
        strcpy(self->part, self->name);
        strcpy(self->part + strlen(self->part), ".part");
        self->file = openat(self->directory, self->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                            FILE_MODE);
    }
    int copy = self->file < 0 ? -1 : fcntl(self->file, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        s_refuse(fault, "begin", path, strerror(errno));
        return NULL;
    }
    self->gzip = gzdopen(copy, "wb6");
    if (!self->gzip) {
        close(copy);
        s_refuse(fault, "begin", path, "out of memory");
        return NULL;
    }
    object_writer_t *given = self;
    self = NULL;
    return given;
}

void object_writer_destroy(object_writer_t **self_p)
{
    object_writer_t *self = *self_p;
    if (!self)
        return;
    if (self->gzip)
        gzclose(self->gzip);
    if (self->file >= 0) {
        close(self->file);
        if (!self->done)
            unlinkat(self->directory, self->part, 0);
    }
    if (self->directory >= 0)
        close(self->directory);
    free(self->path);
    free(self);
    *self_p = NULL;
}

bool object_writer_put(object_writer_t *self, slice_t lines, fault_t *fault)
{
    errno = 0;
    if (lines.size == 0 || gzwrite(self->gzip, lines.data, (unsigned) lines.size) > 0)
        return true;
    return s_refuse(fault, "write", self->path, errno ? strerror(errno) : "out of memory");
}

bool object_writer_finish(object_writer_t *self, uint64_t *bytes, fault_t *fault)
{
    errno = 0;
    int closed = gzclose(self->gzip);
    self->gzip = NULL;
    struct stat status;
    if (closed != Z_OK || fsync(self->file) != 0 || fstat(self->file, &status) != 0 ||
        renameat(self->directory, self->part, self->directory, self->name) != 0)
        return s_refuse(fault, "finish", self->path, errno ? strerror(errno) : "out of memory");
    self->done = true;
    FAULT_POINT("object.renamed");
    *bytes = (uint64_t) status.st_size;
    return durable_sync(self->directory) || s_refuse(fault, "finish", self->path, strerror(errno));
}

// ---- reading --------------------------------------------------------------------------------

struct object_reader {
    char *path;
    gzFile gzip;
    buffer_t bytes;
    size_t at, looked; // where the next line begins; up to where there is no end of it
    bool ended;
};

object_reader_t *object_reader_open(const char *root, const char *namespace, const char *path,
                                    fault_t *fault)
{
    char name[NAME_MAX + 1];
    int directory = s_place(root, namespace, path, false, name);
    int file = directory < 0 ? -1 : openat(directory, name, O_RDONLY | O_CLOEXEC);
    int why = errno;
    if (directory >= 0)
        close(directory);
    if (file < 0) {
        s_refuse(fault, "open", path, strerror(why));
        return NULL;
    }
    owned(object_reader_destroy) object_reader_t *self = calloc(1, sizeof *self);
    if (self)
        self->path = strdup(path);
    if (self && self->path)
        self->gzip = gzdopen(file, "rb");
    if (!self || !self->gzip) {
        close(file);
        fault_set(fault, "out of memory");
        return NULL;
    }
    object_reader_t *given = self;
    self = NULL;
    return given;
}

void object_reader_destroy(object_reader_t **self_p)
{
    object_reader_t *self = *self_p;
    if (!self)
        return;
    if (self->gzip)
        gzclose(self->gzip);
    buffer_destroy(&self->bytes);
    free(self->path);
    free(self);
    *self_p = NULL;
}

// More bytes behind those that are there. What is not gzip is damage, not plain text.
static bool s_more(object_reader_t *self, fault_t *fault)
{
    if (self->at > 0) {
        size_t left = self->bytes.size - self->at;
        memmove(self->bytes.data, self->bytes.data + self->at, left);
        self->looked -= self->at;
        self->bytes.size = left;
        self->at = 0;
    }
    if (self->bytes.size > LINE_BYTES_MAX)
        return s_refuse(fault, "read", self->path, "a line that is too long");
    uint8_t *to = buffer_extend(&self->bytes, STEP_BYTES);
    if (!to)
        return s_refuse(fault, "read", self->path, "out of memory");
    int got = gzread(self->gzip, to, STEP_BYTES);
    self->bytes.size -= STEP_BYTES - (got > 0 ? (size_t) got : 0);
    int code = Z_OK;
    const char *why = gzerror(self->gzip, &code);
    if (got < 0 || code < 0 || gzdirect(self->gzip))
        return s_refuse(fault, "read", self->path,
                        code == Z_ERRNO      ? strerror(errno)
                        : code < 0 && why[0] ? why
                                             : "it is not gzip");
    self->ended = got == 0;
    return true;
}

object_read_t object_reader_next(object_reader_t *self, slice_t *line, fault_t *fault)
{
    for (;;) {
        const uint8_t *begin = self->bytes.data + self->looked;
        size_t size = self->bytes.size - self->looked;
        const uint8_t *end = size > 0 ? memchr(begin, '\n', size) : NULL;
        if (end) {
            *line =
                slice_of(self->bytes.data + self->at, (size_t) (end - self->bytes.data) - self->at);
            self->at = self->looked = (size_t) (end - self->bytes.data) + 1;
            return OBJECT_LINE;
        }
        self->looked = self->bytes.size;
        if (self->ended && self->at == self->bytes.size)
            return OBJECT_END;
        if (self->ended) {
            s_refuse(fault, "read", self->path, "its last line has no end");
            return OBJECT_DAMAGED;
        }
        if (!s_more(self, fault))
            return OBJECT_DAMAGED;
    }
}

bool object_remove(const char *root, const char *namespace, const char *path)
{
    char name[NAME_MAX + 1];
    int directory = s_place(root, namespace, path, false, name);
    if (directory < 0)
        return errno == ENOENT;
    bool gone = unlinkat(directory, name, 0) == 0 || errno == ENOENT;
    close(directory);
    return gone;
}
