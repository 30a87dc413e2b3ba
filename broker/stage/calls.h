/*  calls -- the system calls that may fail on a writer of the log, so that tests can make them,
 *  and its limits, so that tests can reach them.
 *
 *  Private to broker/stage. Production never changes it.
 */
#pragma once
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    int (*create)(int directory, const char *name); // a new file, O_EXCL
    ssize_t (*write)(int file, const void *data, size_t size, off_t offset);
    int (*flush)(int file);           // fdatasync
    int (*cut)(int file, off_t size); // ftruncate
    ssize_t (*read)(int file, void *data, size_t size, off_t offset);
    int (*remove)(int directory, const char *name);
    int (*room)(const char *path, uint64_t *free_bytes, uint64_t *disk_bytes); // statvfs
} stage_calls_t;

extern stage_calls_t stage_calls;

// What a test must be able to make small.
typedef struct {
    uint64_t segment_bytes; // STAGE_SEGMENT_BYTES
} stage_limits_t;

extern stage_limits_t stage_limits;
