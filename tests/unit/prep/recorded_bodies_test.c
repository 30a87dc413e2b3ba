/*  Every recorded body, through the JSON reader and through mappings that were not made for it.
 *
 *  The reader must agree with the manifest on what is JSON. Whatever a mapping does with a body,
 *  its rows and refusals add up to the nodes that there are. The recordings lie beside the
 *  project; without them the test is skipped, loudly.
 */
#include <stdlib.h>
#include <unistd.h>

#include "actors/prep/json.h"
#include "tests/unit/prep/mapped.h"

#define FOLDER "../shared/data/bodies/"

enum {
    MANIFEST_COLUMNS = 15,
    MANIFEST_FILE = 0,
    MANIFEST_JSON = 13,
    BODIES_LEAST = 1000, // fewer than this is a broken walk, not a small collection
};

static bool load(const char *name, buffer_t *out)
{
    char path[1024];
    snprintf(path, sizeof path, FOLDER "%s", name);
    FILE *file = fopen(path, "rb");
    buffer_clear(out);
    if (!file)
        return false;
    char chunk[65536];
    for (size_t size; (size = fread(chunk, 1, sizeof chunk, file)) > 0;)
        buffer_append(out, chunk, size);
    fclose(file);
    return !out->failed;
}

typedef void body_t(void *context, const char *name, slice_t body, bool is_json);

static unsigned each_body(body_t *visit, void *context)
{
    buffer_t manifest = { 0 }, body = { 0 };
    unsigned count = 0;
    char *line_rest = NULL;
    assert_true(load("MANIFEST.tsv", &manifest));
    buffer_append(&manifest, "", 1);
    char *line = strtok_r((char *) manifest.data, "\n", &line_rest);
    while ((line = strtok_r(NULL, "\n", &line_rest))) {
        char *columns[MANIFEST_COLUMNS] = { 0 };
        for (int i = 0; i < MANIFEST_COLUMNS && line; i++)
            columns[i] = strsep(&line, "\t");
        if (!columns[MANIFEST_JSON] || !load(columns[MANIFEST_FILE], &body))
            continue;
        visit(context, columns[MANIFEST_FILE], buffer_slice(&body),
              strcmp(columns[MANIFEST_JSON], "ok") == 0);
        count++;
    }
    buffer_destroy(&body);
    buffer_destroy(&manifest);
    return count;
}

typedef struct {
    json_t *json;
    unsigned good, bad;
} judged_t;

static void judge(void *context, const char *name, slice_t body, bool is_json)
{
    judged_t *judged = context;
    pointer_tree_t nothing;
    field_t fields[1];
    json_fault_t fault = { 0 };
    size_t end = 0;
    pointer_tree_begin(&nothing);
    bool marked = body.size >= 3 && memcmp(body.data, "\xef\xbb\xbf", 3) == 0;
    if (marked)
        body = slice_of(body.data + 3, body.size - 3);
    assert_true(json_open(judged->json, body));
    bool good =
        json_read(judged->json, 0, body.size, &nothing, fields, &end, &fault) == JSON_GOOD &&
        end == body.size;
    json_close(judged->json);
    if (good != is_json)
        fail_msg("%s: %s at byte %zu", name, good ? "taken for JSON" : fault.what, fault.at);
    judged->good += good;
    judged->bad += !good;
}

static void the_manifest_agrees_on_what_is_json(void **state)
{
    (void) state;
    judged_t judged = { .json = json_new() };
    unsigned count = each_body(judge, &judged);
    print_message("%u bodies: %u JSON, %u not\n", count, judged.good, judged.bad);
    assert_true(count >= BODIES_LEAST);
    assert_true(judged.bad > 0);
    json_destroy(&judged.json);
}

// ---- mappings -----------------------------------------------------------------------------------

static setting_pair_t LITERAL[] = { { .name = "k", .value = "=x" } };
static setting_pair_t SYMBOL[] = { { .name = "k", .value = "/symbol" } };
static setting_pair_t VALUES[] = { { .name = "a", .value = "/last" },
                                   { .name = "b", .value = "/price" },
                                   { .name = "c", .value = "/4" } };
static setting_pair_t CELLS[] = { { .name = "a", .value = "/1" }, { .name = "b", .value = "/2" } };

static setting_pair_t SPOT[] = { { .name = "/symbol", .value = "BTCUSDT" } };

enum { ROWS_MAX = 6 };
static const char *const ROWS[ROWS_MAX] = { "/*", "/*/*", "/result/*", "/data/*", "/*/*/*", "" };

