/*  stage -- see stage.h, writing.
 *
 *  The order is always: bytes, fdatasync, then (for a new file) the directory, then the promise.
 *  After any failure the segment is given up: what it holds beyond its durable size is cut off,
 *  only then is a successor made, so that no reader can meet two versions of a record.
 */
#include "broker/stage/stage.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/runtime/fault_point.h"
#include "broker/stage/calls.h"
#include "broker/stage/files.h"
#include "broker/stage/reader.h"
#include "broker/stage/segment.h"
#include "proto/buffer.h"
#include "proto/owned.h"

enum {
    FILE_MODE = 0640,
    GROUP_KEPT_BYTES = 8 << 20, // a group buffer that grew beyond is given back
};

struct stage {
    int directory, lock;
    int file;           // the segment that grows; -1: the next group begins a new one
    uint64_t size;      // bytes of it that are durable; 0 = not even its name
    bool given_up;      // it failed and has to be cut
    int64_t begun_us;   // receipt of its first record
    int64_t seal_us;    // stage_seal_after
    uint64_t first_seq; // its name
    uint32_t mark;
    char stream[SEGMENT_NAME_MAX + 1];
    uint64_t next_seq; // for the next record
    int64_t recv_us;   // of the last record
    uint64_t last_seq; // durable
    uint64_t damaged;
    buffer_t group;       // encoded records that are not durable
    uint64_t group_first; // seq of the first of them
    int64_t group_us;     // and its receipt
    bool group_rolls;     // they begin a new segment
};

// ---- system calls -------------------------------------------------------------------------

static int s_create(int directory, const char *name)
{
    return openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
}

stage_calls_t stage_calls = {
    .create = s_create,
    .write = pwrite,
    .flush = fdatasync,
    .cut = ftruncate,
    .read = pread,
};

static bool s_write(int file, const uint8_t *data, size_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t put = stage_calls.write(file, data, size, (off_t) offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put == 0)
            errno = EIO; // a disk that takes nothing would keep us here for ever
        if (put <= 0)
            return false;
        data += put;
        size -= (size_t) put;
        offset += (size_t) put;
    }
    return true;
}

static bool s_refuse(const stage_t *self, const char *doing, fault_t *fault)
{
    return fault_set(fault, "cannot %s the stage of stream %s: %s", doing, self->stream,
                     strerror(errno));
}

// ---- opening ------------------------------------------------------------------------------

