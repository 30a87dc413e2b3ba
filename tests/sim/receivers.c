/*  receivers -- see receivers.h. In place of actors/notifier/deliver.c. */
#include "tests/sim/receivers.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/notifier/deliver.h"
#include "tests/sim/process.h"
#include "tests/sim/world.h"

enum { ANSWER_US_MAX = 20000, WAIT_FDS_MAX = 16, FAILURES_MAX = 2 };

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

typedef struct {
    bool used;
    size_t tag;
    int64_t ends_us;
    long status;
    char host[DELIVER_HOST_MAX];
} transfer_t;

struct deliver {
    process_t *owner;
    transfer_t transfers[DELIVER_AT_ONCE_MAX];
};

static struct {
    unsigned bad_of_1000;
    int64_t bad_until_us;
    size_t count, capacity;
    letter_taken_t *taken;
} all;

void receivers_bad(unsigned of_1000, int64_t until_us)
{
    all.bad_of_1000 = of_1000;
    all.bad_until_us = until_us;
}

size_t receivers_count(void)
{
    return all.count;
}

const letter_taken_t *receivers_at(size_t index)
{
    return &all.taken[index];
}

// How often this letter has failed: beyond, the schedule of retries waits for hours.
static unsigned *s_failures(const char *id)
{
    static struct {
        char id[160];
        unsigned count;
    } letters[4096];
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (letters[i].id[0] == '\0')
            snprintf(letters[i].id, sizeof letters[i].id, "%s", id);
        if (strcmp(letters[i].id, id) == 0)
            return &letters[i].count;
    }
    abort();
}

static void s_take(const letter_t *letter)
{
    if (all.count == all.capacity) {
        all.capacity = all.capacity ? 2 * all.capacity : 256;
        all.taken = realloc(all.taken, all.capacity * sizeof *all.taken);
        if (!all.taken)
            abort();
    }
    letter_taken_t *taken = &all.taken[all.count++];
    snprintf(taken->url, sizeof taken->url, "%s", letter->url);
    snprintf(taken->id, sizeof taken->id, "%s", letter->id);
    taken->body = strndup((const char *) letter->body.data, letter->body.size);
}

deliver_t *deliver_new(bool allow_private, fault_t *fault)
{
    (void) allow_private;
    (void) fault;
    deliver_t *self = calloc(1, sizeof *self);
    if (self)
        self->owner = process_current();
    return self;
}

void deliver_destroy(deliver_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

void deliver_allow_private(deliver_t *self, bool allow)
{
    (void) self;
    (void) allow;
}

bool deliver_host(const char *url, char host[DELIVER_HOST_MAX], fault_t *fault)
{
    (void) fault;
    snprintf(host, DELIVER_HOST_MAX, "%s", url);
    return true;
}

static size_t s_to_host(const deliver_t *self, const char *host)
{
    size_t count = 0;
    for (size_t i = 0; i < DELIVER_AT_ONCE_MAX; i++)
        count += self->transfers[i].used && strcmp(self->transfers[i].host, host) == 0;
    return count;
}

bool deliver_has_room(deliver_t *self, const char *host)
{
    return s_to_host(self, host) < DELIVER_PER_HOST_MAX &&
           deliver_under_way(self) < DELIVER_AT_ONCE_MAX;
}

size_t deliver_under_way(const deliver_t *self)
{
    size_t count = 0;
    for (size_t i = 0; i < DELIVER_AT_ONCE_MAX; i++)
        count += self->transfers[i].used;
    return count;
}

deliver_status_t deliver_start(deliver_t *self, const letter_t *letter, size_t tag, fault_t *fault)
{
    char host[DELIVER_HOST_MAX];
    deliver_host(letter->url, host, fault);
    if (!deliver_has_room(self, host))
        return DELIVER_BUSY;
    size_t i = 0;
    while (self->transfers[i].used)
        i++;
    transfer_t *transfer = &self->transfers[i];
    *transfer = (transfer_t){ .used = true, .tag = tag, .status = 200 };
    snprintf(transfer->host, sizeof transfer->host, "%s", host);
    transfer->ends_us = world_us() + world_between(50, ANSWER_US_MAX);
    bool bad = world_us() < all.bad_until_us && world_chance(all.bad_of_1000) &&
               *s_failures(letter->id) < FAILURES_MAX;
    if (bad) {
        ++*s_failures(letter->id);
        world_count(FAULT_HOOK);
        bool silent = world_chance(300);
        transfer->status = silent ? 0 : 500;
        if (silent)
            transfer->ends_us = world_us() + DELIVER_TOTAL_MS * INT64_C(1000);
    }
    // A letter may be taken although no answer comes: then it comes again.
    if (!bad || (transfer->status == 0 && world_chance(500)))
        s_take(letter);
    world_note("letter", tag, (uint64_t) transfer->status);
    return DELIVER_STARTED;
}

static int64_t s_next_us(const deliver_t *self)
{
    int64_t next_us = INT64_MAX;
    for (size_t i = 0; i < DELIVER_AT_ONCE_MAX; i++)
        if (self->transfers[i].used && self->transfers[i].ends_us < next_us)
            next_us = self->transfers[i].ends_us;
    return next_us;
}

void deliver_wait(deliver_t *self, const int *descriptors, size_t count, int wait_ms)
{
    struct pollfd fds[WAIT_FDS_MAX];
    for (size_t i = 0; i < count; i++)
        fds[i] = (struct pollfd){ .fd = descriptors[i], .events = POLLIN };
    int64_t next_us = s_next_us(self), us = world_us();
    if (next_us != INT64_MAX && next_us - us < (int64_t) wait_ms * 1000)
        wait_ms = next_us > us ? (int) ((next_us - us) / 1000) + 1 : 0;
    if (wait_ms == 0)
        process_step("waits");
    (void) __wrap_poll(fds, count, wait_ms);
}

bool deliver_next(deliver_t *self, answer_t *answer)
{
    for (size_t i = 0; i < DELIVER_AT_ONCE_MAX; i++) {
        transfer_t *transfer = &self->transfers[i];
        if (!transfer->used || transfer->ends_us > world_us())
            continue;
        transfer->used = false;
        *answer = (answer_t){ .tag = transfer->tag,
                              .verdict = retry_judge(transfer->status, true),
                              .status = transfer->status };
        if (transfer->status != 200)
            snprintf(answer->error, sizeof answer->error, "status %ld", transfer->status);
        return true;
    }
    return false;
}