typedef struct {
    mapped_t all[ROWS_MAX];   // every node is a row
    mapped_t picky[ROWS_MAX]; // a few are
    mapped_t only;            // some are, the others are passed over
    mapped_t lines, row, cells, filtered;
    uint64_t rows, refused, skipped;
} mappings_t;

// ---- reasons, with their numbers and texts blotted out ------------------------------------------

enum { REASONS_MAX = 128 };

static struct {
    char text[MAPPING_REASON_MAX];
    uint64_t count;
} reasons[REASONS_MAX];

static void hear(const char *reason)
{
    char text[MAPPING_REASON_MAX];
    size_t size = 0;
    for (const char *c = reason; *c; c++) {
        bool digit = *c >= '0' && *c <= '9';
        if (*c == '"' || (*c == '-' && c[1] >= '0' && c[1] <= '9'))
            break; // what follows is the text itself
        if (!digit || size == 0 || text[size - 1] != '#')
            text[size++] = digit ? '#' : *c;
    }
    text[size] = '\0';
    size_t at = 0;
    while (at < REASONS_MAX && reasons[at].count && strcmp(reasons[at].text, text) != 0)
        at++;
    assert_int_not_equal(at, REASONS_MAX);
    strcpy(reasons[at].text, text);
    reasons[at].count++;
}

static int by_count(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) ((const char *) a + MAPPING_REASON_MAX);
    uint64_t y = *(const uint64_t *) ((const char *) b + MAPPING_REASON_MAX);
    return (x < y) - (x > y);
}

static void print_reasons(void)
{
    qsort(reasons, REASONS_MAX, sizeof reasons[0], by_count);
    for (size_t i = 0; i < REASONS_MAX && reasons[i].count; i++)
        print_message("%9llu  %s\n", (unsigned long long) reasons[i].count, reasons[i].text);
}

// ---- every mapping, and what must add up --------------------------------------------------------

static uint64_t apply(mappings_t *self, mapped_t *mapped, slice_t body)
{
    mapped_apply(mapped, body);
    self->rows += mapped->count.rows;
    self->refused += mapped->count.quarantined;
    self->skipped += mapped->count.skipped;
    return mapped->count.rows + mapped->count.quarantined + mapped->count.skipped;
}

static bool is_whole(const mapped_t *mapped)
{
    return mapped->refused == 1 && mapped->refused_rows[0] == UINT32_MAX;
}

// What a plain look at the text counts: lines that are not blank, and whether quotes blur that.
static uint64_t plain_lines(slice_t body, bool *quotes)
{
    uint64_t count = 0;
    bool blank = true;
    *quotes = memchr(body.data, '"', body.size) != NULL;
    for (size_t i = 0; i < body.size; i++) {
        bool end = body.data[i] == '\n' || body.data[i] == '\r';
        if (!end && body.data[i] != ' ' && body.data[i] != '\t')
            blank = false;
        count += !blank && (end || i + 1 == body.size);
        blank |= end;
    }
    return count;
}

static void map_json(mappings_t *self, const char *name, slice_t body)
{
    for (int i = 0; i < ROWS_MAX; i++) {
        mapped_t *all = &self->all[i], *picky = &self->picky[i];
        uint64_t nodes = apply(self, all, body), told = apply(self, picky, body);
        if (!is_whole(all) && all->refused)
            fail_msg("%s: a node was refused: %s", name, all->reasons[0]);
        if (is_whole(all) ? !is_whole(picky) : told != nodes)
            fail_msg("%s: %llu rows and refusals of %llu", name, (unsigned long long) told,
                     (unsigned long long) nodes);
    }
    uint64_t nodes = self->all[0].count.rows + self->all[0].count.quarantined;
    if (apply(self, &self->only, body) != nodes)
        fail_msg("%s: with conditions: not %llu", name, (unsigned long long) nodes);
}

static void map_filtered(mappings_t *self, const char *name, slice_t body, bool is_json)
{
    uint64_t expected = 1; // the document itself, or its refusal
    size_t at = body.size >= 3 && body.data[0] == 0xef ? 3 : 0;
    while (at < body.size && strchr(" \t\r\n", body.data[at]))
        at++;
    if (is_json && body.data[at] == '[')
        expected = self->all[0].count.rows; // its elements
    if (apply(self, &self->filtered, body) != expected)
        fail_msg("%s: %llu outputs and refusals of jq, not %llu", name,
                 (unsigned long long) (self->filtered.count.rows + self->filtered.refused),
                 (unsigned long long) expected);
}

