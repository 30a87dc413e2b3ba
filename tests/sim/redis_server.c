/*  redis_server -- life of the simulator's Redis, commands about it, and what can happen to it. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/redis_inside.h"

sim_redis_t *sim_redis_installed;

// ---- life ----------------------------------------------------------------------------------

static void start_settings(sim_redis_t *self)
{
    snprintf(self->events, sizeof self->events, "%s", "");
    snprintf(self->policy, sizeof self->policy, "noeviction");
    self->appendonly = true;
    blob_drop(self->password);
    self->password = NULL;
}

sim_redis_t *sim_redis_new(const sim_redis_world_t *world, uint64_t order_seed)
{
    assert(!sim_redis_installed);
    sim_redis_t *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    self->world = world;
    self->order_seed = order_seed;
    self->next_fd = SIM_REDIS_FD;
    self->expires_first_ms = INT64_MAX;
    self->up = true;
    self->loaded_us = self->stopped_until_us = INT64_MIN;
    self->script = script_new(self);
    start_settings(self);
    return sim_redis_installed = self;
}

void sim_redis_destroy(sim_redis_t **self_p)
{
    sim_redis_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->link_count; i++)
        link_destroy(&self->links[i]);
    free(self->links);
    space_clear(self);
    aof_clear(&self->log);
    script_destroy(&self->script);
    blob_drop(self->refusal);
    blob_drop(self->password);
    free(self);
    sim_redis_installed = NULL;
    *self_p = NULL;
}

// ---- faults --------------------------------------------------------------------------------

void sim_redis_kill(sim_redis_t *self)
{
    self->up = false;
    const sim_redis_cut_t all = { .lose_sent = true, .lose_answers = true };
    for (size_t i = self->link_count; i-- > 0;)
        sim_redis_cut_one(self, self->links[i]->fd, all);
}

void sim_redis_restart(sim_redis_t *self, size_t entries, int64_t loaded_us)
{
    assert(!self->up);
    aof_cut(self, entries);
    sim_redis_mark_fsynced(self, entries); // it has just read them from the disk
    start_settings(self);
    self->up = true;
    self->loaded_us = loaded_us;
    self->stopped_until_us = INT64_MIN;
}

bool sim_redis_up(const sim_redis_t *self)
{
    return self->up;
}

void sim_redis_roll_back(sim_redis_t *self, size_t entries)
{
    aof_cut(self, entries);
}

void sim_redis_flush_all(sim_redis_t *self)
{
    freeReplyObject(sim_redis_ask(self, "FLUSHALL"));
}

void sim_redis_stop_until(sim_redis_t *self, int64_t us)
{
    self->stopped_until_us = us;
}

void sim_redis_refuse_writes(sim_redis_t *self, const char *error)
{
    blob_drop(self->refusal);
    self->refusal = error ? blob_text(error) : NULL;
}

void sim_redis_set_full(sim_redis_t *self, bool full)
{
    self->full = full;
}

// ---- the observer --------------------------------------------------------------------------

static redisReply *observe(sim_redis_t *self, words_t *words)
{
    redisReply *reply = command_execute(self, NULL, words->count, words->words);
    words_clear(words);
    return reply;
}

redisReply *sim_redis_do(sim_redis_t *self, size_t count, const char *const *words,
                         const size_t *sizes)
{
    words_t command = { 0 };
    for (size_t i = 0; i < count; i++)
        words_add(&command, blob_new(words[i], sizes ? sizes[i] : strlen(words[i])));
    return observe(self, &command);
}

redisReply *sim_redis_ask(sim_redis_t *self, const char *format, ...)
{
    char *text = NULL;
    words_t command = { 0 };
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        abort();
    va_end(arguments);
    for (const char *at = text; *at;) {
        size_t size = strcspn(at, " ");
        words_add(&command, blob_new(at, size));
        at += size + strspn(at + size, " ");
    }
    free(text);
    return observe(self, &command);
}

uint64_t sim_redis_digest(const sim_redis_t *self)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < self->keys.used; i++) {
        const item_t *item = self->keys.items[i];
        if (!item)
            continue;
        uint64_t one = object_digest(item->object) + (uint64_t) item->object->expires_ms * 31;
        sum += (one ^ blob_hash(item->name)) * 0x9E3779B97F4A7C15u;
    }
    return sum;
}

uint64_t sim_redis_executed(const sim_redis_t *self)
{
    return self->executed;
}

// ---- commands about the server -------------------------------------------------------------

static void run_ping(call_t *call)
{
    call->reply = answer_status("PONG");
}

static void run_time(call_t *call)
{
    int64_t us = call->server->world->wall_us(call->server->world->context);
    blob_t *parts[2] = { blob_integer(us / 1000000), blob_integer(us % 1000000) };
    call->reply = answer_array(2);
    for (size_t i = 0; i < 2; i++) {
        call->reply->element[i] = answer_blob(parts[i]);
        blob_drop(parts[i]);
    }
}

static void run_info(call_t *call)
{
    char text[512];
    int size = snprintf(text, sizeof text,
                        "# Memory\r\nmaxmemory:%d\r\nmaxmemory_policy:%s\r\n"
                        "# Persistence\r\nloading:0\r\naof_enabled:%d\r\n",
                        call->server->full, call->server->policy, call->server->appendonly);
    call->reply = answer_text(text, (size_t) size);
}

static void run_select(call_t *call)
{
    if (!blob_is(call->words[1], "0"))
        abort(); // one database
    call_ok(call);
}

static void run_auth(call_t *call)
{
    const blob_t *password = call->server->password;
    if (!password)
        return call_error(call, "ERR AUTH <password> called without any password configured for "
                                "the default user. Are you sure your configuration is correct?");
    if (!blob_same(password, call->words[1]))
        return call_error(call, "WRONGPASS invalid username-password pair or user is disabled.");
    if (call->link)
        call->link->greeted = true;
    call_ok(call);
}

static void answer_setting(call_t *call, const char *value)
{
    call->reply = answer_array(2);
    call->reply->element[0] = answer_blob(call->words[2]);
    call->reply->element[1] = answer_text(value, strlen(value));
}

static void config_get(call_t *call)
{
    sim_redis_t *self = call->server;
    const blob_t *name = call->words[2];
    if (blob_is(name, "notify-keyspace-events"))
        answer_setting(call, self->events);
    else if (blob_is(name, "maxmemory-policy"))
        answer_setting(call, self->policy);
    else if (blob_is(name, "appendonly"))
        answer_setting(call, self->appendonly ? "yes" : "no");
    else
        abort();
}

static void config_set(call_t *call)
{
    sim_redis_t *self = call->server;
    const blob_t *name = call->words[2], *value = call->words[3];
    if (blob_is(name, "notify-keyspace-events")) {
        snprintf(self->events, sizeof self->events, "%s", value->data);
    } else if (blob_is(name, "maxmemory-policy")) {
        snprintf(self->policy, sizeof self->policy, "%s", value->data);
    } else if (blob_is(name, "appendonly")) {
        self->appendonly = blob_is(value, "yes");
    } else if (blob_is(name, "maxmemory")) {
        self->full = !blob_is(value, "0"); // whoever sets one sets it below what is used
    } else if (blob_is(name, "requirepass")) {
        blob_drop(self->password);
        self->password = value->size > 0 ? blob_new(value->data, value->size) : NULL;
    } else {
        abort();
    }
    call_ok(call);
}

static void run_config(call_t *call)
{
    if (blob_is(call->words[1], "GET") && call->count == 3)
        config_get(call);
    else if (blob_is(call->words[1], "SET") && call->count == 4)
        config_set(call);
    else
        abort();
}

static void run_psubscribe(call_t *call)
{
    if (!call->link || call->link->pattern)
        abort(); // one pattern a connection
    call->link->pattern = blob_keep(call->words[1]);
    call->reply = answer_array(3);
    call->reply->element[0] = answer_text("psubscribe", 10);
    call->reply->element[1] = answer_blob(call->words[1]);
    call->reply->element[2] = answer_integer(1);
}

// MULTI, EXEC and DISCARD are done where commands are executed: here they come from nobody.
static void run_transaction(call_t *call)
{
    call_error(call, "ERR %s without a connection", call->words[0]->data);
}

const command_t server_commands[] = {
    { "AUTH", 2, NO_SCRIPT | BEFORE_AUTH, run_auth },
    { "CONFIG", 3, NO_SCRIPT, run_config },
    { "DISCARD", 1, NO_SCRIPT, run_transaction },
    { "EXEC", 1, NO_SCRIPT, run_transaction },
    { "INFO", 1, NO_SCRIPT, run_info },
    { "MULTI", 1, NO_SCRIPT, run_transaction },
    { "PING", 1, 0, run_ping },
    { "PSUBSCRIBE", 2, NO_SCRIPT, run_psubscribe },
    { "SELECT", 2, NO_SCRIPT, run_select },
    { "TIME", 1, 0, run_time },
    { 0 },
};
