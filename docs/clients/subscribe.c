/*  subscribe -- print the alerts of a Tidewire broker, each once, as lines of text.
 *
 *  cc subscribe.c tidewire_curve.c -o subscribe $(pkg-config --cflags --libs libzmq msgpack
 *  hiredis) ./subscribe [ENDPOINT[,ENDPOINT...] [TOPIC [COUNT [REDIS]]]]
 *
 *  Default: tcp://127.0.0.1:5560 alert/ 0 (no end), and no Redis; REDIS is the path of its socket.
 *
 *  A message may come twice: its id is known already. Some may be missing: `seq` of a topic is not
 *  the last one plus one, or there was no `hugz/` for a while. With REDIS, what is missing is taken
 *  from the log tw:alerts, where every alert stands once; without, it is told.
 *
 *  Over several brokers, what one of them lost, or was not there for, comes by another. So what is
 *  missing is missing only if none has brought it within two seconds, and the order is that of who
 *  is first.
 *
 *  Where Tidewire has keys, TIDEWIRE_KEY in the environment names our key file, and each ENDPOINT
 *  has the key of who listens behind it: tcp://HOST:PORT#KEY (tidewire_curve.h).
 */
#define _GNU_SOURCE
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "tidewire_curve.h"

enum {
    TOPICS = 4096,
    TOPIC_MAX = 512,
    BODY_MAX = 1 << 20,
    IDS = 1 << 16,     // remembered
    ID_BYTES = 32,     // hex digits
    SILENCE_MS = 3000, // the broker says hugz/ every second
    LOOK_MS = 10000,   // at the log, whatever the socket says: nobody comes after the last alert
    GRACE_MS = 2000,   // in which another broker may bring what one has lost
    TURN_MS = 500,
    BROKERS = 8,
    GAPS = 1024, // that wait
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// ---- what is known ------------------------------------------------------------------------------

// The newest IDS ids: a ring, whose places are chained by hash.
static struct {
    char id[IDS][ID_BYTES];
    uint32_t first[IDS], next[IDS]; // place + 1; 0 = none
    uint32_t count;                 // ever
} known;

static uint32_t hash_of(const char *id)
{
    uint32_t hash = 2166136261u;
    for (int i = 0; i < ID_BYTES; i++)
        hash = (hash ^ (unsigned char) id[i]) * 16777619u;
    return hash % IDS;
}

// 1 if it was not known; it is, from now on.
static int learn(const char *id)
{
    uint32_t *chain = &known.first[hash_of(id)];
    for (uint32_t at = *chain; at; at = known.next[at - 1])
        if (memcmp(known.id[at - 1], id, ID_BYTES) == 0)
            return 0;
    uint32_t place = known.count % IDS;
    if (known.count++ >= IDS) { // the oldest goes: it is in the chain of its own hash
        uint32_t *link = &known.first[hash_of(known.id[place])];
        while (*link != place + 1)
            link = &known.next[*link - 1];
        *link = known.next[place];
    }
    memcpy(known.id[place], id, ID_BYTES);
    known.next[place] = *chain;
    *chain = place + 1;
    return 1;
}

// The last alert of each topic.
typedef struct {
    char name[TOPIC_MAX];
    uint64_t seq;
} topic_t;
static topic_t topics[TOPICS];

static topic_t *topic_of(const char *name)
{
    for (int i = 0; i < TOPICS; i++) {
        if (!topics[i].name[0])
            snprintf(topics[i].name, sizeof topics[i].name, "%s", name);
        if (strcmp(topics[i].name, name) == 0)
            return &topics[i];
    }
    return NULL; // more topics than this example remembers
}

// What is missing, unless another broker brings it.
static struct {
    const char *topic;
    uint64_t first, last;
    int64_t due_ms;
} gaps[GAPS];
static int gap_count;
static int64_t grace_ms; // none with one broker

static void tell_gap(int i)
{
    if (gaps[i].first <= gaps[i].last) // else it was filled
        fprintf(stderr, "gap: %s %" PRIu64 "..%" PRIu64 " missing\n", gaps[i].topic, gaps[i].first,
                gaps[i].last);
}

static void add_gap(const char *topic, uint64_t first, uint64_t last, int64_t due_ms)
{
    if (gap_count == GAPS) { // the oldest goes, told before its time
        tell_gap(0);
        memmove(gaps, gaps + 1, (size_t) --gap_count * sizeof *gaps);
    }
    gaps[gap_count].topic = topic;
    gaps[gap_count].first = first;
    gaps[gap_count].last = last;
    gaps[gap_count++].due_ms = due_ms;
}

static void fill_gap(const char *topic, uint64_t seq)
{
    for (int i = 0; i < gap_count; i++) {
        if (strcmp(gaps[i].topic, topic) != 0 || seq < gaps[i].first || seq > gaps[i].last)
            continue;
        uint64_t last = gaps[i].last;
        gaps[i].last = seq - 1;
        if (seq < last)
            add_gap(gaps[i].topic, seq + 1, last, gaps[i].due_ms);
        return;
    }
}

// 1: something is missing that by now nobody has brought. It is told, and forgotten.
static int tell_gaps(void)
{
    int told = 0, kept = 0;
    for (int i = 0; i < gap_count; i++) {
        if (gaps[i].first > gaps[i].last)
            continue;
        if (gaps[i].due_ms > now_ms()) {
            gaps[kept++] = gaps[i];
            continue;
        }
        tell_gap(i);
        told = 1;
    }
    gap_count = kept;
    return told;
}

static long printed;

// Print it if it is new.
static void show(const char *topic, const char *id, uint64_t seq, int64_t ts)
{
    if (!learn(id))
        return;
    printf("%.*s %s seq=%" PRIu64 " ts=%" PRId64 "\n", ID_BYTES, id, topic, seq, ts);
    fflush(stdout);
    printed++;
    topic_t *known_topic = topic_of(topic);
    if (!known_topic)
        return;
    if (known_topic->seq && seq > known_topic->seq + 1)
        add_gap(known_topic->name, known_topic->seq + 1, seq - 1, now_ms() + grace_ms);
    if (seq > known_topic->seq) // one from the log may be older than what we have
        known_topic->seq = seq;
    else
        fill_gap(topic, seq);
}

// ---- the log ------------------------------------------------------------------------------------

static struct {
    const char *path; // NULL: there is none
    redisContext *redis;
    char after[64]; // the last entry that was read; "" = not known yet
} logged;

static redisReply *ask(const char *format, const char *argument)
{
    if (!logged.redis)
        logged.redis = redisConnectUnix(logged.path);
    redisReply *reply =
        logged.redis && !logged.redis->err ? redisCommand(logged.redis, format, argument) : NULL;
    if (!reply && logged.redis) { // it is away: again with the next look
        redisFree(logged.redis);
        logged.redis = NULL;
    }
    return reply;
}

static const char *field_of(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (fields->element[i]->str && strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1]->str;
    return NULL;
}

static void show_entry(const redisReply *entry, const char *prefix)
{
    if (entry->elements != 2 || entry->element[0]->len >= sizeof logged.after)
        return;
    strcpy(logged.after, entry->element[0]->str);
    const char *id = field_of(entry->element[1], "id"), *seq = field_of(entry->element[1], "seq");
    const char *topic = field_of(entry->element[1], "topic");
    const char *ts = field_of(entry->element[1], "ts");
    if (id && strlen(id) == ID_BYTES && topic && seq && ts &&
        strncmp(topic, prefix, strlen(prefix)) == 0)
        show(topic, id, strtoull(seq, NULL, 10), strtoll(ts, NULL, 10));
}

// What is in the log and did not come by the socket. The first time: nothing, from now on.
static void recover(const char *prefix)
{
    size_t entries = 1;
    while (logged.path && entries > 0) {
        redisReply *reply = logged.after[0] ? ask("XRANGE tw:alerts (%s + COUNT 1000", logged.after)
                                            : ask("XREVRANGE tw:alerts + %s COUNT 1", "-");
        entries = reply && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
        if (!logged.after[0] && reply) {
            const redisReply *newest = entries ? reply->element[0]->element[0] : NULL;
            snprintf(logged.after, sizeof logged.after, "%s", newest ? newest->str : "0-0");
            entries = 0;
        }
        for (size_t i = 0; i < entries; i++)
            show_entry(reply->element[i], prefix);
        if (reply)
            freeReplyObject(reply);
    }
}

// ---- the brokers --------------------------------------------------------------------------------

static const msgpack_object *field(const msgpack_object *map, const char *name)
{
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_kv *pair = &map->via.map.ptr[i];
        if (pair->key.type == MSGPACK_OBJECT_STR && pair->key.via.str.size == strlen(name) &&
            memcmp(pair->key.via.str.ptr, name, pair->key.via.str.size) == 0)
            return &pair->val;
    }
    return NULL;
}

