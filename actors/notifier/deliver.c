/*  deliver -- see deliver.h. */
#include "actors/notifier/deliver.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/notifier/interface.h"
#include "actors/notifier/retry.h"
#include "broker/address.h"
#include "proto/owned.h"

enum { HEADER_MAX = 512, WAIT_DESCRIPTORS_MAX = 8, CONNECTIONS_KEPT = 64 };

typedef struct {
    deliver_t *deliver;
    CURL *easy; // NULL = free
    struct curl_slist *headers;
    char host[DELIVER_HOST_MAX]; // "https://example.com:443"
    size_t tag, answered;        // bytes of answer so far
    bool full;                   // the answer was longer than we read
    char refused[NI_MAXHOST];    // an address we did not connect to
    char error[CURL_ERROR_SIZE];
} transfer_t;

struct deliver {
    CURLM *multi;
    bool allow_private;
    bool fresh; // kept connections may lead where we may no longer go
    size_t under_way;
    transfer_t transfers[DELIVER_AT_ONCE_MAX];
};

deliver_t *deliver_new(bool allow_private, fault_t *fault)
{
    deliver_t *self = calloc(1, sizeof *self);
    if (!self || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(self);
        fault_set(fault, "cannot set up libcurl");
        return NULL;
    }
    self->allow_private = allow_private;
    self->multi = curl_multi_init();
    if (!self->multi) {
        fault_set(fault, "cannot set up libcurl");
        deliver_destroy(&self);
        return NULL;
    }
    curl_multi_setopt(self->multi, CURLMOPT_MAXCONNECTS, (long) CONNECTIONS_KEPT);
    return self;
}

static void transfer_end(deliver_t *self, transfer_t *transfer)
{
    curl_multi_remove_handle(self->multi, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    *transfer = (transfer_t){ 0 };
    self->under_way--;
}

void deliver_destroy(deliver_t **self_p)
{
    deliver_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < DELIVER_AT_ONCE_MAX; i++)
        if (self->transfers[i].easy)
            transfer_end(self, &self->transfers[i]);
    curl_multi_cleanup(self->multi);
    curl_global_cleanup();
    free(self);
    *self_p = NULL;
}

void deliver_allow_private(deliver_t *self, bool allow)
{
    if (self->allow_private && !allow)
        self->fresh = true;
    self->allow_private = allow;
}

// ---- where a letter may go -----------------------------------------------------------------

// The last moment before a connection: names are resolved, tricks with them are over.
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *target)
{
    transfer_t *transfer = context;
    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    if (!transfer->deliver->allow_private &&
        (address_is_private(&target->addr, target->addrlen) || interface_has(&target->addr))) {
        if (getnameinfo(&target->addr, target->addrlen, transfer->refused, NI_MAXHOST, NULL, 0,
                        NI_NUMERICHOST) != 0)
            strcpy(transfer->refused, "?");
        return CURL_SOCKET_BAD;
    }
    return socket(target->family, target->socktype | SOCK_CLOEXEC, target->protocol);
}

static void url_destroy(CURLU **url)
{
    curl_url_cleanup(*url);
}

static void text_destroy(char **text)
{
    curl_free(*text);
}

bool deliver_host(const char *text, char host[DELIVER_HOST_MAX], fault_t *fault)
{
    owned(url_destroy) CURLU *url = curl_url();
    owned(text_destroy) char *scheme = NULL;
    owned(text_destroy) char *name = NULL;
    owned(text_destroy) char *port = NULL;
    if (!url || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &name, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return fault_set(fault, "the webhook is not a URL");
    if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        return fault_set(fault, "the webhook is neither http nor https");
    int size = snprintf(host, DELIVER_HOST_MAX, "%s://%s:%s", scheme, name, port);
    if (size < 0 || size >= DELIVER_HOST_MAX)
        return fault_set(fault, "the host of the webhook is too long");
    for (char *c = host; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char) (*c - 'A' + 'a');
    return true;
}

// ---- one letter ----------------------------------------------------------------------------

// The answer's text is of no use: read a little of it, so that the connection can be kept.
static size_t take_answer(char *bytes, size_t size, size_t count, void *context)
{
    (void) bytes;
    transfer_t *transfer = context;
    transfer->answered += size * count;
    transfer->full = transfer->answered > DELIVER_ANSWER_MAX;
    return transfer->full ? 0 : size * count;
}

static bool add_header(transfer_t *transfer, const char *name, const char *value)
{
    char line[HEADER_MAX];
    int size = snprintf(line, sizeof line, "%s: %s", name, value);
    if (size < 0 || size >= (int) sizeof line)
        return false;
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    if (longer)
        transfer->headers = longer;
    return longer != NULL;
}

static bool add_headers(transfer_t *transfer, const letter_t *letter)
{
    char timestamp[24];
    snprintf(timestamp, sizeof timestamp, "%" PRId64, letter->timestamp_s);
    return add_header(transfer, "Content-Type", "application/json") &&
           add_header(transfer, "Expect", "") && // no round trip before the body
           add_header(transfer, "webhook-id", letter->id) &&
           add_header(transfer, "webhook-timestamp", timestamp) &&
           (!letter->signature[0] || add_header(transfer, "webhook-signature", letter->signature));
}

static bool set_up(transfer_t *transfer, const letter_t *letter)
{
    CURL *easy = transfer->easy;
    CURLcode failed = CURLE_OK;
#define SET(option, value)                                                                         \
    if (failed == CURLE_OK)                                                                        \
    failed = curl_easy_setopt(easy, option, value)
    SET(CURLOPT_URL, letter->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, ""); // neither one nor the environment's
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long) DELIVER_CONNECT_MS);
    SET(CURLOPT_TIMEOUT_MS, (long) DELIVER_TOTAL_MS);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, transfer);
    SET(CURLOPT_FRESH_CONNECT, transfer->deliver->fresh ? 1L : 0L);
    SET(CURLOPT_WRITEFUNCTION, take_answer);
    SET(CURLOPT_WRITEDATA, transfer);
    SET(CURLOPT_ERRORBUFFER, transfer->error);
    SET(CURLOPT_PRIVATE, transfer);
    SET(CURLOPT_USERAGENT, "tidewire/" TIDEWIRE_VERSION);
    SET(CURLOPT_HTTPHEADER, transfer->headers);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) letter->body.size);
    SET(CURLOPT_COPYPOSTFIELDS, (const char *) letter->body.data);
