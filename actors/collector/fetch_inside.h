/*  fetch_inside -- what the files of fetch share. Private to fetch*.c. */
#pragma once
#include <curl/curl.h>

#include "actors/collector/fetch.h"
#include "actors/collector/unpack.h"
#include "proto/buffer.h"

typedef struct transfer {
    struct transfer *previous, *next; // of those under way, or of those finished
    fetch_t *fetch;
    CURL *easy;
    struct curl_slist *headers;
    unsigned tag;
    unpack_t *unpack; // since the first byte of the body; NULL = none came
    buffer_t body;
    bool overflowed;            // all answers together were too much
    bool reached, from_private; // the first request of it went to somebody, and to whom
    bool lured;                 // a redirect led from a public address to a private one
    bool swollen;               // it grew too much when it was decompressed
    bool damaged;               // it could not be decompressed
    CURLcode result;
    char error[CURL_ERROR_SIZE];
} transfer_t;

// fetch_request.c: everything about what is asked for. `easy` is new.
bool fetch_request(transfer_t *self, const fetch_ask_t *ask, fault_t *fault);

// Can it stand in a header that we send? A line end would be a second header, or a second request.
bool fetch_is_plain(const char *text);

// fetch_answer.c: everything about what came.
void fetch_answer(transfer_t *self, int64_t wall_us, fetched_t *fetched);

coding_t fetch_coding(const transfer_t *self); // of the body, whose first byte came
