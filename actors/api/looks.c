/*  looks -- see looks.h. */
#include "actors/api/looks.h"

#include <stdlib.h>

#include "actors/api/backlog.h"
#include "actors/api/document.h"
#include "actors/api/rule_book.h"
#include "broker/runtime/life.h"
#include "broker/store_held.h"
#include "broker/store_views.h"
#include "proto/owned.h"

enum {
    STALE_US = 15 * 1000 * 1000, // beyond the next look: then what is told is too old
    HINT_US = 20 * 1000,         // the alert socket hears of an alert before its log does,
    HINT_LAST_US = 100 * 1000,   // and by then the log has it
    SECOND_US = 1000 * 1000,
};

static const int64_t every_us[ANSWERS] = { [ANSWER_RULES] = 3 * SECOND_US,
                                           [ANSWER_INCIDENTS] = 2 * SECOND_US,
                                           [ANSWER_ALERTS] = SECOND_US,
                                           [ANSWER_LATEST] = SECOND_US,
                                           [ANSWER_STATUS] = SECOND_US };

// How many times as long as the look took: then it has a twentieth of the time; that of alerts,
// which is one command of bounded cost, a fifth.
static const int64_t rest[ANSWERS] = { [ANSWER_RULES] = 19,
                                       [ANSWER_INCIDENTS] = 19,
                                       [ANSWER_ALERTS] = 4,
                                       [ANSWER_LATEST] = 19,
                                       [ANSWER_STATUS] = 19 };

typedef struct {
    int64_t due_us, rested_us; // not before that, whatever is heard
    int64_t again_us;          // until then what was heard may not be in Redis yet
    bool good;
    size_t left_out; // of the last one: what Redis holds and is none
} look_t;

struct looks {
    store_t *store;
    server_t *server;
    const settings_t *settings;
    rule_book_t *rules;
    backlog_t *backlog;
    look_t looks[ANSWERS];
    uint64_t failed;
};

looks_t *looks_new(store_t *store, server_t *server, const settings_t *settings)
{
    owned(looks_destroy) looks_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->store = store;
    self->server = server;
    self->settings = settings;
    self->rules = rule_book_new();
    self->backlog = backlog_new();
    if (!self->rules || !self->backlog)
        return NULL;
    looks_t *given = self;
    self = NULL;
    return given;
}

void looks_destroy(looks_t **self_p)
{
    if (!*self_p)
        return;
    rule_book_destroy(&(*self_p)->rules);
    backlog_destroy(&(*self_p)->backlog);
    free(*self_p);
    *self_p = NULL;
}

// ---- what there is to see --------------------------------------------------------------------

static void see_written(void *context, const store_rule_t *rule)
{
    rule_book_add(context, RULE_WRITTEN, rule);
}

static void see_verdict(void *context, const store_rule_t *rule)
{
    rule_book_add(context, RULE_STATUS, rule);
}

static store_status_t look_at_rules(looks_t *self, buffer_t *out)
{
    rule_book_clear(self->rules);
    rule_book_configured(self->rules, self->settings);
    store_status_t status = store_rules(self->store, see_written, self->rules);
    if (status == STORE_OK)
        status = store_rule_statuses(self->store, see_verdict, self->rules);
    if (status == STORE_OK)
        rule_book_document(self->rules, out);
    return status;
}

typedef struct {
    buffer_t *out;
    size_t left_out;
} incident_sight_t;

static void see_incident(void *context, const store_rule_t *incident)
{
    incident_sight_t *sight = context;
    buffer_t *out = sight->out;
    owned(buffer_destroy) buffer_t item = { 0 };
    if (!document_incident(&item, incident)) {
        sight->left_out++; // somebody else's key
        return;
    }
    document_next(out);
    buffer_append(out, item.data, item.size);
    out->failed = out->failed || item.failed;
}

static store_status_t look_at_incidents(looks_t *self, buffer_t *out)
{
    incident_sight_t sight = { .out = out };
    store_status_t status = store_incidents(self->store, see_incident, &sight);
    if (status == STORE_OK)
        self->looks[ANSWER_INCIDENTS].left_out = sight.left_out;
    return status;
}

