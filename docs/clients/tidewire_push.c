/*  tidewire_push -- see tidewire_push.h. */
#define _GNU_SOURCE
#include "tidewire_push.h"

#include <inttypes.h>
#include <msgpack.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>
#include <zmq.h>

#include "tidewire_curve.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns go to the wire as they lie");

enum {
    NAME_MAX_BYTES = 128, // of source and client
    BROKERS = 8,
    LINKS = BROKERS + 1,
    ALERTS_MAX = BROKERS * TIDEWIRE_ENDPOINT_MAX,
    FRAMES_MAX = 256,
    BYTES_MAX = 64 << 20,
    NEWS_BYTES_MAX = 4096, // of what the broker may send
    QUEUE = 16,            // frames inside libzmq, which a broken link loses
    SILENCE_MS = 1000,     // without news that makes us send again; doubles while nothing comes
    AGAIN_MS = 100,        // at least between two times of sending again; doubles likewise
    PAUSE_MS_MAX = 8000,
    ASK_MS = 250,
    WAIT_MS_MAX = 500,
};

typedef struct {
    char *data;
    size_t size;
} frame_t;

// The frames acknowledged + 1 .. n are frames[first], frames[first + 1] ... of a ring.
struct tidewire_push {
    void *context;
    void *sockets[LINKS]; // `out`, and a `news` for each broker
    tidewire_link_t *links[LINKS];
    unsigned link_count;
    tidewire_key_t key; // until we have connected
    char feed[TIDEWIRE_ENDPOINT_MAX], alerts[ALERTS_MAX];
    char source[NAME_MAX_BYTES + 1], client[NAME_MAX_BYTES + 1];
    char topic[2 * NAME_MAX_BYTES + 16];
    uint64_t n, acknowledged, resent;
    bool answered;
    frame_t *frames;
    size_t frames_max, bytes_max, first, count, bytes;
    size_t next; // how many of them were sent
    int64_t silence_ms, again_ms, silent_until_ms, again_from_ms;
    char error[512];
};

static int64_t s_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool __attribute__((format(printf, 2, 3)))
s_fail(tidewire_push_t *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->error, sizeof self->error, format, arguments);
    va_end(arguments);
    return false;
}

// ---- life -----------------------------------------------------------------------------------

// A socket with its link, the next one.
static bool s_link(tidewire_push_t *self, int type, const char *endpoint)
{
    const int one = 1, queue = QUEUE, none = 0;
    const int64_t news_max = NEWS_BYTES_MAX;
    if (self->link_count == LINKS)
        return s_fail(self, "more than %d brokers", BROKERS);
    void *socket = self->sockets[self->link_count] = zmq_socket(self->context, type);
    if (!socket)
        return s_fail(self, "no socket: %s", zmq_strerror(zmq_errno()));
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    if (type == ZMQ_SUB) {
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, self->topic, strlen(self->topic));
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &news_max, sizeof news_max);
    } else {
        // Queue only for a collector that is there.
        zmq_setsockopt(socket, ZMQ_IMMEDIATE, &one, sizeof one);
        zmq_setsockopt(socket, ZMQ_SNDHWM, &queue, sizeof queue);
    }
    self->links[self->link_count++] =
        tidewire_link_new(self->context, socket, endpoint, &self->key, self->error);
    return self->links[self->link_count - 1];
}

static void s_disconnect(tidewire_push_t *self)
{
    for (unsigned i = 0; i < LINKS; i++) {
        tidewire_link_destroy(&self->links[i]);
        if (self->sockets[i])
            zmq_close(self->sockets[i]);
        self->sockets[i] = NULL;
    }
    self->link_count = 0;
}

static bool s_connect(tidewire_push_t *self)
{
    char alerts[ALERTS_MAX];
    strcpy(alerts, self->alerts);
    if (self->link_count > 0)
        return true;
    bool good = s_link(self, ZMQ_PUSH, self->feed);
    char *rest = alerts;
    for (char *broker; good && (broker = strsep(&rest, ","));)
        good = s_link(self, ZMQ_SUB, broker);
    if (good)
        explicit_bzero(&self->key, sizeof self->key); // libzmq has it
    else
        s_disconnect(self);
    return good;
}

