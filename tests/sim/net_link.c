/*  net_link -- see net_link.h. */
#include "tests/sim/net_link.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/world.h"

enum {
    CUTS_MAX = 64,
    RETRY_US = 100000,    // until a link is tried again
    TIMEOUT_US = 4000000, // of silence that ends a link, as broker/bus.c sets it
    DELAY_US_MAX = 900,   // of a frame, usually
    SLOW_US_MAX = 150000, // and sometimes
};

typedef struct {
    const process_t *from, *to; // NULL: anybody
    int64_t until_us;
} cut_t;

static size_t cut_count;
static cut_t cuts[CUTS_MAX];

// ---- frames
// -----------------------------------------------------------------------------------------

frame_t *net_frame(size_t count, const slice_t *slices)
{
    frame_t *frame = calloc(1, sizeof *frame);
    size_t size = slices[0].size + (count > 1 ? slices[1].size : 0);
    if (!frame || !(frame->bytes = malloc(size + 1)))
        abort();
    frame->count = count;
    for (size_t i = 0, at = 0; i < count; i++) {
        if (slices[i].size)
            memcpy(frame->bytes + at, slices[i].data, slices[i].size);
        frame->sizes[i] = slices[i].size;
        at += slices[i].size;
    }
    return frame;
}

void net_frame_free(frame_t *frame)
{
    if (frame)
        free(frame->bytes);
    free(frame);
}

static void s_push(queue_t *queue, frame_t *frame)
{
    frame->next = NULL;
    if (queue->last)
        queue->last->next = frame;
    else
        queue->first = frame;
    queue->last = frame;
    queue->count++;
    queue->bytes += frame->sizes[0] + frame->sizes[1];
    net_most(queue->bytes);
}

frame_t *net_pop(queue_t *queue)
{
    frame_t *frame = queue->first;
    if (!frame)
        return NULL;
    queue->first = frame->next;
    if (!queue->first)
        queue->last = NULL;
    queue->count--;
    queue->bytes -= frame->sizes[0] + frame->sizes[1];
    return frame;
}

// ---- the wire
// ---------------------------------------------------------------------------------------

static int64_t s_cut_until(const bus_t *from, const bus_t *to)
{
    int64_t until_us = 0;
    for (size_t i = 0; i < cut_count; i++)
        if ((!cuts[i].from || cuts[i].from == from->owner) &&
            (!cuts[i].to || cuts[i].to == to->owner) && cuts[i].until_us > until_us)
            until_us = cuts[i].until_us;
    return until_us;
}

static bool s_is_cut(const bus_t *a, const bus_t *b)
{
    return s_cut_until(a, b) > world_us() || s_cut_until(b, a) > world_us();
}

static void s_arrive(pipe_t *pipe)
{
    bus_t *to = pipe->to;
    while (to && pipe->queue.first && pipe->queue.first->arrive_us <= world_us())
        s_push(&to->inbox, net_pop(&pipe->queue));
    if (to)
        process_poke(to->owner);
}

static void s_on_arrival(void *context, uint64_t number)
{
    (void) number;
    s_arrive(context);
}

static int64_t s_delay_us(void)
{
    return world_chance(30) ? world_between(0, SLOW_US_MAX) : world_between(20, DELAY_US_MAX);
}

static void s_put(pipe_t *pipe, const bus_t *from, frame_t *frame)
{
    int64_t us = world_us(), cut_us = s_cut_until(from, pipe->to);
    us = (cut_us > us ? cut_us : us) + s_delay_us();
    if (us < pipe->last_us)
        us = pipe->last_us;
    frame->arrive_us = pipe->last_us = us;
    s_push(&pipe->queue, frame);
    world_at(us, s_on_arrival, pipe, 0);
}

bool net_pipe_has_room(const link_t *link, const bus_t *from)
{
    const pipe_t *pipe = from == link->connector ? &link->forth : &link->back;
    return pipe->to && pipe->queue.count + pipe->to->inbox.count < from->hwm + pipe->to->hwm;
}

void net_pipe_send(link_t *link, const bus_t *from, frame_t *frame)
{
    s_put(from == link->connector ? &link->forth : &link->back, from, frame);
}

// ---- up and down
// ------------------------------------------------------------------------------------

static bool s_subscribes(const bus_t *self)
{
    return self->kind == BUS_SUB || self->kind == BUS_XSUB;
}

// An XPUB hears what the other end subscribes to, and when it is gone.
static void s_tell_publisher(link_t *link, uint8_t what)
{
    bus_t *reader = s_subscribes(link->connector) ? link->connector : link->bound;
    bus_t *publisher = reader == link->connector ? link->bound : link->connector;
    if (!s_subscribes(reader) || publisher->kind != BUS_XPUB || publisher->closed)
        return;
    for (size_t i = 0; i < reader->prefix_count; i++) {
        char text[NET_PREFIX_BYTES + 1] = { (char) what };
        int size = snprintf(text + 1, sizeof text - 1, "%s", reader->prefixes[i]);
        slice_t slice = slice_of(text, (size_t) size + 1);
        frame_t *frame = net_frame(1, &slice);
        if (what)
            net_pipe_send(link, reader, frame);
        else
            s_push(&publisher->inbox, frame);
    }
}

