/*  copy_format -- the bytes of a copy of Redis: what stands in each section of the file.
 *
 *      "tidewire copy 1\n"  { u32 kind, u32 bytes, u32 CRC-32C of both and of what follows,
 *      bytes }*
 *
 *  Pure. Integers are little-endian, the bytes of a section msgpack. The first section is a HEAD,
 *  the last an END; in between stand, in the order in which they were read (broker/store_held.h
 *  says why): each partition (PARTITION, then its BASE and JOURNAL sections), OUTBOX, LOG, KNOWN,
 *  DELIVERY, KEY, REFUSED and ROWS sections. Whatever is read from a file is hostile: bounded and
 *  checked here.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/fault.h"
#include "proto/rows.h"
#include "proto/wire.h"

enum {
    COPY_MAGIC_BYTES = 16,
    COPY_SECTION_HEAD_BYTES = 12,
    COPY_SECTION_BYTES_MAX = 128 << 20, // of one section
    COPY_SECTION_BYTES_AIM = 1 << 20,   // lists go on in the next section beyond
    COPY_SECTIONS_MAX = 1 << 22,
    COPY_LOGS_MAX = 64,
    COPY_NAME_MAX = 64,       // of a stream, without edition
    COPY_ITEMS_MAX = 1 << 22, // of one list
    COPY_OUTBOX_ITEMS = 3,    // of one entry: id, topic, body
    COPY_LOG_ITEMS = 8,       // of one entry: id, rule, series, ts, severity, topic, seq, body
    COPY_REFUSED_ITEMS = 3,   // of one stream: its name, floor, places
    COPY_ROW_ITEMS = 5,       // of one refused row: stream, seq, row, reason, snippet
};

extern const char copy_magic[COPY_MAGIC_BYTES + 1];

typedef enum {
    COPY_HEAD = 1,
    COPY_PARTITION = 2, // number, and all fields of its meta key
    COPY_BASE = 3,      // pieces
    COPY_JOURNAL = 4,   // deltas
    COPY_OUTBOX = 5,    // group; entries in order
    COPY_LOG = 6,       // entries of the alert log, newest section first, in order within one
    COPY_KNOWN = 7,     // ids that the alert log remembers, in order
    COPY_DELIVERY = 8,  // alert id, body, then subscriber and state of each
    COPY_KEY = 9,       // type, expiry, key without the namespace, content
    COPY_END = 10,      // sections before it
    COPY_REFUSED = 11,  // how many rows; source and newest reason, then its streams
    COPY_ROWS = 12,     // source, then the newest refused rows
} copy_kind_t;

// ---- the frame of a section -----------------------------------------------------------------

void copy_frame(copy_kind_t kind, slice_t body, uint8_t head[COPY_SECTION_HEAD_BYTES]);
typedef struct {
    copy_kind_t kind;
    uint32_t size, crc; // of the body
} copy_frame_t;
bool copy_frame_read(copy_frame_t *frame, const uint8_t head[COPY_SECTION_HEAD_BYTES]);
bool copy_frame_fits(const copy_frame_t *frame, const uint8_t head[COPY_SECTION_HEAD_BYTES],
                     slice_t body); // its checksum is right

// ---- HEAD and END ---------------------------------------------------------------------------

typedef struct {
    char stream[COPY_NAME_MAX + 1]; // without edition
    uint32_t mark;                  // of its log (stage_mark)
} copy_log_t;

typedef struct {
    uint8_t id[16];     // random
    int64_t created_us; // wall clock when it was begun
    size_t log_count;   // of the collector that made it
    copy_log_t logs[COPY_LOGS_MAX];
} copy_head_t;

void copy_head_encode(const copy_head_t *head, buffer_t *body);
bool copy_head_decode(copy_head_t *head, slice_t body);
void copy_end_encode(uint64_t sections, buffer_t *body);
bool copy_end_decode(uint64_t *sections, slice_t body);

// ---- lists of byte strings ------------------------------------------------------------------

// Every other section is a list: a number or two, then so many strings. The count is filled in at
// the end.
typedef struct {
    buffer_t *body;
    uint32_t count;
} copy_list_t;

copy_list_t copy_list_begin(buffer_t *body, uint64_t number, uint64_t more);
void copy_list_add(copy_list_t *self, slice_t item);
void copy_list_end(copy_list_t *self);

typedef struct {
    uint64_t number, more;
    uint32_t count; // of items left
    wire_reader_t reader;
} copy_items_t;
bool copy_items_read(copy_items_t *self, slice_t body);
bool copy_items_next(copy_items_t *self, slice_t *item); // false: at the end, or (copy_items_bad)
// The list ended as it should: everything was read.
static inline bool copy_items_good(const copy_items_t *self)
{
    return self->count == 0 && wire_done(&self->reader);
}

// What is in `more` of a KEY, beside its time of expiry.
typedef enum { COPY_STRING = 1, COPY_HASH = 2, COPY_SET = 3 } copy_type_t;
