/*  fetch_request -- see fetch_inside.h: a source's settings become options of libcurl. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "actors/collector/fetch_inside.h"
#include "broker/address.h"
#include "proto/owned.h"

bool fetch_is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char) *text < ' ' || *text == 0x7f)
            return false;
    return true;
}

static bool s_add_line(transfer_t *self, const char *line, fault_t *fault)
{
    struct curl_slist *longer = curl_slist_append(self->headers, line);
    if (!longer)
        return fault_set(fault, "out of memory");
    self->headers = longer;
    return true;
}

static bool s_add_header(transfer_t *self, const char *name, const char *value, fault_t *fault)
{
    owned(buffer_destroy) buffer_t line = { 0 };
    // "Name;" is how curl is told to send a header without a value.
    buffer_printf(&line, *value ? "%s: %s" : "%s;", name, value);
    if (line.failed)
        return fault_set(fault, "out of memory");
    if (!fetch_is_plain(buffer_string(&line)))
        return fault_set(fault, "header '%s' has control characters", name);
    return s_add_line(self, buffer_string(&line), fault);
}

static bool s_add_headers(transfer_t *self, const fetch_ask_t *ask, fault_t *fault)
{
    const source_t *source = ask->source;
    bool typed = false, coded = false;
    for (size_t i = 0; i < source->headers.count; i++) {
        const setting_pair_t *header = &source->headers.items[i];
        typed |= strcasecmp(header->name, "Content-Type") == 0;
        coded |= strcasecmp(header->name, "Accept-Encoding") == 0;
        if (!s_add_header(self, header->name, header->value, fault))
            return false;
    }
    if (!coded && !s_add_header(self, "Accept-Encoding", UNPACK_ACCEPTED, fault))
        return false;
    if (source->body && !typed && !s_add_header(self, "Content-Type", "application/json", fault))
        return false;
    // "Name:" is how curl is told to send none: a large body would wait a second for leave.
    if (source->body && !s_add_line(self, "Expect:", fault))
        return false;
    return (!ask->etag || s_add_header(self, "If-None-Match", ask->etag, fault)) &&
           (!ask->modified || s_add_header(self, "If-Modified-Since", ask->modified, fault));
}

// This host is never behind the proxy of the environment.
static bool s_is_loopback(const char *url)
{
    const char *host = strstr(url, "://");
    static const char *const loopback[] = { "127.", "localhost:", "localhost/", "[::1]" };
    for (size_t i = 0; host && i < sizeof loopback / sizeof loopback[0]; i++)
        if (strncasecmp(host + 3, loopback[i], strlen(loopback[i])) == 0)
            return true;
    return false;
}

static long s_ms(int64_t us)
{
    return (long) (us / 1000);
}

// Times of 0 are "for ever" to curl and are no settings here.
static void s_set_limits(CURL *easy, const source_t *source)
{
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, s_ms(source->connect_timeout_us));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, s_ms(source->timeout_us));
    // Fewer than one byte a second, for so long: nothing at all.
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, s_ms(source->stall_timeout_us) / 1000);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) FETCH_BODY_BYTES_MAX);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long) FETCH_REDIRECTS_MAX);
}

static bool s_is_private(const char *text)
{
    struct sockaddr_in in = { .sin_family = AF_INET };
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return address_is_private((const struct sockaddr *) &in, sizeof in);
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
    return inet_pton(AF_INET6, text, &in6.sin6_addr) != 1 ||
           address_is_private((const struct sockaddr *) &in6, sizeof in6);
}

// Before each request, of redirects too, with the address that is really connected to. A server out
// there has no business in our own network.
static int s_on_request(void *context, char *to, char *from, int to_port, int from_port)
{
    (void) from, (void) to_port, (void) from_port;
    transfer_t *self = context;
    bool private = s_is_private(to);
    if (!self->reached)
        self->from_private = private;
    self->reached = true;
    self->lured = private && !self->from_private;
    return self->lured ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static void s_set_options(CURL *easy, const source_t *source, const char *url)
{
    bool secure = strncasecmp(url, "https:", 6) == 0;
    bool open = source->headers.count == 0 && !source->body; // nothing to give away
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); // else a silent name server is waited for
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "tidewire/" TIDEWIRE_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L); // see unpack.h
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, open ? 1L : 0L);
    // Where HTTP/2 may come, a request waits for the connection that it can share.
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     secure ? (long) CURL_HTTP_VERSION_2TLS : (long) CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, secure ? 1L : 0L);
    if (source->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, source->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (source->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long) strlen(source->body));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, source->body);
    }
    if (s_is_loopback(url))
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

bool fetch_request(transfer_t *self, const fetch_ask_t *ask, fault_t *fault)
{
    if (!s_add_headers(self, ask, fault))
        return false;
    curl_easy_setopt(self->easy, CURLOPT_HTTPHEADER, self->headers);
    curl_easy_setopt(self->easy, CURLOPT_PREREQFUNCTION, s_on_request);
    curl_easy_setopt(self->easy, CURLOPT_PREREQDATA, self);
    s_set_options(self->easy, ask->source, ask->url ? ask->url : ask->source->url);
    s_set_limits(self->easy, ask->source);
    return true;
}
