/*  key_folder -- see key_folder.h. */
#include "broker/trust/key_folder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "broker/runtime/durable.h"
#include "proto/owned.h"

#define OLD ".old"

enum { Z85_SIZE = 40, ROLE_BYTES_MAX = 15 };

static bool s_make(const char *path, mode_t mode, fault_t *fault)
{
    bool made = mkdir(path, mode) == 0;
    return (made ? durable_sync_around(path) : errno == EEXIST) ||
           fault_set(fault, "%.300s: %s", path, strerror(errno));
}

// The folder, and what is above it.
static bool s_make_all(const char *folder, fault_t *fault)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s", folder) >= (int) sizeof path)
        return fault_set(fault, "%.200s: the path is too long", folder);
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (!s_make(path, 0755, fault))
            return false;
        *slash = '/';
    }
    return s_make(path, 0755, fault);
}

bool key_folder_make(const char *folder, fault_t *fault)
{
    char path[PATH_MAX];
    if (!s_make_all(folder, fault) || !ring_known_path(folder, "", path, sizeof path) ||
        !s_make(path, 0755, fault))
        return false;
    int size = snprintf(path, sizeof path, "%s/secret", folder);
    return size > 0 && size < (int) sizeof path && s_make(path, 0700, fault);
}

static bool s_known(const char *folder, const char *name, const char *suffix, char path[PATH_MAX],
                    fault_t *fault)
{
    char file[NAME_MAX];
    snprintf(file, sizeof file, "%s%s" CERTIFICATE_PUBLIC_ENDING, name, suffix);
    return ring_known_path(folder, file, path, PATH_MAX) ||
           fault_set(fault, "%.200s: the path is too long", folder);
}

static bool s_check_name(const char *name, fault_t *fault)
{
    size_t size = strlen(name), ending = strlen(OLD);
    if (size > ending && strcmp(name + size - ending, OLD) == 0)
        return fault_set(fault, "'%.80s': a name does not end in " OLD, name);
    return certificate_is_name(name) ||
           fault_set(fault, "'%.80s' is no name of a key: 1 to %d letters, digits, '.', '_', '-'",
                     name, CERTIFICATE_NAME_MAX);
}

// The secret first: a known key without its pair would be of no use.
static bool s_put_pair(const char *folder, const certificate_t *pair, fault_t *fault)
{
    char path[PATH_MAX];
    if (!ring_secret_path(folder, pair->name, path, sizeof path))
        return fault_set(fault, "%.200s: the path is too long", folder);
    return certificate_write(pair, path, true, fault) &&
           s_known(folder, pair->name, "", path, fault) &&
           certificate_write(pair, path, false, fault);
}

bool key_folder_add(const char *folder, const char *name, role_t role, fault_t *fault)
{
    char path[PATH_MAX];
    if (!s_check_name(name, fault) || !key_folder_make(folder, fault) ||
        !s_known(folder, name, "", path, fault))
        return false;
    if (access(path, F_OK) == 0)
        return fault_set(fault, "'%s' has a key: `keys rotate` gives it a new one", name);
    certificate_t pair;
    bool good = certificate_make(&pair, name, role, fault) && s_put_pair(folder, &pair, fault);
    certificate_forget(&pair);
    return good;
}

// What is known of this name becomes its old key.
static bool s_set_aside(const char *folder, const char *name, fault_t *fault)
{
    char path[PATH_MAX], old[PATH_MAX];
    if (!s_known(folder, name, "", path, fault) || !s_known(folder, name, OLD, old, fault))
        return false;
    if (access(old, F_OK) == 0)
        return fault_set(fault, "'%s' has an old key still: first `keys revoke %s --old`", name,
                         name);
    return (rename(path, old) == 0 && durable_sync_around(path)) ||
           fault_set(fault, "%.300s: %s", path, strerror(errno));
}

