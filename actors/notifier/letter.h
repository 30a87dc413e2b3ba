/*  letter -- what is sent to one recipient of one alert: written when it is sent, from what waits
 *  in Redis and the subscriber as it is then. Pure.
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

typedef enum { LETTER_REQUEST, LETTER_MAIL, LETTER_COMMAND } letter_kind_t;

typedef struct {
    letter_kind_t kind;
    arena_t *texts; // owns what the pointers below point to, or the means or the subscriber do
    const char *id; // of the delivery
    buffer_t body;
    const char *subscriber; // its name
    const char *url;        // of a request, or of the mail server
    bool judged;            // somebody else than the operator wrote the address
    const char *ca_file;    // trust these certificates; NULL = those of the system
    const char *method;     // of a request
    size_t header_count;
    const char *headers[LETTER_HEADERS_MAX]; // "Name: value"
    const char *to;                          // of a mail
    const mail_server_t *mail;               // the same
    const command_settings_t *command;       // to be run
} letter_t;

void letter_destroy(letter_t *self);

// Of this subscriber by this channel. False with fault: why not.
bool letter_write(letter_t *self, const store_subscriber_t *subscriber, const channel_t *channel,
                  const notice_t *notice, const char *id, int64_t now_us, fault_t *fault);
