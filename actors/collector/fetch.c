/*  fetch -- see fetch.h. curl tells its sockets and its one timer by callbacks; both go into an
 *  epoll set, whose descriptor is the one that the loop waits for.
 */
#include "actors/collector/fetch_inside.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "broker/runtime/life.h"
#include "proto/owned.h"

enum { EVENTS_MAX = 64, ROUNDS_MAX = 16, IDLE_MAX = 64 };

struct fetch {
    CURLM *multi;
    int epoll, timer;
    int64_t wanted_us, armed_us; // when curl wants its timer, and when it goes off; never later
    unsigned under_way, most;
    size_t held; // bytes of all bodies
    transfer_t *active;
    transfer_t *finished, *finished_last;
    transfer_t *taken; // given to the caller, valid until the next take
    size_t idle_count; // handles to be used again
    CURL *idle[IDLE_MAX];
};

static void s_transfer_destroy(transfer_t **self_p)
{
    transfer_t *self = *self_p;
    if (!self)
        return;
    if (self->easy && self->fetch->idle_count < IDLE_MAX) {
        curl_easy_reset(self->easy);
        self->fetch->idle[self->fetch->idle_count++] = self->easy;
    } else
        curl_easy_cleanup(self->easy);
    curl_slist_free_all(self->headers);
    self->fetch->held -= self->body.size;
    buffer_destroy(&self->body);
    unpack_destroy(&self->unpack);
    free(self);
    *self_p = NULL;
}

// ---- callbacks of curl ----------------------------------------------------------------------

static int s_on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
    (void) easy;
    fetch_t *self = context;
    struct epoll_event event = { .data.fd = fd };
    if (what == CURL_POLL_REMOVE) {
        // May fail when curl has closed it already: then it has left the set by itself.
        (void) epoll_ctl(self->epoll, EPOLL_CTL_DEL, fd, &event);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? (uint32_t) EPOLLIN : 0) |
                   (what & CURL_POLL_OUT ? (uint32_t) EPOLLOUT : 0);
    int wanted = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int other = known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD; // its number may have been used again
    if (epoll_ctl(self->epoll, wanted, fd, &event) == -1 &&
        epoll_ctl(self->epoll, other, fd, &event) == -1)
        return -1;
    curl_multi_assign(self->multi, fd, self);
    return 0;
}

// The timer goes off in time, and too early rather than being set again: curl changes its mind with
// every step of every transfer, and most of what it waits for never happens.
static int s_arm(fetch_t *self)
{
    if (self->wanted_us >= self->armed_us)
        return 0;
    struct itimerspec when = { .it_value = { .tv_sec = self->wanted_us / 1000000,
                                             .tv_nsec = self->wanted_us % 1000000 * 1000 } };
    if (timerfd_settime(self->timer, TFD_TIMER_ABSTIME, &when, NULL) == -1)
        return -1;
    self->armed_us = self->wanted_us;
    return 0;
}

static int s_on_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void) multi;
    fetch_t *self = context;
    self->wanted_us = timeout_ms < 0 ? INT64_MAX : life_mono_us() + timeout_ms * INT64_C(1000);
    return s_arm(self);
}

static void s_time_out(fetch_t *self)
{
    int running;
    uint64_t expirations;
    (void) !read(self->timer, &expirations, sizeof expirations);
    self->armed_us = INT64_MAX;
    if (life_mono_us() >= self->wanted_us) {
        self->wanted_us = INT64_MAX;
        curl_multi_socket_action(self->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    (void) s_arm(self); // fails for no reason that a timer of ours can have
}

static bool s_keep(void *context, const void *data, size_t size)
{
    transfer_t *self = context;
    self->overflowed = self->fetch->held + size > FETCH_HELD_BYTES_MAX;
    if (self->overflowed)
        return false;
    buffer_append(&self->body, data, size);
    if (self->body.failed)
        return false;
    self->fetch->held += size;
    return true;
}

static size_t s_on_body(char *data, size_t one, size_t count, void *context)
{
    transfer_t *self = context;
    size_t size = one * count;
    if (!self->unpack)
        self->unpack = unpack_new(fetch_coding(self));
    if (!self->unpack) {
        self->overflowed = true;
        return 0;
    }
    unpack_result_t result = unpack_push(self->unpack, slice_of(data, size), s_keep, self);
    self->swollen = result == UNPACK_SWOLLEN;
    self->damaged = result == UNPACK_DAMAGED;
    return result == UNPACK_GOOD ? size : 0;
}

// ---- life -----------------------------------------------------------------------------------

// Each transfer has a socket, and as many connections may be idle.
static unsigned s_most(void)
{
    struct rlimit limit;
    const rlim_t least = FETCH_DESCRIPTORS_LEFT + 2 * FETCH_UNDER_WAY_MIN;
    if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur < least)
        return FETCH_UNDER_WAY_MIN;
    rlim_t room = (limit.rlim_cur - FETCH_DESCRIPTORS_LEFT) / 2;
    return room < FETCH_UNDER_WAY_MAX ? (unsigned) room : FETCH_UNDER_WAY_MAX;
}

fetch_t *fetch_new(fault_t *fault)
{
    owned(fetch_destroy) fetch_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->epoll = self->timer = -1;
    self->wanted_us = self->armed_us = INT64_MAX;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        fault_set(fault, "cannot initialise libcurl");
        return NULL;
    }
    self->multi = curl_multi_init();
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    self->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN, .data.fd = self->timer };
    if (!self->multi || self->epoll == -1 || self->timer == -1 ||
        epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->timer, &event) == -1) {
        fault_set(fault, "cannot prepare for HTTP: %s", strerror(errno));
        return NULL;
    }
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETFUNCTION, s_on_socket);
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETDATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERFUNCTION, s_on_timer);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERDATA, self);
    // Nobody waits for a connection inside curl, where waiting would count as a slow answer: how
    // many go to one host is the schedule's business.
    self->most = s_most();
    curl_multi_setopt(self->multi, CURLMOPT_MAXCONNECTS, (long) self->most);
    fetch_t *given = self;
    self = NULL;
    return given;
}

