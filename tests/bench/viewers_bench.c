/*  viewers_bench -- many HTTP clients in one thread, over plain sockets.
 *
 *  viewers_bench follow PORT VIEWERS SECONDS that many viewers of /api/v1/events; says "ready"
 *  once all are greeted; then the time from `sent` of an alert (us since 1970, its column) to
 *  each viewer viewers_bench ask PORT PATH CONNECTIONS SECONDS how many answers of 200 come over
 *  that many connections, and their bytes
 *
 *  One line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, READ_BYTES = 64 << 10, EVENTS = 256, TIMES_MAX = 4 << 20 };

typedef struct {
    int fd;
    bool greeted, alert; // alert: the event of the lines that come
    size_t kept;         // of a line that has not ended
    char line[LINE_MAX_BYTES];
    long long left; // of an answer's body
} client_t;

static float *times_ms;
static size_t time_count;

static int64_t now_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void die(const char *what)
{
    fprintf(stderr, "viewers_bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void ask(const client_t *client, const char *path)
{
    char request[512];
    int size =
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    if (send(client->fd, request, (size_t) size, MSG_NOSIGNAL) != size)
        die("cannot ask");
}

static void open_one(client_t *client, int loop, int port, const char *path)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd == -1 || connect(client->fd, (struct sockaddr *) &to, sizeof to) != 0)
        die("cannot connect");
    ask(client, path);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };
    if (epoll_ctl(loop, EPOLL_CTL_ADD, client->fd, &event) != 0)
        die("cannot wait");
}

static client_t *open_all(int count, int loop, int port, const char *path)
{
    client_t *clients = calloc((size_t) count, sizeof *clients);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (!clients)
        die("no memory");
    for (int i = 0; i < count; i++)
        open_one(&clients[i], loop, port, path);
    return clients;
}

// ---- following -------------------------------------------------------------------------------

static void see_line(client_t *client, int64_t at_us)
{
    const char *line = client->line, *sent;
    if (strncmp(line, "HTTP/1.1 ", 9) == 0 && strncmp(line + 9, "200", 3) != 0) {
        fprintf(stderr, "viewers_bench: %s\n", line);
        exit(1);
    }
    if (strncmp(line, "event: ", 7) == 0) {
        client->greeted = true;
        client->alert = strcmp(line + 7, "alert") == 0;
    }
    if (client->alert && strncmp(line, "data: ", 6) == 0 && strstr(line, "\"kind\":\"alert\"") &&
        (sent = strstr(line, "\"sent\":")) && time_count < TIMES_MAX)
        times_ms[time_count++] = (float) (at_us - strtoll(sent + 7, NULL, 10)) / 1000;
}

static bool follow_one(client_t *client, char *bytes)
{
    ssize_t size = recv(client->fd, bytes, READ_BYTES, MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN))
        return false;
    int64_t at_us = now_us(CLOCK_REALTIME);
    for (ssize_t i = 0; i < size; i++) {
        if (bytes[i] == '\n') {
            client->line[client->kept] = '\0';
            see_line(client, at_us);
            client->kept = 0;
        } else if (client->kept < LINE_MAX_BYTES - 1 && bytes[i] != '\r') {
            client->line[client->kept++] = bytes[i];
        }
    }
    return true;
}

static int by_size(const void *a, const void *b)
{
    float one = *(const float *) a, other = *(const float *) b;
    return (one > other) - (one < other);
}

static double quantile(double part)
{
    return time_count ? times_ms[(size_t) (part * (double) (time_count - 1))] : 0;
}

static int count_greeted(const client_t *clients, int count)
{
    int greeted = 0;
    for (int i = 0; i < count; i++)
        greeted += clients[i].greeted;
    return greeted;
}

static int follow(int port, int count, double seconds)
{
    static char bytes[READ_BYTES];
    struct epoll_event events[EVENTS];
    int loop = epoll_create1(EPOLL_CLOEXEC), ended = 0;
    times_ms = malloc(sizeof *times_ms * TIMES_MAX);
    client_t *clients = open_all(count, loop, port, "/api/v1/events");
    int64_t until_us = 0;
    while (!until_us || now_us(CLOCK_MONOTONIC) < until_us) {
        int ready = epoll_wait(loop, events, EVENTS, 100);
        for (int i = 0; i < ready; i++) {
            client_t *client = events[i].data.ptr;
            if (!follow_one(client, bytes)) {
                ended++;
                close(client->fd);
            }
        }
        if (!until_us && count_greeted(clients, count) + ended >= count) {
            until_us = now_us(CLOCK_MONOTONIC) + (int64_t) (seconds * 1e6);
            time_count = 0;
            puts("ready");
            fflush(stdout);
        }
    }
    qsort(times_ms, time_count, sizeof *times_ms, by_size);
    printf("{\"viewers\":%d,\"ended\":%d,\"deliveries\":%zu,\"p50_ms\":%.1f,\"p99_ms\":%.1f,"
           "\"worst_ms\":%.1f}\n",
           count, ended, time_count, quantile(0.5), quantile(0.99), quantile(1));
    return 0;
}

// ---- asking ----------------------------------------------------------------------------------

// Takes what came; true: an answer is whole. Heads are short, and come in one piece on loopback.
static bool take(client_t *client, char *bytes, long long *total)
{
    ssize_t size = recv(client->fd, bytes, READ_BYTES - 1, MSG_DONTWAIT);
    if (size <= 0) {
        if (size < 0 && errno == EAGAIN)
            return false;
        die("the server ended a connection");
    }
    *total += size;
    if (client->left == 0) {
        bytes[size] = '\0';
        const char *end = strstr(bytes, "\r\n\r\n"), *length = strcasestr(bytes, "content-length:");
        if (strncmp(bytes, "HTTP/1.1 200", 12) != 0 || !end || !length || length > end)
            die("an answer that is none");
        client->left = strtoll(length + 15, NULL, 10);
        size -= end + 4 - bytes;
    }
    client->left -= size;
    return client->left <= 0;
}

static int ask_on(int port, const char *path, int count, double seconds)
{
    static char bytes[READ_BYTES];
    struct epoll_event events[EVENTS];
    int loop = epoll_create1(EPOLL_CLOEXEC);
    open_all(count, loop, port, path);
    int64_t begun_us = now_us(CLOCK_MONOTONIC), until_us = begun_us + (int64_t) (seconds * 1e6);
    long long answers = 0, total = 0;
    int64_t at_us = begun_us;
    for (; at_us < until_us; at_us = now_us(CLOCK_MONOTONIC)) {
        int ready = epoll_wait(loop, events, EVENTS, 100);
        for (int i = 0; i < ready; i++) {
            client_t *client = events[i].data.ptr;
            if (!take(client, bytes, &total))
                continue;
            answers++;
            ask(client, path);
        }
    }
    printf("{\"answers\":%lld,\"bytes\":%lld,\"seconds\":%.3f}\n", answers, total,
           (double) (at_us - begun_us) / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "follow") == 0)
        return follow(atoi(argv[2]), atoi(argv[3]), atof(argv[4]));
    if (argc == 6 && strcmp(argv[1], "ask") == 0)
        return ask_on(atoi(argv[2]), argv[3], atoi(argv[4]), atof(argv[5]));
    fputs("usage: viewers_bench follow PORT VIEWERS SECONDS | ask PORT PATH CONNECTIONS SECONDS\n",
          stderr);
    return 2;
}
