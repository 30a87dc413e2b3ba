/*  expiry -- see expiry.h. An object is first struck off its list, durably, then removed: a crash
 *  in between leaves a file that nobody counts on, never a list that promises what is not there.
 */
#include "actors/collector/expiry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/stage/catalog.h"
#include "broker/stage/manifest.h"
#include "broker/stage/object_file.h"
#include "proto/owned.h"

typedef struct {
    int64_t last_us;
    uint64_t bytes;
} age_t;

typedef struct {
    const char *root, *namespace;
    bool again;
    int64_t cut_us; // what is not newer goes
    uint64_t *gone;
    size_t count, capacity;
    age_t *ages;
    fault_t *fault;
} expiry_t;

// False with fault.
typedef bool visit_t(expiry_t *self, int directory, manifest_t *manifest);

static bool s_visit(expiry_t *self, const catalog_t *catalog, uint64_t first_seq, visit_t *visit)
{
    manifest_t manifest = { 0 };
    bool read = manifest_load(&manifest, catalog->directory, first_seq, self->fault);
    bool good = read && (!manifest.complete || visit(self, catalog->directory, &manifest));
    manifest_clear(&manifest);
    return good;
}

static bool s_each(expiry_t *self, const char *stream, visit_t *visit)
{
    catalog_t catalog;
    if (!catalog_open(&catalog, self->root, self->namespace, stream, self->fault))
        return false;
    bool good = true;
    for (size_t i = 0; i < catalog.orphan_count; i++)
        good &= s_visit(self, &catalog, catalog.orphans[i], visit);
    for (size_t i = 0; i < catalog.count; i++)
        good &= s_visit(self, &catalog, catalog.segments[i].first_seq, visit);
    catalog_close(&catalog);
    return good;
}

// ---- which --------------------------------------------------------------------------------------

static bool s_weigh(expiry_t *self, int directory, manifest_t *manifest)
{
    (void) directory;
    for (size_t i = 0; i < manifest->object_count; i++) {
        if (manifest->objects[i].gone)
            continue;
        if (self->count == self->capacity) {
            size_t capacity = self->capacity ? 2 * self->capacity : 256;
            age_t *ages = realloc(self->ages, capacity * sizeof *ages);
            if (!ages)
                return fault_set(self->fault, "out of memory");
            self->ages = ages;
            self->capacity = capacity;
        }
        self->ages[self->count++] =
            (age_t){ manifest->objects[i].last_us, manifest->objects[i].bytes };
    }
    return true;
}

static int s_newest_first(const void *a, const void *b)
{
    int64_t x = ((const age_t *) a)->last_us, y = ((const age_t *) b)->last_us;
    return (x < y) - (x > y);
}

static int64_t s_cut(expiry_t *self, const expiry_limits_t *limits, int64_t now_us)
{
    int64_t cut_us = limits->keep_us ? now_us - limits->keep_us : INT64_MIN;
    uint64_t bytes = 0;
    if (self->count > 0)
        qsort(self->ages, self->count, sizeof *self->ages, s_newest_first);
    for (size_t i = 0; limits->bytes_max && i < self->count; i++) {
        bytes += self->ages[i].bytes;
        if (bytes > limits->bytes_max)
            return self->ages[i].last_us > cut_us ? self->ages[i].last_us : cut_us;
    }
    return cut_us;
}

// ---- away ---------------------------------------------------------------------------------------

static bool s_remove(expiry_t *self, const char *path)
{
    return object_remove(self->root, self->namespace, path) ||
           fault_set(self->fault, "cannot remove object %s: %s", path, strerror(errno));
}

static bool s_strike(expiry_t *self, int directory, manifest_t *manifest)
{
    size_t struck = 0;
    bool good = true;
    for (size_t i = 0; i < manifest->object_count; i++) {
        manifest_object_t *object = &manifest->objects[i];
        if (object->gone && self->again)
            good &= s_remove(self, object->path);
        if (object->gone || object->last_us > self->cut_us)
            continue;
        object->gone = true;
        struck++;
    }
    if (struck == 0)
        return good;
    if (!manifest_save(manifest, directory, self->fault))
        return false;
    for (size_t i = 0; i < manifest->object_count; i++)
        if (manifest->objects[i].gone && manifest->objects[i].last_us <= self->cut_us)
            good &= s_remove(self, manifest->objects[i].path);
    *self->gone += struck;
    return good;
}

// A list is of no more use when its segment was removed and none of its objects is left.
static bool s_drop_lists(expiry_t *self, const char *stream)
{
    owned(catalog_close) catalog_t catalog;
    if (!catalog_open(&catalog, self->root, self->namespace, stream, self->fault))
        return false;
    bool good = true;
    for (size_t i = 0; i < catalog.orphan_count; i++) {
        manifest_t manifest = { 0 };
        bool read = manifest_load(&manifest, catalog.directory, catalog.orphans[i], self->fault);
        bool used = !read || !manifest.complete;
        for (size_t o = 0; o < manifest.object_count; o++)
            used |= !manifest.objects[o].gone;
        if (!used && !manifest_remove(catalog.directory, catalog.orphans[i]))
            good = fault_set(self->fault, "cannot remove a list of objects: %s", strerror(errno));
        good &= read;
        manifest_clear(&manifest);
    }
    return good;
}

bool expiry_run(const char *root, const char *namespace, const char *const *streams, size_t count,
                const expiry_limits_t *limits, int64_t now_us, bool again, uint64_t *gone,
                fault_t *fault)
{
    expiry_t self = {
        .root = root, .namespace = namespace, .again = again, .gone = gone, .fault = fault
    };
    bool good = true;
    for (size_t i = 0; i < count; i++)
        good &= s_each(&self, streams[i], s_weigh);
    self.cut_us = s_cut(&self, limits, now_us);
    free(self.ages);
    for (size_t i = 0; i < count; i++) {
        good &= s_each(&self, streams[i], s_strike);
        good &= s_drop_lists(&self, streams[i]);
    }
    return good;
}
