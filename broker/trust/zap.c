/*  zap -- see zap.h. On CZMQ: a REP socket in a zactor. */
#include "broker/trust/zap.h"

#include <czmq.h>

#include "proto/owned.h"

enum { TICK_MS = 1000 };

struct zap {
    zap_judge_fn judge;
    zap_tick_fn tick;
    void *context;
    zsock_t *requests; // the thread's alone, once it runs
    zactor_t *thread;
};

static void s_message_destroy(zmsg_t **self_p)
{
    zmsg_destroy(self_p);
}

// The next frame as text; false: absent, too long, or with a NUL in it.
static bool s_text(zmsg_t *message, char text[ZAP_TEXT_MAX + 1])
{
    zframe_t *frame = zmsg_pop(message);
    bool good = frame && zframe_size(frame) <= ZAP_TEXT_MAX &&
                !memchr(zframe_data(frame), 0, zframe_size(frame));
    if (good) {
        memcpy(text, zframe_data(frame), zframe_size(frame));
        text[zframe_size(frame)] = '\0';
    }
    zframe_destroy(&frame);
    return good;
}

static bool s_key(zmsg_t *message, uint8_t key[CERTIFICATE_KEY_BYTES])
{
    zframe_t *frame = zmsg_pop(message);
    bool good = frame && zframe_size(frame) == CERTIFICATE_KEY_BYTES;
    if (good)
        memcpy(key, zframe_data(frame), CERTIFICATE_KEY_BYTES);
    zframe_destroy(&frame);
    return good;
}

static void s_reply(zsock_t *requests, const char *id, const zap_verdict_t *verdict)
{
    // One property: length of the name, name, length of the value in four bytes, value.
    uint8_t metadata[64] = "\4Role";
    size_t size = 0;
    if (verdict->admitted) {
        const char *role = role_name(verdict->role);
        size_t length = strlen(role);
        metadata[8] = (uint8_t) length;
        memcpy(metadata + 9, role, length);
        size = 9 + length;
    }
    zmsg_t *reply = zmsg_new();
    zmsg_addstr(reply, "1.0");
    zmsg_addstr(reply, id);
    zmsg_addstr(reply, verdict->admitted ? "200" : "400");
    zmsg_addstr(reply, verdict->admitted ? "" : verdict->reason);
    zmsg_addstr(reply, verdict->admitted ? verdict->name : "");
    zmsg_addmem(reply, metadata, size);
    zmsg_send(&reply, requests);
}

static void s_answer(zap_t *self)
{
    owned(s_message_destroy) zmsg_t *message = zmsg_recv(self->requests);
    if (!message)
        return;
    zap_request_t request = { 0 };
    char version[ZAP_TEXT_MAX + 1] = "", id[ZAP_TEXT_MAX + 1] = "", identity[ZAP_TEXT_MAX + 1],
                                mechanism[ZAP_TEXT_MAX + 1];
    bool good = s_text(message, version) && s_text(message, id) &&
                s_text(message, request.domain) && s_text(message, request.address) &&
                s_text(message, identity) && s_text(message, mechanism) &&
                strcmp(version, "1.0") == 0 && strcmp(mechanism, "CURVE") == 0 &&
                s_key(message, request.key);
    zap_verdict_t verdict = { .reason = "no key" };
    if (good)
        verdict = self->judge(self->context, &request);
    s_reply(self->requests, id, &verdict);
}

static void s_run(zsock_t *pipe, void *argument)
{
    zap_t *self = argument;
    zsock_signal(pipe, 0);
    int64_t tick_ms = zclock_mono() + TICK_MS;
    for (;;) {
        zmq_pollitem_t wait[] = {
            { .socket = zsock_resolve(pipe), .events = ZMQ_POLLIN },
            { .socket = zsock_resolve(self->requests), .events = ZMQ_POLLIN },
        };
        int64_t left_ms = tick_ms - zclock_mono();
        if (zmq_poll(wait, 2, left_ms > 0 ? (long) left_ms : 0) == -1 && zmq_errno() != EINTR)
            return; // the context is ending
        if (wait[0].revents)
            return; // the only thing that is ever said there: end
        if (wait[1].revents)
            s_answer(self);
        if (zclock_mono() >= tick_ms) {
            self->tick(self->context);
            tick_ms = zclock_mono() + TICK_MS;
        }
    }
}

zap_t *zap_new(zap_judge_fn judge, zap_tick_fn tick, void *context, fault_t *fault)
{
    owned(zap_destroy) zap_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    *self = (zap_t){ .judge = judge, .tick = tick, .context = context };
    self->requests = zsock_new(ZMQ_REP);
    if (!self->requests || zsock_bind(self->requests, "inproc://zeromq.zap.01") == -1) {
        fault_set(fault, "cannot answer libzmq's questions about keys: %s",
                  zmq_strerror(zmq_errno()));
        return NULL;
    }
    self->thread = zactor_new(s_run, self);
    if (!self->thread) {
        fault_set(fault, "cannot start a thread");
        return NULL;
    }
    zap_t *given = self;
    self = NULL;
    return given;
}

void zap_destroy(zap_t **self_p)
{
    zap_t *self = *self_p;
    if (!self)
        return;
    zactor_destroy(&self->thread);
    zsock_destroy(&self->requests);
    free(self);
    *self_p = NULL;
}
