/*  definition_write -- a source's settings as the body of its plan entry. Pure.
 *
 *  Only what decides which rows a payload becomes goes in: changing how often a source is
 *  polled changes no plan.
 */
#include "actors/prep/definition.h"
#include "proto/wire.h"

enum { FIELD_COUNT = 17 };

static void s_write_text(buffer_t *out, const char *text)
{
    if (text)
        wire_string(out, text);
    else
        wire_nil(out);
}

static void s_write_pairs(buffer_t *out, const setting_pairs_t *pairs)
{
    wire_array(out, (uint32_t) pairs->count * 2);
    for (size_t i = 0; i < pairs->count; i++) {
        wire_string(out, pairs->items[i].name);
        wire_string(out, pairs->items[i].value);
    }
}

static void s_write_list(buffer_t *out, const char *const *items, size_t count)
{
    wire_array(out, (uint32_t) count);
    for (size_t i = 0; i < count; i++)
        wire_string(out, items[i]);
}

// What few sources have comes last, by name, so that the others' bodies, and with them the plans
// in logs, stay as they are.
static void s_write_extras(buffer_t *out, const source_t *source)
{
    wire_map(out, 1);
    wire_string(out, "shard");
    wire_array(out, 2);
    wire_u64(out, source->shard);
    wire_u64(out, source->shards);
}

bool mapping_define(const source_t *source, buffer_t *out)
{
    bool extras = source->shards > 0;
    wire_array(out, FIELD_COUNT + extras);
    wire_u64(out, DEFINITION_VERSION);
    wire_u64(out, source->kind);
    wire_u64(out, source->format);
    wire_bool(out, source->csv_header);
    wire_u64(out, (uint8_t) source->csv_delimiter);
    s_write_text(out, source->rows ? source->rows : "");
    wire_bool(out, source->newest_first);
    s_write_text(out, source->table);
    s_write_pairs(out, &source->key);
    wire_bool(out, source->time_fetch);
    s_write_text(out, source->time_at);
    s_write_text(out, source->time_unit);
    s_write_pairs(out, &source->columns);
    s_write_list(out, source->required, source->required_count);
    wire_bool(out, source->identity_none);
    s_write_list(out, source->identity, source->identity_count);
    s_write_pairs(out, &source->validate);
    if (extras)
        s_write_extras(out, source);
    return !out->failed;
}
