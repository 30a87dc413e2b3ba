/*  deliver_inside -- one letter under way; private to deliver*.c, the only files that know curl for
 *  writing.
 */
#pragma once
#include <curl/curl.h>
#include <netdb.h>

#include "actors/notifier/deliver.h"

typedef struct {
    const bool *allow_private; // of the deliverer
    CURL *easy;                // NULL = free
    struct curl_slist *headers;
    struct curl_slist *recipients; // of a mail
    bool judged, is_mail;
    buffer_t mail;               // what curl reads of it
    size_t read;                 // bytes of it that it has
    char host[DELIVER_HOST_MAX]; // "https://example.com:443"
    size_t tag, answered;        // bytes of answer so far
    bool full;                   // the answer was longer than we read
    char refused[NI_MAXHOST];    // an address that we do not talk to
    char error[CURL_ERROR_SIZE];
} transfer_t;

// Tell curl everything about this letter. False: out of memory.
bool transfer_set_up(transfer_t *self, const letter_t *letter);
// Give back what it holds; it is free then.
void transfer_clear(transfer_t *self);
