/*  http_bench -- both ends of `./run bench --only polls`, on plain sockets.
 *
 *      http_bench serve                        HTTP servers on 127.0.0.1 to .8: prints their port,
 * answers until its input ends, then prints {"requests": n} http_bench ask PORT CONNECTIONS SECONDS
 * the same requests from one thread as fast as they go: what the machine can do without curl,
 * without a disk and without a schedule
 *
 *  Every answer is the same kilobyte of JSON; connections are kept.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, CONNECTIONS_MOST = 16384, BODY_BYTES = 1024, BACKLOG = 4096, HOSTS = 8 };

static void die(const char *what)
{
    fprintf(stderr, "http_bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double) (used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double) (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static int watch(int epoll, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

// 127.0.0.1 is host 0, 127.0.0.2 host 1 ...
static struct sockaddr_in loopback(int host, int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t) host),
                                 .sin_port = htons((uint16_t) port) };
}

// ---- the server ---------------------------------------------------------------------------------

static char answer[BODY_BYTES + 128];
static size_t answer_size;

static void make_answer(void)
{
    char body[BODY_BYTES + 1];
    int used = snprintf(body, sizeof body, "[{\"price\":27123.5,\"volume\":12.25,\"note\":\"");
    memset(body + used, 'x', BODY_BYTES - (size_t) used);
    memcpy(body + BODY_BYTES - 3, "\"}]", 3);
    body[BODY_BYTES] = '\0';
    answer_size = (size_t) snprintf(answer, sizeof answer,
                                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                    "Content-Length: %d\r\n\r\n%s",
                                    BODY_BYTES, body);
}

// How many requests end in what came. A head torn between two reads is rare, and told by its tail.
static unsigned ends_in(const char *data, size_t size, unsigned char *matched)
{
    static const char end[] = "\r\n\r\n";
    unsigned ends = 0;
    for (size_t i = 0; i < size; i++) {
        *matched = data[i] == end[*matched] ? *matched + 1 : data[i] == '\r' ? 1 : 0;
        if (*matched == 4) {
            *matched = 0;
            ends++;
        }
    }
    return ends;
}

// All hosts have the same port, the first one's. Returns the first descriptor; they are in a row.
static int listen_all(int epoll, int *port)
{
    int first = -1;
    *port = 0;
    for (int host = 0; host < HOSTS; host++) {
        struct sockaddr_in address = loopback(host, *port);
        socklen_t size = sizeof address;
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (host == 0)
            first = listener;
        if (listener != first + host || bind(listener, (struct sockaddr *) &address, size) == -1 ||
            listen(listener, BACKLOG) == -1 ||
            getsockname(listener, (struct sockaddr *) &address, &size) == -1 ||
            watch(epoll, listener) == -1)
            die("listen");
        *port = ntohs(address.sin_port);
    }
    return first;
}

static int serve(void)
{
    int port, epoll = epoll_create1(0), listeners = listen_all(epoll, &port);
    if (watch(epoll, STDIN_FILENO) == -1)
        die("watch");
    printf("%d\n", port);
    fflush(stdout);
    static unsigned char matched[CONNECTIONS_MOST];
    make_answer();
    unsigned long requests = 0;
    for (bool on = true; on;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            char data[16384];
            if (fd == STDIN_FILENO) {
                on = false;
            } else if (fd >= listeners && fd < listeners + HOSTS) {
                int one = 1, taken = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
                if (taken < 0 || taken >= CONNECTIONS_MOST)
                    die("accept");
                matched[taken] = 0;
                setsockopt(taken, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                watch(epoll, taken);
            } else {
                ssize_t got = recv(fd, data, sizeof data, 0);
                unsigned ends = got > 0 ? ends_in(data, (size_t) got, &matched[fd]) : 0;
                for (; ends; ends--, requests++)
                    if (send(fd, answer, answer_size, MSG_NOSIGNAL) != (ssize_t) answer_size)
                        got = 0;
                if (got == 0 || (got < 0 && errno != EAGAIN))
                    close(fd);
            }
        }
    }
    printf("{\"requests\": %lu}\n", requests);
    return 0;
}

// ---- the client ---------------------------------------------------------------------------------

static int ask(int port, int connections, double seconds)
{
    static const char request[] = "GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n"
                                  "Accept: */*\r\nAccept-Encoding: gzip\r\n\r\n";
    static size_t left[CONNECTIONS_MOST];
    make_answer();
    int epoll = epoll_create1(0);
    struct sockaddr_in address = loopback(0, port);
    for (int i = 0; i < connections; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || fd >= CONNECTIONS_MOST ||
            connect(fd, (struct sockaddr *) &address, sizeof address) == -1 ||
            watch(epoll, fd) == -1 || send(fd, request, sizeof request - 1, 0) == -1)
            die("connect");
        left[fd] = answer_size;
    }
    unsigned long answers = 0;
    double start = now_s(), end = start + seconds, now = start, cpu = cpu_s();
    for (; now < end; now = now_s()) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, 1000);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            char data[16384];
            ssize_t got = recv(fd, data, left[fd], 0);
            if (got <= 0)
                die("receive");
            left[fd] -= (size_t) got;
            if (left[fd] > 0)
                continue;
            answers++;
            left[fd] = answer_size;
            if (send(fd, request, sizeof request - 1, 0) == -1)
                die("send");
        }
    }
    printf("{\"answers\": %lu, \"seconds\": %.3f, \"cpu_seconds\": %.3f}\n", answers, now - start,
           cpu_s() - cpu);
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc == 2 && strcmp(argv[1], "serve") == 0)
        return serve();
    if (argc == 5 && strcmp(argv[1], "ask") == 0)
        return ask(atoi(argv[2]), atoi(argv[3]), atof(argv[4]));
    fprintf(stderr, "usage: http_bench serve | ask PORT CONNECTIONS SECONDS\n");
    return 2;
}
