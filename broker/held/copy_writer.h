/*  copy_writer -- one copy of Redis on its way to the disk.
 *
 *  Written under a name of its own; it takes the name of a copy only when all of it is durable, so
 *  that whoever is killed leaves the earlier copies as they were. The first failure is latched:
 *  what follows is not written, and copy_writer_finish tells why.
 */
#pragma once
#include <sys/types.h>

#include "broker/held/copy_format.h"

typedef struct copy_writer copy_writer_t;

// Into the directory `<root>/<namespace>.held/<collector>`, made if needed. NULL with fault.
copy_writer_t *copy_writer_new(const char *root, const char *namespace, const char *collector,
                               const copy_head_t *head, fault_t *fault);
void copy_writer_destroy(copy_writer_t **self_p); // unfinished: as if it had not been begun

// False: failed, now or before. A body that failed (out of memory) is one too.
bool copy_writer_put(copy_writer_t *self, copy_kind_t kind, const buffer_t *body);
uint64_t copy_writer_bytes(const copy_writer_t *self); // so far
// All of it is durable under its name.
bool copy_writer_finish(copy_writer_t *self, fault_t *fault);

// The system calls that may fail, so that tests can make them. Production never changes it.
typedef struct {
    ssize_t (*write)(int file, const void *data, size_t size);
    int (*flush)(int file); // fsync
    int (*rename)(int directory, const char *from, const char *to);
} copy_calls_t;
extern copy_calls_t copy_calls;
