/*  line -- see line.h. */
#include "actors/collector/line_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/runtime/life.h"
#include "broker/stage/replay_request.h"
#include "proto/edition.h"
#include "proto/owned.h"

enum {
    RETRY_US = 1000000,      // after the disk or the log failed
    SAY_AGAIN_US = 10000000, // how often a lasting failure is told
    MESSAGES_PER_TURN = 8,   // then others are looked after too
    FORWARD_RETRY_US = 500000,
    REQUEST_US = 1000000, // how often we look whether a replay is asked for
};

// Tell the stream in its newest edition, from its first record on.
static bool s_tell(line_t *self, fault_t *fault)
{
    const amendments_t *amendments = stream_amendments(self->stream);
    forward_t *forward = forward_new(self->root, self->namespace, stream_name(self->stream),
                                     self->listen, amendments, fault);
    if (!forward)
        return false;
    forward_destroy(&self->forward);
    self->forward = forward;
    forward_trimmed(forward, stream_first_seq(self->stream));
    self->edition = amendments_edition(amendments);
    self->lag = (lag_t){ 0 }; // of this telling nothing is committed yet
    return true;
}

line_t *line_open(const char *root, const char *namespace, const char *collector,
                  const char *listen, const char *stream, fault_t *fault)
{
    owned(line_destroy) line_t *self = calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    bool own = strcmp(collector, stream) == 0;
    int size = snprintf(self->name, sizeof self->name, "%s%s%s", collector, own ? "" : ".",
                        own ? "" : stream);
    if (size < 0 || (size_t) size >= sizeof self->name) {
        fault_set(fault, "the names '%s' and '%s' are too long together", collector, stream);
        return NULL;
    }
    self->root = strdup(root);
    self->namespace = strdup(namespace);
    self->listen = strdup(listen);
    if (!self->root || !self->namespace || !self->listen) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->stream = stream_open(root, namespace, stream, fault);
    if (!self->stream || !s_tell(self, fault))
        return NULL;
    line_t *given = self;
    self = NULL;
    return given;
}

void line_destroy(line_t **self_p)
{
    line_t *self = *self_p;
    if (!self)
        return;
    forward_destroy(&self->forward);
    stream_destroy(&self->stream);
    free(self->root);
    free(self->namespace);
    free(self->listen);
    free(self);
    *self_p = NULL;
}

stream_t *line_stream(const line_t *self)
{
    return self->stream;
}

forward_t *line_forward(const line_t *self)
{
    return self->forward;
}

uint64_t line_edition(const line_t *self)
{
    return self->edition;
}

const char *line_name(const line_t *self)
{
    return self->name;
}

// ---- failures -------------------------------------------------------------------------------

static void s_fail(failure_t *self, const line_t *line, const char *message, const fault_t *fault,
                   int64_t pause_us, int64_t mono_us)
{
    if (!self->on || mono_us - self->told_us >= SAY_AGAIN_US) {
        log_event(LOG_ERROR, message, "stream=%s error=%s", stream_name(line->stream),
                  log_quote(fault->text));
        self->told_us = mono_us;
    }
    if (!self->on)
        self->since_us = mono_us;
    self->on = true;
    self->why = *fault;
    self->retry_us = mono_us + pause_us;
}

static void s_recover(failure_t *self, const line_t *line, const char *message)
{
    if (self->on)
        log_event(LOG_INFO, message, "stream=%s", stream_name(line->stream));
    self->on = false;
}

// ---- staging --------------------------------------------------------------------------------

bool line_plan(line_t *self, const plan_t *plan, moment_t now)
{
    uint64_t seq;
    if (!stream_plan(self->stream, plan, now.recv_us, &seq))
        return false;
    if (seq)
        forward_plan(self->forward, plan, seq);
    return true;
}

