/*  copy_writer -- see copy_writer.h. */
#include "broker/held/copy_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/held/copies.h"
#include "broker/runtime/durable.h"
#include "broker/stage/files.h"
#include "proto/owned.h"

enum { FILE_MODE = 0640 };

static const char part_name[] = "unfinished"; // one at a time: a collector has one keeper

static int s_rename(int directory, const char *from, const char *to)
{
    return renameat(directory, from, directory, to);
}

copy_calls_t copy_calls = { .write = write, .flush = fsync, .rename = s_rename };

struct copy_writer {
    int directory, file;
    char name[COPIES_NAME_BYTES];
    uint64_t bytes, sections;
    bool done;
    fault_t fault; // the first one
    bool failed;
};

static bool s_fail(copy_writer_t *self, const char *doing)
{
    if (!self->failed)
        fault_set(&self->fault, "cannot %s the copy of Redis: %s", doing, strerror(errno));
    self->failed = true;
    return false;
}

static bool s_write(copy_writer_t *self, const void *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t put = copy_calls.write(self->file, (const uint8_t *) data + at, size - at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return s_fail(self, "write");
        at += (size_t) put;
    }
    self->bytes += size;
    return true;
}

copy_writer_t *copy_writer_new(const char *root, const char *namespace, const char *collector,
                               const copy_head_t *head, fault_t *fault)
{
    owned(copy_writer_destroy) copy_writer_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->file = -1;
    copies_name(self->name, head->created_us);
    self->directory = copies_enter(root, namespace, collector, true, fault);
    if (self->directory < 0)
        return NULL;
    self->file =
        openat(self->directory, part_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    owned(buffer_destroy) buffer_t body = { 0 };
    copy_head_encode(head, &body);
    if (self->file < 0)
        s_fail(self, "begin");
    else if (s_write(self, copy_magic, COPY_MAGIC_BYTES))
        copy_writer_put(self, COPY_HEAD, &body);
    if (self->failed) {
        *fault = self->fault;
        return NULL;
    }
    copy_writer_t *given = self;
    self = NULL;
    return given;
}

void copy_writer_destroy(copy_writer_t **self_p)
{
    copy_writer_t *self = *self_p;
    if (!self)
        return;
    if (self->file >= 0) {
        close(self->file);
        if (!self->done)
            unlinkat(self->directory, part_name, 0); // else the next one overwrites it
    }
    if (self->directory >= 0)
        close(self->directory);
    free(self);
    *self_p = NULL;
}

bool copy_writer_put(copy_writer_t *self, copy_kind_t kind, const buffer_t *body)
{
    if (self->failed)
        return false;
    if (body->failed || body->size > COPY_SECTION_BYTES_MAX) {
        errno = body->failed ? ENOMEM : EFBIG;
        return s_fail(self, "write");
    }
    uint8_t head[COPY_SECTION_HEAD_BYTES];
    copy_frame(kind, buffer_slice(body), head);
    self->sections++;
    return s_write(self, head, sizeof head) && s_write(self, body->data, body->size);
}

uint64_t copy_writer_bytes(const copy_writer_t *self)
{
    return self->bytes;
}

bool copy_writer_finish(copy_writer_t *self, fault_t *fault)
{
    owned(buffer_destroy) buffer_t body = { 0 };
    copy_end_encode(self->sections, &body);
    if (copy_writer_put(self, COPY_END, &body)) {
        if (copy_calls.flush(self->file) != 0)
            s_fail(self, "make durable");
        else if (copy_calls.rename(self->directory, part_name, self->name) != 0)
            s_fail(self, "name");
        else if (!durable_sync(self->directory))
            s_fail(self, "make durable the name of");
    }
    self->done = !self->failed;
    return self->done || (*fault = self->fault, false);
}
