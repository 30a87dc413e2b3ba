/*  zone -- see zone.h. */
#include "actors/notifier/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/notifier/zone_rule.h"
#include "proto/calendar.h"
#include "proto/owned.h"

static const char database[] = "/usr/share/zoneinfo";

enum {
    FILE_MAX = 64 * 1024,   // bytes; the largest has four
    OFFSET_MAX = 26 * 3600, // seconds, of RFC 8536
    ZONES_MAX = 32,         // remembered at once
    HEADER_SIZE = 44,
    TYPE_SIZE = 6,
};

typedef struct {
    int64_t at_s; // from then on
    int offset_s;
} change_t;

struct zone {
    int first_s; // before the first change
    size_t count;
    change_t *changes;
    bool has_rule; // for what comes after the last
    zone_rule_t rule;
};

void zone_destroy(zone_t **self_p)
{
    if (!*self_p)
        return;
    free((*self_p)->changes);
    free(*self_p);
    *self_p = NULL;
}

// ---- files ----------------------------------------------------------------------------------

typedef struct {
    uint32_t is_ut, is_standard, leaps, times, types, letters; // how many, in order of the file
} header_t;

static uint64_t big(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static bool read_header(slice_t file, header_t *header)
{
    enum { COUNTS_AT = 20 };
    if (file.size < HEADER_SIZE || memcmp(file.data, "TZif", 4) != 0 || file.data[4] < '2')
        return false;
    uint32_t *counts[] = { &header->is_ut, &header->is_standard, &header->leaps,
                           &header->times, &header->types,       &header->letters };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        *counts[i] = (uint32_t) big(file.data + COUNTS_AT + 4 * i, 4);
        if (*counts[i] > FILE_MAX)
            return false;
    }
    return header->types > 0;
}

// Bytes of what follows the header; `wide`: of a time in it.
static size_t body_size(const header_t *header, size_t wide)
{
    return header->times * (wide + 1) + header->types * (size_t) TYPE_SIZE + header->letters +
           header->leaps * (wide + 4) + header->is_standard + header->is_ut;
}

static bool type_offset(const header_t *header, const uint8_t *types, uint8_t type, int *offset_s)
{
    if (type >= header->types)
        return false;
    *offset_s = (int32_t) big(types + (size_t) type * TYPE_SIZE, 4);
    return *offset_s > -OFFSET_MAX && *offset_s < OFFSET_MAX;
}

static bool read_changes(zone_t *self, const header_t *header, const uint8_t *body)
{
    const uint8_t *kinds = body + header->times * (size_t) 8, *types = kinds + header->times;
    self->changes = calloc(header->times + (size_t) 1, sizeof *self->changes);
    if (!self->changes || !type_offset(header, types, 0, &self->first_s))
        return false;
    for (; self->count < header->times; self->count++) {
        change_t *change = &self->changes[self->count];
        change->at_s = (int64_t) big(body + 8 * self->count, 8);
        if (!type_offset(header, types, kinds[self->count], &change->offset_s) ||
            (self->count > 0 && change->at_s <= change[-1].at_s))
            return false;
    }
    return true;
}

// Behind all: a line with the rule, or an empty one.
static bool read_rule(zone_t *self, slice_t rest)
{
    if (rest.size < 2 || rest.data[0] != '\n' || rest.data[rest.size - 1] != '\n')
        return false;
    slice_t text = slice_of(rest.data + 1, rest.size - 2);
    self->has_rule = text.size > 0;
    return !self->has_rule || zone_rule_parse(&self->rule, text);
}

static bool read_file(zone_t *self, slice_t file)
{
    header_t old, header;
    if (!read_header(file, &old))
        return false;
    size_t at = HEADER_SIZE + body_size(&old, 4); // times of 32 bits, for programs of before
    if (at > file.size || !read_header(slice_of(file.data + at, file.size - at), &header))
        return false;
    at += HEADER_SIZE;
    size_t size = body_size(&header, 8);
    return size <= file.size - at && read_changes(self, &header, file.data + at) &&
           read_rule(self, slice_of(file.data + at + size, file.size - at - size));
}

