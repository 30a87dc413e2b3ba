/*  intake -- see intake.h. */
#include "actors/collector/intake_inside.h"

#include <stdlib.h>

#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "proto/owned.h"

enum { SCAN_US = 1000000 };

static void s_sources_clear(sources_t *self)
{
    poller_destroy(&self->poller);
    for (size_t i = 0; i < self->file_count; i++)
        file_feed_destroy(&self->files[i]);
    free(self->files);
    for (size_t i = 0; i < self->market_count; i++) {
        simulate_destroy(&self->markets[i].market);
        buffer_destroy(&self->markets[i].payload);
    }
    free(self->markets);
    *self = (sources_t){ 0 };
}

intake_t *intake_new(intake_stream_t *find, void *context, fault_t *fault)
{
    intake_t *self = calloc(1, sizeof *self);
    if (self)
        self->push = push_feed_new();
    if (!self || !self->push) {
        fault_set(fault, "out of memory");
        intake_destroy(&self);
        return NULL;
    }
    self->find = find;
    self->context = context;
    return self;
}

void intake_destroy(intake_t **self_p)
{
    intake_t *self = *self_p;
    if (!self)
        return;
    s_sources_clear(&self->sources);
    push_feed_destroy(&self->push);
    free(self);
    *self_p = NULL;
}

// ---- configuration --------------------------------------------------------------------------

static places_t *s_places(void *context, const source_t *source)
{
    intake_t *self = context;
    return stream_places(self->find(self->context, source));
}

static bool s_add_market(intake_t *self, sources_t *sources, const source_t *source, moment_t now,
                         fault_t *fault)
{
    simulate_settings_t settings;
    fault_t reason;
    if (!simulate_parse(&settings, source->url, &reason))
        return fault_set(fault, "source %s: %s", source->name, reason.text);
    uint64_t last_us = 0;
    slice_t none = { 0 };
    (void) places_find(s_places(self, source), slice_text(source->name), none, &last_us);
    market_t *market = &sources->markets[sources->market_count++];
    *market = (market_t){ .source = source,
                          .market = simulate_new(&settings, now.recv_us, (int64_t) last_us) };
    return market->market || fault_set(fault, "out of memory");
}

static bool s_add_files(intake_t *self, sources_t *sources, const source_t *source, fault_t *fault)
{
    file_feed_t *files = file_feed_new(source, s_places(self, source));
    if (!files)
        return fault_set(fault, "out of memory");
    sources->files[sources->file_count++] = files;
    return true;
}

static bool s_build(intake_t *self, sources_t *sources, const settings_t *settings, moment_t now,
                    fault_t *fault)
{
    sources->files = calloc(settings->source_count + 1, sizeof *sources->files);
    sources->markets = calloc(settings->source_count + 1, sizeof *sources->markets);
    if (!sources->files || !sources->markets)
        return fault_set(fault, "out of memory");
    for (size_t i = 0; i < settings->source_count; i++) {
        const source_t *source = &settings->sources[i];
        bool good = true;
        switch (source->kind) {
        case SOURCE_FILE:
            good = s_add_files(self, sources, source, fault);
            break;
        case SOURCE_SIMULATE:
            good = s_add_market(self, sources, source, now, fault);
            break;
        case SOURCE_HTTP:
        case SOURCE_PUSH:
            break; // the poller and the push feed find theirs
        }
        if (!good)
            return false;
    }
    sources->poller = poller_new(settings, self->sources.poller, now.mono_us, fault);
    return sources->poller != NULL;
}

bool intake_configure(intake_t *self, const settings_t *settings, moment_t now, fault_t *fault)
{
    sources_t sources = { 0 };
    if (!s_build(self, &sources, settings, now, fault) ||
        !push_feed_listen(self->push, settings, fault)) {
        s_sources_clear(&sources);
        return false;
    }
    s_sources_clear(&self->sources);
    self->sources = sources;
    self->scan_us = now.mono_us;
    return true;
}

size_t intake_items(const intake_t *self, zmq_pollitem_t *items)
{
    size_t count = 0;
    items[count++] =
        (zmq_pollitem_t){ .fd = poller_descriptor(self->sources.poller), .events = ZMQ_POLLIN };
    for (size_t i = 0; i < push_feed_sockets(self->push); i++)
        items[count++] =
            (zmq_pollitem_t){ .socket = push_feed_socket(self->push, i), .events = ZMQ_POLLIN };
    return count;
}

// ---- taking ---------------------------------------------------------------------------------

static bool s_group_has_room(const intake_t *self)
{
    return self->group_bytes < INTAKE_GROUP_BYTES && life_mono_us() < self->group_end_us;
}

static bool s_put(intake_t *self, const source_t *source, const place_t *place, slice_t payload,
                  moment_t now)
{
    stream_t *stream = self->find(self->context, source);
    // A group of its own begins with the time of its first record; the stage makes it rise.
    if (!stream_put(stream, slice_text(source->name), place, payload, now.recv_us))
        return false;
    self->group_bytes += payload.size;
    return true;
}

static bool s_put_polled(intake_t *self, const polled_t *polled, moment_t now)
{
    static const place_t nowhere = { .size = 0 };
    if (!polled->torn)
        return s_put(self, polled->source, &nowhere, polled->body, now);
    stream_t *stream = self->find(self->context, polled->source);
    if (!stream_put_torn(stream, slice_text(polled->source->name), polled->body, now.recv_us))
        return false;
    self->group_bytes += polled->body.size;
    return true;
}

// Before the first record behind it.
static void s_put_missed(intake_t *self, const pushed_t *pushed, moment_t now)
{
    const gap_t gap = { .reason = GAP_PUSHED,
                        .from_us = now.recv_us,
                        .to_us = now.recv_us,
                        .client = pushed->client,
                        .from_n = pushed->n - pushed->missed,
                        .to_n = pushed->n - 1 };
    (void) stream_gap(self->find(self->context, pushed->source), slice_text(pushed->source->name),
                      &gap, now.recv_us);
}

