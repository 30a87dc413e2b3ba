/*  Any bytes as the body of a source: refused, or a mapping that maps. */
#include <stdlib.h>

#include "actors/prep/mapping.h"

static void refused(void *context, const quarantine_t *quarantine)
{
    (void) context;
    (void) quarantine;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char PAYLOAD[] = "{\"a\":[{\"b\":1,\"t\":\"2\"}],\"c\":\"x\",\"t\":3}";
    static rows_t *rows;
    if (!rows)
        rows = rows_new();
    fault_t fault;
    mapping_t *mapping = mapping_new(slice_of(data, size), &fault);
    if (!mapping)
        return 0;
    rows_head_t head = { .seq = 1, .recv_us = 5 };
    mapping_count_t count;
    if (!mapping_apply(mapping, &head, slice_text(PAYLOAD), rows, refused, NULL, &count))
        abort();
    mapping_destroy(&mapping);
    return 0;
}
