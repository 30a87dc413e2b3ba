/*  peer_link -- see peer_link.h. On the kernel's sockets. */
#include "broker/peer_link.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un here;
} place_t;

static bool is_at(const char *address, int link)
{
    place_t name = { 0 };
    socklen_t size = sizeof name - 1; // so that a path ends
    int listens = 0;
    socklen_t listens_size = sizeof listens;
    if (link < 0 || getsockname(link, &name.any, &size) != 0 ||
        getsockopt(link, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) != 0 || listens)
        return false;
    if (name.any.sa_family == AF_UNIX)
        return strncmp(address, "ipc://", 6) == 0 && strcmp(name.here.sun_path, address + 6) == 0;
    const char *port = strrchr(address, ':');
    in_port_t ours = htons((in_port_t) strtoul(port ? port + 1 : "", NULL, 10));
    return (name.any.sa_family == AF_INET && name.v4.sin_port == ours) ||
           (name.any.sa_family == AF_INET6 && name.v6.sin6_port == ours);
}

void peer_link_cut(const char *address, int link)
{
    if (!is_at(address, link))
        return;
    (void) shutdown(link, SHUT_RDWR);
    uint8_t unread[4096];
    while (recv(link, unread, sizeof unread, MSG_DONTWAIT) > 0)
        continue;
}

bool peer_link_received(const char *address, int link, uint64_t *bytes)
{
    struct tcp_info info = { 0 };
    socklen_t size = sizeof info;
    if (!is_at(address, link) || getsockopt(link, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return false;
    *bytes = info.tcpi_bytes_received;
    return true;
}

void peer_link_name(int link, char *name, size_t size)
{
    place_t peer = { 0 };
    socklen_t peer_size = sizeof peer;
    char text[INET6_ADDRSTRLEN] = "unknown";
    if (getpeername(link, &peer.any, &peer_size) == 0) {
        if (peer.any.sa_family == AF_INET)
            (void) inet_ntop(AF_INET, &peer.v4.sin_addr, text, sizeof text);
        else if (peer.any.sa_family == AF_INET6)
            (void) inet_ntop(AF_INET6, &peer.v6.sin6_addr, text, sizeof text);
    }
    snprintf(name, size, "%s", text);
}
