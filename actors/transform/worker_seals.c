/*  worker_seals -- is a message what the collector has sealed? See worker.h and proto/seal.h.
 *
 *  Secrets are read when a seal does not fit: so the first message of a stream, and the first one
 *  after Redis got another secret, wait for one question. Whoever sends forged messages has it
 *  asked five times a second and stream. What is not taken is asked for again as what is lost.
 */
#include "actors/transform/worker.h"

#include "broker/runtime/log.h"
#include "proto/edition.h"

enum {
    SECRET_AGAIN_US = 200000,
    SECRET_TOLD_US = 60000000,
};

_Static_assert((int) WORKER_STREAMS_MAX <= (int) STORE_SECRETS_MAX, "one question for all streams");

// A secret that Redis has lost stays known: the collector puts it back.
static store_status_t read_secrets(worker_t *self)
{
    store_secret_t items[WORKER_STREAMS_MAX];
    for (size_t i = 0; i < self->stream_count; i++) {
        uint64_t edition;
        items[i] = (store_secret_t){ 0 };
        edition_split(slice_text(self->streams[i].name), &items[i].stream, &edition);
    }
    store_status_t status = store_secrets(self->store, items, self->stream_count);
    for (size_t i = 0; i < self->stream_count && status == STORE_OK; i++) {
        if (!items[i].known)
            continue;
        self->streams[i].secret = items[i].secret;
        self->streams[i].sealed = true;
    }
    return status;
}

static void ask_for_secret(worker_t *self, worker_stream_t *stream, int64_t now_us)
{
    stream->secret_due_us = now_us + SECRET_AGAIN_US;
    store_status_t status = read_secrets(self);
    stream->secret_old = status != STORE_OK;
    if ((status == STORE_OK && stream->sealed) || now_us < stream->secret_tell_us)
        return;
    stream->secret_tell_us = now_us + SECRET_TOLD_US;
    if (status != STORE_OK)
        log_event(LOG_ERROR, "secrets of seals cannot be read", "stream=%s known=%s reason=%s",
                  stream->name, stream->sealed ? "yes" : "no", log_quote(store_error(self->store)));
    else
        log_event(LOG_WARNING, "Redis has no secret of a stream; its rows wait", "stream=%s",
                  stream->name);
}

seal_verdict_t worker_judge_seal(worker_t *self, worker_stream_t *stream,
                                 const message_rows_t *rows, int64_t now_us)
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
        return SEAL_FITS;
    if (now_us >= stream->secret_due_us)
        ask_for_secret(self, stream, now_us);
    if (stream->sealed && seal_fits(&stream->secret, &claim, rows->seal))
        return SEAL_FITS;
    return stream->sealed && !stream->secret_old ? SEAL_FORGED : SEAL_UNKNOWN;
}