// Why we are not let in; "" = nothing is known. False: we have been refused.
static bool s_look(tidewire_push_t *self)
{
    bool good = true;
    for (unsigned i = 0; i < self->link_count; i++) {
        const char *why = tidewire_link_look(self->links[i]);
        if (why && good)
            good = s_fail(self, "%s: %s", tidewire_link_address(self->links[i]), why) ||
                   !tidewire_link_refused(self->links[i]);
    }
    return good;
}

static void s_progress(tidewire_push_t *self)
{
    self->silence_ms = SILENCE_MS;
    self->again_ms = AGAIN_MS;
    self->silent_until_ms = s_now_ms() + SILENCE_MS;
    // The same number by another broker is no news.
    self->again_from_ms = self->link_count > 2 ? s_now_ms() + AGAIN_MS : 0;
}

tidewire_push_t *tidewire_push_new(const char *feed, const char *alerts, const char *source,
                                   const char *client)
{
    if (strlen(source) > NAME_MAX_BYTES || strlen(client) > NAME_MAX_BYTES ||
        strlen(feed) >= TIDEWIRE_ENDPOINT_MAX || strlen(alerts) >= ALERTS_MAX)
        return NULL;
    tidewire_push_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    strcpy(self->feed, feed);
    strcpy(self->alerts, alerts);
    strcpy(self->source, source);
    strcpy(self->client, client);
    snprintf(self->topic, sizeof self->topic, "staged/%s/%s", source, client);
    s_progress(self);
    self->context = zmq_ctx_new();
    if (!self->context || !tidewire_push_bound(self, FRAMES_MAX, BYTES_MAX))
        tidewire_push_destroy(&self);
    return self;
}

bool tidewire_push_key(tidewire_push_t *self, const char *file)
{
    return tidewire_key_read(&self->key, file, self->error);
}

void tidewire_push_destroy(tidewire_push_t **self_p)
{
    tidewire_push_t *self = *self_p;
    if (!self)
        return;
    s_disconnect(self);
    explicit_bzero(&self->key, sizeof self->key);
    if (self->context)
        zmq_ctx_term(self->context);
    for (size_t i = 0; i < self->count; i++)
        free(self->frames[(self->first + i) % self->frames_max].data);
    free(self->frames);
    free(self);
    *self_p = NULL;
}

bool tidewire_push_bound(tidewire_push_t *self, size_t frames_max, size_t bytes_max)
{
    if (self->count > 0 || frames_max == 0)
        return s_fail(self, "bounds change only while no frame is under way");
    frame_t *frames = calloc(frames_max, sizeof *frames);
    if (!frames)
        return s_fail(self, "out of memory");
    free(self->frames);
    self->frames = frames;
    self->frames_max = frames_max;
    self->bytes_max = bytes_max;
    self->first = 0;
    return true;
}

// ---- news -----------------------------------------------------------------------------------

static void s_go_back(tidewire_push_t *self)
{
    int64_t now_ms = s_now_ms();
    self->resent += self->next > 0;
    self->next = 0;
    self->silence_ms = 2 * self->silence_ms < PAUSE_MS_MAX ? 2 * self->silence_ms : PAUSE_MS_MAX;
    self->again_ms = 2 * self->again_ms < PAUSE_MS_MAX ? 2 * self->again_ms : PAUSE_MS_MAX;
    self->silent_until_ms = now_ms + self->silence_ms;
    self->again_from_ms = now_ms + self->again_ms;
}

static void s_take_number(tidewire_push_t *self, uint64_t n)
{
    if (!self->answered) {
        self->answered = true;
        self->acknowledged = n;
    } else if (n > self->acknowledged) {
        for (uint64_t i = self->acknowledged; i < n && self->count > 0; i++) {
            frame_t *frame = &self->frames[self->first];
            self->bytes -= frame->size;
            free(frame->data);
            self->first = (self->first + 1) % self->frames_max;
            self->count--;
            self->next -= self->next > 0;
        }
        self->acknowledged = n;
        s_progress(self);
    } else if (self->next > 0 && s_now_ms() >= self->again_from_ms) {
        s_go_back(self); // what it got from us is not what it wants next
    }
}

