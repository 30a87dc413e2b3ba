/*  manifest -- see manifest.h. */
#include "broker/stage/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/runtime/durable.h"
#include "broker/stage/files.h"
#include "proto/owned.h"

enum { NAME_BYTES = 32, TEXT_BYTES_MAX = 256 << 20 };

static const char head[] = "tidewire objects 1";

void manifest_clear(manifest_t *self)
{
    for (size_t i = 0; i < self->route_count; i++) {
        free(self->routes[i].source);
        free(self->routes[i].path);
    }
    for (size_t i = 0; i < self->object_count; i++)
        free(self->objects[i].path);
    free(self->routes);
    free(self->objects);
    *self = (manifest_t){ 0 };
}

// Room for one more; capacities are powers of two.
static void *s_grow(void *items, size_t count, size_t size)
{
    if (count & (count - 1))
        return items;
    return reallocarray(items, count ? 2 * count : 1, size);
}

bool manifest_add_route(manifest_t *self, const char *source, const char *path)
{
    manifest_route_t *routes = s_grow(self->routes, self->route_count, sizeof *routes);
    if (!routes)
        return false;
    self->routes = routes;
    manifest_route_t *route = &routes[self->route_count];
    *route = (manifest_route_t){ strdup(source), strdup(path) };
    self->route_count += route->source && route->path;
    if (route->source && route->path)
        return true;
    free(route->source);
    free(route->path);
    return false;
}

bool manifest_add_object(manifest_t *self, const manifest_object_t *object)
{
    manifest_object_t *objects = s_grow(self->objects, self->object_count, sizeof *objects);
    if (!objects)
        return false;
    self->objects = objects;
    objects[self->object_count] = *object;
    objects[self->object_count].path = strdup(object->path);
    if (!objects[self->object_count].path)
        return false;
    self->object_count++;
    return true;
}

const char *manifest_route(const manifest_t *self, slice_t source)
{
    for (size_t i = 0; i < self->route_count; i++)
        if (slice_is(source, self->routes[i].source))
            return self->routes[i].path;
    return NULL;
}

// ---- text -----------------------------------------------------------------------------------

bool manifest_encode(const manifest_t *self, buffer_t *out)
{
    buffer_printf(out, "%s\nsegment %" PRIu64 " %" PRIu64 " %016" PRIx64 "\n", head,
                  self->first_seq, self->last_seq, self->sum);
    for (size_t i = 0; i < self->route_count; i++)
        buffer_printf(out, "route %s %s\n", self->routes[i].source, self->routes[i].path);
    for (size_t i = 0; i < self->object_count; i++) {
        const manifest_object_t *o = &self->objects[i];
        buffer_printf(out,
                      "%s %s %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64
                      " %" PRIu64 "\n",
                      o->gone ? "gone" : "object", o->path, o->first_seq, o->last_seq, o->first_us,
                      o->last_us, o->records, o->plain_bytes, o->bytes);
    }
    buffer_text(out, self->complete ? "complete\n" : "begun\n");
    return !out->failed;
}

// Paths lead down, never up or away.
static bool s_is_path(const char *path)
{
    if (*path == '/' || *path == '\0')
        return false;
    for (const char *step = path; step; step = strchr(step, '/') ? strchr(step, '/') + 1 : NULL)
        if (*step == '.' || *step == '/' || *step == '\0')
            return false;
    return true;
}

// What a line is: a good one, none of ours, or one that there was no memory for.
typedef enum { LINE_GOOD, LINE_BAD, LINE_NO_MEMORY } line_t;

static line_t s_added(bool good)
{
    return good ? LINE_GOOD : LINE_NO_MEMORY;
}

static line_t s_read_object(manifest_t *self, const char *line, bool gone)
{
    char path[MANIFEST_PATH_MAX + 1];
    manifest_object_t o = { .path = path, .gone = gone };
    int end = 0;
    bool good = self->object_count < MANIFEST_OBJECTS_MAX &&
                sscanf(line,
                       "%*s %1024s %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64 " %" SCNu64
                       " %" SCNu64 " %" SCNu64 "%n",
                       path, &o.first_seq, &o.last_seq, &o.first_us, &o.last_us, &o.records,
                       &o.plain_bytes, &o.bytes, &end) == 8 &&
                line[end] == '\0' && s_is_path(path);
    return good ? s_added(manifest_add_object(self, &o)) : LINE_BAD;
}

static line_t s_judge(bool good)
{
    return good ? LINE_GOOD : LINE_BAD;
}