static void s_try(void *context, uint64_t number)
{
    (void) number;
    link_t *link = context;
    if (link->bound || !link->wanted || link->connector->closed)
        return;
    bus_t *bound = net_bound_at(link->endpoint);
    if (!bound || s_is_cut(link->connector, bound) || bound->link_count == NET_LINKS_MAX ||
        process_is_stopped(bound->owner) || process_is_stopped(link->connector->owner)) {
        world_at(world_us() + RETRY_US, s_try, link, 0);
        return;
    }
    link->bound = bound;
    link->forth.to = bound;
    link->back.to = link->connector;
    bound->links[bound->link_count++] = link;
    s_tell_publisher(link, 1);
    process_poke(link->connector->owner);
    process_poke(bound->owner);
}

bool net_link_add(bus_t *self, const char *endpoint)
{
    link_t *link = calloc(1, sizeof *link);
    if (!link || self->link_count == NET_LINKS_MAX)
        abort();
    link->connector = self;
    link->wanted = true;
    snprintf(link->endpoint, sizeof link->endpoint, "%s", endpoint);
    self->links[self->link_count++] = link;
    world_at(world_us() + s_delay_us(), s_try, link, 0);
    return true;
}

static void s_unlink(bus_t *self, const link_t *link)
{
    for (size_t i = 0; i < self->link_count; i++)
        if (self->links[i] == link) {
            self->links[i] = self->links[--self->link_count];
            return;
        }
}

// What is under way arrives now, or never.
static void s_empty(pipe_t *pipe, unsigned of_1000)
{
    bool arrives = true;
    for (frame_t *frame; (frame = net_pop(&pipe->queue));) {
        arrives = arrives && of_1000 > 0 && (of_1000 == 1000 || world_chance(of_1000));
        if (arrives)
            s_push(&pipe->to->inbox, frame);
        else
            net_frame_free(frame);
    }
    pipe->last_us = 0;
}

static void s_down(link_t *link, const bus_t *sender, unsigned of_1000)
{
    bus_t *bound = link->bound;
    if (!bound)
        return;
    s_empty(&link->forth, sender == link->connector ? of_1000 : 0);
    s_empty(&link->back, sender == bound ? of_1000 : 0);
    s_tell_publisher(link, 0);
    s_unlink(bound, link);
    link->bound = link->forth.to = link->back.to = NULL;
    process_poke(link->connector->owner);
    process_poke(bound->owner);
    world_at(world_us() + RETRY_US, s_try, link, 0);
}

void net_link_end_all(bus_t *self, unsigned of_1000)
{
    for (size_t i = self->link_count; i-- > 0;) {
        link_t *link = self->links[i];
        if (link->connector == self && self->closed)
            link->wanted = false;
        s_down(link, self, of_1000);
    }
}

void net_link_remove(bus_t *self, const char *endpoint)
{
    for (size_t i = self->link_count; i-- > 0;) {
        link_t *link = self->links[i];
        if (link->connector != self || strcmp(link->endpoint, endpoint) != 0)
            continue;
        link->wanted = false;
        s_down(link, NULL, 0);
        s_unlink(self, link);
    }
}

// ---- faults
// -----------------------------------------------------------------------------------------

static void s_hold(pipe_t *pipe, const bus_t *from, int64_t until_us)
{
    if (!pipe->to || s_cut_until(from, pipe->to) < until_us)
        return;
    for (frame_t *frame = pipe->queue.first; frame; frame = frame->next)
        if (frame->arrive_us < until_us)
            frame->arrive_us = until_us;
    pipe->last_us = pipe->last_us < until_us ? until_us : pipe->last_us;
    world_at(until_us, s_on_arrival, pipe, 0);
}

// Those that are still cut have heard nothing for too long.
static void s_time_out(void *context, uint64_t number)
{
    (void) number;
    bus_t *self = context;
    for (size_t i = self->link_count; i-- > 0;)
        if (self->links[i]->bound && s_is_cut(self->links[i]->connector, self->links[i]->bound))
            s_down(self->links[i], NULL, 0);
}

void net_link_cut(bus_t *const *sockets, size_t count, const process_t *from, const process_t *to,
                  int64_t until_us)
{
    if (cut_count == CUTS_MAX)
        cut_count = 0; // those of long ago
    cuts[cut_count++] = (cut_t){ from, to, until_us };
    for (size_t s = 0; s < count; s++) {
        bus_t *self = sockets[s];
        for (size_t i = 0; i < self->link_count; i++) {
            link_t *link = self->links[i];
            if (link->connector != self || !link->bound)
                continue;
            s_hold(&link->forth, self, until_us);
            s_hold(&link->back, link->bound, until_us);
        }
        if (until_us - world_us() > TIMEOUT_US && !self->closed)
            world_at(world_us() + TIMEOUT_US, s_time_out, self, 0);
    }
}
