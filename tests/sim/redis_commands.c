/*  redis_commands -- how the simulator's Redis executes a command: who may, in a transaction or at
 *  once, and what the log keeps of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/sim/redis_inside.h"

// ---- the table -----------------------------------------------------------------------------

enum { COMMANDS_MOST = 128, KNOWN_NAMES = 256 };

static const command_t *table[COMMANDS_MOST];
static size_t table_count;

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const command_t *const *) a)->name, (*(const command_t *const *) b)->name);
}

static void fill_table(void)
{
    const command_t *const lists[] = { key_commands,  hash_commands,   list_commands,
                                       set_commands,  zset_commands,   stream_commands,
                                       text_commands, server_commands, script_commands };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const command_t *command = lists[i]; command->name; command++) {
            if (table_count == COMMANDS_MOST)
                abort();
            table[table_count++] = command;
        }
    qsort(table, table_count, sizeof *table, by_name);
}

static const command_t *search(const blob_t *name)
{
    if (table_count == 0)
        fill_table();
    size_t low = 0, high = table_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcasecmp(name->data, table[middle]->name);
        if (order == 0)
            return table[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

// Remembered by the hash of the name as it is written: nearly always the same few.
const command_t *command_find(blob_t *name)
{
    static const command_t *known[KNOWN_NAMES];
    const command_t **place = &known[blob_hash(name) / 2 % KNOWN_NAMES];
    if (!*place || strcmp((*place)->name, name->data) != 0) {
        const command_t *found = search(name);
        if (!found)
            return NULL;
        *place = found;
    }
    return *place;
}

// A command that we have not written is not one that succeeded.
static const command_t *command_must(size_t count, blob_t **words)
{
    const command_t *command = command_find(words[0]);
    if (command)
        return command;
    fprintf(stderr, "the simulator's Redis does not know this command:");
    for (size_t i = 0; i < count && i < 6; i++)
        fprintf(stderr, " %.60s", words[i]->data);
    fprintf(stderr, "\n");
    abort();
}

// ---- running -------------------------------------------------------------------------------

static redisReply *wrong_count(const command_t *command)
{
    char name[32];
    size_t size = strlen(command->name);
    for (size_t i = 0; i <= size; i++)
        name[i] = (char) (command->name[i] >= 'A' && command->name[i] <= 'Z' ? command->name[i] | 32
                                                                             : command->name[i]);
    return answer_error("ERR wrong number of arguments for '%s' command", name);
}

static redisReply *run(const command_t *command, call_t *call)
{
    if (call->count < command->least)
        return wrong_count(command);
    command->run(call);
    if (call->changed && call->rewritten.count > 0)
        aof_effect(call->server, call->rewritten.count, call->rewritten.words);
    else if (call->changed)
        aof_effect(call->server, call->count, call->words);
    words_clear(&call->rewritten);
    return call->reply;
}

redisReply *command_inside(sim_redis_t *self, size_t count, blob_t **words, bool in_script)
{
    const command_t *command = command_must(count, words);
    if (in_script && (command->flags & NO_SCRIPT))
        return answer_error("ERR This Redis command is not allowed from script");
    call_t call = {
        .server = self, .count = count, .words = words, .in_script = in_script, .in_multi = true
    };
    return run(command, &call);
}

// Why this command cannot be executed now; NULL = it can.
static redisReply *refuse(sim_redis_t *self, const link_t *link, const command_t *command)
{
    if (link && self->password && !link->greeted && !(command->flags & BEFORE_AUTH))
        return answer_error("NOAUTH Authentication required.");
    if (self->world->now_us(self->world->context) < self->loaded_us && link)
        return answer_error("LOADING Redis is loading the dataset in memory");
    if (self->full && (command->flags & GROWS))
        return answer_error("OOM command not allowed when used memory > 'maxmemory'.");
    if (self->refusal && (command->flags & WRITES))
        return answer_error("%s", self->refusal->data);
    return NULL;
}

// ---- transactions --------------------------------------------------------------------------

static void forget_queue(link_t *link)
{
    for (size_t i = 0; i < link->queued_count; i++)
        words_clear(&link->queued[i].words);
    link->queued_count = 0;
    link->multi = link->spoilt = false;
}

static redisReply *enqueue(link_t *link, size_t count, blob_t **words)
{
    if (link->queued_count == link->queued_room) {
        link->queued_room = 2 * link->queued_room + 16;
        link->queued = realloc(link->queued, link->queued_room * sizeof *link->queued);
        if (!link->queued)
            abort();
    }
    sent_t *queued = &link->queued[link->queued_count++];
    *queued = (sent_t){ 0 };
    for (size_t i = 0; i < count; i++)
        words_add(&queued->words, blob_keep(words[i]));
    return answer_status("QUEUED");
}

static redisReply *execute_queue(sim_redis_t *self, link_t *link)
{
    if (link->spoilt) {
        forget_queue(link);
        return answer_error("EXECABORT Transaction discarded because of previous errors.");
    }
    redisReply *answers = answer_array(link->queued_count);
    for (size_t i = 0; i < link->queued_count; i++) {
        const words_t *words = &link->queued[i].words;
        answers->element[i] = command_inside(self, words->count, words->words, false);
    }
    forget_queue(link);
    return answers;
}

static redisReply *execute(sim_redis_t *self, link_t *link, size_t count, blob_t **words)
{
    const command_t *command = command_must(count, words);
    bool exec = blob_is(words[0], "EXEC"), multi = blob_is(words[0], "MULTI");
    redisReply *refused = refuse(self, link, command);
    if (refused || !link) {
        if (link && link->multi)
            link->spoilt = true;
        if (refused)
            return refused;
    } else if (multi) {
        if (link->multi)
            return answer_error("ERR MULTI calls can not be nested");
        link->multi = true;
        return answer_status("OK");
    } else if (exec) {
        return link->multi ? execute_queue(self, link) : answer_error("ERR EXEC without MULTI");
    } else if (blob_is(words[0], "DISCARD")) {
        if (!link->multi)
            return answer_error("ERR DISCARD without MULTI");
        forget_queue(link);
        return answer_status("OK");
    } else if (link->multi) {
        if (count < command->least) {
            link->spoilt = true;
            return wrong_count(command);
        }
        return enqueue(link, count, words);
    }
    call_t call = { .server = self, .link = link, .count = count, .words = words };
    return run(command, &call);
}

redisReply *command_execute(sim_redis_t *self, link_t *link, size_t count, blob_t **words)
{
    size_t before = self->log.effect_count;
    self->executed++;
    aof_begin(self);
    redisReply *reply = execute(self, link, count, words);
    aof_end(self);
    if (self->log.effect_count != before)
        links_serve_blocked(self);
    return reply;
}
