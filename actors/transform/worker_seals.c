/*  worker_seals -- is a message what the collector has sealed? See worker.h and proto/seal.h.
 *
 *  Secrets are read when a seal does not fit: so the first message of a stream, and the first one
 *  after Redis got another secret, wait for one question. Whoever sends forged messages has it
 * asked five times a second, for all streams at once. What is refused is asked for again as what is
 * lost.
 */
#include "actors/transform/worker.h"

#include "proto/edition.h"

enum { SECRETS_AGAIN_US = 200000 };

_Static_assert((int) WORKER_STREAMS_MAX <= (int) STORE_SECRETS_MAX, "one question for all streams");

// A secret that Redis has lost stays known: the collector puts it back.
static void read_secrets(worker_t *self)
{
    store_secret_t items[WORKER_STREAMS_MAX];
    for (size_t i = 0; i < self->stream_count; i++) {
        uint64_t edition;
        items[i] = (store_secret_t){ 0 };
        edition_split(slice_text(self->streams[i].name), &items[i].stream, &edition);
    }
    if (store_secrets(self->store, items, self->stream_count) != STORE_OK)
        return;
    for (size_t i = 0; i < self->stream_count; i++) {
        if (!items[i].known)
            continue;
        self->streams[i].secret = items[i].secret;
        self->streams[i].sealed = true;
    }
}

bool worker_is_sealed(worker_t *self, const worker_stream_t *stream, const message_rows_t *rows,
                      int64_t now_us)
{
    const seal_claim_t claim = {
        .stream = rows->stream,
        .endpoint = slice_text(bus_endpoint(self->inbox)),
        .lane = rows->lane,
        .mark = rows->mark,
        .first = rows->first,
        .last = rows->last,
        .partitions = rows->partitions,
    };
    if (stream->sealed && seal_fits(&stream->secret, &claim, rows->seal))
        return true;
    if (now_us < self->secrets_due_us)
        return false;
    self->secrets_due_us = now_us + SECRETS_AGAIN_US;
    read_secrets(self);
    return stream->sealed && seal_fits(&stream->secret, &claim, rows->seal);
}
