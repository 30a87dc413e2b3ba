/*  stock -- see stock.h. One of the files that know libmicrohttpd. */
#include "actors/api/stock.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/api/answer.h"
#include "broker/runtime/life.h"
#include "proto/owned.h"

enum { NUMBER_MAX = 24 }; // bytes of one in decimal
#define TYPE "application/json"

// One kind of answer: what is handed out, and how it is called.
typedef struct {
    char tag[ANSWER_TAG_MAX], gzip_tag[ANSWER_TAG_MAX];
    struct MHD_Response *plain, *gzip;           // gzip NULL: it is not worth it
    struct MHD_Response *same_plain, *same_gzip; // 304
    size_t plain_bytes, gzip_bytes;
    int64_t until_us;
} shelf_t;

// What a response is made of, until its last reader is gone.
typedef struct {
    atomic_size_t *alive; // the stock's
    buffer_t text;
} body_t;

// The document of all alerts, of which the one with fewer is a part. Each response that is on the
// way holds it.
typedef struct {
    atomic_uint holders;
    atomic_size_t *alive; // the stock's
    char tag[ANSWER_TAG_MAX];
    buffer_t text;
    size_t count, marks[ALERTS_MAX + 1]; // alerts.h
} pile_t;

struct stock {
    atomic_uint_fast64_t unchanged, answers;
    atomic_size_t alive; // bytes of all answers, also of those that were replaced

    pthread_mutex_t lock; // guards what follows
    shelf_t shelves[ANSWERS];
    pile_t *pile; // or NULL: not told yet
};

// ---- responses -------------------------------------------------------------------------------

static void s_drop(struct MHD_Response **self_p)
{
    if (*self_p)
        MHD_destroy_response(*self_p);
    *self_p = NULL;
}

static void s_type(struct MHD_Response *response, const char *type)
{
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (type)
        MHD_add_response_header(response, "Content-Type", type);
}

struct MHD_Response *stock_response(buffer_t *body, const char *type)
{
    if (body->failed)
        return NULL;
    bool empty = body->size == 0;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->size, empty ? (void *) "" : (void *) body->data,
                                        empty ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
    if (!response)
        return NULL;
    if (!empty)
        *body = (buffer_t){ 0 }; // it is the response's now
    s_type(response, type);
    return response;
}

static void s_name(struct MHD_Response *response, const char *tag)
{
    MHD_add_response_header(response, "ETag", tag);
    MHD_add_response_header(response, "Cache-Control", "no-cache"); // ask each time
    MHD_add_response_header(response, "Vary", "Accept-Encoding");
}

static void s_body_drop(void *context)
{
    body_t *body = context;
    *body->alive -= body->text.size;
    buffer_destroy(&body->text);
    free(body);
}

// Takes the text. NULL: no memory.
static struct MHD_Response *s_answer(stock_t *self, buffer_t *text, const char *tag, bool gzip)
{
    body_t *body = calloc(1, sizeof *body);
    if (!body)
        return NULL;
    *body = (body_t){ .alive = &self->alive, .text = *text };
    *text = (buffer_t){ 0 };
    self->alive += body->text.size;
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        body->text.size, body->text.data, s_body_drop, body);
    if (!response) {
        s_body_drop(body);
        return NULL;
    }
    s_type(response, TYPE);
    s_name(response, tag);
    if (gzip)
        MHD_add_response_header(response, "Content-Encoding", "gzip");
    return response;
}

static struct MHD_Response *s_same(const char *tag)
{
    struct MHD_Response *response = stock_response(&(buffer_t){ 0 }, NULL);
    if (response)
        s_name(response, tag);
    return response;
}

// ---- what is told ----------------------------------------------------------------------------

static void s_empty(shelf_t *shelf)
{
    s_drop(&shelf->plain);
    s_drop(&shelf->gzip);
    s_drop(&shelf->same_plain);
    s_drop(&shelf->same_gzip);
}

