/*  limits_bench -- what the parts of an alert's way cost on this machine by themselves.
 *
 *      limits_bench FILE REDIS_SOCKET
 *
 *  Medians of one fdatasync of a small append to FILE, one write to that Redis (appendfsync as
 *  it is set there) and one ZeroMQ hop over TCP on loopback, as one line of JSON, in ms.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "tests/bench/timing.h"

enum { COUNT = 500 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double sync_ms(const char *path)
{
    static const char record[200];
    double took[COUNT];
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file == -1)
        die(path);
    for (int i = 0; i < COUNT; i++) {
        double start = now_s() * 1e3;
        if (write(file, record, sizeof record) == -1 || fdatasync(file) == -1)
            die(path);
        took[i] = now_s() * 1e3 - start;
    }
    close(file);
    unlink(path);
    return median(took, COUNT);
}

static double redis_ms(const char *path)
{
    static const char set[] = "*3\r\n$3\r\nSET\r\n$5\r\nbench\r\n$2\r\nok\r\n";
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    double took[COUNT];
    char answer[64];
    int redis = socket(AF_UNIX, SOCK_STREAM, 0);
    if (strlen(path) >= sizeof address.sun_path)
        die("socket path");
    strcpy(address.sun_path, path);
    if (redis == -1 || connect(redis, (struct sockaddr *) &address, sizeof address) == -1)
        die(path);
    for (int i = 0; i < COUNT; i++) {
        double start = now_s() * 1e3;
        if (write(redis, set, sizeof set - 1) == -1 || read(redis, answer, sizeof answer) <= 0)
            die(path);
        took[i] = now_s() * 1e3 - start;
    }
    close(redis);
    return median(took, COUNT);
}

static void echo(const char *there, const char *back)
{
    void *context = zmq_ctx_new();
    void *in = zmq_socket(context, ZMQ_PULL), *out = zmq_socket(context, ZMQ_PUSH);
    char byte;
    if (zmq_connect(in, there) == -1 || zmq_connect(out, back) == -1)
        _exit(1);
    for (int i = 0; i < COUNT; i++)
        if (zmq_recv(in, &byte, 1, 0) == -1 || zmq_send(out, &byte, 1, 0) == -1)
            _exit(1);
    zmq_close(in);
    zmq_close(out);
    zmq_ctx_term(context);
    _exit(0);
}

static double hop_ms(void)
{
    char there[64], back[64], byte = 0;
    snprintf(there, sizeof there, "tcp://127.0.0.1:%d", 30000 + (int) getpid() % 10000);
    snprintf(back, sizeof back, "tcp://127.0.0.1:%d", 40000 + (int) getpid() % 10000);
    if (fork() == 0)
        echo(there, back);
    void *context = zmq_ctx_new();
    void *out = zmq_socket(context, ZMQ_PUSH), *in = zmq_socket(context, ZMQ_PULL);
    double took[COUNT];
    if (zmq_bind(out, there) == -1 || zmq_bind(in, back) == -1)
        die("bind");
    for (int i = 0; i < COUNT; i++) {
        double start = now_s() * 1e3;
        if (zmq_send(out, &byte, 1, 0) == -1 || zmq_recv(in, &byte, 1, 0) == -1)
            die("hop");
        took[i] = (now_s() * 1e3 - start) / 2;
    }
    zmq_close(in);
    zmq_close(out);
    zmq_ctx_term(context);
    return median(took, COUNT);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: limits_bench FILE REDIS_SOCKET\n");
        return 2;
    }
    double sync = sync_ms(argv[1]), redis = redis_ms(argv[2]), hop = hop_ms();
    printf("{\"fdatasync_ms\": %.3f, \"redis_write_ms\": %.3f, \"zmq_hop_ms\": %.3f}\n", sync,
           redis, hop);
    return 0;
}
