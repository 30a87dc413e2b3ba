/*  copy_reader -- see copy_reader.h. */
#include "broker/held/copy_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/held/copies.h"
#include "broker/held/partition_fields.h"
#include "proto/owned.h"

typedef struct {
    copy_kind_t kind;
    uint64_t at; // of its head
} section_t;

// What is known of the partition whose sections are being read.
typedef struct {
    bool open;
    uint64_t pieces, deltas; // that it should have
    uint64_t have_pieces, have_deltas;
} open_partition_t;

struct copy_reader {
    int file;
    uint64_t bytes;
    copy_head_t head;
    position_t positions[PARTITIONS];
    size_t partitions[PARTITIONS];
    partitions_t seen;
    size_t count, capacity;
    section_t *sections;
    buffer_t body;
    open_partition_t open;
};

static bool s_refuse(fault_t *fault, uint64_t at, const char *what)
{
    return fault_set(fault, "%s, at byte %" PRIu64, what, at);
}

static bool s_read(int file, uint64_t at, void *to, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t got = pread(file, (uint8_t *) to + have, size - have, (off_t) (at + have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = 0;
        if (got <= 0)
            return false;
        have += (size_t) got;
    }
    return true;
}

// The section at `at`; its bytes are in self->body.
static bool s_read_section(copy_reader_t *self, uint64_t at, copy_frame_t *frame, fault_t *fault)
{
    uint8_t head[COPY_SECTION_HEAD_BYTES];
    if (at + sizeof head > self->bytes)
        return s_refuse(fault, at, "it is torn");
    if (!s_read(self->file, at, head, sizeof head))
        return s_refuse(fault, at, errno ? strerror(errno) : "it is torn");
    if (!copy_frame_read(frame, head))
        return s_refuse(fault, at, "no section of ours");
    if (at + sizeof head + frame->size > self->bytes)
        return s_refuse(fault, at, "it is torn");
    buffer_clear(&self->body);
    uint8_t *to = buffer_extend(&self->body, frame->size);
    if (!to && frame->size > 0)
        return s_refuse(fault, at, "out of memory");
    if (!s_read(self->file, at + sizeof head, to, frame->size))
        return s_refuse(fault, at, errno ? strerror(errno) : "it is torn");
    if (!copy_frame_fits(frame, head, buffer_slice(&self->body)))
        return s_refuse(fault, at, "a checksum is wrong");
    return true;
}

// ---- what a section may hold ----------------------------------------------------------------

static bool s_end_partition(open_partition_t *open)
{
    bool whole =
        !open->open || (open->pieces == open->have_pieces && open->deltas == open->have_deltas);
    *open = (open_partition_t){ 0 };
    return whole;
}

static bool s_begin_partition(copy_reader_t *self, slice_t body)
{
    copy_items_t items;
    if (!s_end_partition(&self->open) || !copy_items_read(&items, body) ||
        items.number >= PARTITIONS || partitions_has(&self->seen, (unsigned) items.number))
        return false;
    unsigned partition = (unsigned) items.number;
    partition_fields_t fields;
    if (!partition_fields_read(&fields, items, &self->positions[partition]))
        return false;
    partitions_add(&self->seen, partition);
    self->partitions[partition] = self->count - 1;
    self->open = (open_partition_t){ true, fields.pieces, fields.deltas, 0, 0 };
    return true;
}

// A list, all of which can be read, of groups of so many.
static bool s_check_list(slice_t body, uint32_t group, uint32_t beside, uint64_t *count)
{
    copy_items_t items;
    slice_t item;
    if (!copy_items_read(&items, body) || items.count < beside ||
        (items.count - beside) % group != 0)
        return false;
    *count += (items.count - beside) / group;
    while (copy_items_next(&items, &item))
        continue;
    return copy_items_good(&items);
}

static bool s_check(copy_reader_t *self, copy_kind_t kind, slice_t body)
{
    uint64_t unused = 0;
    bool first = self->count == 1, inside = kind == COPY_BASE || kind == COPY_JOURNAL;
    if (first != (kind == COPY_HEAD) || (inside && !self->open.open))
        return false;
    if (!inside && kind != COPY_PARTITION && !s_end_partition(&self->open))
        return false;
    switch (kind) {
    case COPY_HEAD:
        return copy_head_decode(&self->head, body);
    case COPY_PARTITION:
        return s_begin_partition(self, body);
    case COPY_BASE:
        return s_check_list(body, 1, 0, &self->open.have_pieces);
    case COPY_JOURNAL:
        return s_check_list(body, 1, 0, &self->open.have_deltas);
    case COPY_OUTBOX:
        return s_check_list(body, COPY_OUTBOX_ITEMS, 0, &unused);
    case COPY_LOG:
        return s_check_list(body, COPY_LOG_ITEMS, 0, &unused);
    case COPY_KNOWN:
        return s_check_list(body, 1, 0, &unused);
    case COPY_DELIVERY:
        return s_check_list(body, 2, 2, &unused);
    case COPY_KEY:
        return s_check_list(body, 1, 1, &unused);
    case COPY_REFUSED:
        return s_check_list(body, COPY_REFUSED_ITEMS, 2, &unused);
    case COPY_ROWS:
        return s_check_list(body, COPY_ROW_ITEMS, 1, &unused);
    case COPY_END:
        return copy_end_decode(&unused, body) && unused == self->count - 1;
    }
    return false;
}

static bool s_note(copy_reader_t *self, copy_kind_t kind, uint64_t at)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : 1024;
        section_t *more = reallocarray(self->sections, capacity, sizeof *more);
        if (!more || capacity > COPY_SECTIONS_MAX)
            return false;
        self->sections = more;
        self->capacity = capacity;
    }
    self->sections[self->count++] = (section_t){ kind, at };
    return true;
}

