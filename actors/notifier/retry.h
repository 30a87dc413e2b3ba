/*  retry -- what an answer to a delivery means, and when the next attempt is due. Pure.
 *
 *  Attempts follow each other after 0, 1 s, 5 s, 30 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24
 *  hours: quick at first, because most failures are a receiver being restarted, and three days
 *  in all. Up to a fifth is added at random, so that receivers that failed together are not
 *  asked again together.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    RETRY_ATTEMPTS_MAX = 12,
    RETRY_AFTER_MS_MAX = 3600 * 1000, // longest wait a receiver may ask for
};

typedef enum {
    VERDICT_DELIVERED,
    VERDICT_RETRY,   // perhaps later
    VERDICT_GONE,    // 410: the receiver wants no more of anything
    VERDICT_REFUSED, // never, and others are not concerned
} verdict_t;

// status: of HTTP; 0 = no answer. theirs: the receiver wrote the address; a 410 from the operator's
// is the operator's to mend.
verdict_t retry_judge(long status, bool theirs);

// code: the last one of SMTP, 0 = none came; `over`: the mail was taken. `about_it`: the code was
// said to sender, recipient or message, and not to us as a client.
verdict_t retry_judge_mail(long code, bool over, bool about_it);

// Wait before the next attempt when `attempts` were made (0 = none yet). asked_ms: what the
// receiver asked for in Retry-After, 0 = nothing; it lengthens the wait and never shortens it.
// random: any 32 bits. False: that was the last one.
bool retry_wait_ms(unsigned attempts, int64_t asked_ms, uint32_t random, int64_t *wait_ms);

// Retry-After counts only with these: elsewhere it is about something else (redirects).
bool retry_may_ask(long status);
