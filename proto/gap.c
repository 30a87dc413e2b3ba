/*  gap -- see gap.h. */
#include "proto/gap.h"

#include "proto/wire.h"

enum { VERSION = 1, FIELDS = 7 };

const char *gap_reason_text(gap_reason_t reason)
{
    switch (reason) {
    case GAP_STOPPED:
        return "no collector ran";
    case GAP_DISK:
        return "the disk took nothing";
    case GAP_POLL:
        return "polls failed";
    case GAP_PUSHED:
        return "frames never came";
    }
    return "?";
}

void gap_encode(const gap_t *self, buffer_t *out)
{
    wire_array(out, FIELDS);
    wire_u64(out, VERSION);
    wire_u64(out, self->reason);
    wire_i64(out, self->from_us);
    wire_i64(out, self->to_us);
    wire_bytes(out, self->client);
    wire_u64(out, self->from_n);
    wire_u64(out, self->to_n);
}

bool gap_decode(gap_t *self, slice_t payload, fault_t *fault)
{
    wire_reader_t in = wire_reader(payload);
    uint32_t fields;
    uint64_t version, reason;
    if (!wire_read_array(&in, &fields) || fields != FIELDS || !wire_read_u64(&in, &version) ||
        version != VERSION)
        return fault_set(fault, "gap: not of version %d", VERSION);
    if (!wire_read_u64(&in, &reason) || reason < GAP_STOPPED || reason > GAP_PUSHED ||
        !wire_read_i64(&in, &self->from_us) || !wire_read_i64(&in, &self->to_us) ||
        !wire_read_bytes(&in, &self->client, GAP_CLIENT_MAX) ||
        !wire_read_u64(&in, &self->from_n) || !wire_read_u64(&in, &self->to_n) || !wire_done(&in))
        return fault_set(fault, "gap: not [version, reason, from, to, client, from_n, to_n]");
    self->reason = (gap_reason_t) reason;
    bool pushed = self->reason == GAP_PUSHED;
    if (self->from_us > self->to_us || self->from_n > self->to_n ||
        pushed != (self->client.size > 0) || pushed != (self->from_n > 0))
        return fault_set(fault, "gap: ends before it begins, or numbers without a client");
    return true;
}
