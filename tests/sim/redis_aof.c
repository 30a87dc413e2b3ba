/*  redis_aof -- the append-only file of the simulator's Redis.
 *
 *  An entry holds what one command changed, as commands that come to the same whenever they are
 *  run again. To go back is to empty the keys and to run the first entries again.
 */
#include <assert.h>
#include <stdlib.h>

#include "tests/sim/redis_inside.h"

void aof_begin(sim_redis_t *self)
{
    if (self->depth++ == 0 && !self->replaying)
        self->frozen_ms = self->world->wall_us(self->world->context) / 1000;
}

void aof_effect(sim_redis_t *self, size_t count, blob_t **words)
{
    aof_t *log = &self->log;
    if (self->replaying)
        return;
    assert(self->depth > 0);
    if (log->effect_count == log->effect_room) {
        log->effect_room = 2 * log->effect_room + 64;
        log->effects = realloc(log->effects, log->effect_room * sizeof *log->effects);
        if (!log->effects)
            abort();
    }
    words_t *effect = &log->effects[log->effect_count++];
    *effect = (words_t){ 0 };
    for (size_t i = 0; i < count; i++)
        words_add(effect, blob_keep(words[i]));
}

void aof_end(sim_redis_t *self)
{
    aof_t *log = &self->log;
    size_t before = log->count > 0 ? log->entries[log->count - 1].effects_end : 0;
    if (--self->depth > 0 || self->replaying || log->effect_count == before)
        return;
    if (log->count == log->room) {
        log->room = 2 * log->room + 64;
        log->entries = realloc(log->entries, log->room * sizeof *log->entries);
        if (!log->entries)
            abort();
    }
    log->entries[log->count++] =
        (log_entry_t){ self->world->now_us(self->world->context), log->effect_count };
}

static void forget(aof_t *log, size_t entries)
{
    size_t effects = entries > 0 ? log->entries[entries - 1].effects_end : 0;
    for (size_t i = effects; i < log->effect_count; i++)
        words_clear(&log->effects[i]);
    log->effect_count = effects;
    log->count = entries;
    if (log->fsynced > entries)
        log->fsynced = entries;
}

void aof_cut(sim_redis_t *self, size_t entries)
{
    assert(self->depth == 0 && entries <= self->log.count);
    forget(&self->log, entries);
    space_clear(self);
    script_forget(self->script);
    self->replaying = true;
    for (size_t i = 0; i < self->log.effect_count; i++) {
        const words_t *effect = &self->log.effects[i];
        redisReply *reply = command_inside(self, effect->count, effect->words, false);
        assert(reply->type != REDIS_REPLY_ERROR);
        freeReplyObject(reply);
    }
    self->replaying = false;
}

void aof_clear(aof_t *log)
{
    forget(log, 0);
    free(log->effects);
    free(log->entries);
    *log = (aof_t){ 0 };
}

size_t sim_redis_log_entries(const sim_redis_t *self)
{
    return self->log.count;
}

int64_t sim_redis_log_written_us(const sim_redis_t *self, size_t entry)
{
    assert(entry < self->log.count);
    return self->log.entries[entry].written_us;
}

void sim_redis_mark_fsynced(sim_redis_t *self, size_t entries)
{
    assert(entries <= self->log.count);
    if (entries > self->log.fsynced)
        self->log.fsynced = entries;
}

size_t sim_redis_fsynced(const sim_redis_t *self)
{
    return self->log.fsynced;
}
