/*  deliver_letter -- see deliver_inside.h: what curl is told of a letter, and where it may go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/notifier/deliver_inside.h"
#include "actors/notifier/interface.h"
#include "broker/address.h"

// ---- where it may go ------------------------------------------------------------------------

static bool may_go(transfer_t *self, const struct sockaddr *address, socklen_t size)
{
    if (*self->allow_private || (!address_is_private(address, size) && !interface_has(address)))
        return true;
    if (getnameinfo(address, size, self->refused, NI_MAXHOST, NULL, 0, NI_NUMERICHOST) != 0)
        strcpy(self->refused, "?");
    return false;
}

// The last moment before a connection: names are resolved, tricks with them are over.
static curl_socket_t open_judged(void *context, curlsocktype purpose, struct curl_sockaddr *target)
{
    if (purpose != CURLSOCKTYPE_IPCXN || !may_go(context, &target->addr, target->addrlen))
        return CURL_SOCKET_BAD;
    return socket(target->family, target->socktype | SOCK_CLOEXEC, target->protocol);
}

// The last moment before the request. A connection that is used again may have been made for a
// letter that was not judged, or when other addresses were allowed.
static int judge_used(void *context, char *address, char *local, int port, int local_port)
{
    (void) local;
    (void) port;
    (void) local_port;
    const struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    if (getaddrinfo(address, NULL, &numeric, &found) != 0)
        return CURL_PREREQFUNC_ABORT;
    bool may = may_go(context, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return may ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

// ---- what curl is told ----------------------------------------------------------------------

// The answer's text is of no use: read a little of it, so that the connection can be kept.
static size_t take_answer(char *bytes, size_t size, size_t count, void *context)
{
    (void) bytes;
    transfer_t *transfer = context;
    transfer->answered += size * count;
    transfer->full = transfer->answered > DELIVER_ANSWER_MAX;
    return transfer->full ? 0 : size * count;
}

static bool add_header(transfer_t *self, const char *line)
{
    struct curl_slist *longer = curl_slist_append(self->headers, line);
    if (longer)
        self->headers = longer;
    return longer != NULL;
}

static bool add_headers(transfer_t *self, const letter_t *letter)
{
    bool added = add_header(self, "Expect:"); // no round trip before the body
    for (size_t i = 0; i < letter->header_count && added; i++)
        added = add_header(self, letter->headers[i]);
    return added;
}

#define SET(option, value)                                                                         \
    if (failed == CURLE_OK)                                                                        \
    failed = curl_easy_setopt(self->easy, option, value)

// Of every letter.
static bool set_way(transfer_t *self, const letter_t *letter)
{
    CURLcode failed = CURLE_OK;
    SET(CURLOPT_URL, letter->url);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_PROXY, ""); // neither one nor the environment's
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); // else all wait for a name server that is silent
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long) DELIVER_CONNECT_MS);
    SET(CURLOPT_TIMEOUT_MS, (long) DELIVER_TOTAL_MS);
    SET(CURLOPT_WRITEFUNCTION, take_answer);
    SET(CURLOPT_WRITEDATA, self);
    SET(CURLOPT_ERRORBUFFER, self->error);
    SET(CURLOPT_PRIVATE, self);
    if (letter->ca_file)
        SET(CURLOPT_CAINFO, letter->ca_file);
    self->judged = letter->judged;
    if (letter->judged) {
        SET(CURLOPT_OPENSOCKETFUNCTION, open_judged);
        SET(CURLOPT_OPENSOCKETDATA, self);
        SET(CURLOPT_PREREQFUNCTION, judge_used);
        SET(CURLOPT_PREREQDATA, self);
    } else {
        SET(CURLOPT_PATH_AS_IS, 1L); // a template's values lead nowhere else
    }
    return failed == CURLE_OK;
}

static bool set_request(transfer_t *self, const letter_t *letter)
{
    CURLcode failed = CURLE_OK;
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_USERAGENT, "tidewire/" TIDEWIRE_VERSION);
    SET(CURLOPT_HTTPHEADER, self->headers);
    if (strcmp(letter->method, "GET") == 0)
        return failed == CURLE_OK;
    // Without a body there is still one, of no bytes.
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) letter->body.size);
    SET(CURLOPT_COPYPOSTFIELDS, letter->body.size ? (const char *) letter->body.data : "");
    SET(CURLOPT_CUSTOMREQUEST, letter->method);
    return failed == CURLE_OK;
}

static size_t give_mail(char *room, size_t size, size_t count, void *context)
{
    transfer_t *transfer = context;
    size_t left = transfer->mail.size - transfer->read, most = size * count;
    size_t some = left < most ? left : most;
    memcpy(room, transfer->mail.data + transfer->read, some);
    transfer->read += some;
    return some;
}

// TLS or nothing, unless the operator accepts to do without.
static bool set_mail(transfer_t *self, const letter_t *letter)
{
    CURLcode failed = CURLE_OK;
    const mail_server_t *server = letter->mail;
    self->is_mail = true;
    self->recipients = curl_slist_append(NULL, letter->to);
    buffer_append(&self->mail, letter->body.data, letter->body.size);
    if (!self->recipients || self->mail.failed)
        return false;
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_USE_SSL, (long) (server->settings->plaintext ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    SET(CURLOPT_MAIL_FROM, server->settings->from.text);
    SET(CURLOPT_MAIL_RCPT, self->recipients);
    if (server->password) {
        SET(CURLOPT_USERNAME, server->settings->user);
        SET(CURLOPT_PASSWORD, server->password);
    }
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t) self->mail.size);
    SET(CURLOPT_READFUNCTION, give_mail);
    SET(CURLOPT_READDATA, self);
    return failed == CURLE_OK;
}

#undef SET

bool transfer_set_up(transfer_t *self, const letter_t *letter)
{
    if (!set_way(self, letter))
        return false;
    return letter->kind == LETTER_MAIL ? set_mail(self, letter)
                                       : add_headers(self, letter) && set_request(self, letter);
}

void transfer_clear(transfer_t *self)
{
    curl_easy_cleanup(self->easy);
    curl_slist_free_all(self->headers);
    curl_slist_free_all(self->recipients);
    buffer_destroy(&self->mail);
    *self = (transfer_t){ 0 };
}
