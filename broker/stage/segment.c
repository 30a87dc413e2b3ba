/*  segment -- see segment.h. */
#include "broker/stage/segment.h"

#include <assert.h>
#include <endian.h>

#include "broker/stage/crc32c.h"

static const char magic[8] = "TIDEWSEG";

static void s_put32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
}

static void s_put64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
}

static uint32_t s_get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

static uint64_t s_get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

// ---- head of the file ---------------------------------------------------------------------

void segment_head_encode(uint8_t bytes[SEGMENT_HEAD_BYTES], uint32_t mark, uint64_t first_seq,
                         slice_t stream)
{
    assert(mark != 0 && stream.size <= SEGMENT_NAME_MAX);
    memset(bytes, 0, SEGMENT_HEAD_BYTES);
    memcpy(bytes, magic, sizeof magic);
    s_put32(bytes + 12, SEGMENT_VERSION);
    s_put32(bytes + 16, mark);
    s_put64(bytes + 24, first_seq);
    bytes[32] = (uint8_t) stream.size;
    memcpy(bytes + 33, stream.data, stream.size);
    s_put32(bytes + 8, crc32c(0, bytes + 12, SEGMENT_HEAD_BYTES - 12));
}

bool segment_head_decode(segment_head_t *head, const uint8_t bytes[SEGMENT_HEAD_BYTES])
{
    if (memcmp(bytes, magic, sizeof magic) != 0 ||
        s_get32(bytes + 8) != crc32c(0, bytes + 12, SEGMENT_HEAD_BYTES - 12) ||
        s_get32(bytes + 16) == 0 || bytes[32] > SEGMENT_NAME_MAX)
        return false;
    *head = (segment_head_t){ .version = s_get32(bytes + 12),
                              .mark = s_get32(bytes + 16),
                              .first_seq = s_get64(bytes + 24),
                              .stream = slice_of(bytes + 33, bytes[32]) };
    return true;
}

// ---- writing records ----------------------------------------------------------------------

bool segment_record_fits(const record_t *record)
{
    return record->kind >= RECORD_PAYLOAD && record->kind <= RECORD_KIND_LAST && record->seq > 0 &&
           record->source.size <= STAGE_SOURCE_NAME_MAX &&
           record->place.size <= SEGMENT_PLACE_MAX &&
           record->payload.size <= STAGE_PAYLOAD_BYTES_MAX;
}

static size_t s_head_size(const record_t *record)
{
    return SEGMENT_RECORD_BYTES + record->source.size + record->place.size;
}

size_t segment_record_size(const record_t *record)
{
    return s_head_size(record) + record->payload.size;
}

static uint8_t *s_copy(uint8_t *to, slice_t from)
{
    if (from.size > 0)
        memcpy(to, from.data, from.size);
    return to + from.size;
}

void segment_record_encode(uint8_t *bytes, uint32_t mark, const record_t *record)
{
    assert(segment_record_fits(record));
    s_put32(bytes, mark);
    s_put32(bytes + 8, crc32c(0, record->payload.data, record->payload.size));
    s_put32(bytes + 12, (uint32_t) record->payload.size);
    s_put64(bytes + 16, record->seq);
    s_put64(bytes + 24, (uint64_t) record->recv_us);
    bytes[32] = (uint8_t) record->kind;
    bytes[33] = (uint8_t) record->source.size;
    bytes[34] = (uint8_t) record->place.size;
    bytes[35] = 0;
    uint8_t *end = s_copy(bytes + SEGMENT_RECORD_BYTES, record->source);
    end = s_copy(end, record->place);
    s_put32(bytes + 4, crc32c(0, bytes + 8, (size_t) (end - bytes) - 8));
    s_copy(end, record->payload);
}

// ---- reading records ----------------------------------------------------------------------

// Cheap, so that a search without a mark can try every byte.
static bool s_is_plausible(const uint8_t *bytes, uint32_t mark)
{
    uint32_t found = s_get32(bytes);
    return (mark != 0 ? found == mark : found != 0) && bytes[32] >= RECORD_PAYLOAD &&
           bytes[32] <= RECORD_KIND_LAST && bytes[33] <= STAGE_SOURCE_NAME_MAX && bytes[35] == 0 &&
           s_get32(bytes + 12) <= STAGE_PAYLOAD_BYTES_MAX && s_get64(bytes + 16) != 0;
}

segment_parse_t segment_parse(slice_t bytes, uint32_t mark, record_t *record, size_t *size)
{
    if (bytes.size < SEGMENT_RECORD_BYTES) {
        uint8_t expected[4];
        s_put32(expected, mark);
        size_t known = bytes.size < sizeof expected ? bytes.size : sizeof expected;
        *size = SEGMENT_RECORD_BYTES;
        bool begins = mark == 0 || known == 0 || memcmp(bytes.data, expected, known) == 0;
        return begins ? SEGMENT_SHORT : SEGMENT_DAMAGED;
    }
    const uint8_t *at = bytes.data;
    if (!s_is_plausible(at, mark))
        return SEGMENT_DAMAGED;
    size_t head_size = SEGMENT_RECORD_BYTES + (size_t) at[33] + at[34];
    if (bytes.size < head_size) {
        *size = head_size;
        return SEGMENT_SHORT;
    }
    if (s_get32(at + 4) != crc32c(0, at + 8, head_size - 8))
        return SEGMENT_DAMAGED;
    *record = (record_t){
        .kind = (record_kind_t) at[32],
        .seq = s_get64(at + 16),
        .recv_us = (int64_t) s_get64(at + 24),
        .source = slice_of(at + SEGMENT_RECORD_BYTES, at[33]),
        .place = slice_of(at + SEGMENT_RECORD_BYTES + at[33], at[34]),
        .payload = slice_of(at + head_size, s_get32(at + 12)),
    };
    *size = head_size + record->payload.size;
    return SEGMENT_RECORD;
}

bool segment_is_torn(slice_t bytes, uint64_t seq)
{
    return bytes.size >= SEGMENT_RECORD_BYTES && s_get64(bytes.data + 16) == seq &&
           bytes.size < SEGMENT_RECORD_BYTES + (uint64_t) s_get32(bytes.data + 12);
}

uint32_t segment_mark(const uint8_t *bytes)
{
    return s_get32(bytes);
}

bool segment_payload_is_intact(const uint8_t *bytes, const record_t *record)
{
    return s_get32(bytes + 8) == crc32c(0, record->payload.data, record->payload.size);
}

size_t segment_search(slice_t bytes, uint32_t mark)
{
    uint8_t wanted[4];
    s_put32(wanted, mark);
    for (size_t at = 1; at < bytes.size; at++) {
        size_t left = bytes.size - at;
        if (mark != 0) {
            const uint8_t *hit = (const uint8_t *) memchr(bytes.data + at, wanted[0], left);
            if (!hit)
                return bytes.size;
            at = (size_t) (hit - bytes.data);
            left = bytes.size - at;
            size_t known = left < sizeof wanted ? left : sizeof wanted;
            if (memcmp(hit, wanted, known) == 0)
                return at;
        } else if (left < SEGMENT_RECORD_BYTES || s_is_plausible(bytes.data + at, 0)) {
            return at; // too short to tell: more bytes must come
        }
    }
    return bytes.size;
}
