/*  tidewire_curve -- see tidewire_curve.h. */
#define _GNU_SOURCE
#include "tidewire_curve.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

enum {
    KEY_BYTES = 32,
    Z85_DIGITS = 40,
    HEX_DIGITS = 2 * KEY_BYTES,
    LINE_MAX_BYTES = 256, // of a key file
    AGAIN_MS = 1000,      // after a refusal
    FAILURES = ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
};

struct tidewire_link {
    void *socket, *monitor;
    char address[TIDEWIRE_ENDPOINT_MAX];
    int64_t again_ms; // when to connect again; 0 = need not
};

static int64_t s_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// ---- the key file -------------------------------------------------------------------------------

// `    name = "value"`, as CZMQ writes its certificates.
static void s_take_line(const char *line, const char *name, char value[Z85_DIGITS + 1])
{
    uint8_t binary[KEY_BYTES];
    const char *quote = strchr(line, '"');
    line += strspn(line, " \t");
    if (strncmp(line, name, strlen(name)) != 0 || !quote || strcspn(quote + 1, "\"") != Z85_DIGITS)
        return;
    memcpy(value, quote + 1, Z85_DIGITS);
    value[Z85_DIGITS] = '\0';
    if (!zmq_z85_decode(binary, value))
        value[0] = '\0';
    explicit_bzero(binary, sizeof binary);
}

bool tidewire_key_read(tidewire_key_t *key, const char *file, char why[TIDEWIRE_WHY_MAX])
{
    *key = (tidewire_key_t){ .there = false };
    if (!file || !*file)
        return true;
    FILE *in = fopen(file, "re");
    if (!in) {
        snprintf(why, TIDEWIRE_WHY_MAX, "%s cannot be read", file);
        return false;
    }
    setvbuf(in, NULL, _IONBF, 0); // no copy of the secret is left in a buffer
    char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof line, in)) {
        s_take_line(line, "public-key", key->public_key);
        s_take_line(line, "secret-key", key->secret_key);
    }
    explicit_bzero(line, sizeof line);
    fclose(in);
    key->there = key->public_key[0] && key->secret_key[0];
    if (!key->there)
        snprintf(why, TIDEWIRE_WHY_MAX,
                 "%s has no pair of keys: NAME.key_secret is the file to give", file);
    return key->there;
}

// ---- the link -----------------------------------------------------------------------------------

// The 64 digits behind `#`.
static bool s_read_key(const char *digits, uint8_t key[KEY_BYTES])
{
    if (strlen(digits) != HEX_DIGITS || strspn(digits, "0123456789abcdefABCDEF") != HEX_DIGITS)
        return false;
    for (int i = 0; i < KEY_BYTES; i++) {
        char pair[3] = { digits[2 * i], digits[2 * i + 1], '\0' };
        key[i] = (uint8_t) strtoul(pair, NULL, 16);
    }
    return true;
}

static bool s_lock(tidewire_link_t *self, const char *endpoint, const tidewire_key_t *key,
                   char why[TIDEWIRE_WHY_MAX])
{
    uint8_t server[KEY_BYTES];
    const char *digits = strchr(endpoint, '#');
    int size = digits ? (int) (digits - endpoint) : (int) strlen(endpoint);
    if (size >= TIDEWIRE_ENDPOINT_MAX)
        snprintf(why, TIDEWIRE_WHY_MAX, "an endpoint of %d characters", size);
    else if (digits && !key->there)
        snprintf(why, TIDEWIRE_WHY_MAX,
                 "%.*s wants a key: give your file NAME.key_secret in TIDEWIRE_KEY", size,
                 endpoint);
    else if (key->there && !digits)
        snprintf(why, TIDEWIRE_WHY_MAX,
                 "%s has no key behind it, and we have one: give the whole endpoint, "
                 "tcp://HOST:PORT#KEY, as `status --json` shows it",
                 endpoint);
    else if (digits && !s_read_key(digits + 1, server))
        snprintf(why, TIDEWIRE_WHY_MAX, "%.*s: behind # stand 64 hexadecimal digits", size,
                 endpoint);
    else if (digits && (zmq_setsockopt(self->socket, ZMQ_CURVE_PUBLICKEY, key->public_key, 41) ||
                        zmq_setsockopt(self->socket, ZMQ_CURVE_SECRETKEY, key->secret_key, 41) ||
                        zmq_setsockopt(self->socket, ZMQ_CURVE_SERVERKEY, server, KEY_BYTES)))
        snprintf(why, TIDEWIRE_WHY_MAX, "this libzmq has no CURVE: %s", zmq_strerror(zmq_errno()));
    else {
        memcpy(self->address, endpoint, (size_t) size);
        return true;
    }
    return false;
}

