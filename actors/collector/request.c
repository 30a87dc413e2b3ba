/*  request -- see request.h. */
#include "actors/collector/request.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

// All but the unreserved characters of RFC 3986.
static void s_escape(buffer_t *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char) bytes[i];
        if (c < 0x80 && (isalnum(c) || strchr("-._~", c)) && c)
            buffer_append(out, &c, 1);
        else
            buffer_printf(out, "%%%02X", c);
    }
}

static void s_parameter(buffer_t *out, bool *first, const char *name)
{
    buffer_text(out, *first ? "?" : "&");
    *first = false;
    s_escape(out, name, strlen(name));
    buffer_text(out, "=");
}

void request_url(const source_t *source, const page_t *page, buffer_t *out)
{
    size_t size = strcspn(source->url, "#"); // a fragment is none of the server's business
    bool first = !memchr(source->url, '?', size);
    buffer_append(out, source->url, size);
    for (size_t i = 0; i < source->query.count; i++) {
        const setting_pair_t *pair = &source->query.items[i];
        s_parameter(out, &first, pair->name);
        s_escape(out, pair->value, strlen(pair->value));
    }
    if (!source->paged)
        return;
    if (!source->page_cursor) {
        s_parameter(out, &first, source->page_parameter);
        buffer_printf(out, "%" PRIu64, (uint64_t) source->page_first + page->number);
    } else if (page->cursor_size) {
        s_parameter(out, &first, source->page_parameter);
        s_escape(out, page->cursor, page->cursor_size);
    }
}

bool request_host(const char *url, char *host, size_t size)
{
    const char *begin = strstr(url, "://");
    begin = begin ? begin + 3 : url;
    size_t span = strcspn(begin, "/?#");
    const char *at = memchr(begin, '@', span);
    if (at) {
        span -= (size_t) (at + 1 - begin);
        begin = at + 1;
    }
    const char *own = strncasecmp(url, "https:", 6) == 0 ? ":443" : ":80";
    size_t tail = strlen(own);
    if (span > tail && memcmp(begin + span - tail, own, tail) == 0)
        span -= tail;
    if (span + 1 > size)
        return false;
    for (size_t i = 0; i < span; i++)
        host[i] = (char) tolower((unsigned char) begin[i]);
    host[span] = '\0';
    return true;
}

void request_shown(const char *url, buffer_t *out)
{
    const char *begin = strstr(url, "://");
    if (!begin || strncasecmp(url, "http", 4) != 0) { // of a file a `?` is a part of its pattern
        buffer_text(out, url);
        return;
    }
    begin += 3;
    size_t span = strcspn(begin, "/?#");
    const char *at = memrchr(begin, '@', span);
    buffer_append(out, url, (size_t) (begin - url));
    begin = at ? at + 1 : begin;
    buffer_append(out, begin, strcspn(begin, "?#"));
}

bool request_may_hold_secrets(const source_t *source)
{
    return source->headers.count > 0 || source->query.count > 0 || source->body ||
           strpbrk(source->url, "?@");
}

budget_t request_budget(const settings_t *settings, const char *host)
{
    for (size_t i = 0; i < settings->budget_count; i++)
        if (strcmp(settings->budgets[i].host, host) == 0)
            return settings->budgets[i].budget;
    return settings->budget;
}
