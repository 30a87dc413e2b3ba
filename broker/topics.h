/*  topics -- who asked for which topics, within a budget. Pure.
 *
 *  libzmq's XPUB keeps the topics of all readers in one tree, some 32 bytes for each byte of a
 *  topic, and has taken a subscription before we hear of it. It tells each topic once, with its
 *  first reader, and again when its last reader has left, without a name. Here both are kept in
 *  balance, so that it is known at any time what the tree holds and on whose account. When there
 *  is no room, whoever holds the most can be named with all connections that brought it.
 *
 *  A topic is known by 128 bits of SHA-256 over it and a secret, so nobody can choose topics
 *  that fall on one place or on each other.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/slice.h"

enum {
    TOPICS_BYTES_MAX = 2 << 20, // of all readers; libzmq needs some 64 MB for it
    TOPICS_EACH_BYTES = 16,     // counted for a topic besides its own bytes
    TOPICS_OWNERS_MAX = 1024,   // told apart by name; all beyond are one
    TOPICS_NAME_MAX = 64,       // bytes of an owner's name; longer ones are cut
    TOPICS_SECRET_BYTES = 16,
};

// How a topic was asked for of the actors; what is said when it goes must match.
typedef enum { TOPIC_NOT_ASKED, TOPIC_ASKED_ITSELF, TOPIC_ASKED_AS_ALL } topic_way_t;

typedef struct topics topics_t;

topics_t *topics_new(const uint8_t secret[TOPICS_SECRET_BYTES]); // NULL: no memory
void topics_destroy(topics_t **self_p);
void topics_clear(topics_t *self);

// A new topic on the account of `owner`, over connection `link`. False: no room.
bool topics_add(topics_t *self, slice_t topic, const char *owner, int link, topic_way_t way);
// Its last reader has left. False: it was not known.
bool topics_remove(topics_t *self, slice_t topic, topic_way_t *way);

size_t topics_bytes(const topics_t *self); // counted, TOPICS_EACH_BYTES of each among them
// Of these, what is on the account of nobody, because its owner was evicted.
size_t topics_evicted_bytes(const topics_t *self);

// Who holds the most, and up to `max` connections that brought it; what these brought is on
// nobody's account from now on. *bytes: what that is. 0: nobody holds anything.
size_t topics_evict(topics_t *self, char owner[TOPICS_NAME_MAX + 1], int *links, size_t max,
                    size_t *bytes);