static bool s_watch(tidewire_link_t *self, void *context, bool keys)
{
    char name[64];
    snprintf(name, sizeof name, "inproc://tidewire-link-%p", (void *) self);
    // Without keys a handshake without detail is a peer that died in it, no more.
    int events = keys ? FAILURES : ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    if (zmq_socket_monitor(self->socket, name, events) == -1)
        return false;
    self->monitor = zmq_socket(context, ZMQ_PAIR);
    return self->monitor && zmq_connect(self->monitor, name) == 0;
}

tidewire_link_t *tidewire_link_new(void *context, void *socket, const char *endpoint,
                                   const tidewire_key_t *key, char why[TIDEWIRE_WHY_MAX])
{
    tidewire_link_t *self = calloc(1, sizeof *self);
    if (!self) {
        snprintf(why, TIDEWIRE_WHY_MAX, "out of memory");
        return NULL;
    }
    self->socket = socket;
    bool good = s_lock(self, endpoint, key, why);
    if (good) {
        good = s_watch(self, context, key->there) && zmq_connect(socket, self->address) == 0;
        if (!good)
            snprintf(why, TIDEWIRE_WHY_MAX, "cannot connect to %s: %s", self->address,
                     zmq_strerror(zmq_errno()));
    }
    if (!good)
        tidewire_link_destroy(&self);
    return self;
}

void tidewire_link_destroy(tidewire_link_t **self_p)
{
    tidewire_link_t *self = *self_p;
    if (!self)
        return;
    zmq_socket_monitor(self->socket, NULL, 0);
    if (self->monitor)
        zmq_close(self->monitor);
    free(self);
    *self_p = NULL;
}

// An event is two frames: its number, of 16 bits, with a value; and the address.
static int s_next_event(tidewire_link_t *self)
{
    uint8_t head[6];
    char address[TIDEWIRE_ENDPOINT_MAX];
    uint16_t event = 0;
    if (zmq_recv(self->monitor, head, sizeof head, ZMQ_DONTWAIT) != sizeof head)
        return 0;
    zmq_recv(self->monitor, address, sizeof address, ZMQ_DONTWAIT);
    memcpy(&event, head, sizeof event);
    return event;
}

const char *tidewire_link_look(tidewire_link_t *self)
{
    const char *why = NULL;
    for (int event; (event = s_next_event(self));) {
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
            why =
                "it refuses our key: is it known there (`keys list`), and of a role that may come "
                "in?";
        else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
            why = "it has keys and we have none, or the other way round, or it is no socket of "
                  "Tidewire";
        else
            why = "no handshake: is what stands behind # the key of who listens there now?";
        if (event != ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
            self->again_ms = s_now_ms() + AGAIN_MS;
    }
    if (self->again_ms && s_now_ms() >= self->again_ms) {
        self->again_ms = 0;
        zmq_disconnect(self->socket, self->address);
        zmq_connect(self->socket, self->address);
    }
    return why;
}

bool tidewire_link_refused(const tidewire_link_t *self)
{
    return self->again_ms != 0;
}

const char *tidewire_link_address(const tidewire_link_t *self)
{
    return self->address;
}
