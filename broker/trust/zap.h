/*  zap -- libzmq's questions about who may come in (RFC 27), taken and answered in a thread.
 *
 *  The only file that knows their frames. libzmq asks one handler a process.
 */
#pragma once
#include "broker/trust/certificate.h"

enum { ZAP_TEXT_MAX = 255 };

typedef struct {
    char domain[ZAP_TEXT_MAX + 1];  // of the socket: the name of its door
    char address[ZAP_TEXT_MAX + 1]; // of the peer, without a port
    uint8_t key[CERTIFICATE_KEY_BYTES];
} zap_request_t;

typedef struct {
    bool admitted;
    char name[CERTIFICATE_NAME_MAX + 1]; // if admitted: every message of the peer carries its name
    role_t role;                         // ("User-Id") and its role ("Role")
    const char *reason;                  // if not
} zap_verdict_t;

// Both are called in the thread.
typedef zap_verdict_t (*zap_judge_fn)(void *context, const zap_request_t *request);
typedef void (*zap_tick_fn)(void *context); // about once a second

typedef struct zap zap_t;

// From its return on every question is answered. NULL with fault.
zap_t *zap_new(zap_judge_fn judge, zap_tick_fn tick, void *context, fault_t *fault);
void zap_destroy(zap_t **self_p);