// Stage the replay that was asked for, unless the log has it already. It waits until the mappings
// it was asked with are in force.
static void s_answer_request(line_t *self, moment_t now)
{
    const plan_t *plan = stream_plan_in_force(self->stream);
    if (!plan || now.mono_us < self->request_us)
        return;
    self->request_us = now.mono_us + REQUEST_US;
    replay_request_t request;
    fault_t fault;
    char mappings[AMENDMENTS_MAPPINGS_TEXT], edition[EDITION_NAME_MAX + 1];
    const char *name = stream_name(self->stream);
    replay_request_result_t got =
        replay_request_get(self->root, self->namespace, name, &request, &fault);
    if (got == REQUEST_FAILED)
        log_event(LOG_WARNING, "request not read yet", "stream=%s reason=%s", name,
                  log_quote(fault.text));
    if (got == REQUEST_NONE || got == REQUEST_FAILED)
        return;
    bool answered = got == REQUEST_READ &&
                    slice_is(amendments_request(stream_amendments(self->stream)), request.id);
    if (got == REQUEST_BAD) {
        log_event(LOG_ERROR, "request refused", "stream=%s reason=%s", name, log_quote(fault.text));
    } else if (!edition_name(edition, name, UINT64_MAX)) {
        log_event(LOG_ERROR, "request refused",
                  "stream=%s reason=\"its name leaves no room for an edition\"", name);
    } else if (amendments_count(stream_amendments(self->stream)) >= AMENDMENTS_REPLAYS_MAX) {
        log_event(LOG_ERROR, "request refused", "stream=%s reason=\"it was replayed %d times\"",
                  name, AMENDMENTS_REPLAYS_MAX);
    } else if (!answered &&
               stream_first_seq(self->stream) > 1) { // it was whole when that was asked
        log_event(LOG_ERROR, "request refused",
                  "stream=%s reason=\"its log was trimmed (stage_keep): windows are not whole\"",
                  name);
    } else if (!answered) {
        if (amendments_mappings(plan, mappings) && strcmp(mappings, request.mappings) == 0)
            (void) stream_amend(self->stream, slice_text(request.source), request.from_us,
                                slice_text(request.id), 0, now.recv_us); // no memory: next time
        return;
    }
    const char *id = got == REQUEST_BAD ? NULL : request.id;
    (void) replay_request_remove(self->root, self->namespace, name, id); // else we find it again
}

bool line_retell(line_t *self, uint64_t above, moment_t now)
{
    const amendments_t *amendments = stream_amendments(self->stream);
    if (self->held && amendments_edition(amendments) > above) {
        self->held = false;
        return true;
    }
    // First of all nothing more is sent as what it is taken for. It amends no record: none was
    // received so late.
    self->held = true;
    if (stream_amend(self->stream, slice_text(""), INT64_MAX, slice_text("another log"), above,
                     now.recv_us))
        return false;
    fault_t fault;
    fault_set(&fault, amendments_count(amendments) == AMENDMENTS_MAX
                          ? "its log was replaced or replayed too often; move it away"
                          : "no memory");
    s_fail(&self->log, self, "the stream cannot be told again", &fault, 0, now.mono_us);
    return false;
}

// An amendment became durable.
static void s_follow_edition(line_t *self)
{
    if (amendments_edition(stream_amendments(self->stream)) == self->edition)
        return;
    fault_t fault;
    if (s_tell(self, &fault))
        log_event(LOG_INFO, "the stream is told again, from its beginning", "stream=%s",
                  forward_name(self->forward));
    else
        log_event(LOG_ERROR, "the stream cannot be told again yet", "reason=%s",
                  log_quote(fault.text));
}

bool line_forget(line_t *self, uint64_t before_seq)
{
    if (stream_is_amending(self->stream) ||
        amendments_edition(stream_amendments(self->stream)) != self->edition)
        return false;
    stream_forget(self->stream, before_seq);
    forward_trimmed(self->forward, stream_first_seq(self->stream));
    return true;
}

uint64_t line_begin(const line_t *self)
{
    return amendments_begin(stream_amendments(self->stream));
}

bool line_take_gone(line_t *self, moment_t now)
{
    partitions_t partitions;
    if (!forward_take_gone(self->forward, &partitions))
        return false;
    if (!self->gone_told_us || now.mono_us - self->gone_told_us >= SAY_AGAIN_US) {
        self->gone_told_us = now.mono_us;
        log_event(LOG_ERROR, "workers ask for records that were removed",
                  "stream=%s first_seq=%" PRIu64 " next=%s", forward_name(self->forward),
                  stream_first_seq(self->stream),
                  log_quote("their partitions wait until the state has come back from the copy "
                            "that is held beside the stage"));
    }
    return true;
}

void line_keep_free(line_t *self, uint64_t bytes)
{
    self->watermark.least = bytes;
}