static bool s_fill(stock_t *self, shelf_t *shelf, answer_t *answer)
{
    memcpy(shelf->tag, answer->tag, sizeof shelf->tag);
    memcpy(shelf->gzip_tag, answer->gzip_tag, sizeof shelf->gzip_tag);
    shelf->plain_bytes = answer->plain.size;
    shelf->gzip_bytes = answer->gzip.size;
    shelf->plain = s_answer(self, &answer->plain, answer->tag, false);
    shelf->same_plain = s_same(answer->tag);
    if (shelf->gzip_bytes > 0) {
        shelf->gzip = s_answer(self, &answer->gzip, answer->gzip_tag, true);
        shelf->same_gzip = s_same(answer->gzip_tag);
    }
    return shelf->plain && shelf->same_plain &&
           (shelf->gzip_bytes == 0 || (shelf->gzip && shelf->same_gzip));
}

// Is it what is told already? Then for longer.
static bool s_is_told(stock_t *self, answer_kind_t kind, const buffer_t *body, int64_t until_us)
{
    char tag[ANSWER_TAG_MAX];
    answer_tag(buffer_slice(body), "", tag);
    pthread_mutex_lock(&self->lock);
    shelf_t *shelf = &self->shelves[kind];
    bool same = shelf->plain && strcmp(shelf->tag, tag) == 0;
    if (same)
        shelf->until_us = until_us;
    pthread_mutex_unlock(&self->lock);
    return same;
}

bool stock_tell(stock_t *self, answer_kind_t kind, buffer_t *body, int64_t until_us)
{
    if (!body->failed && s_is_told(self, kind, body, until_us)) {
        buffer_destroy(body);
        return true;
    }
    owned(answer_destroy) answer_t answer = { 0 };
    shelf_t shelf = { .until_us = until_us };
    bool good = answer_make(&answer, body) && s_fill(self, &shelf, &answer);
    if (good) { // viewers who are being served hold references of their own
        pthread_mutex_lock(&self->lock);
        shelf_t old = self->shelves[kind];
        self->shelves[kind] = shelf;
        pthread_mutex_unlock(&self->lock);
        shelf = old;
        self->answers++;
    }
    s_empty(&shelf);
    return good;
}

static void s_pile_drop(void *context)
{
    pile_t *pile = context;
    if (!pile || atomic_fetch_sub(&pile->holders, 1) > 1)
        return;
    *pile->alive -= pile->text.size;
    buffer_destroy(&pile->text);
    free(pile);
}

// NULL: no memory.
static pile_t *s_pile_new(stock_t *stock, const alerts_t *alerts)
{
    pile_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->holders = 1;
    self->alive = &stock->alive;
    self->count = alerts->count;
    alerts_document(alerts, ALERTS_MAX, &self->text, self->marks);
    stock->alive += self->text.size;
    if (!self->text.failed) {
        answer_tag(buffer_slice(&self->text), "", self->tag);
        return self;
    }
    s_pile_drop(self);
    return NULL;
}

bool stock_tell_alerts(stock_t *self, const alerts_t *alerts, int64_t until_us)
{
    buffer_t body = { 0 };
    alerts_document(alerts, ALERTS_DEFAULT, &body, NULL);
    pile_t *pile = s_pile_new(self, alerts);
    if (!pile || !stock_tell(self, ANSWER_ALERTS, &body, until_us)) {
        buffer_destroy(&body);
        s_pile_drop(pile);
        return false;
    }
    pthread_mutex_lock(&self->lock);
    pile_t *old = self->pile;
    self->pile = pile;
    pthread_mutex_unlock(&self->lock);
    s_pile_drop(old);
    return true;
}

// ---- who asks --------------------------------------------------------------------------------

static const char *s_header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool s_is_current(const shelf_t *shelf)
{
    return shelf->plain && life_mono_us() < shelf->until_us;
}

// No more of what will soon be old. Under the lock: it is on a shelf, or in the pile, and counted.
static bool s_is_crowded(const stock_t *self, size_t bytes)
{
    size_t now = self->pile ? self->pile->text.size : 0;
    for (int kind = 0; kind < ANSWERS; kind++)
        now += self->shelves[kind].plain_bytes + self->shelves[kind].gzip_bytes;
    return bytes > STOCK_SMALL_BYTES && self->alive - now > STOCK_OLD_BYTES_MAX;
}

