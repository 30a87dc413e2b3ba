/*  deliver -- see deliver.h. */
#include "actors/notifier/deliver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/notifier/deliver_inside.h"
#include "proto/owned.h"

enum { WAIT_DESCRIPTORS_MAX = 16, CONNECTIONS_KEPT = 64 };

struct deliver {
    CURLM *multi;
    bool allow_private;
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
    transfer_clear(transfer);
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
    self->allow_private = allow;
}

// ---- where a letter may go -----------------------------------------------------------------

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
        return fault_set(fault, "the address is not a URL");
    static const char *const schemes[] = { "http", "https", "smtp", "smtps" };
    bool known = false;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        known = known || strcmp(scheme, schemes[i]) == 0;
    if (!known)
        return fault_set(fault, "the address is neither http nor https");
    int size = snprintf(host, DELIVER_HOST_MAX, "%s://%s:%s", scheme, name, port);
    if (size < 0 || size >= DELIVER_HOST_MAX)
        return fault_set(fault, "the host of the address is too long");
    for (char *c = host; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char) (*c - 'A' + 'a');
    return true;
}

// ---- one letter ----------------------------------------------------------------------------

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
    if ((letter->kind == LETTER_MAIL) != (strncmp(host, "smtp", 4) == 0)) {
        fault_set(fault, "the address is neither http nor https");
        return DELIVER_REFUSED;
    }
    transfer_t *transfer = find_room(self, host);
    if (!transfer)
        return DELIVER_BUSY;
    CURL *easy = curl_easy_init();
    if (!easy)
        return DELIVER_BUSY;
    *transfer = (transfer_t){ .allow_private = &self->allow_private, .easy = easy, .tag = tag };
    strcpy(transfer->host, host);
    self->under_way++;
    if (!transfer_set_up(transfer, letter) ||
        curl_multi_add_handle(self->multi, easy) != CURLM_OK) {
        transfer_end(self, transfer);
        fault_set(fault, "out of memory");
        return DELIVER_REFUSED;
    }
    return DELIVER_STARTED;
}

size_t deliver_under_way(const deliver_t *self)
{
    return self->under_way;
}

// ---- answers -------------------------------------------------------------------------------

static void read_error(const transfer_t *transfer, CURLcode result, answer_t *answer)
{
    if (transfer->refused[0])
        snprintf(answer->error, sizeof answer->error,
                 "%.100s is a private address (allow_private: true lets the operator allow them)",
                 transfer->refused);
    else
        snprintf(answer->error, sizeof answer->error, "%.*s", DELIVER_ERROR_MAX,
                 transfer->error[0] ? transfer->error : curl_easy_strerror(result));
}

static void read_response(const transfer_t *transfer, CURLcode result, answer_t *answer)
{
    // An answer that we cut off is as good as one that ended.
    bool answered = result == CURLE_OK || (result == CURLE_WRITE_ERROR && transfer->full);
    if (answered)
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer->status);
    answer->verdict = retry_judge(answer->status, transfer->judged);
    curl_off_t seconds = 0;
    if (retry_may_ask(answer->status) &&
        curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK &&
        seconds > 0)
        answer->retry_after_ms =
            seconds > RETRY_AFTER_MS_MAX / 1000 ? RETRY_AFTER_MS_MAX : (int64_t) seconds * 1000;
    if (answered)
        snprintf(answer->error, sizeof answer->error, "HTTP %ld", answer->status);
    else
        read_error(transfer, result, answer);
}

// CURLE_SEND_ERROR is also what curl says of a MAIL, RCPT or DATA that was refused. What is refused
// after the last byte is the message.
static void read_reply(const transfer_t *transfer, CURLcode result, answer_t *answer)
{
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer->status);
    bool about_it = result == CURLE_SEND_ERROR || transfer->read == transfer->mail.size;
    answer->verdict = retry_judge_mail(answer->status, result == CURLE_OK, about_it);
    if (result == CURLE_OK)
        return;
    char why[DELIVER_ERROR_MAX + 1];
    read_error(transfer, result, answer);
    memcpy(why, answer->error, sizeof why);
    if (answer->status >= 400)
        snprintf(answer->error, sizeof answer->error, "SMTP %ld: %.150s", answer->status, why);
}

static void read_answer(const transfer_t *transfer, CURLcode result, answer_t *answer)
{
    *answer = (answer_t){ .tag = transfer->tag };
    if (transfer->is_mail)
        read_reply(transfer, result, answer);
    else
        read_response(transfer, result, answer);
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