bool line_is_stalled(const line_t *self)
{
    return self->disk.on || self->room.on;
}

bool line_cannot_write(const line_t *self)
{
    return self->disk.on;
}

static const char stopped[] = "staging stopped; sources wait", again[] = "staging again";

// Sources waited: what they said meanwhile is nowhere, but for what they say again.
static void s_note_stall(line_t *self, const failure_t *stall, moment_t now)
{
    slice_t all = { 0 };
    if (!stream_plan_in_force(self->stream))
        return; // nothing was taken yet
    const gap_t gap = { .reason = GAP_DISK,
                        .from_us = now.recv_us - (now.mono_us - stall->since_us),
                        .to_us = now.recv_us };
    (void) stream_gap(self->stream, all, &gap, now.recv_us);
}

// Nothing more is taken while the disk has too little room.
static void s_look_for_room(line_t *self, moment_t now)
{
    fault_t fault;
    if (watermark_look(&self->watermark, self->root, now.mono_us, &fault))
        s_fail(&self->room, self, stopped, &fault, RETRY_US, now.mono_us);
    else if (self->room.on) {
        s_note_stall(self, &self->room, now);
        s_recover(&self->room, self, again);
    }
}

bool line_sync(line_t *self, moment_t now)
{
    if (self->disk.on && now.mono_us < self->disk.retry_us)
        return false;
    s_look_for_room(self, now);
    // While stalled no ticks pile up; the next one counts two seconds at most.
    if (!line_is_stalled(self) && !stream_tick(self->stream, true, now.mono_us, now.recv_us)) {
        fault_t fault;
        fault_set(&fault, "no memory for a tick");
        s_fail(&self->disk, self, stopped, &fault, RETRY_US, now.mono_us);
    }
    if (!line_is_stalled(self))
        s_answer_request(self, now);
    if (stream_pending(self->stream) == 0) {
        if (now.mono_us >= self->disk.retry_us)
            s_recover(&self->disk, self, again); // there is nothing that could show it
        return !line_is_stalled(self);
    }
    fault_t fault;
    if (!stream_sync(self->stream, &fault)) {
        s_fail(&self->disk, self, stopped, &fault, RETRY_US, now.mono_us);
        return false;
    }
    self->durable_us = life_wall_us();
    if (self->disk.on)
        s_note_stall(self, &self->disk, now);
    s_recover(&self->disk, self, again);
    s_follow_edition(self);
    return true;
}

// ---- sending --------------------------------------------------------------------------------

void line_hear(line_t *self, moment_t now)
{
    forward_hear(self->forward, stream_durable(self->stream), now.mono_us);
}

bool line_send(line_t *self, const seal_secret_t *secret, moment_t now)
{
    self->blocked = false;
    // While a later edition cannot be told yet, the earlier one is over all the same.
    if (self->held || amendments_edition(stream_amendments(self->stream)) != self->edition)
        return false;
    if (self->log.on && now.mono_us < self->log.retry_us)
        return false;
    uint64_t durable = stream_durable(self->stream);
    for (int i = 0; i < MESSAGES_PER_TURN; i++) {
        fault_t fault;
        switch (
            forward_step(self->forward, secret, durable, self->durable_us, now.mono_us, &fault)) {
        case FORWARD_SENT:
            s_recover(&self->log, self, "forwarding again");
            break;
        case FORWARD_IDLE:
            self->log.on = false; // whoever wanted what cannot be read is gone
            return false;
        case FORWARD_BLOCKED:
            s_recover(&self->log, self, "forwarding again");
            self->blocked = true;
            return false;
        case FORWARD_FAILED:
            s_fail(&self->log, self, "forwarding failed; trying again", &fault, FORWARD_RETRY_US,
                   now.mono_us);
            return false;
        }
    }
    return true;
}

bool line_is_blocked(const line_t *self)
{
    return self->blocked;
}

int64_t line_next_us(const line_t *self)
{
    int64_t next_us = INT64_MAX;
    if (self->disk.on)
        next_us = self->disk.retry_us;
    else if (self->room.on)
        next_us = self->room.retry_us;
    else if (stream_plan_in_force(self->stream))
        next_us = stream_tick_due_us(self->stream);
    if (self->log.on && self->log.retry_us < next_us)
        next_us = self->log.retry_us;
    return next_us;
}
