/*  feed_files -- see feed_files.h. */
#include "actors/cli/feed_files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/collector/cut.h"
#include "broker/stage/stage.h"

static bool is_gzip(slice_t bytes)
{
    return bytes.size >= 2 && bytes.data[0] == 0x1f && bytes.data[1] == 0x8b;
}

// May this file be cut at line ends, each piece mapped by itself?
static bool is_cut(const source_t *source, slice_t bytes)
{
    if (is_gzip(bytes))
        return false;
    return source->format == FORMAT_JSONL || (source->format == FORMAT_CSV && !source->csv_header &&
                                              !source->csv_skip_lines && !source->csv_comment);
}

static bool feed_bytes(const source_t *source, slice_t bytes, int64_t changed_us,
                       feed_piece_t *take, void *context, const char *path, fault_t *fault)
{
    if (!is_cut(source, bytes)) {
        if (bytes.size > STAGE_PAYLOAD_BYTES_MAX)
            return fault_set(fault, "'%s' is larger than %d MB", path,
                             STAGE_PAYLOAD_BYTES_MAX >> 20);
        return take(context, changed_us, bytes) || fault_set(fault, "'%s': out of memory", path);
    }
    cut_rule_t rule = { .csv = source->format == FORMAT_CSV, .delimiter = source->csv_delimiter };
    while (bytes.size > 0) {
        size_t size = bytes.size <= CUT_BYTES ? bytes.size : cut_find(rule, bytes);
        if (size == 0)
            size = bytes.size;
        if (!take(context, changed_us, slice_of(bytes.data, size)))
            return fault_set(fault, "'%s': out of memory", path);
        bytes = slice_of(bytes.data + size, bytes.size - size);
    }
    return true;
}

static bool feed_file(const source_t *source, const char *path, feed_piece_t *take, void *context,
                      fault_t *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    if (fd == -1 || fstat(fd, &stat) == -1) {
        fault_set(fault, "cannot read '%s': %s", path, strerror(errno));
        if (fd != -1)
            close(fd);
        return false;
    }
    bool ok = true;
    if (stat.st_size > 0) {
        size_t size = (size_t) stat.st_size;
        void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED) {
            ok = fault_set(fault, "cannot read '%s': %s", path, strerror(errno));
        } else {
            int64_t changed_us =
                (int64_t) stat.st_mtim.tv_sec * 1000000 + stat.st_mtim.tv_nsec / 1000;
            ok = feed_bytes(source, slice_of(bytes, size), changed_us, take, context, path, fault);
            munmap(bytes, size);
        }
    }
    close(fd);
    return ok;
}

bool feed_files(const source_t *source, feed_piece_t *take, void *context, fault_t *fault)
{
    const char *pattern = source->url + strlen("file://");
    glob_t found = { 0 };
    int answer = glob(pattern, GLOB_ERR | GLOB_NOMAGIC, NULL, &found); // sorted by name
    if (answer != 0) {
        globfree(&found);
        return fault_set(fault,
                         answer == GLOB_NOMATCH ? "no file matches '%s'" : "cannot look for '%s'",
                         pattern);
    }
    bool ok = true;
    for (size_t i = 0; ok && i < found.gl_pathc; i++)
        ok = feed_file(source, found.gl_pathv[i], take, context, fault);
    globfree(&found);
    return ok;
}
