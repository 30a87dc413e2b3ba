/*  push -- push rows into a Tidewire feed and wait until all of them are on disk.
 *
 *      cc push.c -o push $(pkg-config --cflags --libs libzmq msgpack)
 *      ./push FEED ALERTS SOURCE CLIENT [FIRST] < rows.csv
 *      ./push tcp://127.0.0.1:5570 tcp://127.0.0.1:5560 trades me < rows.csv
 *
 *  The first line of the input names the columns; fields are plain (no quotes). A frame carries up
 *  to 1,000 lines, in columns, and is numbered n = FIRST (1), FIRST + 1 ... The collector
 *  announces on the broker's topic staged/<source>/<client> up to which n everything is on disk;
 *  what is above it is sent again. One frame is under way at a time, which is simplest: a link that
 *  breaks may lose a frame and still deliver the next, which is refused until the lost one has
 * come.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { COLUMNS = 64, ROWS = 1000, RESEND_MS = 1000, HUGZ_TRIES = 10 };

static void *news, *out;
static char topic[300];
static uint64_t durable;

// Take one piece of news, waiting at most wait_ms. Returns 1 for a sign of life of the broker.
static int listen_once(long wait_ms)
{
    zmq_pollitem_t ready = { .socket = news, .events = ZMQ_POLLIN };
    char name[300], body[64];
    if (zmq_poll(&ready, 1, wait_ms) <= 0)
        return 0;
    int name_size = zmq_recv(news, name, sizeof name, 0);
    int body_size = zmq_recv(news, body, sizeof body, 0);
    if (name_size == 5 && memcmp(name, "hugz/", 5) == 0)
        return 1;
    if (name_size != (int) strlen(topic) || memcmp(name, topic, strlen(topic)) != 0 ||
        body_size < 0 || body_size > (int) sizeof body)
        return 0;
    msgpack_unpacked unpacked; // {v: 1, n}
    msgpack_unpacked_init(&unpacked);
    if (msgpack_unpack_next(&unpacked, body, (size_t) body_size, NULL) == MSGPACK_UNPACK_SUCCESS &&
        unpacked.data.type == MSGPACK_OBJECT_MAP)
        for (uint32_t i = 0; i < unpacked.data.via.map.size; i++) {
            const msgpack_object_kv *pair = &unpacked.data.via.map.ptr[i];
            if (pair->key.type == MSGPACK_OBJECT_STR && pair->key.via.str.size == 1 &&
                pair->key.via.str.ptr[0] == 'n' &&
                pair->val.type == MSGPACK_OBJECT_POSITIVE_INTEGER && pair->val.via.u64 > durable)
                durable = pair->val.via.u64;
        }
    msgpack_unpacked_destroy(&unpacked);
    return 0;
}

static void pack_text(msgpack_packer *packer, const char *text)
{
    msgpack_pack_str(packer, strlen(text));
    msgpack_pack_str_body(packer, text, strlen(text));
}

// Send a frame until it is on disk.
static void push(uint64_t n, const msgpack_sbuffer *frame)
{
    while (durable < n) {
        zmq_send(out, frame->data, frame->size, ZMQ_DONTWAIT); // no collector there: once more
        for (int waited = 0; durable < n && waited < RESEND_MS; waited += 10)
            listen_once(10);
    }
}

static size_t split(char *line, char *fields[COLUMNS])
{
    size_t count = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *field; count < COLUMNS && (field = strsep(&line, ","));)
        fields[count++] = field;
    return count;
}

// Read up to ROWS lines into rows[]; returns how many.
static size_t read_rows(char *rows[ROWS][COLUMNS], char *lines[ROWS], size_t columns)
{
    size_t count = 0;
    for (size_t room = 0; count < ROWS; room = 0) {
        lines[count] = NULL;
        if (getline(&lines[count], &room, stdin) == -1) {
            free(lines[count]);
            break;
        }
        if (split(lines[count], rows[count]) == columns)
            count++;
        else
            free(lines[count]); // blank, or not a row
    }
    return count;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: push FEED ALERTS SOURCE CLIENT [FIRST] < rows.csv\n");
        return 2;
    }
    const char *source = argv[3], *client = argv[4];
    uint64_t n = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
    const int one = 1, few = 4, none = 0;
    void *context = zmq_ctx_new();
    news = zmq_socket(context, ZMQ_SUB);
    out = zmq_socket(context, ZMQ_PUSH);
    snprintf(topic, sizeof topic, "staged/%s/%s", source, client);
    zmq_setsockopt(news, ZMQ_SUBSCRIBE, topic, strlen(topic));
    zmq_setsockopt(news, ZMQ_SUBSCRIBE, "hugz/", 5);
    zmq_setsockopt(out, ZMQ_IMMEDIATE, &one,
                   sizeof one); // queue only for a collector that is there
    zmq_setsockopt(out, ZMQ_SNDHWM, &few, sizeof few);
    zmq_setsockopt(out, ZMQ_LINGER, &none, sizeof none);
    if (zmq_connect(news, argv[2]) == -1 || zmq_connect(out, argv[1]) == -1) {
        fprintf(stderr, "cannot connect: %s\n", zmq_strerror(zmq_errno()));
        return 1;
    }
    int tries = 0;
    while (!listen_once(1000)) // after a sign of life our subscription is in force
        if (++tries == HUGZ_TRIES) {
            fprintf(stderr, "no broker answers\n");
            return 1;
        }

    static char *rows[ROWS][COLUMNS], *lines[ROWS];
    char *head = NULL, *names[COLUMNS];
    size_t room = 0, columns = getline(&head, &room, stdin) == -1 ? 0 : split(head, names),
           total = 0;
    for (size_t count; columns > 0 && (count = read_rows(rows, lines, columns)) > 0; n++) {
        msgpack_sbuffer frame;
        msgpack_sbuffer_init(&frame);
        msgpack_packer packer;
        msgpack_packer_init(&packer, &frame, msgpack_sbuffer_write);
        msgpack_pack_map(&packer, 5);
        pack_text(&packer, "v");
        msgpack_pack_int(&packer, 1);
        pack_text(&packer, "source");
        pack_text(&packer, source);
        pack_text(&packer, "client");
        pack_text(&packer, client);
        pack_text(&packer, "n");
        msgpack_pack_uint64(&packer, n);
        pack_text(&packer, "rows");
        msgpack_pack_map(&packer, columns);
        for (size_t c = 0; c < columns; c++) {
            pack_text(&packer, names[c]);
            msgpack_pack_array(&packer, count);
            for (size_t r = 0; r < count; r++)
                pack_text(&packer, rows[r][c]); // numbers may stand in texts
        }
        push(n, &frame);
        msgpack_sbuffer_destroy(&frame);
        for (size_t r = 0; r < count; r++)
            free(lines[r]);
        total += count;
    }
    printf("rows=%zu last=%" PRIu64 "\n", total, n - 1);
    free(head);
    zmq_close(out);
    zmq_close(news);
    zmq_ctx_term(context);
    return 0;
}