#undef SET
    return failed == CURLE_OK;
}

// A free transfer, or NULL: too many are under way, in all or to this host.
static transfer_t *find_room(deliver_t *self, const char *host)
{
    transfer_t *room = NULL;
    unsigned to_host = 0;
    for (size_t i = 0; i < DELIVER_AT_ONCE_MAX; i++) {
        if (!self->transfers[i].easy)
            room = &self->transfers[i];
        else if (strcmp(self->transfers[i].host, host) == 0)
            to_host++;
    }
    return to_host < DELIVER_PER_HOST_MAX ? room : NULL;
}

bool deliver_has_room(deliver_t *self, const char *host)
{
    return find_room(self, host) != NULL;
}

deliver_status_t deliver_start(deliver_t *self, const letter_t *letter, size_t tag, fault_t *fault)
{
    char host[DELIVER_HOST_MAX];
    if (!deliver_host(letter->url, host, fault))
        return DELIVER_REFUSED;
    transfer_t *transfer = find_room(self, host);
    if (!transfer)
        return DELIVER_BUSY;
    CURL *easy = curl_easy_init();
    if (!easy)
        return DELIVER_BUSY;
    *transfer = (transfer_t){ .deliver = self, .easy = easy, .tag = tag };
    strcpy(transfer->host, host);
    self->under_way++;
    if (!add_headers(transfer, letter) || !set_up(transfer, letter) ||
        curl_multi_add_handle(self->multi, easy) != CURLM_OK) {
        transfer_end(self, transfer);
        fault_set(fault, "the webhook cannot be asked: out of memory or too long");
        return DELIVER_REFUSED;
    }
    return DELIVER_STARTED;
}

size_t deliver_under_way(const deliver_t *self)
{
    return self->under_way;
}

// ---- answers -------------------------------------------------------------------------------

static void read_answer(const transfer_t *transfer, CURLcode result, answer_t *answer)
{
    *answer = (answer_t){ .tag = transfer->tag };
    // An answer that we cut off is as good as one that ended.
    bool answered = result == CURLE_OK || (result == CURLE_WRITE_ERROR && transfer->full);
    if (answered)
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_off_t seconds = 0;
    if (retry_may_ask(answer->status) &&
        curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK &&
        seconds > 0)
        answer->retry_after_ms =
            seconds > RETRY_AFTER_MS_MAX / 1000 ? RETRY_AFTER_MS_MAX : (int64_t) seconds * 1000;
    if (answered)
        snprintf(answer->error, sizeof answer->error, "HTTP %ld", answer->status);
    else if (transfer->refused[0])
        snprintf(answer->error, sizeof answer->error,
                 "%.100s is a private address (allow_private: true lets the operator allow them)",
                 transfer->refused);
    else
        snprintf(answer->error, sizeof answer->error, "%.*s", DELIVER_ERROR_MAX,
                 transfer->error[0] ? transfer->error : curl_easy_strerror(result));
}

bool deliver_next(deliver_t *self, answer_t *answer)
{
    int running, left;
    curl_multi_perform(self->multi, &running);
    const CURLMsg *message = curl_multi_info_read(self->multi, &left);
    if (!message)
        return false;
    char *private = NULL;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
    transfer_t *transfer = (transfer_t *) private;
    read_answer(transfer, message->data.result, answer);
    transfer_end(self, transfer);
    return true;
}

void deliver_wait(deliver_t *self, const int *descriptors, size_t count, int wait_ms)
{
    struct curl_waitfd extra[WAIT_DESCRIPTORS_MAX];
    unsigned used = 0;
    for (size_t i = 0; i < count && used < WAIT_DESCRIPTORS_MAX; i++)
        if (descriptors[i] >= 0)
            extra[used++] =
                (struct curl_waitfd){ .fd = descriptors[i], .events = CURL_WAIT_POLLIN };
    curl_multi_poll(self->multi, extra, used, wait_ms, NULL);
}
