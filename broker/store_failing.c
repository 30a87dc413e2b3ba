/*  store_failing -- sources that cannot be polled now, told by their collector, with the reason. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/store_link.h"
#include "proto/owned.h"

// "<failures> <since_ms> <reason>"
static void command_failing(store_t *self, const store_failing_t *failing)
{
    char text[STORE_REASON_MAX + 48];
    snprintf(text, sizeof text, "%" PRIu64 " %" PRId64 " %.*s", failing->failures,
             failing->since_ms, STORE_REASON_MAX, failing->reason);
    command_text(self, failing->source);
    command_text(self, text);
}

store_status_t store_failing_put(store_t *self, const char *collector, int lease_ms,
                                 const store_failing_t *items, size_t count)
{
    assert(count <= STORE_FAILING_MAX);
    if (!link_open(self) || !link_push_word(self, "MULTI"))
        return STORE_DOWN;
    command_begin(self, "DEL");
    command_key(self, keys_failing(&self->keys, collector));
    bool pushed = link_push(self);
    if (count > 0) {
        command_begin(self, "HSET");
        command_key(self, keys_failing(&self->keys, collector));
        for (size_t i = 0; i < count; i++)
            command_failing(self, &items[i]);
        pushed = pushed && link_push(self);
        command_begin(self, "PEXPIRE");
        command_key(self, keys_failing(&self->keys, collector));
        command_i64(self, lease_ms);
        pushed = pushed && link_push(self);
    }
    if (!pushed || !link_push_word(self, "EXEC"))
        return STORE_DOWN;
    return link_take_all(self, count > 0 ? 5 : 3);
}

static bool read_failing(const store_field_t *field, store_failing_t *failing)
{
    char *end;
    failing->source = field->name;
    failing->failures = strtoull(field->value, &end, 10);
    if (end == field->value || *end != ' ')
        return false;
    failing->since_ms = strtoll(end, &end, 10);
    failing->reason = *end == ' ' ? end + 1 : end;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const store_field_t *) a)->name, ((const store_field_t *) b)->name);
}

store_status_t store_failing(store_t *self, const char *collector, store_failing_visit_t *visit,
                             void *context)
{
    if (!link_open(self))
        return STORE_DOWN;
    owned(reply_destroy) redisReply *reply = NULL;
    command_begin(self, "HGETALL");
    command_key(self, keys_failing(&self->keys, collector));
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    store_field_t fields[STORE_FIELDS_MAX];
    size_t count = reply_fields(reply, fields);
    qsort(fields, count, sizeof *fields, by_name);
    for (size_t i = 0; i < count; i++) {
        store_failing_t failing;
        if (read_failing(&fields[i], &failing)) // else not written by us
            visit(context, &failing);
    }
    return STORE_OK;
}
