/*  bus_probe -- see bus_probe.h. */
#include "broker/bus_probe.h"

#include <czmq.h>

#include "broker/endpoint.h"
#include "broker/trust/guard.h"
#include "proto/owned.h"

enum {
    WAIT_MS = 5000,
    EVENTS = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
};

static void s_sock_destroy(zsock_t **self_p)
{
    zsock_destroy(self_p);
}

// The first event of the handshake; 0: none came.
static int s_first_event(zsock_t *events)
{
    zmq_pollitem_t wait = { .socket = zsock_resolve(events), .events = ZMQ_POLLIN };
    if (zmq_poll(&wait, 1, WAIT_MS) <= 0)
        return 0;
    uint8_t frame[6]; // event in two bytes, value in four; the address is in the next frame
    if (zmq_recv(wait.socket, frame, sizeof frame, ZMQ_DONTWAIT) != sizeof frame)
        return 0;
    uint16_t event;
    memcpy(&event, frame, sizeof event);
    return event;
}

static int s_knock(const char *address, int type, const certificate_t *stranger, fault_t *fault)
{
    static unsigned count; // libzmq gives a name back only some time after its end
    char monitor[32];
    snprintf(monitor, sizeof monitor, "inproc://probe-%u", count++);
    owned(s_sock_destroy) zsock_t *client = zsock_new(type);
    owned(s_sock_destroy) zsock_t *events = zsock_new(ZMQ_PAIR);
    if (!client || !events) {
        fault_set(fault, "cannot make a socket: %s", zmq_strerror(zmq_errno()));
        return -1;
    }
    zsock_set_linger(client, 0);
    zsock_set_ipv6(client, endpoint_is_ipv6(address));
    zsock_set_curve_serverkey_bin(client, guard_self()->public_key);
    zsock_set_curve_publickey_bin(client, stranger->public_key);
    zsock_set_curve_secretkey_bin(client, stranger->secret_key);
    void *handle = zsock_resolve(client);
    if (zmq_socket_monitor(handle, monitor, EVENTS) != 0 ||
        zsock_connect(events, "%s", monitor) != 0 || zmq_connect(handle, address) != 0) {
        fault_set(fault, "cannot connect to '%s': %s", address, zmq_strerror(zmq_errno()));
        return -1;
    }
    int event = s_first_event(events);
    zmq_socket_monitor(handle, NULL, 0);
    return event;
}

bool bus_probe(const char *address, int type, fault_t *fault)
{
    char here[ENDPOINT_MAX];
    if (endpoint_is_everywhere(address)) {
        if (!endpoint_move(address, strchr(address, '[') ? "[::1]" : "127.0.0.1", here))
            return fault_set(fault, "'%s' cannot be tried", address);
        address = here;
    }
    certificate_t stranger;
    if (!certificate_make(&stranger, "stranger", ROLE_SUBSCRIBER, fault))
        return false;
    guard_expect(stranger.public_key);
    int event = s_knock(address, type, &stranger, fault);
    guard_expect(NULL);
    certificate_forget(&stranger);
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        return fault_set(fault, "'%s' lets in a key that nobody knows: not safe, not opened",
                         address);
    if (event == 0)
        return fault_set(fault, "'%s' neither admits nor refuses a strange key", address);
    return event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
}
