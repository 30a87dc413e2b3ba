/*  Every recorded body: what is proposed for it is a good configuration and gives rows, or it
 *  says why there is none. The recordings lie beside the project; without them the test is
 *  skipped, loudly.
 */
#include <unistd.h>

#include "tests/unit/infer/proposed.h"

#define FOLDER "../shared/data/bodies/"

enum {
    BODIES_LEAST = 1000,  // fewer than this is a broken walk, not a small collection
    MAPPED_PER_CENT = 90, // of them; the others are errors, pages, lists of names
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

static void proposals_give_rows(void **state)
{
    (void) state;
    buffer_t manifest = { 0 }, body = { 0 };
    unsigned bodies = 0, mapped = 0, refusing = 0;
    uint64_t rows = 0, quarantined = 0;
    assert_true(load("MANIFEST.tsv", &manifest));
    buffer_append(&manifest, "", 1);
    char *rest = NULL, *line = strtok_r((char *) manifest.data, "\n", &rest);
    while ((line = strtok_r(NULL, "\n", &rest))) {
        line[strcspn(line, "\t")] = '\0';
        if (!load(line, &body))
            continue;
        proposed_t proposed;
        proposed_open(&proposed, buffer_slice(&body));
        if (proposed.result == INFER_NO_MEMORY)
            fail_msg("%s: no memory", line);
        bodies++;
        if (proposed.result == INFER_GOOD) {
            if (proposed.mapped.count.rows == 0)
                fail_msg("%s: no rows: %s\n%s", line, proposed.mapped.reasons[0],
                         buffer_string(&proposed.yaml));
            mapped++;
            refusing += proposed.mapped.count.quarantined > 0;
            rows += proposed.mapped.count.rows;
            quarantined += proposed.mapped.count.quarantined;
        }
        proposed_close(&proposed);
    }
    print_message("%u bodies: %u proposals, %llu rows; %u of them refuse %llu rows\n", bodies,
                  mapped, (unsigned long long) rows, refusing, (unsigned long long) quarantined);
    assert_true(bodies >= BODIES_LEAST);
    assert_true(100 * mapped >= MAPPED_PER_CENT * bodies);
    buffer_destroy(&manifest);
    buffer_destroy(&body);
}

int main(void)
{
    if (access(FOLDER "MANIFEST.tsv", R_OK) != 0) {
        fprintf(stderr, "SKIPPED: no recorded bodies at %s\n", FOLDER);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proposals_give_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
