/*  letter -- what is sent to one recipient of one alert: written when it is sent, from what waits
 * in Redis and the subscriber as it is then. Pure.
 */
#pragma once
#include "actors/notifier/notice.h"
#include "actors/notifier/subscription.h"
#include "proto/arena.h"
#include "proto/fault.h"

enum {
    LETTER_HEADERS_MAX = 40,
    LETTER_TEXTS_MAX = 256 * 1024, // bytes of all that is not the body
};

typedef struct {
    arena_t *texts; // owns what the pointers below point to
    const char *id; // of the delivery
    const char *url;
    bool judged; // somebody else than the operator wrote the address
    size_t header_count;
    const char *headers[LETTER_HEADERS_MAX]; // "Name: value"
    buffer_t body;
} letter_t;

void letter_destroy(letter_t *self);

// Of this subscriber by this channel. False with fault: why not.
bool letter_write(letter_t *self, const store_subscriber_t *subscriber, const channel_t *channel,
                  const notice_t *notice, const char *id, int64_t now_us, fault_t *fault);
