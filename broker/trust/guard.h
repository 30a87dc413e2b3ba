/*  guard -- who this process is, whom it knows, and who may come in: CURVE and ZAP.
 *
 *  One a process, because libzmq asks one handler a process (ZAP, RFC 27): every socket that
 *  listens names its door as its ZAP domain, and libzmq lets nobody in whom this handler has not
 *  admitted. CZMQ's zauth does not see the domain, so it could not keep a prep's key from the door
 *  of acknowledgements (docs/decisions/0014).
 *
 *  The folder of keys is looked at once a second. A key that is added may come at once; one that
 *  is taken out may not come again, and guard_revision tells the sockets that are open to make
 *  themselves anew, because libzmq lets established connections live. While a file in it is bad,
 *  the keys known before stay as they are, and an error is logged.
 *
 *  Without guard_start nothing is guarded: then sockets are on loopback alone (bus.h).
 */
#pragma once
#include "broker/trust/ring.h"

typedef struct {
    const char *folder;    // of keys (ring.h)
    const char *name;      // whose pair is ours: secret/<name>.key_secret
    role_t role;           // that it must have
    const char *advertise; // host to be named to others for sockets on all interfaces; or NULL
} guard_setup_t;

// Before the first socket. The process leaves no core file from here on. False with fault.
bool guard_start(const guard_setup_t *setup, fault_t *fault);
// After the last socket; at exit it is called by itself.
void guard_stop(void);

bool guard_on(void);
const certificate_t *guard_self(void); // ours, with its secret
const char *guard_advertise(void);     // or NULL

// Is it a known key of this role?
bool guard_knows(const uint8_t key[CERTIFICATE_KEY_BYTES], role_t role);
// Grows each time that a key that was known is no longer.
unsigned guard_revision(void);

// While a socket tries its own lock: this key is refused without being counted. NULL: over.
void guard_expect(const uint8_t key[CERTIFICATE_KEY_BYTES]);

typedef struct {
    uint64_t admitted, refused; // handshakes
} guard_count_t;
guard_count_t guard_count(void);
