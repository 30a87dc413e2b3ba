/*  stage_open -- see stage.h: finding the end of a log again, and what its writer knew there.
 *
 *  Old segments are not read: the last one that begins with a whole head says all that they could
 *  (RECORD_KNOWN_END). Only what comes after it is walked through.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/runtime/durable.h"
#include "broker/runtime/fault_point.h"
#include "broker/stage/calls.h"
#include "broker/stage/files.h"
#include "broker/stage/reader.h"
#include "broker/stage/stage_inside.h"
#include "proto/owned.h"

// ---- opening ------------------------------------------------------------------------------

static bool s_take_lock(stage_t *self, fault_t *fault)
{
    self->lock = openat(self->directory, "LOCK", O_RDWR | O_CREAT | O_CLOEXEC, STAGE_FILE_MODE);
    if (self->lock < 0)
        return stage_refuse(self, "lock", fault);
    if (flock(self->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return fault_set(fault, "stream %s is being written by another process", self->stream);
    return stage_refuse(self, "lock", fault);
}

// ---- what the writer knew ------------------------------------------------------------------

// Where to begin reading: at the last head that is whole. Before record 1 there was nothing to
// know, so a log that begins there needs none. False with fault: there is no such place.
static bool s_find_start(stage_t *self, stage_reader_t *reader, uint64_t *start, fault_t *fault)
{
    if (!stage_reader_seek(reader, 1)) // lists the segments
        return true;                   // reading will say why
    self->oldest_seq = reader->count > 0 ? reader->firsts[0] : 1;
    *start = 1;
    uint64_t *firsts = reader->firsts; // taken over: a look into a segment lists them again
    size_t count = reader->count;
    reader->firsts = NULL;
    reader->count = 0;
    bool found = false;
    self->unheaded = 0;
    for (size_t i = count; i-- > 0 && !found; self->unheaded += !found) {
        *start = firsts[i];
        found = (i == 0 && firsts[i] == 1) ||
                reader_is_headed(reader, firsts[i], i + 1 < count ? firsts[i + 1] - 1 : UINT64_MAX);
    }
    free(firsts);
    if (found || count == 0)
        return true;
    // Reading on from here, files and pushed records would be taken twice.
    return fault_set(fault,
                     "stream %s begins at record %" PRIu64
                     " and no segment of it has its head whole: what was taken from files and "
                     "clients is not known. Move its directory away to begin a new log",
                     self->stream, self->oldest_seq);
}

// Show what is there from that place on to the visitor; remember what the next record needs.
static bool s_walk(stage_t *self, stage_reader_t *reader, stage_visit_t *visit, void *context,
                   fault_t *fault)
{
    reader_skim(reader);
    uint64_t start = 1;
    if (!s_find_start(self, reader, &start, fault))
        return false;
    if (stage_reader_seek(reader, start)) {
        record_t record;
        uint64_t expected = reader->expected;
        stage_read_t got;
        while ((got = stage_reader_next(reader, UINT64_MAX, &record)) != STAGE_END) {
            if (got == STAGE_DAMAGED) {
                self->damaged += record.seq - expected;
                expected = record.seq;
                continue;
            }
            expected = record.seq + 1;
            if (record.seq == reader->segment)
                self->begun_us = record.recv_us;
            self->recv_us = record.recv_us > self->recv_us ? record.recv_us : self->recv_us;
            if (visit && !visit(context, &record))
                visit = NULL;
        }
    }
    const char *error = stage_reader_error(reader);
    return !error ||
           fault_set(fault, "cannot read the stage of stream %s: %s", self->stream, error);
}

// Damage at the very end may be records that were given away: their seqs stay taken, for whoever
// opens the log next as well. A record behind them says so, in the place of the damaged bytes,
// which have said it until then and are never fewer than it has.
static bool s_skip_damage(stage_t *self, uint64_t *end)
{
    uint8_t bytes[SEGMENT_RECORD_BYTES];
    const record_t skip = { .kind = RECORD_SKIP,
                            .seq = self->next_seq,
                            .recv_us = self->recv_us + 1 };
    segment_record_encode(bytes, self->mark, &skip);
    if (!stage_write(self->file, bytes, sizeof bytes, *end))
        return false;
    *end += sizeof bytes;
    self->recv_us = skip.recv_us;
    self->last_seq = self->next_seq++;
    return true;
}

// Cut what is torn and make durable what a killed writer may have left in the page cache: from
// here on it counts as promised.
static bool s_mend_tail(stage_t *self, stage_reader_t *reader, fault_t *fault)
{
    uint64_t end = 0;
    self->next_seq = reader_next_free(reader, &end);
    self->damaged += self->next_seq - reader->expected;
    self->mark = reader->mark;
    self->last_seq = self->next_seq - 1;
    if (reader->count == 0)
        return true;
    self->first_seq = reader->firsts[reader->count - 1];
    char name[STAGE_FILE_NAME_BYTES];
    files_name(name, self->first_seq);
    self->file = openat(self->directory, name, O_RDWR | O_CLOEXEC);
    struct stat status;
    if (self->file < 0 || fstat(self->file, &status) != 0)
        return stage_refuse(self, "open", fault);
    bool damaged = self->next_seq > reader->expected && self->next_seq > reader->segment;
    if ((uint64_t) status.st_size < SEGMENT_HEAD_BYTES || self->mark == 0) {
        close(self->file); // nothing in it, and nothing can be added: made anew under its name
        self->file = -1;
    } else if (damaged && !s_skip_damage(self, &end)) {
        return stage_refuse(self, "mend the tail of", fault);
    } else if ((uint64_t) status.st_size > end && stage_calls.cut(self->file, (off_t) end) != 0) {
        return stage_refuse(self, "cut the tail of", fault);
    } else if (stage_calls.flush(self->file) != 0) {
        return stage_refuse(self, "flush", fault);
    }
    self->size = end;
    return durable_sync(self->directory) || stage_refuse(self, "flush", fault);
}

static bool s_choose_mark(stage_t *self, fault_t *fault)
{
    while (self->mark == 0) {
        if (getrandom(&self->mark, sizeof self->mark, 0) < 0 && errno != EINTR)
            return stage_refuse(self, "mark", fault);
    }
    return true;
}

stage_t *stage_open(const char *root, const char *namespace, const char *stream,
                    stage_visit_t *visit, void *context, fault_t *fault)
{
    owned(stage_destroy) stage_t *self = (stage_t *) calloc(1, sizeof *self);
    if (!self) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->lock = self->file = -1;
    self->group.limit = STAGE_GROUP_BYTES_MAX;
    self->directory = files_open(root, namespace, stream, true, fault);
    if (self->directory < 0)
        return NULL;
    strcpy(self->stream, stream); // files_open has checked its length
    if (!s_take_lock(self, fault))
        return NULL;
    int directory = fcntl(self->directory, F_DUPFD_CLOEXEC, 0);
    owned(stage_reader_destroy) stage_reader_t *reader =
        directory < 0 ? NULL : reader_new(directory);
    if (!reader) {
        fault_set(fault, "out of memory or descriptors");
        return NULL;
    }
    if (!s_walk(self, reader, visit, context, fault))
        return NULL;
    FAULT_POINT("stage.walked");
    if (!s_mend_tail(self, reader, fault) || !s_choose_mark(self, fault))
        return NULL;
    FAULT_POINT("stage.mended");
    stage_t *opened = self;
    self = NULL;
    return opened;
}

void stage_destroy(stage_t **self_p)
{
    stage_t *self = *self_p;
    if (!self)
        return;
    int descriptors[] = { self->file, self->directory, self->lock };
    for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++)
        if (descriptors[i] >= 0)
            close(descriptors[i]);
    buffer_destroy(&self->group);
    free(self);
    *self_p = NULL;
}
