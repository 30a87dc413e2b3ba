/*  reader -- see stage.h, reading.
 *
 *  A segment ends where the next one begins: whatever a file holds from the first seq of its
 *  successor on is void (a group that was written there, could not be made durable and was
 *  written again). In the last segment a place that cannot be read may still be in the middle of
 *  being written, and is the end until something intact stands behind it.
 */
#include "broker/stage/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/stage/calls.h"
#include "broker/stage/files.h"
#include "broker/stage/segment.h"

enum {
    CHUNK_BYTES = 1 << 20,   // of one read
    SKIM_BYTES = 4096,       // the same while payloads are skipped
    CAPACITY_KEPT = 4 << 20, // a buffer that grew beyond is given back at the next record
};

stage_reader_t *reader_new(int directory)
{
    stage_reader_t *self = (stage_reader_t *) calloc(1, sizeof *self);
    if (!self) {
        close(directory);
        return NULL;
    }
    self->directory = directory;
    self->file = -1;
    self->expected = 1;
    return self;
}

stage_reader_t *stage_reader_open(const char *root, const char *namespace, const char *stream,
                                  fault_t *fault)
{
    int directory = files_open(root, namespace, stream, false, fault);
    if (directory < 0)
        return NULL;
    stage_reader_t *self = reader_new(directory);
    if (!self)
        fault_set(fault, "out of memory");
    else if (!stage_reader_seek(self, 1)) {
        fault_set(fault, "cannot read the stage %s/%s/%s: %s", root, namespace, stream,
                  self->error);
        stage_reader_destroy(&self);
    }
    return self;
}

void stage_reader_destroy(stage_reader_t **self_p)
{
    stage_reader_t *self = *self_p;
    if (!self)
        return;
    if (self->file >= 0)
        close(self->file);
    close(self->directory);
    free(self->firsts);
    free(self->data);
    free(self);
    *self_p = NULL;
}

void reader_skim(stage_reader_t *self)
{
    self->skim = true;
}

const char *stage_reader_error(const stage_reader_t *self)
{
    return self->error[0] ? self->error : NULL;
}

static bool s_fail(stage_reader_t *self, const char *doing)
{
    snprintf(self->error, sizeof self->error, "%s: %s", doing, strerror(errno));
    return false;
}

// ---- bytes --------------------------------------------------------------------------------

static void s_forget_bytes(stage_reader_t *self)
{
    self->size = 0;
}

// What of the file stands in the buffer from the offset on.
static slice_t s_bytes(const stage_reader_t *self)
{
    uint64_t skip = self->offset - self->data_offset;
    if (self->offset < self->data_offset || skip >= self->size)
        return slice_of(NULL, 0);
    return slice_of(self->data + skip, self->size - (size_t) skip);
}

// Move what is still needed to the front and make room for `needed` bytes.
static bool s_make_room(stage_reader_t *self, size_t needed)
{
    slice_t kept = s_bytes(self);
    if (kept.size > 0)
        memmove(self->data, kept.data, kept.size);
    self->size = kept.size;
    self->data_offset = self->offset;
    bool bloated = self->capacity > CAPACITY_KEPT && needed <= CHUNK_BYTES && kept.size == 0;
    if (needed <= self->capacity && !bloated)
        return true;
    size_t capacity = needed > CHUNK_BYTES ? needed : CHUNK_BYTES;
    uint8_t *data = (uint8_t *) realloc(self->data, capacity);
    if (!data) {
        errno = ENOMEM;
        return s_fail(self, "reading the stage");
    }
    self->data = data;
    self->capacity = capacity;
    return true;
}

// Have at least `needed` bytes from the offset on, or all the file holds. A size that a record
// claims is believed only as far as the file goes.
static bool s_load(stage_reader_t *self, size_t needed)
{
    if (s_bytes(self).size >= needed)
        return true;
    if (needed > CHUNK_BYTES) {
        struct stat status;
        if (fstat(self->file, &status) != 0)
            return s_fail(self, "reading the stage");
        uint64_t end = (uint64_t) status.st_size;
        uint64_t left = end > self->offset ? end - self->offset : 0;
        needed = left < needed ? (size_t) left : needed;
    }
    if (!s_make_room(self, needed))
        return false;
    size_t wanted = self->skim ? SKIM_BYTES : CHUNK_BYTES;
    wanted = wanted < needed ? needed : wanted;
    wanted = wanted < self->capacity ? wanted : self->capacity;
    while (self->size < needed) {
        ssize_t got = stage_calls.read(self->file, self->data + self->size, wanted - self->size,
                                       (off_t) (self->data_offset + self->size));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return s_fail(self, "reading the stage");
        if (got == 0)
            break;
        self->size += (size_t) got;
    }
    return true;
}

