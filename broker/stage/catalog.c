/*  catalog -- see catalog.h. */
#include "broker/stage/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/stage/files.h"

static int s_no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

bool catalog_streams(const char *root, const char *namespace, catalog_visit_t *visit, void *context,
                     fault_t *fault)
{
    char *path;
    struct dirent **streams;
    if (asprintf(&path, "%s/%s", root, namespace) < 0)
        return fault_set(fault, "out of memory");
    int count = scandir(path, &streams, s_no_dots, alphasort);
    if (count == -1)
        fault_set(fault, "nothing is staged in '%s': %s", path, strerror(errno));
    free(path);
    if (count == -1)
        return false;
    bool good = true;
    for (int i = 0; i < count; i++) {
        good = good && visit(context, streams[i]->d_name);
        free(streams[i]);
    }
    free(streams);
    return good;
}

static bool s_list_orphans(catalog_t *self)
{
    uint64_t *lists;
    size_t count;
    if (!files_list_of(self->directory, STAGE_OBJECTS_SUFFIX, &lists, &count))
        return false;
    // Trimming removes the oldest: what is listed before the first segment has none.
    uint64_t first_seq = self->count > 0 ? self->segments[0].first_seq : UINT64_MAX;
    while (self->orphan_count < count && lists[self->orphan_count] < first_seq)
        self->orphan_count++;
    self->orphans = lists;
    return true;
}

bool catalog_open(catalog_t *self, const char *root, const char *namespace, const char *stream,
                  fault_t *fault)
{
    *self = (catalog_t){ .directory = files_open(root, namespace, stream, false, fault) };
    if (self->directory < 0)
        return false;
    uint64_t *firsts = NULL;
    if (files_list(self->directory, &firsts, &self->count))
        self->segments = calloc(self->count + 1, sizeof *self->segments);
    for (size_t i = 0; self->segments && i < self->count; i++) {
        char name[STAGE_FILE_NAME_BYTES];
        struct stat status;
        files_name(name, firsts[i]);
        bool there = fstatat(self->directory, name, &status, 0) == 0;
        self->segments[i] = (catalog_segment_t){
            .first_seq = firsts[i],
            .last_seq = i + 1 < self->count ? firsts[i + 1] - 1 : 0,
            .bytes = there ? (uint64_t) status.st_size : 0,
            .written_us =
                there ? (int64_t) status.st_mtim.tv_sec * 1000000 + status.st_mtim.tv_nsec / 1000
                      : 0,
        };
    }
    free(firsts);
    if (self->segments && s_list_orphans(self))
        return true;
    fault_set(fault, "cannot list the stage of stream %s: %s", stream, strerror(errno));
    catalog_close(self);
    return false;
}

bool catalog_is_removed(const catalog_t *self, size_t index)
{
    char name[STAGE_FILE_NAME_BYTES];
    files_name(name, self->segments[index].first_seq);
    return faccessat(self->directory, name, F_OK, 0) != 0 && errno == ENOENT;
}

void catalog_close(catalog_t *self)
{
    if (self->directory > 0) // 0 is standard input, and that of a zeroed one
        close(self->directory);
    free(self->segments);
    free(self->orphans);
    *self = (catalog_t){ 0 };
}
