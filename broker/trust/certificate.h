/*  certificate -- one CURVE key with its name and role, and the files that hold it.
 *
 *  The files are CZMQ's certificates (zcert), as pyzmq and others read and write them:
 *
 *      metadata
 *          name = "transform-1.alpha"
 *          role = "transform"
 *      curve
 *          public-key = "<40 characters, Z85>"
 *          secret-key = "<the same>"               in <name>.key_secret alone
 *
 *  This is the one file that knows them. What is read is checked byte by byte before CZMQ sees
 *  it: a certificate is a small file of printable text in which only these five words occur.
 */
#pragma once
#include "broker/trust/door.h"
#include "proto/fault.h"

enum {
    CERTIFICATE_NAME_MAX = 63,
    CERTIFICATE_KEY_BYTES = 32,
    CERTIFICATE_FILE_MAX = 2048, // bytes
};
#define CERTIFICATE_PUBLIC_ENDING ".key"
#define CERTIFICATE_SECRET_ENDING ".key_secret"

typedef struct {
    char name[CERTIFICATE_NAME_MAX + 1]; // letters, digits, `.`, `_`, `-`
    role_t role;
    uint8_t public_key[CERTIFICATE_KEY_BYTES];
    uint8_t secret_key[CERTIFICATE_KEY_BYTES]; // zero where it is not known
} certificate_t;

bool certificate_is_name(const char *text);

// A new pair of keys. False with fault: a bad name, or no random bytes.
bool certificate_make(certificate_t *self, const char *name, role_t role, fault_t *fault);
// Wipe the secret.
void certificate_forget(certificate_t *self);

// Read a file: of `secret`, the pair; then the file must be ours or root's, and nobody else's to
// read. False with fault, which names the file.
bool certificate_read(certificate_t *self, const char *path, bool secret, fault_t *fault);
// Make a file, or replace it; whoever reads meets the old one or the new one. A secret one is
// readable by its owner alone.
bool certificate_write(const certificate_t *self, const char *path, bool secret, fault_t *fault);
