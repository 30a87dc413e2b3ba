/*  tidewire_curve -- connect to a socket of Tidewire, with keys or without.
 *
 *      tidewire_key_t key;                     // file NULL: there are no keys
 *      if (!tidewire_key_read(&key, "alice.key_secret", error)) ...
 *      tidewire_link_t *link = tidewire_link_new(context, socket, endpoint, &key, error);
 *      const char *why = tidewire_link_look(link); // every second or so
 *
 *  Where Tidewire has keys, an endpoint is tcp://HOST:PORT#KEY: behind the # stand 64 hexadecimal
 *  digits, the public key of who listens there, as `status --json` shows it. libzmq talks to nobody
 *  else. Our own pair is in the file NAME.key_secret that `keys add NAME --role ROLE` made. C11 on
 *  libzmq.
 */
#pragma once
#include <stdbool.h>

enum { TIDEWIRE_ENDPOINT_MAX = 256, TIDEWIRE_WHY_MAX = 512 };

typedef struct {
    bool there;
    char public_key[41], secret_key[41]; // Z85
} tidewire_key_t;

// file NULL or "": no key. False, and `why` says it: not to be read, or no key file.
bool tidewire_key_read(tidewire_key_t *key, const char *file, char why[TIDEWIRE_WHY_MAX]);

// A socket's connection. Set the socket's options before; the socket stays the caller's, and is
// closed after the link. NULL, and `why` says it: an endpoint without a key where we have one, or
// the other way round, or none at all.
typedef struct tidewire_link tidewire_link_t;
tidewire_link_t *tidewire_link_new(void *context, void *socket, const char *endpoint,
                                   const tidewire_key_t *key, char why[TIDEWIRE_WHY_MAX]);
void tidewire_link_destroy(tidewire_link_t **self_p);

// Why it is not let in, once for each time that it tried; else NULL. libzmq connects again by
// itself after a broken connection, but not after a refusal: this does.
const char *tidewire_link_look(tidewire_link_t *self);
bool tidewire_link_refused(const tidewire_link_t *self);        // and not yet tried again
const char *tidewire_link_address(const tidewire_link_t *self); // without the key
