/*  outbox -- see outbox.h. */
#include "actors/notifier/outbox.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/notifier/audience.h"
#include "actors/notifier/batch.h"
#include "broker/runtime/fault_point.h"
#include "broker/runtime/life.h"
#include "broker/store_incident.h"
#include "broker/store_silences.h"

enum { READ_BLOCK_MS = 1000 }; // how long Redis may wait for the first entry

struct outbox {
    store_t *reader, *store;
    publisher_t *publisher;
    const means_t *means;
    const silences_t *silences; // or NULL
    enrolment_t *enrolment;     // or NULL
    bool owned, draining, held;
    store_id_t token;
    bool asked;            // the reader waits for entries
    int64_t asked_us;      // since then
    bool stale;            // what it brings is not wanted any more
    bool blind;            // entries waited at the last look, and none was in hand
    batch_t batch;         // in hand
    size_t published;      // items of it that are
    bool looked;           // which of them the log knows is known
    bool known[BATCH_MAX]; // to the log: neither published nor planned
    bool again[BATCH_MAX]; // an earlier one of the batch has the same id: nothing but taken
    uint64_t epoch;        // of `store` when we asked
    size_t planned;        // items of it that are, as far as they have to be
    size_t logged_count;   // of these, with what goes into the log
    store_logged_t logged[BATCH_MAX];
    size_t incident_count;
    store_incident_t incidents[BATCH_MAX];                    // what they change of the view
    const char *error;                                        // of the last OUTBOX_DOWN
    char unread[BULLETIN_NAME_MAX + BULLETIN_SERIES_MAX + 2]; // "<rule>:<series>" of an alert
    outbox_count_t count;
};

