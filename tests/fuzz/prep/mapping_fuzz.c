/*  Any bytes as a payload of any format: every outcome adds up, none crashes. */
#include <stdlib.h>

#include "actors/prep/mapping.h"

static setting_pair_t KEY[] = { { .name = "a", .value = "/s" }, { .name = "b", .value = "=x" } };
static setting_pair_t STARS[] = { { .name = "a", .value = "~1" },
                                  { .name = "b", .value = "~1:1" } };
static setting_pair_t VALUES[] = { { .name = "p", .value = "/p" },
                                   { .name = "q", .value = "/q/0" },
                                   { .name = "e", .value = "^/e" } };
static setting_pair_t CELLS[] = { { .name = "p", .value = "/1" }, { .name = "q", .value = "/2" } };
static setting_pair_t NAMED[] = { { .name = "p", .value = "p" }, { .name = "q", .value = "q" } };
static setting_pair_t LITERAL[] = { { .name = "a", .value = "=x" } };
static setting_pair_t CHECKS[] = { { .name = "p", .value = "> 0" } };
static const char *REQUIRED[] = { "p" };
static const char *ID[] = { "/id" };
static setting_pair_t ROW_ONLY[] = { { .name = "/k", .value = "x" } };
static setting_pair_t ONLY[] = { { .name = "^/k", .value = "x" },
                                 { .name = "/b", .value = "true" } };
static setting_pair_t CELL_ONLY[] = { { .name = "/0", .value = "a" } };
static const char *NOTHING[] = { "-", "n/a" };

#define PAIRS(array)                                                                               \
    {                                                                                              \
        .count = sizeof(array) / sizeof((array)[0]), .items = (array)                              \
    }

enum { SOURCES = 10 };

static const source_t TABLE[SOURCES] = {
    { .format = FORMAT_JSON,
      .kind = SOURCE_HTTP,
      .rows = "/*",
      .table = "t",
      .key = PAIRS(KEY),
      .time_at = "/t",
      .time_unit = "ms",
      .columns = PAIRS(VALUES) },
    { .format = FORMAT_JSON,
      .kind = SOURCE_FILE,
      .rows = "/d/*/*",
      .table = "t",
      .key = PAIRS(STARS),
      .time_at = "^/t",
      .time_unit = "rfc3339",
      .columns = PAIRS(VALUES),
      .validate = PAIRS(CHECKS) },
    { .format = FORMAT_JSON,
      .kind = SOURCE_FILE,
      .rows = "",
      .table = "t",
      .key = PAIRS(KEY),
      .time_fetch = true,
      .columns = PAIRS(VALUES),
      .identity = (const char **) ID,
      .identity_count = 1 },
    { .format = FORMAT_JSONL,
      .kind = SOURCE_FILE,
      .rows = "",
      .table = "t",
      .key = PAIRS(KEY),
      .time_at = "/t",
      .time_unit = "s",
      .columns = PAIRS(VALUES),
      .required = (const char **) REQUIRED,
      .required_count = 1 },
    { .format = FORMAT_JSONL,
      .kind = SOURCE_FILE,
      .rows = "/d/*",
      .table = "t",
      .key = PAIRS(LITERAL),
      .time_at = "/t",
      .time_unit = "%s",
      .columns = PAIRS(VALUES),
      .newest_first = true },
    { .format = FORMAT_CSV,
      .kind = SOURCE_FILE,
      .csv_delimiter = ',',
      .table = "t",
      .key = PAIRS(LITERAL),
      .time_at = "/0",
      .time_unit = "ns",
      .columns = PAIRS(CELLS) },
    { .format = FORMAT_CSV,
      .kind = SOURCE_FILE,
      .csv_delimiter = ';',
      .csv_header = true,
      .table = "t",
      .key = PAIRS(LITERAL),
      .time_at = "t",
      .time_unit = "%F %T",
      .columns = PAIRS(NAMED),
      .identity_none = true },
    { .format = FORMAT_CONCATENATED,
      .kind = SOURCE_FILE,
      .rows = "",
      .table = "t",
      .key = PAIRS(KEY),
      .time_fetch = true,
      .columns = PAIRS(VALUES),
      .only = PAIRS(ROW_ONLY) },
    { .format = FORMAT_JSONL,
      .kind = SOURCE_FILE,
      .rows = "/d/*",
      .table = "t",
      .key = PAIRS(LITERAL),
      .time_at = "/t",
      .time_unit = "ms",
      .time_from = "2013-10-07",
      .numbers = "1 234,5",
      .columns = PAIRS(VALUES),
      .only = PAIRS(ONLY) },
    { .format = FORMAT_CSV,
      .kind = SOURCE_FILE,
      .csv_delimiter = ';',
      .csv_skip_lines = 1,
      .csv_comment = "#",
      .numbers = "1.234,5",
      .missing = NOTHING,
      .missing_count = 2,
      .table = "t",
      .key = PAIRS(LITERAL),
      .time_fetch = true,
      .columns = PAIRS(CELLS),
      .only = PAIRS(CELL_ONLY) },
};

static void refused(void *context, const quarantine_t *quarantine)
{
    size_t size = strlen(quarantine->reason);
    if (size == 0 || size >= MAPPING_REASON_MAX || quarantine->snippet.size > MAPPING_SNIPPET_MAX)
        abort();
    ++*(uint64_t *) context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static mapping_t *mappings[SOURCES];
    static rows_t *rows;
    static buffer_t block;
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
    if (size == 0)
        return 0;
    uint64_t refusals = 0;
    mapping_count_t count;
    rows_head_t head = { .seq = 1, .recv_us = INT64_C(1700000000000000) };
    if (!mapping_apply(mappings[data[0] % SOURCES], &head, slice_of(data + 1, size - 1), rows,
                       refused, &refusals, &count))
        abort();
    if (count.quarantined != refusals || count.rows != rows_count(rows))
        abort();
    partitions_t all;
    memset(all.bits, 0xff, sizeof all.bits);
    buffer_clear(&block);
    rows_view_t view;
    if (rows_encode(rows, &all, &block) &&
        (!rows_decode(&view, buffer_slice(&block), NULL) || view.row_count != count.rows))
        abort();
    return 0;
}