static bool s_take_lock(stage_t *self, fault_t *fault)
{
    self->lock = openat(self->directory, "LOCK", O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (self->lock < 0)
        return s_refuse(self, "lock", fault);
    if (flock(self->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return fault_set(fault, "stream %s is being written by another process", self->stream);
    return s_refuse(self, "lock", fault);
}

// Show all that is there to the visitor; remember what the next record needs.
static bool s_walk(stage_t *self, stage_reader_t *reader, stage_visit_t *visit, void *context,
                   fault_t *fault)
{
    reader_skim(reader);
    if (stage_reader_seek(reader, 1)) {
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
            if (record.seq == reader->firsts[reader->index])
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
        return s_refuse(self, "open", fault);
    self->size = end;
    if ((uint64_t) status.st_size < SEGMENT_HEAD_BYTES || self->mark == 0) {
        close(self->file); // nothing in it, and nothing can be added: made anew under its name
        self->file = -1;
    } else if ((uint64_t) status.st_size > end && stage_calls.cut(self->file, (off_t) end) != 0) {
        return s_refuse(self, "cut the tail of", fault);
    } else if (stage_calls.flush(self->file) != 0) {
        return s_refuse(self, "flush", fault);
    }
    return files_sync(self->directory) || s_refuse(self, "flush", fault);
}

static bool s_choose_mark(stage_t *self, fault_t *fault)
{
    while (self->mark == 0) {
        if (getrandom(&self->mark, sizeof self->mark, 0) < 0 && errno != EINTR)
            return s_refuse(self, "mark", fault);
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

// ---- appending ----------------------------------------------------------------------------

uint64_t stage_append(stage_t *self, record_kind_t kind, int64_t now_us, slice_t source,
                      slice_t place, slice_t payload)
{
    const record_t record = {
        .kind = kind,
        .seq = self->next_seq,
        .recv_us = now_us > self->recv_us ? now_us : self->recv_us + 1,
        .source = source,
        .place = place,
        .payload = payload,
    };
    if (!segment_record_fits(&record))
        return 0;
    bool first = self->group.size == 0, rolls = first && stage_segment_is_full(self);
    uint8_t *bytes = buffer_extend(&self->group, segment_record_size(&record));
    if (!bytes) {
        self->group.failed = false; // what it holds is whole: the refusal concerns this record
        return 0;
    }
    segment_record_encode(bytes, self->mark, &record);
    if (first) {
        self->group_rolls = rolls;
        self->group_first = record.seq;
        self->group_us = record.recv_us;
    }
    self->recv_us = record.recv_us;
    return self->next_seq++;
}

size_t stage_pending_bytes(const stage_t *self)
{
    return self->group.size;
}

void stage_seal_after(stage_t *self, int64_t us)
{
    self->seal_us = us;
}

static bool s_is_old(const stage_t *self)
{
    return self->seal_us > 0 && self->recv_us - self->begun_us >= self->seal_us;
}

bool stage_segment_is_full(const stage_t *self)
{
    return self->group.size == 0 && (self->file < 0 || self->given_up ||
                                     self->size >= STAGE_SEGMENT_BYTES || s_is_old(self));
}

uint64_t stage_last_seq(const stage_t *self)
{
    return self->last_seq;
}

uint32_t stage_mark(const stage_t *self)
{
    return self->mark;
}

uint64_t stage_damaged(const stage_t *self)
{
    return self->damaged;
}

// ---- syncing ------------------------------------------------------------------------------

// Leave a segment that failed: nothing of it may stay beyond what is durable.
static bool s_leave(stage_t *self, fault_t *fault)
{
    char name[STAGE_FILE_NAME_BYTES];
    files_name(name, self->first_seq);
    int result = self->size > 0 ? stage_calls.cut(self->file, (off_t) self->size)
                                : unlinkat(self->directory, name, 0);
    if (result != 0 && errno != ENOENT)
        return s_refuse(self, "leave a segment of", fault);
    close(self->file);
    self->file = -1;
    self->given_up = false;
    return true;
}

static bool s_begin(stage_t *self, fault_t *fault)
{
    char name[STAGE_FILE_NAME_BYTES];
    files_name(name, self->group_first);
    int file = stage_calls.create(self->directory, name);
    if (file < 0 && errno == EEXIST) {
        // Left by a writer that died here: nothing in it was ever promised.
        if (unlinkat(self->directory, name, 0) == 0)
            file = stage_calls.create(self->directory, name);
    }
    if (file < 0)
        return s_refuse(self, "create a segment of", fault);
    self->file = file;
    self->first_seq = self->group_first;
    self->size = 0;
    return true;
}

static bool s_put_group(stage_t *self)
{
    uint64_t at = self->size;
    if (at == 0) {
        uint8_t head[SEGMENT_HEAD_BYTES];
        segment_head_encode(head, self->mark, self->first_seq, slice_text(self->stream));
        if (!s_write(self->file, head, sizeof head, 0))
            return false;
        at = sizeof head;
    }
    if (!s_write(self->file, self->group.data, self->group.size, at))
        return false;
    FAULT_POINT("stage.written");
    if (stage_calls.flush(self->file) != 0)
        return false;
    FAULT_POINT("stage.flushed");
    if (self->size == 0) {
        if (!files_sync(self->directory))
            return false;
        self->begun_us = self->group_us;
    }
    self->size = at + self->group.size;
    return true;
}

bool stage_sync(stage_t *self, fault_t *fault)
{
    if (self->group.size == 0)
        return true;
    if (self->given_up && !s_leave(self, fault))
        return false;
    if (self->file >= 0 && self->group_rolls) {
        close(self->file);
        self->file = -1;
    }
    if (self->file < 0 && !s_begin(self, fault))
        return false;
    if (!s_put_group(self)) {
        s_refuse(self, "write", fault);
        self->given_up = true;
        s_leave(self, NULL); // at once if that works: it may give the disk some room
        return false;
    }
    self->last_seq = self->next_seq - 1;
    if (self->group.capacity > GROUP_KEPT_BYTES)
        buffer_destroy(&self->group);
    buffer_clear(&self->group);
    return true;
}