static void map_one(void *context, const char *name, slice_t body, bool is_json)
{
    mappings_t *self = context;
    bool quotes;
    uint64_t lines = plain_lines(body, &quotes);
    map_json(self, name, body);
    map_filtered(self, name, body, is_json);
    if (is_json && apply(self, &self->row, body) != 1) // one document behind the other: one
        fail_msg("%s: is not one document", name);
    else if (!is_json && apply(self, &self->row, body) == 0)
        fail_msg("%s: no word of it as documents", name);
    uint64_t as_lines = apply(self, &self->lines, body);
    if (as_lines < lines && !is_whole(&self->lines))
        fail_msg("%s: %llu lines gave %llu rows and refusals", name, (unsigned long long) lines,
                 (unsigned long long) as_lines);
    uint64_t as_cells = apply(self, &self->cells, body);
    if (quotes ? as_cells == 0 : as_cells != (lines ? lines : 1))
        fail_msg("%s: %llu records of csv of %llu lines", name, (unsigned long long) as_cells,
                 (unsigned long long) lines);
}

static void open_all(mappings_t *self)
{
    source_t literal = { .kind = SOURCE_HTTP,
                         .format = FORMAT_JSON,
                         .table = "t",
                         .key = MAPPED_PAIRS(LITERAL),
                         .time_fetch = true };
    source_t picky = literal;
    picky.key = (setting_pairs_t) MAPPED_PAIRS(SYMBOL);
    picky.columns = (setting_pairs_t) MAPPED_PAIRS(VALUES);
    for (int i = 0; i < ROWS_MAX; i++) {
        literal.rows = picky.rows = ROWS[i];
        mapped_open(&self->all[i], &literal);
        mapped_open(&self->picky[i], &picky);
    }
    source_t only = picky;
    only.rows = ROWS[0];
    only.only = (setting_pairs_t) MAPPED_PAIRS(SPOT);
    mapped_open(&self->only, &only);
    source_t other = literal; // every document is a row, whatever is in it
    other.rows = "";
    other.format = FORMAT_JSONL;
    mapped_open(&self->lines, &other);
    other.format = FORMAT_CONCATENATED;
    mapped_open(&self->row, &other);
    other = picky;
    other.format = FORMAT_JSON;
    other.rows = "";
    other.jq = "if type == \"array\" then .[] else . end";
    mapped_open(&self->filtered, &other);
    source_t csv = { .kind = SOURCE_FILE,
                     .format = FORMAT_CSV,
                     .csv_delimiter = ',',
                     .numbers = "1,234.5",
                     .table = "t",
                     .key = MAPPED_PAIRS(LITERAL),
                     .time_at = "/0",
                     .time_unit = "rfc3339",
                     .columns = MAPPED_PAIRS(CELLS) };
    mapped_open(&self->cells, &csv);
    mapped_t *single[] = { &self->only, &self->lines, &self->row, &self->filtered, &self->cells };
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++)
        single[i]->hear = hear;
    for (int i = 0; i < ROWS_MAX; i++)
        self->all[i].hear = self->picky[i].hear = hear;
}

static void close_all(mappings_t *self)
{
    for (int i = 0; i < ROWS_MAX; i++) {
        mapped_close(&self->all[i]);
        mapped_close(&self->picky[i]);
    }
    mapped_close(&self->only);
    mapped_close(&self->lines);
    mapped_close(&self->row);
    mapped_close(&self->filtered);
    mapped_close(&self->cells);
}

static void rows_and_refusals_add_up(void **state)
{
    (void) state;
    static mappings_t mappings;
    open_all(&mappings);
    unsigned count = each_body(map_one, &mappings);
    print_message("%u bodies, %d mappings: %llu rows, %llu quarantined, %llu skipped\n", count,
                  2 * ROWS_MAX + 5, (unsigned long long) mappings.rows,
                  (unsigned long long) mappings.refused, (unsigned long long) mappings.skipped);
    print_reasons();
    assert_true(count >= BODIES_LEAST);
    assert_true(mappings.rows > 0 && mappings.refused > 0 && mappings.skipped > 0);
    close_all(&mappings);
}

// ---- dialects of CSV, as central banks write them --------------------------------------------

static setting_pair_t BANK[] = { { .name = "k", .value = "ISO Code" } };
static setting_pair_t BANK_RATE[] = { { .name = "rate", .value = "Rate" } };
static const char *BANK_NONE[] = { "N.A." };
static setting_pair_t FUND[] = { { .name = "k", .value = "Currency" } };
static setting_pair_t FUND_RATE[] = { { .name = "a", .value = "/1" },
                                      { .name = "b", .value = "/2" } };