static void take_alert(const char *topic, const char *body, size_t size)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t offset = 0;
    if (msgpack_unpack_next(&unpacked, body, size, &offset) == MSGPACK_UNPACK_SUCCESS &&
        unpacked.data.type == MSGPACK_OBJECT_MAP) {
        const msgpack_object *id = field(&unpacked.data, "id"), *ts = field(&unpacked.data, "ts");
        const msgpack_object *seq = field(&unpacked.data, "seq");
        if (id && id->type == MSGPACK_OBJECT_STR && id->via.str.size == ID_BYTES && ts &&
            (ts->type == MSGPACK_OBJECT_POSITIVE_INTEGER ||
             ts->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) &&
            seq && seq->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
            show(topic, id->via.str.ptr, seq->via.u64, ts->via.i64);
    }
    msgpack_unpacked_destroy(&unpacked);
}

static struct {
    void *socket;
    tidewire_link_t *link;
    const char *why;  // it does not let us in; told already
    int64_t heard_ms; // or begun
    int heard, silent;
} brokers[BROKERS];
static int broker_count;

// 0: told why not.
static int connect_all(void *context, char *endpoints, const char *prefix)
{
    const int queue = 100000; // a burst waits here rather than being dropped
    const int none = 0;
    char why[TIDEWIRE_WHY_MAX] = "more than 8 brokers";
    tidewire_key_t key;
    int good = tidewire_key_read(&key, getenv("TIDEWIRE_KEY"), why);
    for (char *endpoint; good && (endpoint = strsep(&endpoints, ","));) {
        void *socket = broker_count < BROKERS ? zmq_socket(context, ZMQ_SUB) : NULL;
        if (!(good = socket != NULL))
            break;
        zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
        zmq_setsockopt(socket, ZMQ_RCVHWM, &queue, sizeof queue);
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, prefix, strlen(prefix));
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "hugz/", 5);
        brokers[broker_count].socket = socket;
        brokers[broker_count].heard_ms = now_ms();
        brokers[broker_count].link = tidewire_link_new(context, socket, endpoint, &key, why);
        good = brokers[broker_count++].link != NULL;
    }
    explicit_bzero(&key, sizeof key);
    if (!good)
        fprintf(stderr, "subscribe: %s\n", why);
    grace_ms = broker_count > 1 ? GRACE_MS : 0;
    return good;
}