bool key_folder_rotate(const char *folder, const char *name, fault_t *fault)
{
    char path[PATH_MAX];
    certificate_t pair;
    if (!s_check_name(name, fault))
        return false;
    if (!ring_secret_path(folder, name, path, sizeof path) ||
        !certificate_read(&pair, path, true, fault))
        return false;
    certificate_forget(&pair);
    bool good = s_set_aside(folder, name, fault) &&
                certificate_make(&pair, name, pair.role, fault) && s_put_pair(folder, &pair, fault);
    certificate_forget(&pair);
    return good;
}

static bool s_remove(const char *path, bool *removed, fault_t *fault)
{
    bool gone = unlink(path) == 0;
    *removed |= gone;
    return (gone ? durable_sync_around(path) : errno == ENOENT) ||
           fault_set(fault, "%.300s: %s", path, strerror(errno));
}

static bool s_is_old(const ring_t *ring, size_t index)
{
    static const char ending[] = OLD CERTIFICATE_PUBLIC_ENDING;
    const char *file = ring_file(ring, index);
    size_t size = strlen(file), length = sizeof ending - 1;
    return size > length && strcmp(file + size - length, ending) == 0;
}

// The files that `keys` makes are found by their names, so that a bad file beside them is no
// hindrance.
static bool s_revoke_files(const char *folder, const char *name, bool old_only, bool *removed,
                           fault_t *fault)
{
    char path[PATH_MAX];
    if (!s_known(folder, name, OLD, path, fault) || !s_remove(path, removed, fault))
        return false;
    bool secret = false;
    return old_only ||
           (s_known(folder, name, "", path, fault) && s_remove(path, removed, fault) &&
            ring_secret_path(folder, name, path, sizeof path) && s_remove(path, &secret, fault));
}

// Keys of this name in files that somebody named otherwise.
static bool s_revoke_others(const char *folder, const ring_t *ring, const char *name, bool old_only,
                            bool *removed, fault_t *fault)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < ring_count(ring); i++)
        if (strcmp(ring_at(ring, i)->name, name) == 0 && (!old_only || s_is_old(ring, i)) &&
            (!ring_known_path(folder, ring_file(ring, i), path, sizeof path) ||
             !s_remove(path, removed, fault)))
            return false;
    return true;
}

bool key_folder_revoke(const char *folder, const char *name, bool old_only, fault_t *fault)
{
    bool removed = false;
    if (!s_check_name(name, fault) || !s_revoke_files(folder, name, old_only, &removed, fault))
        return false;
    fault_t reason = { 0 };
    owned(ring_destroy) ring_t *ring = ring_load(folder, &reason);
    if (!ring)
        return fault_set(fault,
                         "'%s': %s, but the folder cannot be read, and an actor that cannot read "
                         "it keeps every key that it knew, until this is mended: %.300s",
                         name, removed ? "taken out" : "nothing is taken out", reason.text);
    return s_revoke_others(folder, ring, name, old_only, &removed, fault) &&
           (removed || fault_set(fault, "'%s' has no %skey here", name, old_only ? "old " : ""));
}

// ---- lines -----------------------------------------------------------------------------------

static void s_print_key(buffer_t *out, const uint8_t key[CERTIFICATE_KEY_BYTES])
{
    char text[Z85_SIZE + 1];
    buffer_printf(out, " %s", zmq_z85_encode(text, key, CERTIFICATE_KEY_BYTES));
}

static const certificate_t *s_old_of(const ring_t *ring, const char *name)
{
    for (size_t i = 0; i < ring_count(ring); i++)
        if (s_is_old(ring, i) && strcmp(ring_at(ring, i)->name, name) == 0)
            return ring_at(ring, i);
    return NULL;
}