bool stock_has(stock_t *self, answer_kind_t kind)
{
    pthread_mutex_lock(&self->lock);
    bool has = s_is_current(&self->shelves[kind]);
    pthread_mutex_unlock(&self->lock);
    return has;
}

// One response for all; only a reference is taken under the lock.
stock_word_t stock_hand_out(stock_t *self, struct MHD_Connection *connection, answer_kind_t kind)
{
    bool gzip = answer_takes_gzip(s_header(connection, "Accept-Encoding"));
    const char *known = s_header(connection, "If-None-Match");
    stock_word_t word = STOCK_GIVEN;
    pthread_mutex_lock(&self->lock);
    const shelf_t *shelf = &self->shelves[kind];
    gzip = gzip && shelf->gzip;
    bool there = s_is_current(shelf);
    bool same = there && answer_is_known(known, gzip ? shelf->gzip_tag : shelf->tag);
    self->unchanged += same;
    if (!there)
        word = STOCK_UNKNOWN;
    else if (!same && s_is_crowded(self, gzip ? shelf->gzip_bytes : shelf->plain_bytes))
        word = STOCK_CROWDED;
    else if (MHD_queue_response(connection, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK,
                                same ? (gzip ? shelf->same_gzip : shelf->same_plain)
                                     : (gzip ? shelf->gzip : shelf->plain)) != MHD_YES)
        word = STOCK_FAILED;
    pthread_mutex_unlock(&self->lock);
    return word;
}

// The first `count` alerts of it, and its end. Takes it. NULL: no memory.
static struct MHD_Response *s_part(pile_t *pile, size_t count)
{
    size_t end = pile->marks[pile->count];
    const struct MHD_IoVec parts[] = { { pile->text.data, pile->marks[count] },
                                       { pile->text.data + end, pile->text.size - end } };
    struct MHD_Response *self = MHD_create_response_from_iovec(parts, 2, s_pile_drop, pile);
    if (self)
        s_type(self, TYPE);
    else
        s_pile_drop(pile);
    return self;
}

// Another number of alerts than most ask for: no bytes are made for it, nor compressed.
stock_word_t stock_hand_out_alerts(stock_t *self, struct MHD_Connection *connection, uint32_t limit)
{
    char tag[ANSWER_TAG_MAX + NUMBER_MAX];
    pthread_mutex_lock(&self->lock);
    pile_t *pile = s_is_current(&self->shelves[ANSWER_ALERTS]) ? self->pile : NULL;
    bool crowded = pile && s_is_crowded(self, pile->text.size);
    if (pile)
        pile->holders++;
    pthread_mutex_unlock(&self->lock);
    if (!pile)
        return STOCK_UNKNOWN;
    size_t count = limit < pile->count ? limit : pile->count;
    snprintf(tag, sizeof tag, "%.*s-%zu\"", (int) strlen(pile->tag) - 1, pile->tag, count);
    bool same = answer_is_known(s_header(connection, "If-None-Match"), tag);
    self->unchanged += same;
    if (same || crowded)
        s_pile_drop(pile);
    if (crowded && !same)
        return STOCK_CROWDED;
    owned(s_drop) struct MHD_Response *response =
        same ? stock_response(&(buffer_t){ 0 }, NULL) : s_part(pile, count);
    if (!response)
        return STOCK_FAILED;
    s_name(response, tag);
    unsigned status = same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK;
    return MHD_queue_response(connection, status, response) == MHD_YES ? STOCK_GIVEN : STOCK_FAILED;
}

// ---- life ------------------------------------------------------------------------------------

stock_t *stock_new(void)
{
    stock_t *self = calloc(1, sizeof *self);
    if (self)
        pthread_mutex_init(&self->lock, NULL);
    return self;
}

void stock_destroy(stock_t **self_p)
{
    stock_t *self = *self_p;
    if (!self)
        return;
    for (int kind = 0; kind < ANSWERS; kind++)
        s_empty(&self->shelves[kind]);
    s_pile_drop(self->pile);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

stock_count_t stock_count(stock_t *self)
{
    return (stock_count_t){ self->unchanged, self->answers };
}