// {v: 1, n: ...}
static void s_read_news(tidewire_push_t *self, const char *body, size_t size)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    if (msgpack_unpack_next(&unpacked, body, size, NULL) == MSGPACK_UNPACK_SUCCESS &&
        unpacked.data.type == MSGPACK_OBJECT_MAP)
        for (uint32_t i = 0; i < unpacked.data.via.map.size; i++) {
            const msgpack_object_kv *pair = &unpacked.data.via.map.ptr[i];
            if (pair->key.type == MSGPACK_OBJECT_STR && pair->key.via.str.size == 1 &&
                pair->key.via.str.ptr[0] == 'n' &&
                pair->val.type == MSGPACK_OBJECT_POSITIVE_INTEGER)
                s_take_number(self, pair->val.via.u64);
        }
    msgpack_unpacked_destroy(&unpacked);
}

static int s_receive(void *socket, char *out, size_t room)
{
    int size = zmq_recv(socket, out, room, ZMQ_DONTWAIT);
    return size > (int) room ? (int) room : size;
}

static void s_take_news(tidewire_push_t *self, void *news)
{
    char topic[sizeof self->topic], body[64];
    for (int size; (size = s_receive(news, topic, sizeof topic)) >= 0;) {
        int more = 0, body_size = -1;
        for (size_t length = sizeof more;
             zmq_getsockopt(news, ZMQ_RCVMORE, &more, &length) == 0 && more;)
            body_size = s_receive(news, body, sizeof body);
        // A subscription is a prefix: another client's name may begin with ours.
        if (body_size >= 0 && size == (int) strlen(self->topic) &&
            memcmp(topic, self->topic, (size_t) size) == 0)
            s_read_news(self, body, (size_t) body_size);
    }
}

// ---- work -----------------------------------------------------------------------------------

static void s_pump(tidewire_push_t *self)
{
    for (; self->next < self->count; self->next++) {
        const frame_t *frame = &self->frames[(self->first + self->next) % self->frames_max];
        if (zmq_send(self->sockets[0], frame->data, frame->size, ZMQ_DONTWAIT) == -1)
            return;
    }
}

static void s_wait(tidewire_push_t *self, bool sending, int64_t wait_ms)
{
    zmq_pollitem_t items[LINKS];
    for (unsigned i = 0; i < self->link_count; i++)
        items[i] = (zmq_pollitem_t){ .socket = self->sockets[i], .events = ZMQ_POLLIN };
    items[0].events = sending ? ZMQ_POLLOUT : 0;
    zmq_poll(items, (int) self->link_count, wait_ms);
    for (unsigned i = 1; i < self->link_count; i++)
        if (items[i].revents)
            s_take_news(self, self->sockets[i]);
}

void tidewire_push_work(tidewire_push_t *self, int wait_ms)
{
    int64_t now_ms = s_now_ms(), wait = wait_ms < 0 ? WAIT_MS_MAX : wait_ms;
    (void) s_look(self); // refused meanwhile: tried again
    if (self->count > 0 && now_ms >= self->silent_until_ms)
        s_go_back(self);
    s_pump(self);
    if (self->count > 0 && self->silent_until_ms - now_ms < wait)
        wait = self->silent_until_ms > now_ms ? self->silent_until_ms - now_ms : 0;
    s_wait(self, self->next < self->count, wait);
    s_pump(self);
}

// One more turn of waiting. False: the time is over.
static bool s_work_until(tidewire_push_t *self, int64_t end_ms)
{
    int64_t left_ms = end_ms - s_now_ms();
    if (left_ms <= 0)
        return s_fail(self, "%zu frames above n=%" PRIu64 " are not acknowledged in time",
                      self->count, self->acknowledged);
    tidewire_push_work(self, left_ms < WAIT_MS_MAX ? (int) left_ms : WAIT_MS_MAX);
    return true;
}

static int64_t s_end_ms(int wait_ms)
{
    return wait_ms < 0 ? INT64_MAX : s_now_ms() + wait_ms;
}

bool tidewire_push_settle(tidewire_push_t *self, int wait_ms)
{
    int64_t end_ms = s_end_ms(wait_ms);
    while (self->count > 0)
        if (!s_work_until(self, end_ms))
            return false;
    return true;
}

uint64_t tidewire_push_acknowledged(const tidewire_push_t *self)
{
    return self->acknowledged;
}

uint64_t tidewire_push_resent(const tidewire_push_t *self)
{
    return self->resent;
}

const char *tidewire_push_error(const tidewire_push_t *self)
{
    return self->error;
}

// ---- frames ---------------------------------------------------------------------------------

static void s_pack_text(msgpack_packer *packer, const char *text)
{
    msgpack_pack_str(packer, strlen(text));
    msgpack_pack_str_body(packer, text, strlen(text));
}

