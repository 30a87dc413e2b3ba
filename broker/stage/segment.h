/*  segment -- the bytes of one file of the staged log, to and from.
 *
 *  Pure. A file is a head of SEGMENT_HEAD_BYTES, then records back to back; all numbers are
 *  little-endian:
 *
 *      head    0 "TIDEWSEG"  8 crc u32 (of bytes 12..127)  12 version u32  16 mark u32
 *             20 zero u32   24 first seq u64  32 name size u8  33 name of the stream, zeros
 *      record  0 mark u32    4 head crc u32 (of bytes 8.. up to the payload)
 *              8 payload crc u32  12 payload size u32  16 seq u64  24 recv_us i64
 *             32 kind u8  33 source size u8  34 place size u8  35 zero u8
 *             36 source, place, payload
 *
 *  The mark is random and the same in all files of a stream: somebody who only sends payloads
 *  cannot forge a record that a search through a damaged stretch would take for a real one.
 *  Head and payload are summed separately, so that a rotten payload loses its own record and
 *  nothing else.
 */
#pragma once
#include "broker/stage/stage.h"

enum {
    SEGMENT_VERSION = 2, // is written; 1, without RECORD_KNOWN and RECORD_GAP, is read as well
    SEGMENT_VERSION_OLDEST = 1,
    SEGMENT_HEAD_BYTES = 128,  // at the start of the file
    SEGMENT_NAME_MAX = 64,     // bytes of a stream's name
    SEGMENT_RECORD_BYTES = 36, // of a record, before source, place and payload
    SEGMENT_PLACE_MAX = 255,
    SEGMENT_RECORD_HEAD_MAX = SEGMENT_RECORD_BYTES + STAGE_SOURCE_NAME_MAX + SEGMENT_PLACE_MAX,
};

typedef struct {
    uint32_t version;
    uint32_t mark; // never 0
    uint64_t first_seq;
    slice_t stream; // points into the bytes
} segment_head_t;

void segment_head_encode(uint8_t bytes[SEGMENT_HEAD_BYTES], uint32_t mark, uint64_t first_seq,
                         slice_t stream);
// False: these bytes are no head of ours, or damaged. An unknown version is for the caller.
bool segment_head_decode(segment_head_t *head, const uint8_t bytes[SEGMENT_HEAD_BYTES]);

// Can it be written at all?
bool segment_record_fits(const record_t *record);
size_t segment_record_size(const record_t *record);
// Write segment_record_size bytes.
void segment_record_encode(uint8_t *bytes, uint32_t mark, const record_t *record);

typedef enum {
    SEGMENT_RECORD,  // a head, intact; *size is that of the whole record
    SEGMENT_SHORT,   // the beginning of one, as far as it goes; *size bytes are needed
    SEGMENT_DAMAGED, // anything else
} segment_parse_t;

// Look at the bytes where a record should begin. `mark` 0: the mark is not known. On
// SEGMENT_RECORD *record is set, with the payload of the right size but not looked at, and
// perhaps beyond the bytes.
segment_parse_t segment_parse(slice_t bytes, uint32_t mark, record_t *record, size_t *size);
// The last bytes of a file, for which segment_parse has said SHORT: are they the beginning of the
// record `seq`, and surely not a whole one that rotted? True if not even its payload has room: two
// of its sizes would have to be wrong. False: nobody knows.
bool segment_is_torn(slice_t bytes, uint64_t seq);
uint32_t segment_mark(const uint8_t *bytes); // of the record that begins here

// Of a record that segment_parse accepted and that is there as a whole.
bool segment_payload_is_intact(const uint8_t *bytes, const record_t *record);

// How many bytes to skip so that a record may begin there; bytes.size: none begins here. Never
// less than 1.
size_t segment_search(slice_t bytes, uint32_t mark);
