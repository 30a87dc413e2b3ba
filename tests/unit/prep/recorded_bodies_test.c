/*  Every recorded body, through the JSON reader and through mappings that were not made for it.
 *
 *  The reader must agree with the manifest on what is JSON. Whatever a mapping does with a body,
 *  its rows and refusals add up to the nodes that there are. The recordings lie beside the
 *  project; without them the test is skipped, loudly.
 */
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

enum { ROWS_MAX = 6 };
static const char *const ROWS[ROWS_MAX] = { "/*", "/*/*", "/result/*", "/data/*", "/*/*/*", "" };

typedef struct {
    mapped_t all[ROWS_MAX];   // every node is a row
    mapped_t picky[ROWS_MAX]; // a few are
    mapped_t lines, cells;
    uint64_t rows, picked, refused;
} mappings_t;

static void map_one(void *context, const char *name, slice_t body, bool is_json)
{
    mappings_t *self = context;
    (void) is_json;
    for (int i = 0; i < ROWS_MAX; i++) {
        mapped_t *all = &self->all[i], *picky = &self->picky[i];
        mapped_apply(all, body);
        mapped_apply(picky, body);
        bool whole = all->refused == 1 && all->refused_rows[0] == UINT32_MAX;
        if (!whole && all->refused)
            fail_msg("%s: a node was refused: %s", name, all->reasons[0]);
        bool stranger = picky->refused == 1 && picky->refused_rows[0] == UINT32_MAX;
        if (whole ? !stranger : picky->count.rows + picky->count.quarantined != all->count.rows)
            fail_msg("%s: %llu rows and %llu refused of %llu", name,
                     (unsigned long long) picky->count.rows,
                     (unsigned long long) picky->count.quarantined,
                     (unsigned long long) all->count.rows);
        self->rows += all->count.rows;
        self->picked += picky->count.rows;
        self->refused += picky->count.quarantined;
    }
    mapped_apply(&self->lines, body);
    mapped_apply(&self->cells, body);
}

static void rows_and_refusals_add_up(void **state)
{
    (void) state;
    static mappings_t mappings;
    for (int i = 0; i < ROWS_MAX; i++) {
        source_t source = { .kind = SOURCE_HTTP,
                            .format = FORMAT_JSON,
                            .rows = ROWS[i],
                            .table = "t",
                            .key = MAPPED_PAIRS(LITERAL),
                            .time_fetch = true };
        mapped_open(&mappings.all[i], &source);
        source.key = (setting_pairs_t) MAPPED_PAIRS(SYMBOL);
        source.columns = (setting_pairs_t) MAPPED_PAIRS(VALUES);
        mapped_open(&mappings.picky[i], &source);
        source.format = FORMAT_JSONL;
        if (i == 0)
            mapped_open(&mappings.lines, &source);
    }
    source_t csv = { .kind = SOURCE_FILE,
                     .format = FORMAT_CSV,
                     .csv_delimiter = ',',
                     .table = "t",
                     .key = MAPPED_PAIRS(LITERAL),
                     .time_at = "/0",
                     .time_unit = "rfc3339",
                     .columns = MAPPED_PAIRS(CELLS) };
    mapped_open(&mappings.cells, &csv);
    unsigned count = each_body(map_one, &mappings);
    print_message("%u bodies: %llu nodes, %llu rows, %llu refused\n", count,
                  (unsigned long long) mappings.rows, (unsigned long long) mappings.picked,
                  (unsigned long long) mappings.refused);
    assert_true(count >= BODIES_LEAST);
    assert_true(mappings.picked > 0);
    for (int i = 0; i < ROWS_MAX; i++) {
        mapped_close(&mappings.all[i]);
        mapped_close(&mappings.picky[i]);
    }
    mapped_close(&mappings.lines);
    mapped_close(&mappings.cells);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