static void take_hugz(int b, const char *prefix)
{
    // Everything published from the first on reaches us; what was before may not have.
    const char *address = tidewire_link_address(brokers[b].link);
    if (!brokers[b].heard)
        fprintf(stderr, "subscribed to %s\n", address);
    else if (brokers[b].silent)
        fprintf(stderr, "the broker at %s is heard again\n", address);
    if (!brokers[b].heard || brokers[b].silent)
        recover(prefix);
    brokers[b].heard = 1;
    brokers[b].silent = 0;
    brokers[b].why = NULL;
}

static void take(int b, const char *prefix)
{
    static char topic[TOPIC_MAX], body[BODY_MAX];
    int topic_size = zmq_recv(brokers[b].socket, topic, sizeof topic - 1, ZMQ_DONTWAIT);
    int body_size =
        topic_size == -1 ? -1 : zmq_recv(brokers[b].socket, body, sizeof body, ZMQ_DONTWAIT);
    brokers[b].heard_ms = now_ms();
    if (body_size == -1 || topic_size >= (int) sizeof topic || body_size > (int) sizeof body)
        return; // cut: larger than any alert
    topic[topic_size] = '\0';
    if (strcmp(topic, "hugz/") == 0)
        take_hugz(b, prefix);
    else
        take_alert(topic, body, (size_t) body_size);
}

// Nothing came: is it away, or are we not let in?
static void look(int b)
{
    const char *why = tidewire_link_look(brokers[b].link);
    const char *address = tidewire_link_address(brokers[b].link);
    if (why && why != brokers[b].why)
        fprintf(stderr, "%s: %s\n", address, why);
    brokers[b].why = why ? why : brokers[b].why;
    if (!brokers[b].silent && now_ms() - brokers[b].heard_ms >= SILENCE_MS) {
        fprintf(stderr, "the broker at %s is silent; waiting\n", address);
        brokers[b].silent = 1;
    }
}

static void listen_to_all(const char *prefix, long count)
{
    zmq_pollitem_t items[BROKERS];
    for (int b = 0; b < broker_count; b++)
        items[b] = (zmq_pollitem_t){ .socket = brokers[b].socket, .events = ZMQ_POLLIN };
    recover(prefix); // where the log is now
    int64_t looked_ms = now_ms();
    while (count == 0 || printed < count) {
        if (now_ms() - looked_ms >= LOOK_MS) {
            recover(prefix);
            looked_ms = now_ms();
        }
        if (zmq_poll(items, broker_count, TURN_MS) == -1)
            break; // a signal
        for (int b = 0; b < broker_count; b++) {
            if (!items[b].revents)
                look(b);
            else if (count == 0 || printed < count)
                take(b, prefix);
        }
        if (tell_gaps())
            recover(prefix);
    }
}

int main(int argc, char **argv)
{
    char *endpoints = strdup(argc > 1 ? argv[1] : "tcp://127.0.0.1:5560");
    const char *prefix = argc > 2 ? argv[2] : "alert/";
    long count = argc > 3 ? atol(argv[3]) : 0;
    logged.path = argc > 4 ? argv[4] : NULL;
    void *context = zmq_ctx_new();
    int good = endpoints && context && connect_all(context, endpoints, prefix);
    if (good)
        listen_to_all(prefix, count);
    if (logged.redis)
        redisFree(logged.redis);
    for (int b = 0; b < broker_count; b++) {
        tidewire_link_destroy(&brokers[b].link);
        zmq_close(brokers[b].socket);
    }
    zmq_ctx_term(context);
    free(endpoints);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