typedef struct {
    hub_t *hub;
    buffer_t *out;
} latest_sight_t;

static void see_series(void *context, const store_rule_t *series)
{
    latest_sight_t *sight = context;
    if (series->count == 0)
        return; // a key of another type
    document_next(sight->out);
    size_t begin = sight->out->size;
    document_latest(sight->out, series);
    if (!sight->out->failed)
        hub_latest(sight->hub, series->name,
                   slice_of(sight->out->data + begin, sight->out->size - begin));
}

static store_status_t look_at_latest(looks_t *self, buffer_t *out)
{
    latest_sight_t sight = { .hub = server_hub(self->server), .out = out };
    hub_latest_begin(sight.hub);
    store_status_t status = store_latest(self->store, see_series, &sight);
    if (status == STORE_OK)
        hub_latest_end(sight.hub);
    return status;
}

static void see_actor(void *context, const store_actor_t *actor)
{
    document_next(context);
    document_actor(context, actor);
}

typedef struct {
    backlog_t *backlog;
    alerts_t *alerts; // NULL: not of this page
    size_t left_out;
} log_sight_t;

static void see_alert(void *context, const char *at, const store_logged_t *logged)
{
    log_sight_t *sight = context;
    backlog_add(sight->backlog, at, logged);
    if (sight->alerts)
        sight->left_out += !alerts_add(sight->alerts, logged->body);
}

static bool is_some(reel_id_t id)
{
    return id.ms > 0 || id.n > 0;
}

static void tell_alert(void *context, reel_id_t id, slice_t rule, slice_t series, slice_t body)
{
    (void) hub_alert(context, id, rule, series, body); // what it refuses is a gap
}

// The log has lost the last entry that was told: the newest of those before that it still has.
static reel_id_t find_common(looks_t *self, reel_id_t last)
{
    do
        last = hub_alert_before(server_hub(self->server), last);
    while (is_some(last) && !backlog_has(self->backlog, last));
    return last;
}

// What the log says now, for those who follow it. reached: nothing behind `last` is missing;
// whole: nor is anything before.
static void tell_log(looks_t *self, reel_id_t last, bool reached, bool whole)
{
    hub_t *hub = server_hub(self->server);
    if (!reached) { // before what is told: that is newer than what is missing
        hub_log_torn(hub);
    } else if (is_some(last) && !backlog_has(self->backlog, last)) {
        last = find_common(self, last); // Redis is an older one, or was emptied
        hub_log_back(hub, last);
    }
    if (whole && !is_some(last))
        hub_log_begins(hub);
    backlog_tell(self->backlog, last, tell_alert, hub);
    hub_log_seen(hub);
}

// One page of the log holds all that can be asked for; further ones only what was not seen yet.
static store_status_t look_at_alerts(looks_t *self, alerts_t *alerts)
{
    _Static_assert((int) STORE_HELD_PAGE == (int) ALERTS_MAX, "one page");
    char before[OUTBOX_ID_MAX] = "";
    backlog_t *backlog = self->backlog;
    log_sight_t sight = { .backlog = backlog, .alerts = alerts };
    reel_id_t last = hub_last_alert(server_hub(self->server));
    bool reached = false, whole = false;
    store_status_t status = STORE_OK;
    for (int page = 0; page < BACKLOG_PAGES_MAX && !reached && !whole &&
                       !backlog_is_full(backlog) && status == STORE_OK;
         page++) {
        size_t count;
        backlog_page(backlog);
        status = store_held_log(self->store, before, see_alert, &sight, &count);
        sight.alerts = NULL;
        whole = status == STORE_OK && count < STORE_HELD_PAGE && !backlog_is_cut(backlog);
        reel_id_t oldest = backlog_oldest(backlog);
        reached = is_some(oldest) && reel_id_compare(oldest, last) <= 0;
    }
    if (status == STORE_OK) {
        self->looks[ANSWER_ALERTS].left_out = sight.left_out;
        tell_log(self, last, reached || whole, whole);
    }
    backlog_clear(backlog);
    return status;
}