// ---- files --------------------------------------------------------------------------------

static void s_find_successor(stage_reader_t *self)
{
    size_t i = 0;
    while (i < self->count && self->firsts[i] <= self->segment)
        i++;
    self->successor = i < self->count ? self->firsts[i] : 0;
}

static bool s_list(stage_reader_t *self)
{
    uint64_t *firsts;
    size_t count;
    if (!files_list(self->directory, &firsts, &count))
        return s_fail(self, "listing the stage");
    free(self->firsts);
    self->firsts = firsts;
    self->count = count;
    s_find_successor(self);
    return true;
}

static void s_close(stage_reader_t *self)
{
    if (self->file >= 0)
        close(self->file);
    self->file = -1;
    s_forget_bytes(self);
}

static bool s_try_open(stage_reader_t *self, uint64_t segment)
{
    s_close(self);
    char name[STAGE_FILE_NAME_BYTES];
    files_name(name, segment);
    self->file = openat(self->directory, name, O_RDONLY | O_CLOEXEC);
    self->segment = segment;
    s_find_successor(self);
    self->offset = SEGMENT_HEAD_BYTES;
    self->headed = false;
    if (self->file >= 0 || errno == ENOENT)
        return true;
    return s_fail(self, name);
}

// Open this segment, or the first one after it if it was removed since it was listed. There may be
// none: then no file is open.
static bool s_open(stage_reader_t *self, uint64_t segment)
{
    while (s_try_open(self, segment)) {
        if (self->file >= 0)
            return true;
        if (!s_list(self))
            return false;
        segment = self->successor;
        if (segment == 0)
            return true;
    }
    return false;
}

// The mark and the version. A damaged head costs nothing: the mark is known from another file
// or learnt from the first record. False: not there yet, or not for us.
static bool s_read_head(stage_reader_t *self)
{
    uint8_t bytes[SEGMENT_HEAD_BYTES];
    size_t have = 0;
    for (ssize_t got = 1; got != 0 && have < sizeof bytes;) {
        got = stage_calls.read(self->file, bytes + have, sizeof bytes - have, (off_t) have);
        if (got < 0 && errno != EINTR)
            return s_fail(self, "reading the stage");
        have += got > 0 ? (size_t) got : 0;
    }
    if (have < sizeof bytes)
        return false;
    segment_head_t head;
    if (segment_head_decode(&head, bytes)) {
        if (head.version < SEGMENT_VERSION_OLDEST || head.version > SEGMENT_VERSION) {
            snprintf(self->error, sizeof self->error,
                     "segment of version %u, this program reads %d to %d", head.version,
                     SEGMENT_VERSION_OLDEST, SEGMENT_VERSION);
            return false;
        }
        self->mark = head.mark;
    }
    self->headed = true;
    return true;
}

static bool s_has_successor(const stage_reader_t *self)
{
    return self->successor > 0;
}

// Open the segment in which the expected record must be, if there is any segment.
static bool s_locate(stage_reader_t *self)
{
    s_close(self);
    if (!s_list(self))
        return false;
    if (self->count == 0)
        return true;
    size_t index = self->count - 1;
    while (index > 0 && self->firsts[index] > self->expected)
        index--;
    return s_open(self, self->firsts[index]);
}

bool stage_reader_seek(stage_reader_t *self, uint64_t seq)
{
    self->error[0] = '\0';
    self->expected = seq > 0 ? seq : 1;
    if (!s_locate(self))
        return false;
    if (self->count > 0 && self->expected < self->firsts[0])
        self->expected = self->firsts[0]; // what was trimmed is not damaged
    return true;
}

// ---- records ------------------------------------------------------------------------------

// What stands at the offset. A payload is looked at only if somebody will.
static segment_parse_t s_parse(stage_reader_t *self, record_t *record, size_t *size)
{
    if (!self->headed && !s_read_head(self))
        return SEGMENT_SHORT;
    if (!s_load(self, SEGMENT_RECORD_HEAD_MAX))
        return SEGMENT_SHORT;
    segment_parse_t parsed = segment_parse(s_bytes(self), self->mark, record, size);
    if (parsed != SEGMENT_RECORD || record->seq < self->expected)
        return parsed;
    bool hidden = self->skim && record_is_raw(record->kind);
    if (!hidden || !s_has_successor(self)) {
        if (!s_load(self, *size) || s_bytes(self).size < *size)
            return SEGMENT_SHORT;
        segment_parse(s_bytes(self), self->mark, record, size); // the bytes may have moved
        if (!segment_payload_is_intact(s_bytes(self).data, record))
            return SEGMENT_DAMAGED;
        self->mark = segment_mark(s_bytes(self).data);
    }
    if (hidden)
        record->payload = slice_of(NULL, 0);
    return SEGMENT_RECORD;
}

