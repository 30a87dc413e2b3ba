/*  subscribe -- print the alerts of a Tidewire broker, each once, as lines of text.
 *
 *      cc subscribe.c -o subscribe $(pkg-config --cflags --libs libzmq msgpack hiredis)
 *      ./subscribe [ENDPOINT [TOPIC [COUNT [REDIS]]]]
 *
 *  Default: tcp://127.0.0.1:5560 alert/ 0 (no end), and no Redis; REDIS is the path of its socket.
 *
 *  A message may come twice: its id is known already. Some may be missing: `seq` of a topic is not
 *  the last one plus one, or there was no `hugz/` for a while. With REDIS, what is missing is taken
 *  from the log tw:alerts, where every alert stands once; without, it is told.
 */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

enum {
    TOPICS = 4096,
    TOPIC_MAX = 512,
    BODY_MAX = 1 << 20,
    IDS = 1 << 16,     // remembered
    ID_BYTES = 32,     // hex digits
    SILENCE_MS = 3000, // the broker says hugz/ every second
    LOOK_S = 10, // at the log, whatever the socket says: nobody comes after the very last alert
};

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
static struct {
    char name[TOPIC_MAX];
    uint64_t seq;
} topics[TOPICS];

static uint64_t *last_seq(const char *topic)
{
    for (int i = 0; i < TOPICS; i++) {
        if (!topics[i].name[0])
            snprintf(topics[i].name, sizeof topics[i].name, "%s", topic);
        if (strcmp(topics[i].name, topic) == 0)
            return &topics[i].seq;
    }
    return NULL; // more topics than this example remembers
}

static long printed;

// Print it if it is new. 1: some are missing before it.
static int show(const char *topic, const char *id, uint64_t seq, int64_t ts)
{
    if (!learn(id))
        return 0;
    printf("%.*s %s seq=%" PRIu64 " ts=%" PRId64 "\n", ID_BYTES, id, topic, seq, ts);
    fflush(stdout);
    printed++;
    uint64_t *last = last_seq(topic);
    int gap = last && *last && seq > *last + 1;
    if (gap)
        fprintf(stderr, "gap: %s %" PRIu64 "..%" PRIu64 " missing\n", topic, *last + 1, seq - 1);
    if (last && seq > *last) // one from the log may be older than what we have
        *last = seq;
    return gap;
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

// ---- the socket ---------------------------------------------------------------------------------

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

// 1: some alerts are missing before it.
static int take_alert(const char *topic, const char *body, size_t size)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t offset = 0;
    int gap = 0;
    if (msgpack_unpack_next(&unpacked, body, size, &offset) == MSGPACK_UNPACK_SUCCESS &&
        unpacked.data.type == MSGPACK_OBJECT_MAP) {
        const msgpack_object *id = field(&unpacked.data, "id"), *ts = field(&unpacked.data, "ts");
        const msgpack_object *seq = field(&unpacked.data, "seq");
        if (id && id->type == MSGPACK_OBJECT_STR && id->via.str.size == ID_BYTES && ts &&
            (ts->type == MSGPACK_OBJECT_POSITIVE_INTEGER ||
             ts->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) &&
            seq && seq->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
            gap = show(topic, id->via.str.ptr, seq->via.u64, ts->via.i64);
    }
    msgpack_unpacked_destroy(&unpacked);
    return gap;
}

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "tcp://127.0.0.1:5560";
    const char *prefix = argc > 2 ? argv[2] : "alert/";
    long count = argc > 3 ? atol(argv[3]) : 0;
    logged.path = argc > 4 ? argv[4] : NULL;
    static char topic[TOPIC_MAX], body[BODY_MAX];
    const int queue = 100000; // a burst waits here rather than being dropped
    const int silence_ms = SILENCE_MS;

    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_SUB);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &queue, sizeof queue);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &silence_ms, sizeof silence_ms);
    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, prefix, strlen(prefix));
    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "hugz/", 5);
    if (zmq_connect(socket, endpoint) == -1) {
        fprintf(stderr, "cannot connect to %s: %s\n", endpoint, zmq_strerror(zmq_errno()));
        return EXIT_FAILURE;
    }
    recover(prefix); // where the log is now
    time_t looked = time(NULL);
    int heard = 0, subscribed = 0; // hugz/ since the last silence; ever
    while (count == 0 || printed < count) {
        if (time(NULL) - looked >= LOOK_S) {
            recover(prefix);
            looked = time(NULL);
        }
        int topic_size = zmq_recv(socket, topic, sizeof topic - 1, 0);
        if (topic_size == -1 && zmq_errno() == EAGAIN) {
            if (heard)
                fprintf(stderr, "the broker is silent; waiting\n");
            heard = 0;
            continue; // libzmq connects again by itself
        }
        int body_size = topic_size == -1 ? -1 : zmq_recv(socket, body, sizeof body, 0);
        if (body_size == -1)
            break; // a signal
        if (topic_size >= (int) sizeof topic || body_size > (int) sizeof body)
            continue; // cut: larger than any alert
        topic[topic_size] = '\0';
        int hugz = strcmp(topic, "hugz/") == 0;
        // Everything published from the first hugz/ on reaches us; what was before may not have.
        if (hugz ? !heard : take_alert(topic, body, (size_t) body_size))
            recover(prefix);
        heard |= hugz;
        if (hugz && !subscribed)
            fprintf(stderr, "subscribed\n");
        subscribed |= hugz;
    }
    if (logged.redis)
        redisFree(logged.redis);
    zmq_close(socket);
    zmq_ctx_term(context);
    return EXIT_SUCCESS;
}