outbox_t *outbox_new(store_t *reader, store_t *store, publisher_t *publisher, const means_t *means,
                     fault_t *fault)
{
    outbox_t *self = calloc(1, sizeof *self);
    if (!self) {
        store_destroy(&reader);
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->reader = reader;
    self->store = store;
    self->publisher = publisher;
    self->means = means;
    self->error = "";
    return self;
}

void outbox_destroy(outbox_t **self_p)
{
    outbox_t *self = *self_p;
    if (!self)
        return;
    store_destroy(&self->reader);
    batch_destroy(&self->batch);
    free(self);
    *self_p = NULL;
}

void outbox_use(outbox_t *self, const means_t *means)
{
    self->means = means;
}

void outbox_heed(outbox_t *self, const silences_t *silences, enrolment_t *enrolment)
{
    self->silences = silences;
    self->enrolment = enrolment;
}

static void clear_batch(outbox_t *self)
{
    batch_clear(&self->batch);
    self->published = self->planned = self->logged_count = self->incident_count = 0;
    self->looked = false;
}

// Back to the beginning; with a question under way, once it is answered.
static void forget_batch(outbox_t *self)
{
    clear_batch(self);
    self->stale = self->asked;
    if (!self->asked)
        store_outbox_rewind(self->reader);
}

void outbox_own(outbox_t *self, const store_id_t *token)
{
    self->owned = token != NULL;
    if (token)
        self->token = *token;
    forget_batch(self);
}

void outbox_hold(outbox_t *self, bool held)
{
    self->held = held;
}

void outbox_drain(outbox_t *self)
{
    self->draining = true;
}

bool outbox_busy(const outbox_t *self)
{
    return self->batch.count > 0;
}

void outbox_look(outbox_t *self, uint64_t waiting)
{
    bool blind = self->owned && !self->draining && waiting > 0 && self->batch.count == 0;
    if (blind && self->blind)
        forget_batch(self);
    self->blind = blind && !self->blind;
}

int outbox_descriptor(const outbox_t *self)
{
    return self->asked ? store_descriptor(self->reader) : -1;
}

const char *outbox_error(const outbox_t *self)
{
    return self->error;
}

outbox_count_t outbox_count(const outbox_t *self)
{
    return self->count;
}

static outbox_status_t down(outbox_t *self, const char *error)
{
    self->error = error;
    forget_batch(self);
    return OUTBOX_DOWN;
}

// ---- reading --------------------------------------------------------------------------------

static void keep_entry(void *context, const store_entry_t *entry)
{
    outbox_t *self = context;
    if (!self->stale)
        batch_add(&self->batch, entry, life_wall_us());
}

static outbox_status_t ask(outbox_t *self, int64_t now_us)
{
    if (!self->owned || self->draining)
        return OUTBOX_IDLE;
    self->epoch = store_epoch(self->store); // before anything is read
    if (store_outbox_send(self->reader, BATCH_READ_MAX, READ_BLOCK_MS) != STORE_OK)
        return down(self, store_error(self->reader));
    self->asked = true;
    self->asked_us = now_us;
    return OUTBOX_IDLE;
}

// A connection that was cut in silence never has an answer: it is given up after a while.
static outbox_status_t receive(outbox_t *self, int64_t now_us)
{
    struct pollfd ready = { .fd = store_descriptor(self->reader), .events = POLLIN };
    bool late = now_us - self->asked_us >= (READ_BLOCK_MS + STORE_TIMEOUT_MS) * INT64_C(1000);
    if (ready.fd >= 0 && poll(&ready, 1, 0) == 0) {
        if (!late)
            return OUTBOX_IDLE;
        store_give_up(self->reader);
    }
    bool stale = self->stale;
    store_status_t status = store_outbox_receive(self->reader, keep_entry, self);
    self->asked = false;
    self->stale = false;
    if (status != STORE_OK)
        return down(self, store_error(self->reader));
    if (self->batch.bytes.failed)
        return down(self, "out of memory");
    if (stale)
        forget_batch(self);
    return OUTBOX_MOVED;
}

// ---- telling subscribers --------------------------------------------------------------------

// *asked: of how many subscribers Redis was asked.
static store_status_t plan(outbox_t *self, const item_t *item, const bulletin_t *bulletin,
                           bool *planned, size_t *asked)
{
    const audience_look_t look = { self->store, self->means, self->silences, self->enrolment };
    audience_count_t count = { 0 };
    store_status_t status = audience_plan(&look, batch_piece(&self->batch, item->id),
                                          batch_piece(&self->batch, item->body), bulletin, &count);
    if (status != STORE_OK)
        return status;
    if (count.unread) {
        self->count.unplanned++;
        snprintf(self->unread, sizeof self->unread, "%.*s:%.*s", (int) bulletin->rule.size,
                 (const char *) bulletin->rule.data, (int) bulletin->series.size,
                 (const char *) bulletin->series.data);
    }
    *asked += count.asked;
    *planned = count.recipients > 0;
    self->count.planned += count.planned;
    self->count.silenced += count.silenced;
    self->count.untold += count.untold;
    return STORE_OK;
}

// ---- one batch ------------------------------------------------------------------------------

// What the log knows was published before it came there: a replay, or a partition that is built
// anew, puts it into the outbox again, and nobody wants to hear of it twice.
static store_status_t look_up(outbox_t *self)
{
    if (self->looked)
        return STORE_OK;
    slice_t ids[BATCH_MAX];
    for (size_t i = 0; i < self->batch.count; i++)
        ids[i] = batch_piece(&self->batch, self->batch.items[i].id);
    store_status_t status = store_alert_log_knows(self->store, ids, self->batch.count, self->known);
    self->looked = status == STORE_OK;
    batch_repeats(&self->batch, self->again);
    return status;
}

// False: the brokers have no room.
static bool publish(outbox_t *self)
{
    const batch_t *batch = &self->batch;
    for (; self->published < batch->count; self->published++) {
        const item_t *item = &batch->items[self->published];
        if (!item->good) {
            self->count.malformed++;
            continue;
        }
        if (self->known[self->published] || self->again[self->published]) {
            self->count.known++;
            continue;
        }
        if (!publisher_send(self->publisher, batch_piece(batch, item->topic),
                            batch_piece(batch, item->body)))
            return false;
        self->count.published++;
    }
    return true;
}

// An incident is as the last entry of its topic says, and they come in order.
static void note_incident(outbox_t *self, const item_t *item, const bulletin_t *bulletin)
{
    bool still = slice_is(bulletin->kind, "still");
    self->incidents[self->incident_count++] = (store_incident_t){
        .rule = bulletin->rule,
        .series = bulletin->series,
        .state = still ? slice_text("firing") : bulletin->kind,
        .id = batch_piece(&self->batch, item->id),
        .severity = bulletin->severity,
        .body = batch_piece(&self->batch, item->json),
        .since_us = bulletin->since_us,
        .ts_us = bulletin->ts_us,
        .over = slice_is(bulletin->kind, "resolved"),
    };
}

// What the log knows was planned before it came there. It goes into the log once more all the same,
// which refuses it if it has lost both since.
static store_status_t plan_next(outbox_t *self, size_t *asked)
{
    const batch_t *batch = &self->batch;
    const item_t *item = &batch->items[self->planned];
    bulletin_t bulletin;
    bool planned = self->known[self->planned];
    if (item->good && !self->again[self->planned] &&
        bulletin_read(&bulletin, batch_piece(batch, item->body))) {
        bool told = planned || !bulletin_is_news(&bulletin);
        store_status_t status = told ? STORE_OK : plan(self, item, &bulletin, &planned, asked);
        if (status != STORE_OK)
            return status;
        FAULT_POINT("alert.planned");
        if (!self->known[self->planned] && bulletin_is_state(&bulletin))
            note_incident(self, item, &bulletin);
        self->logged[self->logged_count++] = (store_logged_t){
            .id = batch_piece(batch, item->id),
            .rule = bulletin.rule,
            .series = bulletin.series,
            .severity = bulletin.severity,
            .topic = batch_piece(batch, item->topic),
            .ts_us = bulletin.ts_us,
            .seq = bulletin.seq,
            .body = batch_piece(batch, item->json),
            .planned = planned,
        };
    }
    self->planned++;
    return STORE_OK;
}

// Plan before log: an id that the log knows is never planned again. Not all of a batch at a time,
// but for the last subscribers of an alert: meanwhile the role would be lost.
static store_status_t plan_some(outbox_t *self)
{
    store_status_t status = STORE_OK;
    for (size_t asked = 0;
         status == STORE_OK && self->planned < self->batch.count && asked < OUTBOX_ASKED_MAX;)
        status = plan_next(self, &asked);
    return status;
}

// The view first: what the log knows changes it no more. Where it cannot be written (Redis has no
// room, or its users are of an older version) it is old, and nothing waits for it.
static store_status_t log_batch(outbox_t *self)
{
    size_t count = self->logged_count;
    store_status_t status = store_incident_put(self->store, self->incidents, self->incident_count);
    if (status == STORE_DOWN)
        return status;
    self->count.unseen += status == STORE_OK ? 0 : self->incident_count;
    return count ? store_alert_log_put(self->store, self->logged, count) : STORE_OK;
}

// Drop each group's entries of the batch.
static store_status_t take(outbox_t *self)
{
    for (unsigned g = 0; g < GROUPS; g++) {
        store_taken_t taken[BATCH_MAX];
        size_t count = batch_of_group(&self->batch, g, taken);
        if (count == 0)
            continue;
        store_status_t status = store_outbox_take(self->store, self->token, g, taken, count);
        if (status != STORE_OK)
            return status;
    }
    return STORE_OK;
}

static outbox_status_t work(outbox_t *self, int64_t now_us)
{
    if (look_up(self) != STORE_OK)
        return down(self, store_error(self->store));
    if (!publisher_ready(self->publisher, now_us) || !publish(self))
        return OUTBOX_BLOCKED;
    FAULT_POINT("alert.published");
    // A position that was read before Redis was away must not be taken after it.
    if (store_epoch(self->store) != self->epoch) {
        forget_batch(self);
        return OUTBOX_MOVED;
    }
    if (self->held)
        return OUTBOX_IDLE;
    store_status_t status = plan_some(self);
    if (status == STORE_OK && self->planned < self->batch.count)
        return OUTBOX_MOVED; // there is more to plan
    if (status == STORE_OK)
        status = log_batch(self);
    FAULT_POINT("alert.logged");
    if (status == STORE_OK)
        status = take(self);
    switch (status) {
    case STORE_OK:
        clear_batch(self);
        return OUTBOX_MOVED;
    case STORE_FENCED:
        forget_batch(self);
        return OUTBOX_FENCED;
    case STORE_STALE: // another Redis than the one that we read from: begin again
        forget_batch(self);
        return OUTBOX_MOVED;
    case STORE_FULL:
        return down(self, "out of memory");
    case STORE_DOWN:
    case STORE_REFUSED:
    case STORE_DUP: // not said by these verbs
        break;
    }
    return down(self, store_error(self->store));
}

const char *outbox_unread(const outbox_t *self)
{
    return self->unread;
}

outbox_status_t outbox_step(outbox_t *self, int64_t now_us)
{
    if (self->asked)
        return receive(self, now_us);
    if (self->batch.count > 0)
        return work(self, now_us);
    return ask(self, now_us);
}
