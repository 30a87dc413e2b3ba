/*  subscribe -- print the alerts of a Tidewire broker, each once, as lines of text.
 *
 *      cc subscribe.c -o subscribe $(pkg-config --cflags --libs libzmq msgpack)
 *      ./subscribe [ENDPOINT [TOPIC [COUNT]]]      default: tcp://127.0.0.1:5560 alert/ 0 (no end)
 *
 *  A message may come twice (the same id), and some may be missing: then `seq` of a topic is not
 *  the last one plus one. What is missing stands in Redis: XRANGE tw:alerts - +
 */
#include <inttypes.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { TOPICS = 4096, TOPIC_MAX = 512, BODY_MAX = 1 << 20 };

// The last alert of each topic; repeats come in order, so a seq that is not higher is old news.
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

// True if it was a new alert.
static int take_alert(const char *topic, const char *body, size_t size)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t offset = 0;
    int is_new = 0;
    if (msgpack_unpack_next(&unpacked, body, size, &offset) == MSGPACK_UNPACK_SUCCESS &&
        unpacked.data.type == MSGPACK_OBJECT_MAP) {
        const msgpack_object *id = field(&unpacked.data, "id"), *ts = field(&unpacked.data, "ts");
        const msgpack_object *seq = field(&unpacked.data, "seq");
        uint64_t *last = last_seq(topic);
        if (id && id->type == MSGPACK_OBJECT_STR && ts &&
            ts->type == MSGPACK_OBJECT_POSITIVE_INTEGER && seq &&
            seq->type == MSGPACK_OBJECT_POSITIVE_INTEGER && last) {
            is_new = seq->via.u64 > *last;
            if (is_new && *last && seq->via.u64 > *last + 1)
                fprintf(stderr, "gap: %s %" PRIu64 "..%" PRIu64 " missing; see XRANGE tw:alerts\n",
                        topic, *last + 1, seq->via.u64 - 1);
            if (is_new) {
                printf("%.*s %s seq=%" PRIu64 " ts=%" PRIu64 "\n", (int) id->via.str.size,
                       id->via.str.ptr, topic, seq->via.u64, ts->via.u64);
                fflush(stdout);
                *last = seq->via.u64;
            }
        }
    }
    msgpack_unpacked_destroy(&unpacked);
    return is_new;
}

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "tcp://127.0.0.1:5560";
    const char *prefix = argc > 2 ? argv[2] : "alert/";
    long count = argc > 3 ? atol(argv[3]) : 0;
    static char topic[TOPIC_MAX], body[BODY_MAX];
    const int queue = 100000; // a burst waits here rather than being dropped

    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_SUB);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &queue, sizeof queue);
    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, prefix, strlen(prefix));
    if (zmq_connect(socket, endpoint) == -1) {
        fprintf(stderr, "cannot connect to %s: %s\n", endpoint, zmq_strerror(zmq_errno()));
        return EXIT_FAILURE;
    }
    for (long taken = 0; count == 0 || taken < count;) {
        int topic_size = zmq_recv(socket, topic, sizeof topic - 1, 0);
        int body_size = topic_size == -1 ? -1 : zmq_recv(socket, body, sizeof body, 0);
        if (body_size == -1)
            break; // a signal
        if (topic_size >= (int) sizeof topic || body_size > (int) sizeof body)
            continue; // cut: larger than any alert
        topic[topic_size] = '\0';
        taken += take_alert(topic, body, (size_t) body_size);
    }
    zmq_close(socket);
    zmq_ctx_term(context);
    return EXIT_SUCCESS;
}
