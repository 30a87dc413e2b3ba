/*  ring -- the public keys that an installation knows, read from a folder.
 *
 *      KEYS/known/<any>.key            certificates of everybody who may take part
 *      KEYS/secret/<name>.key_secret   the pairs of the actors of this host
 *
 *  A name may have several keys, while one replaces another; a key has one name. Taking a file
 *  out of `known` takes the key out of the installation.
 */
#pragma once
#include "broker/trust/certificate.h"

enum { RING_KEYS_MAX = 4096 };

typedef struct ring ring_t;

// Every file known/<anything>.key of the folder. NULL with fault: the folder or a file is not as it
// should be, or two files hold one key.
ring_t *ring_load(const char *folder, fault_t *fault);
void ring_destroy(ring_t **self_p);

size_t ring_count(const ring_t *self);
const certificate_t *ring_at(const ring_t *self, size_t index); // in order of keys
const char *ring_file(const ring_t *self, size_t index);        // its name within known/
// Whose key is it? NULL: nobody's.
const certificate_t *ring_find(const ring_t *self, const uint8_t key[CERTIFICATE_KEY_BYTES]);

// Has `later` lost a key of `self`, or changed its role or name?
bool ring_lost(const ring_t *self, const ring_t *later);

// A number that changes with the files in known/ and with who may change them: to see whether
// reading them again is worth it.
uint64_t ring_fingerprint(const char *folder);

// Paths below the folder; false: too long.
bool ring_known_path(const char *folder, const char *file, char *path, size_t size);
bool ring_secret_path(const char *folder, const char *name, char *path, size_t size);
