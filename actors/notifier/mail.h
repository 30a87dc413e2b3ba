/*  mail -- an alert as a message of e-mail: headers, text and HTML. Pure.
 *
 *  RFC 5322 and MIME: multipart/alternative, both parts in quoted-printable, lines of at most 76
 *  bytes ended by CR LF. Dots at the beginning of lines are left to whoever speaks SMTP.
 */
#pragma once
#include "actors/notifier/notice.h"

enum { MAIL_ADDRESS_MAX = 254 }; // bytes

// A mailbox that is safe in a header and in SMTP: local@domain, in letters and digits of ASCII and
// the signs that need no quotes.
bool mail_address_is_good(const char *address);

typedef struct {
    const char *from, *to; // good addresses
    const char *id;        // of the delivery: letters, digits, - _ % ~
    int64_t sent_us;       // wall clock
} mail_envelope_t;

// False: out of memory.
bool mail_write(const notice_t *notice, const mail_envelope_t *envelope, buffer_t *out);

// The text of a header, "Subject: ..." without its end: RFC 2047 if it is not plain ASCII.
void mail_header(buffer_t *out, const char *name, slice_t text);