void fetch_destroy(fetch_t **self_p)
{
    fetch_t *self = *self_p;
    if (!self)
        return;
    while (self->active) {
        transfer_t *transfer = self->active;
        self->active = transfer->next;
        curl_multi_remove_handle(self->multi, transfer->easy);
        s_transfer_destroy(&transfer);
    }
    while (self->finished) {
        transfer_t *transfer = self->finished;
        self->finished = transfer->next;
        s_transfer_destroy(&transfer);
    }
    s_transfer_destroy(&self->taken);
    while (self->idle_count)
        curl_easy_cleanup(self->idle[--self->idle_count]);
    curl_multi_cleanup(self->multi);
    if (self->timer >= 0)
        close(self->timer);
    if (self->epoll >= 0)
        close(self->epoll);
    free(self);
    *self_p = NULL;
    curl_global_cleanup();
}

int fetch_descriptor(const fetch_t *self)
{
    return self->epoll;
}

bool fetch_has_room(const fetch_t *self)
{
    return self->under_way < self->most;
}

// ---- one transfer ---------------------------------------------------------------------------

bool fetch_start(fetch_t *self, const fetch_ask_t *ask, fault_t *fault)
{
    assert(fetch_has_room(self));
    owned(s_transfer_destroy) transfer_t *transfer = calloc(1, sizeof *transfer);
    if (!transfer)
        return fault_set(fault, "out of memory");
    transfer->fetch = self;
    transfer->tag = ask->tag;
    transfer->body.limit = FETCH_BODY_BYTES_MAX;
    transfer->easy = self->idle_count ? self->idle[--self->idle_count] : curl_easy_init();
    if (!transfer->easy)
        return fault_set(fault, "out of memory");
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, s_on_body);
    curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, transfer);
    if (!fetch_request(transfer, ask, fault))
        return false;
    CURLMcode code = curl_multi_add_handle(self->multi, transfer->easy);
    if (code != CURLM_OK)
        return fault_set(fault, "%s", curl_multi_strerror(code));
    transfer->next = self->active;
    if (transfer->next)
        transfer->next->previous = transfer;
    self->active = transfer;
    self->under_way++;
    transfer = NULL;
    return true;
}

static void s_finish(fetch_t *self, transfer_t *transfer, CURLcode result)
{
    transfer->result = result;
    curl_multi_remove_handle(self->multi, transfer->easy);
    self->under_way--;
    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        self->active = transfer->next;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    transfer->previous = transfer->next = NULL;
    if (self->finished)
        self->finished_last->next = transfer;
    else
        self->finished = transfer;
    self->finished_last = transfer;
}

static void s_collect_finished(fetch_t *self)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(self->multi, &left));) {
        if (message->msg != CURLMSG_DONE)
            continue;
        char *transfer = NULL;
        CURLcode result = message->data.result; // the message dies with the next call
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        s_finish(self, (transfer_t *) (void *) transfer, result);
    }
}

void fetch_drive(fetch_t *self)
{
    struct epoll_event events[EVENTS_MAX];
    int running, count = EVENTS_MAX;
    for (int round = 0; round < ROUNDS_MAX && count == EVENTS_MAX; round++) {
        count = epoll_wait(self->epoll, events, EVENTS_MAX, 0);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == self->timer) {
                s_time_out(self);
                continue;
            }
            int what = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                       (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                       (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
            curl_multi_socket_action(self->multi, events[i].data.fd, what, &running);
        }
    }
    s_collect_finished(self);
}

bool fetch_take(fetch_t *self, int64_t wall_us, fetched_t *fetched)
{
    s_transfer_destroy(&self->taken);
    transfer_t *transfer = self->finished;
    if (!transfer)
        return false;
    self->finished = transfer->next;
    self->taken = transfer;
    fetch_answer(transfer, wall_us, fetched);
    return true;
}
