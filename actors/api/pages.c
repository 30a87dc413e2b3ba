/*  pages -- see pages.h. The one file that knows which files there are; it speaks libmicrohttpd. */
#include "actors/api/pages.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "actors/api/answer.h"
#include "proto/owned.h"

// Each is named in pages.S, too, which has the bytes.
#define PAGE(symbol) extern const unsigned char page_##symbol[], page_##symbol##_end[]
PAGE(index);
PAGE(theme);
PAGE(app);
PAGE(dom);
PAGE(words);
PAGE(feed);
PAGE(model);
PAGE(frame);
PAGE(parts);
PAGE(markets);
PAGE(table);
PAGE(series);
PAGE(alerts);
PAGE(rules);
PAGE(status);
PAGE(style);
PAGE(icon);
PAGE(openapi);

#define SCRIPT "text/javascript; charset=utf-8"
#define MODULE(symbol)                                                                             \
    {                                                                                              \
        "/" #symbol ".js", SCRIPT, page_##symbol, page_##symbol##_end                              \
    }

static const struct {
    const char *path, *type;
    const unsigned char *begin, *end;
} files[] = {
    { "/", "text/html; charset=utf-8", page_index, page_index_end },
    MODULE(theme),
    MODULE(app),
    MODULE(dom),
    MODULE(words),
    MODULE(feed),
    MODULE(model),
    MODULE(frame),
    MODULE(parts),
    MODULE(markets),
    MODULE(table),
    MODULE(series),
    MODULE(alerts),
    MODULE(rules),
    MODULE(status),
    { "/style.css", "text/css; charset=utf-8", page_style, page_style_end },
    { "/icon.svg", "image/svg+xml", page_icon, page_icon_end },
    { "/api/v1/openapi.json", "application/json", page_openapi, page_openapi_end },
};
enum { FILES = sizeof files / sizeof *files, INDEX = 0 };

// Each state of the dashboard is an address; all of them are one document.
static const char *const views[] = { "/markets", "/series", "/alerts", "/rules", "/status" };
enum { VIEWS = sizeof views / sizeof *views };

static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; "
                             "img-src 'self'; connect-src 'self'; base-uri 'none'; "
                             "form-action 'none'; frame-ancestors 'none'";

typedef struct {
    answer_t answer;
    struct MHD_Response *plain, *gzip, *same, *same_gzip;
} page_t;

struct pages {
    page_t pages[FILES];
};

static int s_find(const char *path)
{
    for (int i = 0; i < FILES; i++)
        if (strcmp(path, files[i].path) == 0)
            return i;
    for (int i = 0; i < VIEWS; i++) {
        size_t size = strlen(views[i]);
        if (strncmp(path, views[i], size) == 0 && (path[size] == '\0' || path[size] == '/'))
            return INDEX;
    }
    return -1;
}

bool pages_have(const char *path)
{
    return s_find(path) >= 0;
}

// The bytes stay the answer's, which outlives it.
static struct MHD_Response *s_response(const buffer_t *body, const char *type, const char *tag,
                                       bool gzip)
{
    struct MHD_Response *self = MHD_create_response_from_buffer(
        body ? body->size : 0, body ? (void *) body->data : (void *) "", MHD_RESPMEM_PERSISTENT);
    if (!self)
        return NULL;
    bool good = MHD_add_response_header(self, "ETag", tag) == MHD_YES &&
                MHD_add_response_header(self, "Cache-Control", "no-cache") == MHD_YES &&
                MHD_add_response_header(self, "Vary", "Accept-Encoding") == MHD_YES &&
                MHD_add_response_header(self, "Content-Security-Policy", policy) == MHD_YES &&
                MHD_add_response_header(self, "Referrer-Policy", "no-referrer") == MHD_YES &&
                MHD_add_response_header(self, "X-Content-Type-Options", "nosniff") == MHD_YES &&
                (!body || MHD_add_response_header(self, "Content-Type", type) == MHD_YES) &&
                (!gzip || MHD_add_response_header(self, "Content-Encoding", "gzip") == MHD_YES);
    if (!good) { // a page without its policy is none
        MHD_destroy_response(self);
        return NULL;
    }
    return self;
}

static bool s_make(page_t *self, int file)
{
    owned(buffer_destroy) buffer_t body = { 0 };
    buffer_append(&body, files[file].begin, (size_t) (files[file].end - files[file].begin));
    if (!answer_make(&self->answer, &body))
        return false;
    const answer_t *answer = &self->answer;
    const char *type = files[file].type;
    bool gzip = answer->gzip.size > 0;
    self->plain = s_response(&answer->plain, type, answer->tag, false);
    self->same = s_response(NULL, type, answer->tag, false);
    if (gzip) {
        self->gzip = s_response(&answer->gzip, type, answer->gzip_tag, true);
        self->same_gzip = s_response(NULL, type, answer->gzip_tag, false);
    }
    return self->plain && self->same && (!gzip || (self->gzip && self->same_gzip));
}

static void s_drop(struct MHD_Response *response)
{
    if (response)
        MHD_destroy_response(response);
}

pages_t *pages_new(void)
{
    pages_t *self = calloc(1, sizeof *self);
    for (int i = 0; self && i < FILES; i++)
        if (!s_make(&self->pages[i], i))
            pages_destroy(&self);
    return self;
}

void pages_destroy(pages_t **self_p)
{
    pages_t *self = *self_p;
    if (!self)
        return;
    for (int i = 0; i < FILES; i++) {
        page_t *page = &self->pages[i];
        s_drop(page->plain);
        s_drop(page->gzip);
        s_drop(page->same);
        s_drop(page->same_gzip);
        answer_destroy(&page->answer);
    }
    free(self);
    *self_p = NULL;
}

bool pages_hand_out(pages_t *self, struct MHD_Connection *connection, const char *path)
{
    const page_t *page = &self->pages[s_find(path)];
    bool gzip = page->gzip && answer_takes_gzip(MHD_lookup_connection_value(
                                  connection, MHD_HEADER_KIND, "Accept-Encoding"));
    bool known =
        answer_is_known(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-None-Match"),
                        gzip ? page->answer.gzip_tag : page->answer.tag);
    struct MHD_Response *fresh = gzip ? page->gzip : page->plain;
    struct MHD_Response *same = gzip ? page->same_gzip : page->same;
    return MHD_queue_response(connection, known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK,
                              known ? same : fresh) == MHD_YES;
}
