/*  definition_extras -- the settings that few sources have, each under its name. Pure. */
#include "actors/prep/definition_inside.h"

enum {
    NAME_MAX_BYTES = 32,
    TEXT_BYTES_MAX = 1024,
    COMMENT_BYTES_MAX = 16,
    SKIP_LINES_MAX = 1000,
};

typedef struct {
    definition_t *self;
    wire_reader_t *reader;
    fault_t *fault;
} extras_t;

static bool s_malformed(const extras_t *e, const char *name)
{
    return fault_set(e->fault, "not a mapping definition: bad '%s'", name);
}

static bool s_shard(extras_t *e)
{
    uint32_t count;
    uint64_t shard, shards;
    if (!wire_read_array(e->reader, &count) || count != 2 || !wire_read_u64(e->reader, &shard) ||
        !wire_read_u64(e->reader, &shards))
        return s_malformed(e, "shard");
    if (shards < 1 || shards > SERIES_SHARDS_MAX || shard >= shards)
        return fault_set(e->fault, "shards: 1 to %d, numbered from 0", SERIES_SHARDS_MAX);
    e->self->shard = (unsigned) shard;
    e->self->shards = (unsigned) shards;
    return true;
}

static bool s_jq(extras_t *e)
{
    if (!wire_read_text(e->reader, &e->self->jq, DEFINITION_JQ_MAX))
        return s_malformed(e, "jq");
    if (e->self->format == FORMAT_CSV || e->self->rows->count)
        return fault_set(e->fault, "jq: in place of rows, and not with csv");
    return true;
}

static bool s_only(extras_t *e)
{
    uint32_t count;
    if (!wire_read_array(e->reader, &count) || count % 2)
        return s_malformed(e, "only");
    if (count / 2 > DEFINITION_ONLY_MAX)
        return fault_set(e->fault, "only: more than %d conditions", DEFINITION_ONLY_MAX);
    for (uint32_t i = 0; i < count / 2; i++) {
        only_t *only = &e->self->only[i];
        slice_t place;
        if (!wire_read_text(e->reader, &place, TEXT_BYTES_MAX) ||
            !wire_read_text(e->reader, &only->text, TEXT_BYTES_MAX))
            return s_malformed(e, "only");
        only->place = definition_place(e->self, place, e->fault);
        if (only->place < 0)
            return false;
        e->self->only_count++;
    }
    return true;
}

static bool s_skip_lines(extras_t *e)
{
    uint64_t lines;
    if (!wire_read_u64(e->reader, &lines) || lines > SKIP_LINES_MAX)
        return s_malformed(e, "skip_lines");
    e->self->csv_skip_lines = (uint32_t) lines;
    return true;
}

static bool s_comment(extras_t *e)
{
    return wire_read_text(e->reader, &e->self->csv_comment, COMMENT_BYTES_MAX) ||
           s_malformed(e, "comment");
}

static bool s_numbers(extras_t *e)
{
    slice_t sample;
    if (!wire_read_text(e->reader, &sample, TEXT_BYTES_MAX))
        return s_malformed(e, "numbers");
    return numbers_compile(&e->self->numbers, sample, e->fault);
}

static bool s_missing(extras_t *e)
{
    uint32_t count;
    if (!wire_read_array(e->reader, &count) || count > DEFINITION_MISSING_MAX)
        return s_malformed(e, "missing");
    for (uint32_t i = 0; i < count; i++)
        if (!wire_read_text(e->reader, &e->self->missing[i], TEXT_BYTES_MAX))
            return s_malformed(e, "missing");
    e->self->missing_count = count;
    return true;
}

static bool s_time_from(extras_t *e)
{
    slice_t text;
    if (!wire_read_text(e->reader, &text, TEXT_BYTES_MAX))
        return s_malformed(e, "from");
    return event_time_from(&e->self->time, text, e->fault);
}

// It says which rows are late, which is for the fold to judge (actors/rules/shape.h).
static bool s_lateness(extras_t *e)
{
    uint64_t lateness_us;
    return (wire_read_u64(e->reader, &lateness_us) && lateness_us > 0 &&
            lateness_us <= ROWS_LATENESS_MAX) ||
           s_malformed(e, "lateness");
}

bool definition_read_extras(definition_t *self, wire_reader_t *reader, fault_t *fault)
{
    static const struct {
        const char *name;
        bool (*read)(extras_t *e);
    } EXTRAS[] = {
        { "shard", s_shard },     { "jq", s_jq },           { "only", s_only },
        { "comment", s_comment }, { "numbers", s_numbers }, { "skip_lines", s_skip_lines },
        { "missing", s_missing }, { "from", s_time_from },  { "lateness", s_lateness },
    };
    extras_t extras = { self, reader, fault };
    uint32_t count;
    if (!wire_read_map(reader, &count))
        return s_malformed(&extras, "extras");
    for (; count > 0; count--) {
        slice_t name;
        size_t i = 0;
        if (!wire_read_text(reader, &name, NAME_MAX_BYTES))
            return s_malformed(&extras, "extras");
        while (i < sizeof EXTRAS / sizeof EXTRAS[0] && !slice_is(name, EXTRAS[i].name))
            i++;
        if (i == sizeof EXTRAS / sizeof EXTRAS[0])
            return fault_set(fault, "a mapping definition of a newer version: '%.*s'",
                             (int) name.size, (const char *) name.data);
        if (!EXTRAS[i].read(&extras))
            return false;
    }
    return true;
}