zone_t *zone_parse(slice_t file, fault_t *fault)
{
    owned(zone_destroy) zone_t *self = calloc(1, sizeof *self);
    if (!self)
        return fault_set(fault, "out of memory"), NULL;
    if (!read_file(self, file))
        return fault_set(fault, "its file in %s cannot be read", database), NULL;
    zone_t *given = self;
    self = NULL;
    return given;
}

// ---- names ----------------------------------------------------------------------------------

static bool name_is_good(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";
    size_t size = strlen(name);
    return size > 0 && size <= ZONE_NAME_MAX && strspn(name, allowed) == size && name[0] != '/';
}

static bool is_utc(const char *name, int *offset_s)
{
    const uint8_t *at = (const uint8_t *) name, *end = at + strlen(name);
    *offset_s = 0;
    return !name[0] || strcmp(name, "UTC") == 0 || (calendar_zone(&at, end, offset_s) && at == end);
}

// Size of what was read; 0: there is no such file.
static size_t read_database(const char *name, uint8_t file[FILE_MAX])
{
    char path[sizeof database + ZONE_NAME_MAX + 1];
    strcpy(stpcpy(stpcpy(path, database), "/"), name);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return 0;
    struct stat about;
    size_t size = 0;
    if (fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode))
        for (ssize_t some; size < FILE_MAX; size += (size_t) some)
            if ((some = read(descriptor, file + size, FILE_MAX - size)) <= 0)
                break;
    close(descriptor);
    return size;
}

zone_t *zone_load(const char *name, fault_t *fault)
{
    int offset_s;
    if (is_utc(name, &offset_s)) {
        zone_t *self = calloc(1, sizeof *self);
        if (!self)
            return fault_set(fault, "out of memory"), NULL;
        self->first_s = offset_s;
        return self;
    }
    uint8_t *file = malloc(FILE_MAX);
    if (!file)
        return fault_set(fault, "out of memory"), NULL;
    size_t size = name_is_good(name) ? read_database(name, file) : 0;
    zone_t *self = NULL;
    if (size == 0)
        fault_set(fault, "there is no time zone '%.*s' in %s; an offset such as +02:00 needs none",
                  ZONE_NAME_MAX, name, database);
    else
        self = zone_parse(slice_of(file, size), fault);
    free(file);
    return self;
}

int zone_offset_s(const zone_t *self, int64_t unix_s)
{
    size_t from = 0, to = self->count; // the last change that is not after it
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (self->changes[middle].at_s <= unix_s)
            from = middle + 1;
        else
            to = middle;
    }
    if (from == self->count && self->has_rule)
        return zone_rule_offset_s(&self->rule, unix_s);
    return from == 0 ? self->first_s : self->changes[from - 1].offset_s;
}

// ---- some, each read once -------------------------------------------------------------------

struct zones {
    size_t count, next; // next: whose place the next one takes
    struct {
        char name[ZONE_NAME_MAX + 1];
        zone_t *zone;
    } items[ZONES_MAX];
};

zones_t *zones_new(void)
{
    return calloc(1, sizeof(zones_t));
}

void zones_destroy(zones_t **self_p)
{
    zones_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        zone_destroy(&self->items[i].zone);
    free(self);
    *self_p = NULL;
}

const zone_t *zones_get(zones_t *self, const char *name, fault_t *fault)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->items[i].name, name) == 0)
            return self->items[i].zone;
    zone_t *zone = zone_load(name, fault);
    if (!zone)
        return NULL;
    size_t place = self->next;
    self->next = (self->next + 1) % ZONES_MAX;
    self->count += self->count < ZONES_MAX;
    zone_destroy(&self->items[place].zone);
    strcpy(self->items[place].name, name); // one that was loaded is no longer than that
    self->items[place].zone = zone;
    return zone;
}
