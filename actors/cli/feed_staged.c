/*  feed_staged -- see feed_staged.h. */
#include "actors/cli/feed_staged.h"

#include <inttypes.h>

#include "broker/stage/catalog.h"
#include "proto/owned.h"

typedef struct {
    const char *root, *namespace;
    feed_record_t *take;
    void *context;
    fault_t *fault;
} feeding_t;

static bool feed_stream(void *context, const char *stream)
{
    const feeding_t *self = context;
    owned(stage_reader_destroy) stage_reader_t *reader =
        stage_reader_open(self->root, self->namespace, stream, self->fault);
    if (!reader)
        return false;
    record_t record;
    for (stage_read_t read; (read = stage_reader_next(reader, UINT64_MAX, &record)) != STAGE_END;) {
        if (read == STAGE_TRIMMED)
            return fault_set(self->fault,
                             "stream %s: records before %" PRIu64
                             " were removed while they were read (stage_keep); try again",
                             stream, record.seq);
        bool taken = record_is_raw(record.kind) || record.kind == RECORD_TICK;
        if (read == STAGE_RECORD && taken && !self->take(self->context, stream, &record))
            return false;
    }
    return true;
}

bool feed_staged(const char *root, const char *namespace, feed_record_t *take, void *context,
                 fault_t *fault)
{
    feeding_t feeding = { root, namespace, take, context, fault };
    return catalog_streams(root, namespace, feed_stream, &feeding, fault);
}