static const char *FUND_NONE[] = { "NA" };
static setting_pair_t ENGLAND[] = { { .name = "k", .value = "=GBP" } };
static setting_pair_t ENGLAND_RATE[] = { { .name = "usd", .value = "XUDLUSS" } };
static setting_pair_t ECB[] = { { .name = "k", .value = "CURRENCY" } };
static setting_pair_t OBSERVED[] = { { .name = "rate", .value = "OBS_VALUE" } };

#define CSV_TABS                                                                                   \
    .kind = SOURCE_FILE, .format = FORMAT_CSV, .csv_header = true, .csv_delimiter = '\t',          \
    .table = "t"
#define CSV_SOURCE                                                                                 \
    .kind = SOURCE_FILE, .format = FORMAT_CSV, .csv_header = true, .csv_delimiter = ',',           \
    .table = "t"

// Counted and picked by another reader of CSV (Python's).
static void central_banks(void **state)
{
    (void) state;
    static const struct {
        const char *file;
        source_t source;
        uint64_t rows, quarantined;
        const char *first; // row of the block
    } TABLE[] = {
        { "tassidicambio.bancaditalia.it/terzevalute-wf-web__rest__v1.0__dailyRates/"
          "frankfurter-currencyIsoCode=EUR_lang=en_referenceDate=2026-02-.txt",
          { CSV_SOURCE, .csv_comment = "#", .missing = BANK_NONE, .missing_count = 1,
            .key = MAPPED_PAIRS(BANK), .time_at = "Reference date (CET)", .time_unit = "%Y-%m-%d",
            .columns = MAPPED_PAIRS(BANK_RATE) },
          171,
          0,
          "t:AFN 1770595200000000 75.5197 #0\n" },
        { "www.imf.org/external__np__fin__data__rms_mth.aspx/"
          "frankfurter-SelectDate=2026-03-31_reportType=REP_tsvflag=Y.txt",
          { CSV_TABS, .csv_skip_lines = 1, .numbers = "1,234.5", .missing = FUND_NONE,
            .missing_count = 1, .key = MAPPED_PAIRS(FUND), .time_fetch = true,
            .columns = MAPPED_PAIRS(FUND_RATE) },
          72,
          5,
          "t:Chinese%20yuan 1700000000000000 6.8829 6.8971 #0\n" },
        { "www.bankofengland.co.uk/boeapps__database__iadb-fromshowcolumns.asp/"
          "frankfurter-CSVF=TN_Datefrom=17_Mar_2026_Dateto=20_Mar_2026_Se.txt",
          { CSV_SOURCE, .key = MAPPED_PAIRS(ENGLAND), .time_at = "DATE", .time_unit = "%d %b %Y",
            .columns = MAPPED_PAIRS(ENGLAND_RATE) },
          4,
          0,
          "t:GBP 1773705600000000 1.3343 #0\n" },
        { "data-api.ecb.europa.eu/service__data__EXR__D..EUR.SP00.A/"
          "frankfurter-format=csvdata_startPeriod=2026-02-17.txt",
          { CSV_SOURCE, .key = MAPPED_PAIRS(ECB), .time_at = "TIME_PERIOD", .time_unit = "%F",
            .columns = MAPPED_PAIRS(OBSERVED) },
          638,
          0,
          "t:AUD 1771286400000000 1.6776 #0\n" },
    };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        mapped_t mapped;
        buffer_t body = { 0 }, text = { 0 };
        if (!load(TABLE[i].file, &body)) {
            print_message("not there: %s\n", TABLE[i].file);
            continue;
        }
        mapped_open(&mapped, &TABLE[i].source);
        mapped_apply(&mapped, buffer_slice(&body));
        if (mapped.count.rows != TABLE[i].rows || mapped.count.quarantined != TABLE[i].quarantined)
            fail_msg("%s: %llu rows, %u quarantined: %s", TABLE[i].file,
                     (unsigned long long) mapped.count.rows, mapped.refused, mapped.reasons[0]);
        const char *found = mapped_text(&mapped, &text);
        if (strncmp(found, TABLE[i].first, strlen(TABLE[i].first)) != 0)
            fail_msg("%s: %.80s", TABLE[i].file, found);
        mapped_close(&mapped);
        buffer_destroy(&body);
        buffer_destroy(&text);
    }
}

int main(void)
{
    if (access(FOLDER "MANIFEST.tsv", R_OK) != 0) {
        fprintf(stderr, "SKIPPED: no recorded bodies at %s\n", FOLDER);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manifest_agrees_on_what_is_json),
        cmocka_unit_test(rows_and_refusals_add_up),
        cmocka_unit_test(central_banks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
