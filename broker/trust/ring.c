/*  ring -- see ring.h. */
#include "broker/trust/ring.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/owned.h"

typedef struct {
    certificate_t certificate;
    char file[NAME_MAX + 1];
} entry_t;

struct ring {
    entry_t *entries; // sorted by public key
    size_t count;
};

bool ring_known_path(const char *folder, const char *file, char *path, size_t size)
{
    int length = snprintf(path, size, "%s/known/%s", folder, file);
    return length > 0 && (size_t) length < size;
}

bool ring_secret_path(const char *folder, const char *name, char *path, size_t size)
{
    int length = snprintf(path, size, "%s/secret/%s" CERTIFICATE_SECRET_ENDING, folder, name);
    return length > 0 && (size_t) length < size;
}

static void s_dir_destroy(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static bool s_is_public(const char *file)
{
    size_t size = strlen(file), ending = strlen(CERTIFICATE_PUBLIC_ENDING);
    return size > ending && strcmp(file + size - ending, CERTIFICATE_PUBLIC_ENDING) == 0 &&
           file[0] != '.';
}

static int s_by_key(const void *a, const void *b)
{
    const entry_t *left = a, *right = b;
    return memcmp(left->certificate.public_key, right->certificate.public_key,
                  CERTIFICATE_KEY_BYTES);
}

static bool s_add(ring_t *self, const char *folder, const char *file, fault_t *fault)
{
    char path[PATH_MAX];
    if (self->count == RING_KEYS_MAX)
        return fault_set(fault, "%.200s/known: more than %d keys", folder, RING_KEYS_MAX);
    if (!ring_known_path(folder, file, path, sizeof path))
        return fault_set(fault, "%.200s: the path is too long", folder);
    entry_t *entry = &self->entries[self->count];
    if (!certificate_read(&entry->certificate, path, false, fault))
        return false;
    snprintf(entry->file, sizeof entry->file, "%s", file);
    self->count++;
    return true;
}

// Whoever may write here lets in whom he likes.
static bool s_check_folder(const char *path, fault_t *fault)
{
    struct stat state;
    if (stat(path, &state) != 0 || !S_ISDIR(state.st_mode))
        return fault_set(fault, "%.300s: %s: `keys add` makes the folder and its first key", path,
                         errno ? strerror(errno) : "no folder");
    if ((state.st_uid != geteuid() && state.st_uid != 0) || state.st_mode & 022)
        return fault_set(fault,
                         "%.300s: others may change it: it must belong to the user of the "
                         "actor, or to root, with mode 755 or less",
                         path);
    return true;
}

ring_t *ring_load(const char *folder, fault_t *fault)
{
    char path[PATH_MAX];
    errno = 0;
    if (!ring_known_path(folder, "", path, sizeof path)) {
        fault_set(fault, "%.200s: the path is too long", folder);
        return NULL;
    }
    if (!s_check_folder(folder, fault) || !s_check_folder(path, fault))
        return NULL;
    owned(s_dir_destroy) DIR *dir = opendir(path);
    if (!dir) {
        fault_set(fault, "%.300s: %s", path, strerror(errno));
        return NULL;
    }
    owned(ring_destroy) ring_t *self = calloc(1, sizeof *self);
    if (self)
        self->entries = malloc(RING_KEYS_MAX * sizeof *self->entries);
    if (!self || !self->entries) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    for (struct dirent *item; (item = readdir(dir));)
        if (s_is_public(item->d_name) && !s_add(self, folder, item->d_name, fault))
            return NULL;
    qsort(self->entries, self->count, sizeof *self->entries, s_by_key);
    for (size_t i = 1; i < self->count; i++)
        if (s_by_key(&self->entries[i - 1], &self->entries[i]) == 0) {
            fault_set(fault, "%.200s/known: %s and %s hold the same key", folder,
                      self->entries[i - 1].file, self->entries[i].file);
            return NULL;
        }
    ring_t *given = self;
    self = NULL;
    return given;
}

void ring_destroy(ring_t **self_p)
{
    if (!*self_p)
        return;
    free((*self_p)->entries);
    free(*self_p);
    *self_p = NULL;
}

size_t ring_count(const ring_t *self)
{
    return self->count;
}

const certificate_t *ring_at(const ring_t *self, size_t index)
{
    return &self->entries[index].certificate;
}

const char *ring_file(const ring_t *self, size_t index)
{
    return self->entries[index].file;
}

static int s_key_to_entry(const void *key, const void *entry)
{
    return memcmp(key, ((const entry_t *) entry)->certificate.public_key, CERTIFICATE_KEY_BYTES);
}

const certificate_t *ring_find(const ring_t *self, const uint8_t key[CERTIFICATE_KEY_BYTES])
{
    const entry_t *entry =
        bsearch(key, self->entries, self->count, sizeof *self->entries, s_key_to_entry);
    return entry ? &entry->certificate : NULL;
}

bool ring_lost(const ring_t *self, const ring_t *later)
{
    for (size_t i = 0; i < self->count; i++) {
        const certificate_t *mine = &self->entries[i].certificate;
        const certificate_t *now = ring_find(later, mine->public_key);
        if (!now || now->role != mine->role || strcmp(now->name, mine->name) != 0)
            return true;
    }
    return false;
}

static uint64_t s_hash(const char *name, const uint64_t *facts, size_t count)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (const char *c = name; *c; c++)
        hash = (hash ^ (uint8_t) *c) * 0x100000001b3;
    for (size_t i = 0; i < count * sizeof *facts; i++)
        hash = (hash ^ ((const uint8_t *) facts)[i]) * 0x100000001b3;
    return hash;
}

// Who may change it decides whether it is read at all (s_check_folder).
static uint64_t s_hash_folder(const char *path)
{
    struct stat state;
    if (stat(path, &state) != 0)
        return 0;
    const uint64_t facts[] = { state.st_mode, state.st_uid };
    return s_hash(path, facts, sizeof facts / sizeof *facts);
}

// FNV-1a over names, sizes, times and rights; the order in which the folder lists them does not
// count.
uint64_t ring_fingerprint(const char *folder)
{
    char path[PATH_MAX];
    if (!ring_known_path(folder, "", path, sizeof path))
        return 0;
    owned(s_dir_destroy) DIR *dir = opendir(path);
    uint64_t sum = s_hash_folder(folder) + s_hash_folder(path);
    for (struct dirent *item; dir && (item = readdir(dir));) {
        struct stat state;
        if (!s_is_public(item->d_name) || fstatat(dirfd(dir), item->d_name, &state, 0) != 0)
            continue;
        const uint64_t facts[] = {
            (uint64_t) state.st_size,        (uint64_t) state.st_ino,
            (uint64_t) state.st_mtim.tv_sec, (uint64_t) state.st_mtim.tv_nsec,
            (uint64_t) state.st_mode,        (uint64_t) state.st_uid
        };
        sum += s_hash(item->d_name, facts, sizeof facts / sizeof *facts);
    }
    return sum;
}