bool key_folder_export(const char *folder, const char *name, buffer_t *out, fault_t *fault)
{
    owned(ring_destroy) ring_t *ring = ring_load(folder, fault);
    if (!ring)
        return false;
    bool found = false;
    for (size_t i = 0; i < ring_count(ring); i++) {
        const certificate_t *key = ring_at(ring, i);
        if (s_is_old(ring, i) || (name && strcmp(key->name, name) != 0))
            continue;
        const certificate_t *old = s_old_of(ring, key->name);
        buffer_printf(out, "%s %s", key->name, role_name(key->role));
        s_print_key(out, key->public_key);
        if (old)
            s_print_key(out, old->public_key);
        buffer_text(out, "\n");
        found = true;
    }
    return found ||
           fault_set(fault, "%.200s: no key%s%.80s", folder, name ? " of " : "", name ? name : "");
}

// A line, taken apart.
typedef struct {
    certificate_t key;
    bool replaces;
    uint8_t old[CERTIFICATE_KEY_BYTES];
} news_t;

static bool s_decode(uint8_t key[CERTIFICATE_KEY_BYTES], const char *text)
{
    return strlen(text) == Z85_SIZE && zmq_z85_decode(key, text);
}

static bool s_parse(news_t *self, const char *line, fault_t *fault)
{
    char role[ROLE_BYTES_MAX + 1], text[Z85_SIZE + 1], old[Z85_SIZE + 1];
    int three = 0, four = 0;
    *self = (news_t){ 0 };
    _Static_assert(CERTIFICATE_NAME_MAX == 63 && ROLE_BYTES_MAX == 15 && Z85_SIZE == 40, "below");
    int words =
        sscanf(line, "%63s %15s %40s %n%40s %n", self->key.name, role, text, &three, old, &four);
    self->replaces = words == 4;
    return (words >= 3 && line[self->replaces ? four : three] == '\0' &&
            role_parse(role, &self->key.role) && s_decode(self->key.public_key, text) &&
            (!self->replaces || s_decode(self->old, old))) ||
           fault_set(fault,
                     "'%.160s' is no key: expected a name, a role and 40 characters, and 40 more "
                     "of the key that it replaces",
                     line);
}

// May it take the place of the key that its name has here?
static bool s_check_known(const news_t *self, const certificate_t *known, bool replace,
                          fault_t *fault)
{
    if (known->role != self->key.role)
        return fault_set(fault, "'%s' is a %s here: `keys revoke` it first", self->key.name,
                         role_name(known->role));
    return replace ||
           (self->replaces && memcmp(self->old, known->public_key, sizeof self->old) == 0) ||
           fault_set(fault,
                     "'%s' has another key here, and this line does not say that it replaces that "
                     "one. Two hosts of the same name? Then give one another name. Rotated? Then "
                     "`keys export` it where its secret is, before `revoke --old`; or, if you know "
                     "that it is the right one, `keys import --replace`",
                     self->key.name);
}

bool key_folder_import(const char *folder, const char *line, bool replace, bool *fresh,
                       fault_t *fault)
{
    news_t news;
    const certificate_t *key = &news.key;
    certificate_t known;
    char path[PATH_MAX];
    *fresh = false;
    if (!s_parse(&news, line, fault) || !s_check_name(key->name, fault) ||
        !key_folder_make(folder, fault))
        return false;
    owned(ring_destroy) ring_t *ring = ring_load(folder, fault);
    if (!ring || !s_known(folder, key->name, "", path, fault))
        return false;
    const certificate_t *same = ring_find(ring, key->public_key);
    if (same && (strcmp(same->name, key->name) != 0 || same->role != key->role))
        return fault_set(fault, "the key of '%s' is known as that of %s '%s'", key->name,
                         role_name(same->role), same->name);
    if (same)
        return true;
    if (access(path, F_OK) == 0 &&
        (!certificate_read(&known, path, false, fault) ||
         !s_check_known(&news, &known, replace, fault) || !s_set_aside(folder, key->name, fault)))
        return false;
    *fresh = certificate_write(key, path, false, fault);
    return *fresh;
}
