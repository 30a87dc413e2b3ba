/*  handshakes -- of the connections to one listener, which ended before their handshake was
 *  complete. Pure: fed with what libzmq's monitor says, in that order.
 *
 *  Of libzmq 4.3.4 that is little, found by trying: every event has the listener's own address, and
 *  a number that tells connections apart only where one begins or ends.
 *
 *      who comes                              what is told
 *      a peer                                 ACCEPTED(n)  SUCCEEDED ...          DISCONNECTED(n)
 *      one whose key is refused               ACCEPTED(n)  FAILED_AUTH ...        DISCONNECTED(n)
 *      one who leaves, or is too slow         ACCEPTED(n)  ... FAILED_NO_DETAIL,  DISCONNECTED(n)
 *      one who speaks ZMTP 3, then nonsense   ACCEPTED(n)  ... FAILED_PROTOCOL,   DISCONNECTED(n)
 *      one of HTTP, noise, ZMTP 1 or 2        ACCEPTED(n)                         DISCONNECTED(n)
 *
 *  A failure comes right before the end of its connection, as one thread writes all events. But who
 *  is it that succeeded? While several are under way that is open; so the last kind is told from a
 *  peer who left as soon as it is settled, at the latest HANDSHAKES_DECIDED_MS after its end: who
 *  still is there after that has succeeded. Every failure is counted once. Only in a crowd can a
 *  peer who came and left in these seconds be taken for a stranger of the same seconds, or when
 *  more than HANDSHAKES_MAX are under way at a time.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    HANDSHAKES_MS = 5000,                         // that a handshake may take, or libzmq ends it
    HANDSHAKES_DECIDED_MS = HANDSHAKES_MS + 1500, // its timers, and the way of events to us
    HANDSHAKES_MAX = 1024,
    HANDSHAKES_PEER_MAX = 63,
};

typedef enum {
    HANDSHAKE_LEFT,      // the other side ended it
    HANDSHAKE_LATE,      // not complete after HANDSHAKES_MS
    HANDSHAKE_FOREIGN,   // not ZMTP 3
    HANDSHAKE_MECHANISM, // keys on one side only
    HANDSHAKE_SEALED,    // for the holder of another key than ours
    HANDSHAKE_GARBLED,   // ZMTP 3, and then what is none
} handshake_fault_t;

const char *handshake_fault_text(handshake_fault_t fault);

// Called for each failure; peer is "unknown" of connections beyond HANDSHAKES_MAX.
typedef void (*handshakes_tell_fn)(void *context, const char *peer, handshake_fault_t fault);

typedef struct {
    int number; // of the connection
    bool ended;
    int64_t since_ms, ended_ms;
    char peer[HANDSHAKES_PEER_MAX + 1];
} handshake_t;

typedef struct {
    handshakes_tell_fn tell;
    void *context;
    handshake_t items[HANDSHAKES_MAX]; // the older one first
    unsigned count, open;              // open: not ended
    unsigned settled;                  // of them, we do not know which: nothing to tell of those
    bool failing;                      // whose end comes next
    handshake_fault_t fault;           // why
} handshakes_t;

void handshakes_accepted(handshakes_t *self, int number, const char *peer, int64_t now_ms);
void handshakes_settled(handshakes_t *self); // a peer, or one of whom somebody else tells
void handshakes_failed(handshakes_t *self, handshake_fault_t fault);
void handshakes_ended(handshakes_t *self, int number, int64_t now_ms);
// About once a second while handshakes_waits: time settles the rest.
void handshakes_tick(handshakes_t *self, int64_t now_ms);
bool handshakes_waits(const handshakes_t *self);