// Leave a place that is damaged, if something intact stands behind it in this file.
static bool s_skip(stage_reader_t *self)
{
    uint64_t start = self->offset;
    while (s_load(self, SEGMENT_RECORD_HEAD_MAX) && s_bytes(self).size > 0) {
        record_t record;
        size_t size;
        // A head that is intact tells where the next record begins.
        if (segment_parse(s_bytes(self), self->mark, &record, &size) == SEGMENT_RECORD)
            self->offset += size;
        else
            self->offset += segment_search(s_bytes(self), self->mark);
        if (s_parse(self, &record, &size) == SEGMENT_RECORD)
            return true;
    }
    self->offset = start;
    return false;
}

// Nothing intact here, and the buffer is fresh: where to go on? False: nowhere for now.
static bool s_move_on(stage_reader_t *self, bool *fresh)
{
    if (!s_has_successor(self)) {
        if (!s_list(self))
            return false;
        if (s_has_successor(self)) {
            *fresh = false; // ours may have grown between our look and its closing
            return true;
        }
    }
    if (s_skip(self)) // also where a rotten size pretends that the record goes on beyond the file
        return true;
    if (self->error[0])
        return false;
    if (s_has_successor(self))
        return s_open(self, self->successor) && self->file >= 0;
    struct stat status;
    if (fstat(self->file, &status) == 0 && status.st_nlink == 0)
        s_close(self); // given up by the writer before anything in it was durable
    return false;
}

stage_read_t stage_reader_next(stage_reader_t *self, uint64_t last, record_t *record)
{
    self->error[0] = '\0';
    if (self->expected > last || (self->file < 0 && (!s_locate(self) || self->file < 0)))
        return STAGE_END;
    bool fresh = self->size == 0;
    if (fresh)
        self->promised = last;
    for (;;) {
        size_t size;
        segment_parse_t parsed = s_parse(self, record, &size);
        if (self->error[0])
            return STAGE_END;
        bool intact = parsed == SEGMENT_RECORD;
        if (intact && record->seq > last)
            return STAGE_END;
        // What was read before it was promised may have been written again since.
        if (!fresh && (!intact || record->seq > self->promised)) {
            s_forget_bytes(self);
            self->promised = last;
            fresh = true;
        } else if (!intact) {
            if (!s_move_on(self, &fresh))
                return STAGE_END;
        } else if (s_has_successor(self) && record->seq >= self->successor) {
            if (!s_open(self, self->successor) || self->file < 0)
                return STAGE_END;
        } else if (record->seq > self->expected) {
            bool trimmed = self->count > 0 && self->expected < self->firsts[0];
            self->expected = record->seq;
            *record = (record_t){ .seq = self->expected };
            return trimmed ? STAGE_TRIMMED : STAGE_DAMAGED;
        } else {
            self->offset += size;
            if (record->seq < self->expected)
                continue;
            self->expected++;
            return STAGE_RECORD;
        }
    }
}

// ---- for the writer -----------------------------------------------------------------------

bool reader_is_headed(stage_reader_t *self, uint64_t first_seq, uint64_t last)
{
    record_t record;
    uint64_t expected = first_seq;
    if (!stage_reader_seek(self, first_seq))
        return false;
    while (stage_reader_next(self, last, &record) == STAGE_RECORD && record.seq == expected++) {
        if (record.kind == RECORD_KNOWN_END)
            return true;
        if (record.kind != RECORD_PLAN && record.kind != RECORD_KNOWN)
            return false;
    }
    return false;
}

uint64_t reader_next_free(stage_reader_t *self, uint64_t *end)
{
    uint64_t next = self->expected;
    struct stat status;
    if (self->file < 0 || fstat(self->file, &status) != 0)
        return next;
    *end = self->offset;
    uint64_t size_now = (uint64_t) status.st_size;
    if (next < self->segment)
        next = self->segment;
    while (self->offset < size_now && s_load(self, SEGMENT_RECORD_HEAD_MAX)) {
        record_t record;
        size_t size = 0;
        slice_t bytes = s_bytes(self);
        segment_parse_t parsed = segment_parse(bytes, self->mark, &record, &size);
        if (parsed == SEGMENT_RECORD) {
            self->offset += size;
            if (self->offset <= size_now && record.seq >= next)
                next = record.seq + 1;
            continue;
        }
        // Too few bytes for any record, or for the one that begins here: torn for sure. Otherwise
        // as many as there is room for may have been there.
        bool torn = bytes.size < SEGMENT_RECORD_BYTES ||
                    (parsed == SEGMENT_SHORT && segment_is_torn(bytes, next));
        return torn ? next : next + (size_now - self->offset) / SEGMENT_RECORD_BYTES;
    }
    return next;
}
