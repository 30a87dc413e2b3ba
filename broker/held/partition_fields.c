/*  partition_fields -- see partition_fields.h. */
#include "broker/held/partition_fields.h"

#include "broker/keys.h"

static bool s_number(slice_t text, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = text.data[i] - '0';
        if (digit > 9 || *number > (UINT64_MAX - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    return text.size > 0;
}

// It stands anywhere, or nowhere.
static bool s_read_sent(copy_items_t items, slice_t stream, uint64_t *sent)
{
    slice_t field, value, of;
    *sent = 0;
    while (copy_items_next(&items, &field) && copy_items_next(&items, &value))
        if (keys_sent_stream(field, &of) && slice_same(of, stream))
            return s_number(value, sent);
    return true;
}

bool partition_fields_read(partition_fields_t *self, copy_items_t items, position_t *position)
{
    *self = (partition_fields_t){ 0 };
    *position = (position_t){ 0 };
    copy_items_t all = items;
    slice_t field, value, stream;
    uint64_t seq, sent;
    bool good = items.count % 2 == 0;
    while (good && copy_items_next(&items, &field) && (good = copy_items_next(&items, &value))) {
        if (keys_offset_stream(field, &stream))
            good = s_number(value, &seq) && s_read_sent(all, stream, &sent) &&
                   position_add(position, stream, seq, sent);
        else if (slice_is(field, "head"))
            self->head = value;
        else if (slice_is(field, "base"))
            self->base = value;
        else if (slice_is(field, "nb"))
            good = s_number(value, &self->pieces);
        else if (slice_is(field, "jn"))
            good = s_number(value, &self->deltas);
    }
    return good && copy_items_good(&items);
}
