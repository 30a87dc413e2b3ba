/*  answer -- a body that is encoded once and handed out many times. Pure.
 *
 *  Its tag is a digest of the bytes, so that the same content has the same tag from every api
 *  actor, and after a restart.
 */
#pragma once
#include "proto/buffer.h"

enum { ANSWER_TAG_MAX = 48, ANSWER_GZIP_MIN = 512 }; // smaller ones are not worth it

typedef struct {
    buffer_t plain, gzip;     // gzip is empty where it would not be smaller
    char tag[ANSWER_TAG_MAX]; // ETag of the plain one, with its quotes
    char gzip_tag[ANSWER_TAG_MAX];
} answer_t;

// Takes the body. False: no memory; it is gone then.
bool answer_make(answer_t *self, buffer_t *body);
void answer_destroy(answer_t *self); // and empty again

// The tag of these bytes.
void answer_tag(slice_t body, const char *suffix, char tag[ANSWER_TAG_MAX]);
// Does `If-None-Match` (NULL: there was none) name the tag? Weak comparison, as it has to be.
bool answer_is_known(const char *if_none_match, const char *tag);
// Does `Accept-Encoding` (NULL: there was none) take gzip?
bool answer_takes_gzip(const char *accept_encoding);
