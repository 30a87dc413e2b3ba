/*  store -- life of a store_t, its health, and who is alive; see store.h. */
#include "broker/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "broker/store_link.h"
#include "proto/owned.h"

enum {
    LIBRARY_VERSION = 2, // of functions.lua: what old and new code cannot share gets a new one
    STORE_ROLE_SIZE = sizeof((store_actor_t *) 0)->role,
};

_Static_assert(STORE_NAMESPACE_MAX == (int) KEYS_NAMESPACE_MAX, "one limit, named twice");

store_t *store_new(const char *url, const char *password, const char *namespace, fault_t *fault)
{
    owned(store_destroy) store_t *self = calloc(1, sizeof *self);
    if (!self)
        return fault_set(fault, "out of memory"), NULL;
    if (!keys_init(&self->keys, namespace)) {
        fault_set(fault, "namespace '%s': want [a-z][a-z0-9_]*, at most %d bytes", namespace,
                  STORE_NAMESPACE_MAX);
        return NULL;
    }
    if (!link_place_parse(&self->place, url, password, fault))
        return NULL;
    snprintf(self->library, sizeof self->library, "tw_%s_%d", namespace, LIBRARY_VERSION);
    self->limits = (store_limits_t){ .outbox_entries = OUTBOX_ENTRIES_MAX,
                                     .alert_log_entries = ALERT_LOG_ENTRIES_MAX,
                                     .deliveries = DELIVERIES_MAX,
                                     .deliveries_each = DELIVERIES_EACH_MAX,
                                     .quarantine_entries = QUARANTINE_ENTRIES_MAX,
                                     .quarantine_ids = QUARANTINE_IDS_MAX };
    self->retry_ms = LINK_RETRY_MIN_MS;
    store_t *made = self;
    self = NULL;
    return made;
}

void store_destroy(store_t **self_p)
{
    store_t *self = *self_p;
    if (!self)
        return;
    if (self->context)
        redisFree(self->context);
    link_place_clear(&self->place);
    keys_clear(&self->keys);
    buffer_destroy(&self->command);
    free(self);
    *self_p = NULL;
}

uint64_t store_epoch(const store_t *self)
{
    return self->epoch;
}

const char *store_error(const store_t *self)
{
    return self->error.text;
}

void store_give_up(store_t *self)
{
    if (self->context)
        link_close(self, "no answer in time");
}

int store_descriptor(const store_t *self)
{
    return self->context ? self->context->fd : -1;
}

store_limits_t *store_limits(store_t *self)
{
    return &self->limits;
}

store_status_t store_prepare(store_t *self)
{
    return link_open(self) ? STORE_OK : STORE_DOWN;
}

store_status_t store_ping(store_t *self)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "INFO");
    command_text(self, "persistence");
    command_text(self, "memory");
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    if (reply->type != REDIS_REPLY_STRING || !strstr(reply->str, "aof_enabled:1")) {
        fault_set(&self->error, "Redis keeps no append-only file: set 'appendonly yes'");
        return STORE_REFUSED;
    }
    if (!strstr(reply->str, "maxmemory_policy:noeviction")) {
        fault_set(&self->error, "Redis would throw away keys when it is full: set "
                                "'maxmemory-policy noeviction'");
        return STORE_REFUSED;
    }
    return STORE_OK;
}

// ---- actors --------------------------------------------------------------------------------

static slice_t member_of(char text[96], const char *role, const char *name)
{
    int size = snprintf(text, 96, "%s:%s", role, name);
    assert(strlen(role) < STORE_ROLE_SIZE && strlen(name) <= STORE_NAME_MAX);
    return slice_of(text, (size_t) size);
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

store_status_t store_beat(store_t *self, const char *role, const char *name, int lease_ms,
                          const store_field_t *fields, size_t count)
{
    assert(count > 0 && count <= STORE_FIELDS_MAX);
    if (!link_open(self))
        return STORE_DOWN;
    char text[96];
    slice_t member = member_of(text, role, name);
    command_call(self, "beat", 2);
    command_key(self, keys_actors(&self->keys));
    command_key(self, keys_actor(&self->keys, member));
    command_bytes(self, member);
    command_i64(self, lease_ms);
    command_i64(self, wall_ms());
    for (size_t i = 0; i < count; i++) {
        command_text(self, fields[i].name);
        command_text(self, fields[i].value);
    }
    return link_ask_verdict(self);
}

store_status_t store_leave(store_t *self, const char *role, const char *name)
{
    if (!link_open(self))
        return STORE_DOWN;
    char text[96];
    slice_t member = member_of(text, role, name);
    command_begin(self, "ZREM");
    command_key(self, keys_actors(&self->keys));
    command_bytes(self, member);
    bool pushed = link_push(self);
    command_begin(self, "DEL");
    command_key(self, keys_actor(&self->keys, member));
    pushed = pushed && link_push(self);
    return pushed ? link_take_all(self, 2) : STORE_DOWN;
}

// Split "<role>:<name>". False: not of this role, or not written by us.
static bool read_member(store_actor_t *actor, const char *member, const char *role)
{
    const char *colon = strchr(member, ':');
    if (!colon || (size_t) (colon - member) >= sizeof actor->role ||
        strlen(colon + 1) >= sizeof actor->name)
        return false;
    memcpy(actor->role, member, (size_t) (colon - member));
    actor->role[colon - member] = '\0';
    memcpy(actor->name, colon + 1, strlen(colon + 1) + 1);
    return !role || strcmp(role, actor->role) == 0;
}

static store_status_t visit_actor(store_t *self, const redisReply *member, const char *role,
                                  store_actor_visit_t *visit, void *context)
{
    store_actor_t actor;
    if (!read_member(&actor, member->str, role))
        return STORE_OK;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HGETALL");
    command_key(self, keys_actor(&self->keys, reply_slice(member)));
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    actor.count = reply_fields(reply, actor.fields);
    if (actor.count > 0) // else it left between our two questions
        visit(context, &actor);
    return STORE_OK;
}

store_status_t store_actors(store_t *self, const char *role, store_actor_visit_t *visit,
                            void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *members = NULL;
    command_look(self, "actors", 1);
    command_key(self, keys_actors(&self->keys));
    store_status_t status = link_ask(self, &members);
    if (status != STORE_OK)
        return status;
    reply_sort(members);
    for (size_t i = 0; i < members->elements && status == STORE_OK; i++)
        status = visit_actor(self, members->element[i], role, visit, context);
    return status;
}