static line_t s_read_line(manifest_t *self, size_t number, const char *line)
{
    char source[STAGE_SOURCE_NAME_MAX + 1], path[MANIFEST_PATH_MAX + 1];
    int end = 0;
    if (number == 0)
        return s_judge(strcmp(line, head) == 0);
    if (number == 1)
        return s_judge(sscanf(line, "segment %" SCNu64 " %" SCNu64 " %" SCNx64 "%n",
                              &self->first_seq, &self->last_seq, &self->sum, &end) == 3 &&
                       line[end] == '\0' && self->first_seq > 0);
    if (strncmp(line, "route ", 6) == 0) {
        bool good = sscanf(line, "route %128s %1024s%n", source, path, &end) == 2 &&
                    line[end] == '\0' && s_is_path(path);
        return good ? s_added(manifest_add_route(self, source, path)) : LINE_BAD;
    }
    if (strncmp(line, "object ", 7) == 0 || strncmp(line, "gone ", 5) == 0)
        return s_read_object(self, line, line[0] == 'g');
    return LINE_BAD;
}

bool manifest_decode(manifest_t *self, slice_t text, fault_t *fault)
{
    manifest_clear(self);
    owned(buffer_destroy) buffer_t line = { 0 };
    bool ended = false;
    line_t got = LINE_GOOD;
    size_t number = 0;
    for (size_t at = 0; got == LINE_GOOD && at < text.size; number++) {
        const uint8_t *end = memchr(text.data + at, '\n', text.size - at);
        size_t size = end ? (size_t) (end - text.data) - at : 0;
        bool good = end && !ended && !memchr(text.data + at, '\0', size);
        buffer_clear(&line);
        buffer_append(&line, text.data + at, size);
        at += size + 1;
        const char *words = buffer_string(&line);
        ended = number > 1 && (strcmp(words, "complete") == 0 || strcmp(words, "begun") == 0);
        self->complete = ended && words[0] == 'c';
        if (line.failed)
            got = LINE_NO_MEMORY;
        else if (!good)
            got = LINE_BAD;
        else if (!ended)
            got = s_read_line(self, number, words);
    }
    if (got == LINE_GOOD && ended)
        return true;
    manifest_clear(self);
    self->damaged = got != LINE_NO_MEMORY;
    return self->damaged ? fault_set(fault, "line %zu of a list of objects is none of ours", number)
                         : fault_set(fault, "out of memory");
}

// ---- files ----------------------------------------------------------------------------------

static void s_name(char name[NAME_BYTES], uint64_t first_seq)
{
    snprintf(name, NAME_BYTES, "%020" PRIu64 ".objects", first_seq);
}

static bool s_read(int file, buffer_t *text)
{
    struct stat status;
    if (fstat(file, &status) != 0 || status.st_size > TEXT_BYTES_MAX)
        return false;
    uint8_t *to = buffer_extend(text, (size_t) status.st_size);
    for (size_t at = 0; to && at < text->size;) {
        ssize_t got = read(file, to + at, text->size - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += (size_t) got;
    }
    return to != NULL || status.st_size == 0;
}

bool manifest_load(manifest_t *self, int directory, uint64_t first_seq, fault_t *fault)
{
    manifest_clear(self);
    char name[NAME_BYTES];
    s_name(name, first_seq);
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT || fault_set(fault, "%s: %s", name, strerror(errno));
    owned(buffer_destroy) buffer_t text = { 0 };
    bool good = s_read(file, &text);
    if (!good)
        fault_set(fault, "%s: %s", name, errno ? strerror(errno) : "cannot be read");
    close(file);
    if (!good)
        return false;
    fault_t why;
    if (!manifest_decode(self, buffer_slice(&text), &why))
        return fault_set(fault, "%s: %s", name, why.text);
    if (self->first_seq == first_seq)
        return true;
    manifest_clear(self);
    self->damaged = true;
    return fault_set(fault, "%s is of another segment", name);
}

bool manifest_save(const manifest_t *self, int directory, fault_t *fault)
{
    char name[NAME_BYTES];
    s_name(name, self->first_seq);
    owned(buffer_destroy) buffer_t text = { 0 };
    if (!manifest_encode(self, &text))
        return fault_set(fault, "out of memory");
    return durable_replace(directory, name, text.data, text.size, STAGE_FILE_MODE, false) ||
           fault_set(fault, "cannot write %s: %s", name, strerror(errno));
}

bool manifest_remove(int directory, uint64_t first_seq)
{
    char name[NAME_BYTES];
    s_name(name, first_seq);
    return unlinkat(directory, name, 0) == 0 || errno == ENOENT;
}
