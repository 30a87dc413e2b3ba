/*  push_feed -- where clients push to us: frames are checked, numbered ones taken once.
 *
 *  One PULL socket for each distinct endpoint of the push:// sources. A frame is staged as it came;
 *  its place is (client, n), and the highest n of a client is what the log says. What is durable
 *  is told on the broker, `staged/<source>/<client>`, so that clients need not resend it.
 *  Frames that are refused are counted by reason and never do harm; one that is too large is not
 *  even read.
 */
#pragma once
#include "actors/collector/places.h"
#include "broker/bus.h"
#include "broker/runtime/settings.h"
#include "proto/fault.h"

enum {
    PUSH_FEED_QUEUE = 4, // frames taken ahead from each client; of the largest, 256 MiB
    PUSH_FEED_ENDPOINTS_MAX = 64,
    PUSH_FEED_NEWS_MAX = 1024, // clients with something new in one group
};

typedef enum {
    PUSH_REFUSED_MALFORMED, // no frame as proto/push.h has it, or a version we do not speak
    PUSH_REFUSED_SOURCE,    // no push source of that name listens there
    PUSH_REFUSED_REPEATED,  // n is not above what we have: dropped
    PUSH_REFUSED_EARLY,     // frames before it are missing (push_numbers.h)
    PUSH_REFUSED_CLIENT,    // the key that sent it is another's
    PUSH_REFUSALS,
} push_refusal_t;

const char *push_refusal_text(push_refusal_t refusal);

typedef struct push_feed push_feed_t;

push_feed_t *push_feed_new(void);
void push_feed_destroy(push_feed_t **self_p);

// Listen for these sources (others than push:// are passed over) and for no others any more;
// sockets whose endpoint stays are kept. False: an endpoint cannot be bound; nothing has changed.
bool push_feed_listen(push_feed_t *self, const settings_t *settings, fault_t *fault);

size_t push_feed_sockets(const push_feed_t *self);
void *push_feed_socket(const push_feed_t *self, size_t index); // for zmq_poll
// What its clients connect to, with our key behind a # where there are keys.
const char *push_feed_endpoint(const push_feed_t *self, size_t index);

typedef struct {
    const source_t *source;
    slice_t client;
    uint64_t n;
    uint64_t missed; // frames right before it that never came, and are waited for no longer
    place_t place;
    slice_t frame; // valid until it is done
} pushed_t;

// The places of the stream that a source goes to.
typedef places_t *push_feed_places_t(void *context, const source_t *source);

// The next frame to stage; the same again until it was done. False: none there, or news is full
// (push_feed_publish first).
bool push_feed_take(push_feed_t *self, push_feed_places_t *places, void *context, int64_t mono_us,
                    pushed_t *pushed);
// It is in the group: notes its place. False: no memory; it stays the next.
bool push_feed_done(push_feed_t *self, places_t *places);

// The group is durable: tell the clients concerned. `news` NULL or without peers: told to nobody.
void push_feed_publish(push_feed_t *self, bus_t *news, push_feed_places_t *places, void *context);

bool push_feed_has_news(const push_feed_t *self);

uint64_t push_feed_gaps(const push_feed_t *self); // taken although frames before them never came
uint64_t push_feed_refused(const push_feed_t *self, push_refusal_t refusal);
const char *push_feed_last_refusal(const push_feed_t *self); // of the newest one, for the log
