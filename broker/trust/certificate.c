/*  certificate -- see certificate.h. */
#include "broker/trust/certificate.h"

#include <assert.h>
#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/runtime/durable.h"
#include "proto/owned.h"

enum { KEY_TEXT_SIZE = 40 }; // Z85 of a key

bool certificate_is_name(const char *text)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(text);
    return size > 0 && size <= CERTIFICATE_NAME_MAX && strspn(text, good) == size && text[0] != '.';
}

bool certificate_make(certificate_t *self, const char *name, role_t role, fault_t *fault)
{
    *self = (certificate_t){ .role = role };
    if (!certificate_is_name(name))
        return fault_set(fault,
                         "'%.80s' is no name of a key: 1 to %d letters, digits, '.', '_', '-'",
                         name, CERTIFICATE_NAME_MAX);
    strcpy(self->name, name);
    char public_text[KEY_TEXT_SIZE + 1], secret_text[KEY_TEXT_SIZE + 1];
    if (zmq_curve_keypair(public_text, secret_text) != 0)
        return fault_set(fault, "libzmq makes no keys: %s", zmq_strerror(zmq_errno()));
    bool good = zmq_z85_decode(self->public_key, public_text) &&
                zmq_z85_decode(self->secret_key, secret_text);
    explicit_bzero(secret_text, sizeof secret_text);
    return good || fault_set(fault, "libzmq makes keys that it cannot read");
}

void certificate_forget(certificate_t *self)
{
    explicit_bzero(self->secret_key, sizeof self->secret_key);
}

// ---- reading ---------------------------------------------------------------------------------

static void s_close(int *file)
{
    if (*file >= 0)
        close(*file);
}

static void s_config_destroy(zconfig_t **self_p)
{
    zconfig_destroy(self_p);
}

// The whole file, if it is small, a regular file, and safe from others.
static bool s_slurp(const char *path, bool secret, char text[CERTIFICATE_FILE_MAX + 1],
                    fault_t *fault)
{
    owned(s_close) int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat state;
    if (file < 0 || fstat(file, &state) != 0)
        return fault_set(fault, "%.300s: %s", path, strerror(errno));
    if (!S_ISREG(state.st_mode) || state.st_size > CERTIFICATE_FILE_MAX)
        return fault_set(fault, "%.300s: no certificate: not a file of at most %d bytes", path,
                         CERTIFICATE_FILE_MAX);
    if (state.st_uid != geteuid() && state.st_uid != 0)
        return fault_set(
            fault, "%.300s: belongs to another user: chown it to the user of the actor", path);
    if (state.st_mode & (secret ? 077 : 022))
        return fault_set(fault, "%.300s: others may %s it: chmod %s", path,
                         secret ? "read" : "change", secret ? "600" : "644");
    ssize_t size = read(file, text, CERTIFICATE_FILE_MAX + 1);
    if (size < 0 || size > CERTIFICATE_FILE_MAX)
        return fault_set(fault, "%.300s: cannot be read whole", path);
    text[size] = '\0';
    for (const char *at = text; at < text + size; at++)
        if ((*at < ' ' && *at != '\n') || *at > '~')
            return fault_set(fault, "%.300s: no certificate: bytes that are no text", path);
    return true;
}

// Does this line say `    word = "value"`?  A value has no quotes in it.
static bool s_is_pair(const char *line, size_t size, const char *word)
{
    size_t length = strlen(word);
    if (size < 4 + length + 5 || strncmp(line, "    ", 4) != 0 ||
        strncmp(line + 4, word, length) != 0 || strncmp(line + 4 + length, " = \"", 4) != 0 ||
        line[size - 1] != '"')
        return false;
    const char *value = line + 4 + length + 4;
    return !memchr(value, '"', (size_t) (line + size - 1 - value));
}