static void s_pack_bytes(msgpack_packer *packer, const void *bytes, size_t size)
{
    msgpack_pack_bin(packer, size);
    msgpack_pack_bin_body(packer, bytes, size);
}

static void s_pack_head(msgpack_packer *packer, const tidewire_push_t *self, uint64_t n)
{
    msgpack_pack_map(packer, n ? 5 : 4);
    s_pack_text(packer, "v");
    msgpack_pack_int(packer, 1);
    s_pack_text(packer, "source");
    s_pack_text(packer, self->source);
    s_pack_text(packer, "client");
    s_pack_text(packer, self->client);
    s_pack_text(packer, "n");
    msgpack_pack_uint64(packer, n);
}

static void s_pack_bulk(msgpack_packer *packer, const char *type, const void *values, size_t size)
{
    msgpack_pack_array(packer, 2);
    s_pack_text(packer, type);
    s_pack_bytes(packer, values, size);
}

static void s_pack_column(msgpack_packer *packer, const tidewire_column_t *column, uint32_t rows)
{
    const char *const *texts = column->values;
    s_pack_text(packer, column->name);
    switch (column->type) {
    case TIDEWIRE_I64:
        s_pack_bulk(packer, "i64", column->values, rows * sizeof(int64_t));
        break;
    case TIDEWIRE_F64:
        s_pack_bulk(packer, "f64", column->values, rows * sizeof(double));
        break;
    case TIDEWIRE_DEC:
        msgpack_pack_array(packer, 3);
        s_pack_text(packer, "dec");
        msgpack_pack_int(packer, column->exponent);
        s_pack_bytes(packer, column->values, rows * sizeof(int64_t));
        break;
    case TIDEWIRE_TEXT:
        msgpack_pack_array(packer, rows);
        for (uint32_t i = 0; i < rows; i++) {
            if (texts[i])
                s_pack_text(packer, texts[i]);
            else
                msgpack_pack_nil(packer);
        }
        break;
    case TIDEWIRE_DICT:
        msgpack_pack_array(packer, 3);
        s_pack_text(packer, "dict");
        msgpack_pack_array(packer, column->text_count);
        for (uint32_t i = 0; i < column->text_count; i++)
            s_pack_text(packer, column->texts[i]);
        s_pack_bulk(packer, "u32", column->values, rows * sizeof(uint32_t));
        break;
    }
}

// May frame n + 1, of this size, be kept? Waits until it may.
static bool s_make_room(tidewire_push_t *self, size_t size, int wait_ms)
{
    int64_t end_ms = s_end_ms(wait_ms);
    if (!self->answered)
        return s_fail(self, "tidewire_push_open comes first");
    if (size > TIDEWIRE_FRAME_BYTES_MAX)
        return s_fail(self, "a frame of %zu bytes; at most %d are taken: send fewer rows in each",
                      size, TIDEWIRE_FRAME_BYTES_MAX);
    while (self->count == self->frames_max ||
           (self->count > 0 && self->bytes + size > self->bytes_max))
        if (!s_work_until(self, end_ms))
            return false;
    return true;
}

// Give a packed frame its place. It is taken over, or freed.
static uint64_t s_keep(tidewire_push_t *self, msgpack_sbuffer *packed, bool good, int wait_ms)
{
    if (!good || !packed->data)
        s_fail(self, "out of memory");
    else
        good = s_make_room(self, packed->size, wait_ms);
    if (!good || ++self->n <= self->acknowledged) {
        // The latter: an earlier life's, which was still on its way when we asked.
        msgpack_sbuffer_destroy(packed);
        return good ? self->n : 0;
    }
    size_t place = (self->first + self->count) % self->frames_max;
    self->frames[place].size = packed->size;
    self->bytes += packed->size;
    char *data = msgpack_sbuffer_release(packed), *exact = realloc(data, self->frames[place].size);
    self->frames[place].data = exact ? exact : data;
    if (self->count++ == 0)
        s_progress(self);
    tidewire_push_work(self, 0);
    return self->n;
}

// msgpack-c tells a lack of memory by the result of each write; this remembers it.
typedef struct {
    msgpack_sbuffer bytes;
    bool failed;
} packed_t;

static int s_write(void *context, const char *bytes, size_t size)
{
    packed_t *self = context;
    if (self->failed || msgpack_sbuffer_write(&self->bytes, bytes, size) != 0)
        self->failed = true;
    return self->failed ? -1 : 0;
}

