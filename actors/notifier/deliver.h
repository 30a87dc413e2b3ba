/*  deliver -- sends letters, many at a time, without ever blocking, by curl.
 *
 *  A letter goes out at most once per start: no redirects, no retries of its own, no proxy. Where
 *  it is to be judged, the address it really connects to is (address.h), and our own interfaces are
 *  refused, unless the operator allows private addresses. It also holds the process's one wait,
 *  because only curl knows what its transfers wait for.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/notifier/letter.h"
#include "actors/notifier/retry.h"

enum {
    DELIVER_AT_ONCE_MAX = 64,      // letters under way
    DELIVER_PER_HOST_MAX = 4,      // of these, to one scheme, host and port
    DELIVER_CONNECT_MS = 5000,     // name, connection and TLS
    DELIVER_TOTAL_MS = 15000,      // from start to the end of the answer
    DELIVER_ANSWER_MAX = 64 << 10, // bytes of answer read; what follows is not waited for
    DELIVER_ERROR_MAX = 200,       // bytes of `error`
    DELIVER_HOST_MAX = 300,        // bytes of "https://example.com:443", NUL included
};

typedef struct deliver deliver_t;

typedef struct {
    size_t tag; // as given to start
    verdict_t verdict;
    long status;            // of HTTP or SMTP; 0 = none came
    int64_t retry_after_ms; // as the receiver asked; 0 = it did not
    char error[DELIVER_ERROR_MAX + 1];
} answer_t;

typedef enum {
    DELIVER_STARTED,
    DELIVER_BUSY,   // too many under way, in all or to this host
    DELIVER_REFUSED // in the fault: what is wrong with the URL
} deliver_status_t;

deliver_t *deliver_new(bool allow_private, fault_t *fault);
void deliver_destroy(deliver_t **self_p); // letters under way are given up
void deliver_allow_private(deliver_t *self, bool allow);

deliver_status_t deliver_start(deliver_t *self, const letter_t *letter, size_t tag, fault_t *fault);
// False: a letter to this host would find DELIVER_BUSY just now.
bool deliver_has_room(deliver_t *self, const char *host);
// "scheme://host:port" of a URL, in one spelling. False with fault: letters cannot go there.
bool deliver_host(const char *url, char host[DELIVER_HOST_MAX], fault_t *fault);
size_t deliver_under_way(const deliver_t *self);

// Sleep until a transfer moves, one of the descriptors is readable (negative ones are left
// out), or the time is over.
void deliver_wait(deliver_t *self, const int *descriptors, size_t count, int wait_ms);
// Move transfers on; *answer is one that ended. False: none more just now.
bool deliver_next(deliver_t *self, answer_t *answer);
