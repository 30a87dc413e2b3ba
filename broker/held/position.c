/*  position -- see position.h. */
#include "broker/held/position.h"

#include <stdlib.h>

void position_clear(position_t *self)
{
    free(self->offsets);
    *self = (position_t){ 0 };
}

bool position_add(position_t *self, slice_t stream, uint64_t seq, uint64_t sent)
{
    if (stream.size == 0 || stream.size > EDITION_NAME_MAX ||
        memchr(stream.data, '\0', stream.size) || self->count == POSITION_STREAMS_MAX)
        return false;
    position_offset_t *more = reallocarray(self->offsets, self->count + 1, sizeof *more);
    if (!more)
        return false;
    self->offsets = more;
    position_offset_t *offset = &more[self->count++];
    *offset = (position_offset_t){ .seq = seq, .sent = sent };
    memcpy(offset->stream, stream.data, stream.size);
    return true;
}

const position_offset_t *position_find(const position_t *self, const char *stream)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->offsets[i].stream, stream) == 0)
            return &self->offsets[i];
    return NULL;
}

bool position_is_lost(const position_t *self, const position_log_t *log)
{
    const position_offset_t *offset = position_find(self, log->stream);
    if (!offset && log->first <= log->begin)
        return false;
    return (offset ? offset->seq : 0) + 1 < log->first;
}

// Of the same stream, whatever the edition: is a at least as far as b?
static bool s_is_as_far(const position_offset_t *a, const position_offset_t *b)
{
    if (edition_supersedes(slice_text(a->stream), slice_text(b->stream)))
        return true;
    if (strcmp(a->stream, b->stream) != 0)
        return false;
    return a->seq > b->seq || (a->seq == b->seq && a->sent >= b->sent);
}

bool position_covers(const position_t *self, const position_t *other)
{
    for (size_t i = 0; i < other->count; i++) {
        bool covered = false;
        for (size_t k = 0; k < self->count && !covered; k++)
            covered = s_is_as_far(&self->offsets[k], &other->offsets[i]);
        if (!covered)
            return false;
    }
    return true;
}

position_verdict_t position_judge(const position_t *have, const position_t *copy,
                                  const position_log_t *logs, size_t log_count, bool emptied)
{
    bool needed = emptied && copy->count > 0 && position_covers(copy, have), must = false;
    for (size_t i = 0; i < log_count; i++)
        must |= position_is_lost(have, &logs[i]);
    if (!needed && !must)
        return POSITION_LEAVE;
    for (size_t i = 0; i < log_count; i++)
        if (position_is_lost(copy, &logs[i]))
            return must ? POSITION_STUCK : POSITION_LEAVE;
    return POSITION_RESTORE;
}

uint64_t position_floor(const position_t positions[PARTITIONS], const char *stream)
{
    uint64_t lowest = UINT64_MAX;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        const position_offset_t *offset = position_find(&positions[p], stream);
        if (!offset)
            return 0;
        lowest = offset->seq < lowest ? offset->seq : lowest;
    }
    return lowest;
}