uint64_t tidewire_push_rows(tidewire_push_t *self, const tidewire_column_t *columns,
                            unsigned column_count, uint32_t rows, int wait_ms)
{
    if (rows > TIDEWIRE_FRAME_ROWS_MAX) {
        s_fail(self, "a frame of %" PRIu32 " rows; at most %d are taken", rows,
               TIDEWIRE_FRAME_ROWS_MAX);
        return 0;
    }
    packed_t packed = { .failed = false };
    msgpack_packer packer;
    msgpack_packer_init(&packer, &packed, s_write);
    s_pack_head(&packer, self, self->n + 1);
    s_pack_text(&packer, "rows");
    msgpack_pack_map(&packer, column_count);
    for (unsigned i = 0; i < column_count; i++)
        s_pack_column(&packer, &columns[i], rows);
    return s_keep(self, &packed.bytes, !packed.failed, wait_ms);
}

uint64_t tidewire_push_raw(tidewire_push_t *self, const void *bytes, size_t size, int wait_ms)
{
    packed_t packed = { .failed = size > TIDEWIRE_FRAME_BYTES_MAX };
    if (packed.failed) {
        s_fail(self, "a payload of %zu bytes; at most %d are taken", size,
               TIDEWIRE_FRAME_BYTES_MAX);
        return 0;
    }
    msgpack_packer packer;
    msgpack_packer_init(&packer, &packed, s_write);
    s_pack_head(&packer, self, self->n + 1);
    s_pack_text(&packer, "raw");
    s_pack_bytes(&packer, bytes, size);
    return s_keep(self, &packed.bytes, !packed.failed, wait_ms);
}

static bool s_ask(tidewire_push_t *self, const packed_t *question, int64_t end_ms)
{
    s_fail(
        self,
        "no answer about source '%s': does its collector listen there (its log says what it "
        "refuses), and a broker at the address of the alerts? With keys '%s' must be the name of "
        "our key, or that, a dot and more",
        self->source, self->client);
    for (int64_t ask_ms = 0; !self->answered; s_wait(self, false, ASK_MS / 10)) {
        if (!s_look(self) || s_now_ms() >= end_ms)
            return false;
        if (s_now_ms() >= ask_ms) { // nobody there: once more
            zmq_send(self->sockets[0], question->bytes.data, question->bytes.size, ZMQ_DONTWAIT);
            ask_ms = s_now_ms() + ASK_MS;
        }
    }
    return true;
}

bool tidewire_push_open(tidewire_push_t *self, int wait_ms, uint64_t *acknowledged)
{
    if (!s_connect(self))
        return false;
    packed_t question = { .failed = false };
    msgpack_packer packer;
    msgpack_packer_init(&packer, &question, s_write);
    s_pack_head(&packer, self, 0);
    bool good =
        question.failed ? s_fail(self, "out of memory") : s_ask(self, &question, s_end_ms(wait_ms));
    msgpack_sbuffer_destroy(&question.bytes);
    self->n = *acknowledged = self->acknowledged;
    return good;
}

// ---- shards ---------------------------------------------------------------------------------

static size_t s_put_part(char *id, size_t size, const char *part)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    for (; *part && size <= TIDEWIRE_SERIES_MAX; part++) {
        bool as_it_is = strchr(plain, *part) != NULL;
        size_t needed = as_it_is ? 1 : 3;
        if (size + needed > TIDEWIRE_SERIES_MAX)
            return TIDEWIRE_SERIES_MAX + 1;
        if (as_it_is)
            id[size] = *part;
        else
            snprintf(id + size, 4, "%%%02X", (unsigned char) *part);
        size += needed;
    }
    return size;
}

bool tidewire_series(char id[TIDEWIRE_SERIES_MAX + 1], const char *table, const char *const *values,
                     unsigned count)
{
    size_t size = s_put_part(id, 0, table);
    unsigned i = 0;
    for (; i < count && size < TIDEWIRE_SERIES_MAX; i++) {
        id[size] = ':';
        size = s_put_part(id, size + 1, values[i]);
    }
    bool whole = i == count && size <= TIDEWIRE_SERIES_MAX;
    id[whole ? size : 0] = '\0';
    return whole;
}

unsigned tidewire_shard(const char *id, unsigned shards)
{
    return (unsigned) crc32(0, (const Bytef *) id, (uInt) strlen(id)) % shards;
}