static void s_put_poll_gaps(intake_t *self, moment_t now)
{
    for (poller_gap_t ended; poller_take_gap(self->sources.poller, &ended);) {
        const int64_t offset_us = now.recv_us - now.mono_us;
        const gap_t gap = { .reason = GAP_POLL,
                            .from_us = ended.from_us + offset_us,
                            .to_us = ended.to_us + offset_us };
        (void) stream_gap(self->find(self->context, ended.source), slice_text(ended.source->name),
                          &gap, now.recv_us);
    }
}

void intake_end(intake_t *self, moment_t now)
{
    poller_end_gaps(self->sources.poller, now.mono_us);
    s_put_poll_gaps(self, now);
}

// Each of these takes what there is, as far as the group has room. True: there may be more. What
// cannot be put, for lack of memory, is tried again when the loop wakes up next.

static bool s_take_pushed(intake_t *self, moment_t now)
{
    pushed_t pushed;
    while (s_group_has_room(self)) {
        if (!push_feed_take(self->push, s_places, self, now.mono_us, &pushed))
            return false;
        if (pushed.missed > 0)
            s_put_missed(self, &pushed, now);
        if (!s_put(self, pushed.source, &pushed.place, pushed.frame, now) ||
            !push_feed_done(self->push, s_places(self, pushed.source)))
            return false;
    }
    return true;
}

static bool s_take_polled(intake_t *self, moment_t now)
{
    polled_t polled;
    poller_work(self->sources.poller, now.mono_us);
    while (s_group_has_room(self)) {
        bool came = poller_take(self->sources.poller, now.mono_us, now.recv_us, &polled);
        s_put_poll_gaps(self, now);
        if (!came)
            return false;
        if (!s_put_polled(self, &polled, now))
            return false;
        poller_done(self->sources.poller);
    }
    return true;
}

static bool s_take_market(intake_t *self, market_t *market, moment_t now)
{
    while (s_group_has_room(self)) {
        if (!market->payload.size) {
            if (simulate_due_us(market->market) > now.recv_us)
                return false;
            if (!simulate_next(market->market, &market->payload)) {
                buffer_destroy(&market->payload);
                return false;
            }
        }
        slice_t none = { 0 };
        place_t place;
        (void) place_make(&place, none, (uint64_t) now.recv_us);
        if (!s_put(self, market->source, &place, buffer_slice(&market->payload), now) ||
            !places_note(s_places(self, market->source), slice_text(market->source->name), none,
                         (uint64_t) now.recv_us))
            return false;
        buffer_clear(&market->payload);
    }
    return true;
}

static bool s_take_markets(intake_t *self, moment_t now)
{
    bool more = false;
    for (size_t i = 0; i < self->sources.market_count; i++)
        more |= s_take_market(self, &self->sources.markets[i], now);
    return more;
}

static void s_scan_files(intake_t *self, moment_t now)
{
    if (now.mono_us < self->scan_us)
        return;
    self->scan_us = now.mono_us + SCAN_US;
    for (size_t i = 0; i < self->sources.file_count; i++) {
        file_feed_t *files = self->sources.files[i];
        const char *text;
        if (file_feed_trouble(files, &text))
            log_event(LOG_WARNING, "file cannot be read; trying again", "source=%s reason=%s",
                      file_feed_source(files)->name, log_quote(text));
        file_feed_scan(files, life_wall_us());
    }
}

static bool s_take_files(intake_t *self, moment_t now)
{
    s_scan_files(self, now);
    size_t count = self->sources.file_count;
    for (size_t empty = 0; empty < count && s_group_has_room(self);) {
        file_feed_t *files = self->sources.files[self->sources.file_next];
        self->sources.file_next = (self->sources.file_next + 1) % count;
        file_piece_t piece;
        if (!file_feed_next(files, &piece)) {
            empty++;
            continue;
        }
        empty = 0;
        if (!s_put(self, file_feed_source(files), &piece.place, piece.payload, now) ||
            !file_feed_done(files))
            return false;
    }
    return count > 0 && !s_group_has_room(self);
}

bool intake_take(intake_t *self, moment_t now)
{
    static bool (*const kinds[])(intake_t *, moment_t) = { s_take_pushed, s_take_polled,
                                                           s_take_markets, s_take_files };
    enum { KINDS = sizeof kinds / sizeof kinds[0] };
    self->group_bytes = 0;
    self->group_end_us = now.mono_us + INTAKE_GROUP_US;
    self->first_kind = (self->first_kind + 1) % KINDS; // so that no kind starves another
    bool more = false;
    for (unsigned i = 0; i < KINDS; i++)
        more |= kinds[(self->first_kind + i) % KINDS](self, now);
    return more;
}

void intake_skip(intake_t *self, moment_t now)
{
    for (size_t i = 0; i < self->sources.market_count; i++)
        simulate_skip(self->sources.markets[i].market, now.recv_us);
}

void intake_publish(intake_t *self, bus_t *news)
{
    if (push_feed_has_news(self->push))
        push_feed_publish(self->push, news, s_places, self);
}

static int64_t s_earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t intake_next_us(const intake_t *self, moment_t now)
{
    int64_t next_us = poller_next_us(self->sources.poller);
    if (self->sources.file_count)
        next_us = s_earlier(next_us, self->scan_us);
    for (size_t i = 0; i < self->sources.market_count; i++) {
        int64_t in_us = simulate_due_us(self->sources.markets[i].market) - now.recv_us;
        next_us = s_earlier(next_us, now.mono_us + in_us);
    }
    return next_us;
}