// Only lines that a certificate has, each word at most once.
static bool s_is_certificate(const char *text)
{
    static const char *const pairs[] = { "name", "role", "public-key", "secret-key" };
    enum { PAIRS = sizeof pairs / sizeof *pairs };
    bool seen[PAIRS] = { false };
    for (const char *line = text; *line;) {
        size_t size = strcspn(line, "\n");
        bool known = size == 0 || line[0] == '#' || (size == 8 && !strncmp(line, "metadata", 8)) ||
                     (size == 5 && !strncmp(line, "curve", 5));
        for (int i = 0; !known && i < PAIRS; i++)
            if (!seen[i] && s_is_pair(line, size, pairs[i]))
                known = seen[i] = true;
        if (!known)
            return false;
        line += size + (line[size] == '\n');
    }
    return seen[0] && seen[1] && seen[2];
}

static bool s_decode(uint8_t key[CERTIFICATE_KEY_BYTES], const char *text)
{
    return text && strlen(text) == KEY_TEXT_SIZE && zmq_z85_decode(key, text);
}

bool certificate_read(certificate_t *self, const char *path, bool secret, fault_t *fault)
{
    *self = (certificate_t){ 0 };
    char text[CERTIFICATE_FILE_MAX + 1];
    if (!s_slurp(path, secret, text, fault))
        return false;
    bool shaped = s_is_certificate(text);
    owned(s_config_destroy) zconfig_t *config = shaped ? zconfig_str_load(text) : NULL;
    explicit_bzero(text, sizeof text);
    if (!config)
        return fault_set(fault,
                         "%.300s: no certificate: expected name, role and keys, as `keys "
                         "add` writes them",
                         path);
    const char *name = zconfig_get(config, "/metadata/name", "");
    if (!certificate_is_name(name) ||
        !role_parse(zconfig_get(config, "/metadata/role", ""), &self->role))
        return fault_set(fault, "%.300s: bad name or unknown role", path);
    strcpy(self->name, name);
    if (!s_decode(self->public_key, zconfig_get(config, "/curve/public-key", NULL)))
        return fault_set(fault, "%.300s: bad public key", path);
    char derived[KEY_TEXT_SIZE + 1];
    const char *held = zconfig_get(config, "/curve/secret-key", NULL);
    if (!secret && held)
        return fault_set(fault,
                         "%.300s: holds a secret key: only the public part belongs here; "
                         "make a new pair",
                         path);
    if (!secret)
        return true;
    if (!s_decode(self->secret_key, held) || zmq_curve_public(derived, held) != 0 ||
        strcmp(derived, zconfig_get(config, "/curve/public-key", "")) != 0) {
        certificate_forget(self);
        return fault_set(fault, "%.300s: its secret key is bad, or not that of its public key",
                         path);
    }
    return true;
}

// ---- writing ---------------------------------------------------------------------------------

// As CZMQ's zcert writes and reads it. Neither names nor Z85 have quotes.
static void s_print(const certificate_t *self, bool secret, char text[CERTIFICATE_FILE_MAX])
{
    char key[KEY_TEXT_SIZE + 1];
    zmq_z85_encode(key, self->public_key, CERTIFICATE_KEY_BYTES);
    int size = snprintf(text, CERTIFICATE_FILE_MAX,
                        "#   %s\nmetadata\n    name = \"%s\"\n    role = \"%s\"\n"
                        "curve\n    public-key = \"%s\"\n",
                        secret ? "A SECRET KEY of Tidewire: for its owner alone"
                               : "A public key of Tidewire",
                        self->name, role_name(self->role), key);
    if (secret) {
        zmq_z85_encode(key, self->secret_key, CERTIFICATE_KEY_BYTES);
        size += snprintf(text + size, CERTIFICATE_FILE_MAX - (size_t) size,
                         "    secret-key = \"%s\"\n", key);
        explicit_bzero(key, sizeof key);
    }
    assert(size > 0 && size < CERTIFICATE_FILE_MAX);
}

bool certificate_write(const certificate_t *self, const char *path, bool secret, fault_t *fault)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    owned(s_close) int folder = durable_folder_of(path);
    char text[CERTIFICATE_FILE_MAX];
    s_print(self, secret, text);
    bool good = folder >= 0 &&
                durable_replace(folder, name, text, strlen(text), secret ? 0600 : 0644, true);
    explicit_bzero(text, sizeof text);
    return good || fault_set(fault, "%.300s: cannot be written: %s", path, strerror(errno));
}