static bool s_walk(copy_reader_t *self, fault_t *fault)
{
    char magic[COPY_MAGIC_BYTES];
    if (self->bytes < sizeof magic || !s_read(self->file, 0, magic, sizeof magic) ||
        memcmp(magic, copy_magic, sizeof magic) != 0)
        return fault_set(fault, "no copy of this version");
    for (uint64_t at = sizeof magic;;) {
        copy_frame_t frame;
        if (!s_read_section(self, at, &frame, fault))
            return false;
        if (!s_note(self, frame.kind, at))
            return s_refuse(fault, at, "out of memory");
        if (!s_check(self, frame.kind, buffer_slice(&self->body)))
            return s_refuse(fault, at, "a section does not say what it should");
        at += COPY_SECTION_HEAD_BYTES + frame.size;
        if (frame.kind != COPY_END)
            continue;
        for (unsigned p = 0; p < PARTITIONS; p++)
            if (!partitions_has(&self->seen, p))
                return fault_set(fault, "partition %u is missing", p);
        return at == self->bytes || s_refuse(fault, at, "something stands behind its end");
    }
}

// ---- life -----------------------------------------------------------------------------------

copy_reader_t *copy_reader_take(int file, fault_t *fault)
{
    owned(copy_reader_destroy) copy_reader_t *self = calloc(1, sizeof *self);
    struct stat status;
    if (!self) {
        close(file);
        fault_set(fault, "out of memory");
        return NULL;
    }
    self->file = file;
    if (fstat(file, &status) != 0) {
        fault_set(fault, "%s", strerror(errno));
        return NULL;
    }
    self->bytes = (uint64_t) status.st_size;
    if (!s_walk(self, fault))
        return NULL;
    copy_reader_t *given = self;
    self = NULL;
    return given;
}

copy_reader_t *copy_reader_open(int directory, int64_t created_us, fault_t *fault)
{
    char name[COPIES_NAME_BYTES];
    copies_name(name, created_us);
    fault_t why;
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        fault_set(fault, "%s: %s", name, strerror(errno));
        return NULL;
    }
    copy_reader_t *self = copy_reader_take(file, &why);
    if (self && self->head.created_us != created_us) {
        fault_set(&why, "it is another one");
        copy_reader_destroy(&self);
    }
    if (!self)
        fault_set(fault, "%s: %s", name, why.text);
    return self;
}

void copy_reader_destroy(copy_reader_t **self_p)
{
    copy_reader_t *self = *self_p;
    if (!self)
        return;
    close(self->file);
    for (unsigned p = 0; p < PARTITIONS; p++)
        position_clear(&self->positions[p]);
    buffer_destroy(&self->body);
    free(self->sections);
    free(self);
    *self_p = NULL;
}

const copy_head_t *copy_reader_head(const copy_reader_t *self)
{
    return &self->head;
}

uint64_t copy_reader_bytes(const copy_reader_t *self)
{
    return self->bytes;
}

const position_t *copy_reader_positions(const copy_reader_t *self)
{
    return self->positions;
}

size_t copy_reader_count(const copy_reader_t *self)
{
    return self->count;
}

copy_kind_t copy_reader_kind(const copy_reader_t *self, size_t section)
{
    return self->sections[section].kind;
}

size_t copy_reader_partition(const copy_reader_t *self, unsigned partition)
{
    return self->partitions[partition];
}

bool copy_reader_body(copy_reader_t *self, size_t section, slice_t *body, fault_t *fault)
{
    copy_frame_t frame;
    if (!s_read_section(self, self->sections[section].at, &frame, fault))
        return false;
    *body = buffer_slice(&self->body);
    return frame.kind == self->sections[section].kind ||
           s_refuse(fault, self->sections[section].at, "it changed");
}
