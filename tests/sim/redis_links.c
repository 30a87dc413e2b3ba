/*  redis_links -- connections to the simulator's Redis: what is on its way, and what cuts it off.
 *
 *  A connection has two ends. The client may have given up while what it sent still arrives, and
 *  the server may be gone while the client does not know. It is forgotten when neither end and
 *  nothing on its way is left.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/redis_inside.h"

static int64_t now_of(const sim_redis_t *self)
{
    return self->world->now_us(self->world->context);
}

// Room for one more at the end of a queue of items of this size.
static void *queue_extend(void *items, size_t size, size_t *first, size_t *end, size_t *room)
{
    if (*end == *room) {
        size_t length = *end - *first;
        *room = 2 * length + 8;
        char *larger = malloc(*room * size);
        if (!larger)
            abort();
        if (length > 0)
            memcpy(larger, (char *) items + *first * size, length * size);
        free(items);
        items = larger;
        *first = 0;
        *end = length;
    }
    ++*end;
    return items;
}

// ---- life ----------------------------------------------------------------------------------

link_t *link_connect(sim_redis_t *self, int client)
{
    if (self->link_count == self->link_room) {
        self->link_room = 2 * self->link_room + 16;
        self->links = realloc(self->links, self->link_room * sizeof *self->links);
        if (!self->links)
            abort();
    }
    link_t *link = calloc(1, sizeof *link);
    if (!link)
        abort();
    link->fd = self->next_fd++;
    link->client = client;
    link->client_open = link->server_open = true;
    return self->links[self->link_count++] = link;
}

static void lose_sent(link_t *link)
{
    for (; link->sent_first < link->sent_end; link->sent_first++)
        words_clear(&link->sent[link->sent_first].words);
}

static void lose_answers(link_t *link, int64_t after_us)
{
    while (link->answer_end > link->answer_first &&
           link->answers[link->answer_end - 1].at_us > after_us)
        freeReplyObject(link->answers[--link->answer_end].reply);
}

void link_destroy(link_t **self_p)
{
    link_t *self = *self_p;
    lose_sent(self);
    lose_answers(self, INT64_MIN);
    for (size_t i = 0; i < self->queued_count; i++)
        words_clear(&self->queued[i].words);
    words_clear(&self->blocked);
    blob_drop(self->pattern);
    free(self->sent);
    free(self->answers);
    free(self->queued);
    free(self);
    *self_p = NULL;
}

link_t *link_of(const sim_redis_t *self, int fd)
{
    for (size_t i = 0; i < self->link_count; i++)
        if (self->links[i]->fd == fd)
            return self->links[i];
    return NULL;
}

// The server closes its end when it has read that the client has: after all that was sent.
static void settle(sim_redis_t *self, link_t *link)
{
    bool empty = link->sent_first == link->sent_end;
    if (!link->client_open && empty)
        link->server_open = false;
    if (link->client_open || link->server_open)
        return;
    for (size_t i = 0; i < self->link_count; i++) {
        if (self->links[i] != link)
            continue;
        memmove(self->links + i, self->links + i + 1,
                (--self->link_count - i) * sizeof *self->links);
        link_destroy(&link);
        return;
    }
}

void link_leave(sim_redis_t *self, link_t *link)
{
    link->client_open = false;
    link->mute = true;
    words_clear(&link->blocked); // the end of a connection ends the wait
    settle(self, link);
}

// ---- on the way ----------------------------------------------------------------------------

void link_send(sim_redis_t *self, link_t *link, words_t *words)
{
    if (link->deaf || !link->server_open) {
        words_clear(words);
        return;
    }
    int64_t at =
        now_of(self) + self->world->travel_us(self->world->context, link->client) + link->late_us;
    if (link->sent_end > link->sent_first && link->sent[link->sent_end - 1].at_us > at)
        at = link->sent[link->sent_end - 1].at_us;
    link->sent = queue_extend(link->sent, sizeof *link->sent, &link->sent_first, &link->sent_end,
                              &link->sent_room);
    link->sent[link->sent_end - 1] = (sent_t){ at, *words };
    *words = (words_t){ 0 };
}

static void answer(sim_redis_t *self, link_t *link, redisReply *reply)
{
    if (link->mute || !link->client_open) {
        freeReplyObject(reply);
        return;
    }
    int64_t at = now_of(self) + self->world->travel_us(self->world->context, link->client);
    if (link->answer_end > link->answer_first && link->answers[link->answer_end - 1].at_us > at)
        at = link->answers[link->answer_end - 1].at_us;
    link->answers = queue_extend(link->answers, sizeof *link->answers, &link->answer_first,
                                 &link->answer_end, &link->answer_room);
    link->answers[link->answer_end - 1] = (answer_t){ at, reply };
}

bool link_ready(const sim_redis_t *self, const link_t *link)
{
    return link->answer_first < link->answer_end &&
           link->answers[link->answer_first].at_us <= now_of(self);
}

bool sim_redis_readable(const sim_redis_t *self, int fd)
{
    const link_t *link = link_of(self, fd);
    if (!link)
        return true; // closed: a read fails at once
    return link_ready(self, link) || (link->client_told && link->answer_first == link->answer_end);
}

// ---- waiting for entries -------------------------------------------------------------------

void link_block(sim_redis_t *self, link_t *link, size_t count, blob_t **words, int64_t wait_ms)
{
    assert(link->blocked.count == 0);
    for (size_t i = 0; i < count; i++)
        words_add(&link->blocked, blob_keep(words[i]));
    link->blocked_until_us = wait_ms == 0 ? INT64_MAX : now_of(self) + wait_ms * 1000;
}

void links_serve_blocked(sim_redis_t *self)
{
    for (size_t i = 0; i < self->link_count; i++) {
        link_t *link = self->links[i];
        redisReply *reply = link->blocked.count > 0 ? stream_read(self, &link->blocked) : NULL;
        if (!reply)
            continue;
        words_clear(&link->blocked);
        answer(self, link, reply);
    }
}

void links_publish(sim_redis_t *self, const char *channel, size_t size, const char *event)
{
    for (size_t i = 0; i < self->link_count; i++) {
        link_t *link = self->links[i];
        if (!link->pattern || !blob_matches(link->pattern, channel, size))
            continue;
        redisReply *message = answer_array(4);
        message->element[0] = answer_text("pmessage", 8);
        message->element[1] = answer_blob(link->pattern);
        message->element[2] = answer_text(channel, size);
        message->element[3] = answer_text(event, strlen(event));
        answer(self, link, message);
    }
}

// ---- the loop ------------------------------------------------------------------------------

// When the server has something to do for this connection; INT64_MAX: nothing.
static int64_t server_due_us(const sim_redis_t *self, const link_t *link)
{
    int64_t due = INT64_MAX;
    if (!link->server_open)
        return due;
    if (link->blocked.count > 0)
        due = link->blocked_until_us;
    else if (link->sent_first < link->sent_end)
        due = link->sent[link->sent_first].at_us;
    return due < self->stopped_until_us ? self->stopped_until_us : due;
}

int64_t sim_redis_next_us(const sim_redis_t *self)
{
    int64_t next = INT64_MAX, now = now_of(self);
    for (size_t i = 0; i < self->link_count; i++) {
        const link_t *link = self->links[i];
        int64_t due = server_due_us(self, link);
        next = due < next ? due : next;
        if (link->answer_first == link->answer_end)
            continue;
        due = link->answers[link->answer_first].at_us;
        if (due > now && due < next) // what has arrived is no event any more
            next = due;
    }
    return next;
}

static void serve(sim_redis_t *self, link_t *link)
{
    if (link->blocked.count > 0) {
        words_clear(&link->blocked);
        return answer(self, link, answer_nil());
    }
    words_t words = link->sent[link->sent_first++].words;
    redisReply *reply = command_execute(self, link, words.count, words.words);
    words_clear(&words);
    if (reply)
        answer(self, link, reply);
    settle(self, link);
}

static bool is_call(const words_t *words, const char *ending)
{
    size_t size = strlen(ending);
    return words->count > 1 && blob_is(words->words[0], "FCALL") && words->words[1]->size >= size &&
           strcmp(words->words[1]->data + words->words[1]->size - size, ending) == 0;
}

static bool share_word(const words_t *a, const words_t *b)
{
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < b->count; k++)
            if (strstr(a->words[i]->data, ":m:{") && blob_same(a->words[i], b->words[k]))
                return true;
    return false;
}

// Does what is on its way here touch a partition that this command, or this transaction, touches?
static bool is_about(const link_t *self, const link_t *other)
{
    for (size_t i = self->sent_first; i < self->sent_end; i++) {
        const words_t *words = &self->sent[i].words;
        if (share_word(words, &other->sent[other->sent_first].words))
            return true;
        for (size_t k = 0; k < other->queued_count; k++)
            if (share_word(words, &other->queued[k].words))
                return true;
    }
    return false;
}

static bool touches(const sim_redis_t *self, const link_t *link, size_t entry)
{
    const aof_t *log = &self->log;
    size_t from = entry > 0 ? log->entries[entry - 1].effects_end : 0;
    for (size_t i = from; i < log->entries[entry].effects_end; i++)
        for (size_t k = link->sent_first; k < link->sent_end; k++)
            if (share_word(&link->sent[k].words, &log->effects[i]))
                return true;
    return false;
}

size_t sim_redis_entry_before(const sim_redis_t *self, int client)
{
    for (size_t entry = self->log.count; entry-- > 0;)
        for (size_t i = 0; i < self->link_count; i++)
            if (self->links[i]->client == client && touches(self, self->links[i], entry))
                return entry;
    return self->log.count;
}

// Is what is due here a commit, alone or the end of a transaction?
static bool is_commit(const link_t *self)
{
    const words_t *words = &self->sent[self->sent_first].words;
    return blob_is(words->words[0], "EXEC") || (!self->multi && is_call(words, "_commit"));
}

static void arrive(link_t *self, int64_t at_us)
{
    self->before_next = self->after_next = false;
    for (size_t i = self->sent_first; i < self->sent_end; i++)
        self->sent[i].at_us = at_us;
}

// What was held back for the transaction that this connection is about to end. True: it comes
// first.
static bool let_arrive(sim_redis_t *self, const link_t *link, int64_t now)
{
    bool first = false;
    if (!is_commit(link))
        return false;
    for (size_t i = 0; i < self->link_count; i++) {
        link_t *held = self->links[i];
        if (held == link || held->client != link->client ||
            !(held->before_next || held->after_next) || !is_about(held, link))
            continue;
        first |= held->before_next;
        arrive(held, held->before_next ? 0 : now);
    }
    return first;
}

void sim_redis_run(sim_redis_t *self)
{
    int64_t now = now_of(self);
    if (self->up)
        space_expire_due(self);
    for (;;) {
        link_t *next = NULL;
        int64_t first = INT64_MAX;
        for (size_t i = 0; i < self->link_count; i++) {
            int64_t due = server_due_us(self, self->links[i]);
            if (due < first) {
                first = due;
                next = self->links[i];
            }
        }
        if (!next || first > now)
            return;
        if (next->blocked.count > 0 || !let_arrive(self, next, now))
            serve(self, next);
    }
}

// ---- faults --------------------------------------------------------------------------------

static void cut(sim_redis_t *self, link_t *link, sim_redis_cut_t how)
{
    link->late_us += how.late_us;
    link->before_next = how.before_next;
    link->after_next = how.after_next;
    for (size_t i = link->sent_first; i < link->sent_end; i++)
        link->sent[i].at_us += how.late_us;
    if (how.lose_sent) {
        lose_sent(link);
        link->deaf = true;
        link->server_open = false;
    }
    if (how.lose_answers) {
        lose_answers(link, now_of(self));
        link->mute = true;
    }
    if (!how.client_unaware) {
        link->mute = link->deaf = link->client_told = true; // it sends nothing more
        lose_answers(link, now_of(self));
    }
    if (!link->server_open || link->mute)
        words_clear(&link->blocked);
    settle(self, link);
}

void sim_redis_cut_one(sim_redis_t *self, int fd, sim_redis_cut_t how)
{
    link_t *link = link_of(self, fd);
    if (link)
        cut(self, link, how);
}

void sim_redis_cut(sim_redis_t *self, int client, sim_redis_cut_t how)
{
    for (size_t i = self->link_count; i-- > 0;)
        if (self->links[i]->client == client)
            cut(self, self->links[i], how);
}

void sim_redis_client_gone(sim_redis_t *self, int client)
{
    for (size_t i = self->link_count; i-- > 0;)
        if (self->links[i]->client == client && self->links[i]->client_open)
            link_leave(self, self->links[i]);
}

size_t sim_redis_on_their_way(const sim_redis_t *self, int client)
{
    size_t count = 0;
    for (size_t i = 0; i < self->link_count; i++)
        if (client < 0 || self->links[i]->client == client)
            count += self->links[i]->sent_end - self->links[i]->sent_first;
    return count;
}

size_t sim_redis_calls_on_their_way(const sim_redis_t *self, int client, const char *ending)
{
    size_t count = 0;
    for (size_t i = 0; i < self->link_count; i++)
        for (size_t k = self->links[i]->sent_first; k < self->links[i]->sent_end; k++)
            count +=
                self->links[i]->client == client && is_call(&self->links[i]->sent[k].words, ending);
    return count;
}
