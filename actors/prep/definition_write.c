/*  definition_write -- a source's settings as the body of its plan entry. Pure.
 *
 *  Only what decides which rows a payload becomes, and which of them count, goes in: changing how
 *  often a source is polled changes no plan.
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

static void s_write_extra_text(buffer_t *out, const char *name, const char *text)
{
    wire_string(out, name);
    wire_string(out, text);
}

// What few sources have comes last, by name, so that the others' bodies, and with them the plans
// in logs, stay as they are.
static uint32_t s_extras(const source_t *source)
{
    return (source->shards > 0) + (source->jq != NULL) + (source->only.count > 0) +
           (source->csv_comment != NULL) + (source->numbers != NULL) +
           (source->csv_skip_lines > 0) + (source->missing_count > 0) +
           (source->time_from != NULL) + (source->lateness_us > 0);
}

static void s_write_extras(buffer_t *out, const source_t *source)
{
    wire_map(out, s_extras(source));
    if (source->shards > 0) {
        wire_string(out, "shard");
        wire_array(out, 2);
        wire_u64(out, source->shard);
        wire_u64(out, source->shards);
    }
    if (source->jq)
        s_write_extra_text(out, "jq", source->jq);
    if (source->only.count) {
        wire_string(out, "only");
        s_write_pairs(out, &source->only);
    }
    if (source->csv_comment)
        s_write_extra_text(out, "comment", source->csv_comment);
    if (source->numbers)
        s_write_extra_text(out, "numbers", source->numbers);
    if (source->csv_skip_lines) {
        wire_string(out, "skip_lines");
        wire_u64(out, source->csv_skip_lines);
    }
    if (source->missing_count) {
        wire_string(out, "missing");
        s_write_list(out, source->missing, source->missing_count);
    }
    if (source->time_from)
        s_write_extra_text(out, "from", source->time_from);
    if (source->lateness_us > 0) {
        wire_string(out, "lateness");
        wire_u64(out, (uint64_t) source->lateness_us);
    }
}

bool mapping_define(const source_t *source, buffer_t *out)
{
    bool extras = s_extras(source) > 0;
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
