/*  stage -- see stage.h, writing.
 *
 *  The order is always: bytes, fdatasync, then (for a new file) the directory, then the promise.
 *  After any failure the segment is given up: what it holds beyond its durable size is cut off,
 *  only then is a successor made, so that no reader can meet two versions of a record.
 */
#include "broker/stage/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "broker/runtime/durable.h"
#include "broker/runtime/fault_point.h"
#include "broker/stage/calls.h"
#include "broker/stage/files.h"
#include "broker/stage/stage_inside.h"

enum {
    GROUP_KEPT_BYTES = 8 << 20, // a group buffer that grew beyond is given back
};

// ---- system calls -------------------------------------------------------------------------

static int s_create(int directory, const char *name)
{
    return openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, STAGE_FILE_MODE);
}

static int s_remove(int directory, const char *name)
{
    return unlinkat(directory, name, 0);
}

static int s_room(const char *path, uint64_t *free_bytes, uint64_t *disk_bytes)
{
    struct statvfs disk;
    if (statvfs(path, &disk) != 0)
        return -1;
    *free_bytes = (uint64_t) disk.f_bavail * disk.f_frsize;
    *disk_bytes = (uint64_t) disk.f_blocks * disk.f_frsize;
    return 0;
}

stage_limits_t stage_limits = { .segment_bytes = STAGE_SEGMENT_BYTES };

stage_calls_t stage_calls = {
    .create = s_create,
    .write = pwrite,
    .flush = fdatasync,
    .cut = ftruncate,
    .read = pread,
    .remove = s_remove,
    .room = s_room,
};

bool stage_write(int file, const uint8_t *data, size_t size, uint64_t offset)
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

bool stage_refuse(const stage_t *self, const char *doing, fault_t *fault)
{
    return fault_set(fault, "cannot %s the stage of stream %s: %s", doing, self->stream,
                     strerror(errno));
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
        self->group_heads = false;
        self->group_first = record.seq;
        self->group_us = record.recv_us;
    }
    self->group_heads |= self->group_rolls && kind == RECORD_KNOWN_END;
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
                                     self->size >= stage_limits.segment_bytes || s_is_old(self));
}

uint64_t stage_last_seq(const stage_t *self)
{
    return self->last_seq;
}

int64_t stage_recv_us(const stage_t *self)
{
    return self->recv_us;
}

uint32_t stage_mark(const stage_t *self)
{
    return self->mark;
}

size_t stage_unheaded(const stage_t *self)
{
    return self->unheaded;
}

uint64_t stage_oldest_seq(const stage_t *self)
{
    return self->oldest_seq;
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
        return stage_refuse(self, "leave a segment of", fault);
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
        return stage_refuse(self, "create a segment of", fault);
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
        if (!stage_write(self->file, head, sizeof head, 0))
            return false;
        at = sizeof head;
    }
    if (!stage_write(self->file, self->group.data, self->group.size, at))
        return false;
    FAULT_POINT("stage.written");
    if (stage_calls.flush(self->file) != 0)
        return false;
    FAULT_POINT("stage.flushed");
    if (self->size == 0) {
        if (!durable_sync(self->directory))
            return false;
        self->begun_us = self->group_us;
        self->unheaded = self->group_heads ? 0 : self->unheaded + 1;
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
        stage_refuse(self, "write", fault);
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
