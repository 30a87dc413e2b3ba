/*  Any bytes as a pushed frame: columns and raw payloads alike add up. */
#include <stdlib.h>

#include "actors/prep/mapping.h"

static setting_pair_t KEY[] = { { .name = "a", .value = "/s" }, { .name = "b", .value = "/u" } };
static setting_pair_t VALUES[] = { { .name = "p", .value = "/p" }, { .name = "q", .value = "q" } };
static setting_pair_t CHECKS[] = { { .name = "p", .value = "> 0" } };
static const char *ID[] = { "/id" };

#define PAIRS(array)                                                                               \
    {                                                                                              \
        .count = sizeof(array) / sizeof((array)[0]), .items = (array)                              \
    }

enum { SOURCES = 3 };

static const source_t TABLE[SOURCES] = {
    { .format = FORMAT_JSONL,
      .kind = SOURCE_PUSH,
      .rows = "",
      .table = "t",
      .key = PAIRS(KEY),
      .time_at = "/ts",
      .time_unit = "ms",
      .columns = PAIRS(VALUES) },
    { .format = FORMAT_JSON,
      .kind = SOURCE_PUSH,
      .rows = "",
      .table = "t",
      .key = PAIRS(KEY),
      .time_at = "/ts",
      .time_unit = "rfc3339",
      .columns = PAIRS(VALUES),
      .validate = PAIRS(CHECKS),
      .identity = (const char **) ID,
      .identity_count = 1 },
    { .format = FORMAT_JSONL,
      .kind = SOURCE_PUSH,
      .shards = 2,
      .shard = 1,
      .rows = "",
      .table = "t",
      .key = PAIRS(KEY),
      .time_at = "/ts",
      .time_unit = "us",
      .columns = PAIRS(VALUES) },
};

static void refused(void *context, const quarantine_t *quarantine)
{
    if (quarantine->reason[0] == '\0')
        abort();
    ++*(uint64_t *) context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static mapping_t *mappings[SOURCES];
    static rows_t *rows;
    if (!rows) {
        rows = rows_new();
        for (int i = 0; i < SOURCES; i++) {
            buffer_t body = { 0 };
            fault_t fault;
            if (!mapping_define(&TABLE[i], &body) ||
                !(mappings[i] = mapping_new(buffer_slice(&body), &fault)))
                abort();
            buffer_destroy(&body);
        }
    }
    for (int i = 0; i < SOURCES; i++) {
        uint64_t refusals = 0;
        mapping_count_t count;
        rows_head_t head = { .seq = 1, .recv_us = INT64_C(1700000000000000) };
        if (!mapping_apply(mappings[i], &head, slice_of(data, size), rows, refused, &refusals,
                           &count))
            abort();
        if (count.quarantined != refusals || count.rows != rows_count(rows))
            abort();
    }
    return 0;
}