static store_status_t look_at(looks_t *self, answer_kind_t kind, buffer_t *out)
{
    store_status_t status = STORE_OK;
    switch (kind) {
    case ANSWER_RULES:
        return look_at_rules(self, out);
    case ANSWER_INCIDENTS:
        document_begin(out, "incidents");
        status = look_at_incidents(self, out);
        break;
    case ANSWER_LATEST:
        document_begin(out, "latest");
        status = look_at_latest(self, out);
        break;
    case ANSWER_STATUS:
        document_begin(out, "actors");
        status = store_actors(self->store, NULL, see_actor, out);
        break;
    case ANSWER_ALERTS: // have a shape of their own
    case ANSWERS:
        break;
    }
    document_end(out);
    return status;
}

// ---- when ------------------------------------------------------------------------------------

static bool s_tell(looks_t *self, answer_kind_t kind, buffer_t *body, alerts_t *alerts)
{
    int64_t until_us = self->looks[kind].due_us + STALE_US;
    stock_t *stock = server_stock(self->server);
    return kind == ANSWER_ALERTS ? stock_tell_alerts(stock, alerts, until_us)
                                 : stock_tell(stock, kind, body, until_us);
}

// False: Redis is away.
static bool s_look(looks_t *self, answer_kind_t kind)
{
    owned(alerts_destroy) alerts_t alerts = { 0 };
    owned(buffer_destroy) buffer_t body = { 0 };
    look_t *look = &self->looks[kind];
    int64_t begun_us = life_mono_us();
    store_status_t status =
        kind == ANSWER_ALERTS ? look_at_alerts(self, &alerts) : look_at(self, kind, &body);
    int64_t now_us = life_mono_us();
    // A Redis that did not answer had nothing to do for us.
    look->rested_us = now_us + (status == STORE_OK ? rest[kind] * (now_us - begun_us) : 0);
    look->due_us = now_us < look->again_us ? look->again_us : now_us + every_us[kind];
    if (look->due_us < look->rested_us)
        look->due_us = look->rested_us;
    look->good = status == STORE_OK && s_tell(self, kind, &body, &alerts);
    self->failed += !look->good;
    return status != STORE_DOWN;
}

void looks_use(looks_t *self, const settings_t *settings)
{
    self->settings = settings;
    self->looks[ANSWER_RULES].due_us = 0;
}

void looks_hint(looks_t *self, int64_t now_us)
{
    static const answer_kind_t kinds[] = { ANSWER_ALERTS, ANSWER_INCIDENTS };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        look_t *look = &self->looks[kinds[i]];
        int64_t soon_us = now_us + HINT_US;
        look->again_us = now_us + HINT_LAST_US;
        if (soon_us < look->rested_us)
            soon_us = look->rested_us;
        if (soon_us < look->due_us)
            look->due_us = soon_us;
    }
}

int64_t looks_turn(looks_t *self, int64_t now_us)
{
    int64_t next_us = INT64_MAX;
    for (int kind = 0; kind < ANSWERS; kind++) {
        look_t *look = &self->looks[kind];
        if (look->due_us <= now_us && !s_look(self, (answer_kind_t) kind))
            now_us = INT64_MIN; // nor would it answer the others, and each waits for long
        if (look->due_us < next_us)
            next_us = look->due_us;
    }
    int64_t wait_us = next_us - life_mono_us();
    return wait_us > 0 ? wait_us : 0;
}

uint64_t looks_failed(const looks_t *self)
{
    return self->failed;
}

uint64_t looks_left_out(const looks_t *self)
{
    uint64_t left_out = 0;
    for (int kind = 0; kind < ANSWERS; kind++)
        left_out += self->looks[kind].left_out;
    return left_out;
}

bool looks_good(const looks_t *self)
{
    for (int kind = 0; kind < ANSWERS; kind++)
        if (!self->looks[kind].good)
            return false;
    return true;
}
