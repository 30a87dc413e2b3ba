/*  trimmer: nothing is removed that the loop has not let go, and no offer outlives its reasons. */
#include "actors/collector/trimmer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "broker/stage/calls.h"
#include "broker/stage/manifest.h"
#include "tests/unit/stage/scratch.h"

enum { SEGMENTS = 5, KEEP_US = 500, NOW_US = 100000 };

static scratch_t scratch;
static stage_limits_t usual;

// A record a segment, each of them a head, all of them with their objects.
static int make_log(void **state)
{
    (void) state;
    scratch = scratch_new();
    usual = stage_limits;
    stage_limits.segment_bytes = 1;
    fault_t fault;
    slice_t none = { 0 };
    stage_t *stage = stage_open(scratch.path, "tw", "main", NULL, NULL, &fault);
    for (int i = 1; i <= SEGMENTS; i++) {
        assert_true(stage_append(stage, RECORD_KNOWN_END, i, none, none, none));
        assert_true(stage_sync(stage, &fault));
    }
    stage_destroy(&stage);
    catalog_t catalog;
    assert_true(catalog_open(&catalog, scratch.path, "tw", "main", &fault));
    for (uint64_t seq = 1; seq < SEGMENTS; seq++) {
        manifest_t manifest = { .complete = true, .first_seq = seq, .last_seq = seq };
        assert_true(manifest_save(&manifest, catalog.directory, &fault));
    }
    catalog_close(&catalog);
    return 0;
}

static int drop_log(void **state)
{
    (void) state;
    stage_limits = usual;
    scratch_destroy(&scratch);
    return 0;
}

static uint64_t first_seq(void)
{
    catalog_t catalog;
    fault_t fault;
    assert_true(catalog_open(&catalog, scratch.path, "tw", "main", &fault));
    uint64_t first = catalog.segments[0].first_seq;
    catalog_close(&catalog);
    return first;
}

static void work(trimmer_t *trimmer)
{
    fault_t fault;
    assert_true(trimmer_work(trimmer, scratch.path, "tw", "main", KEEP_US, NOW_US, &fault));
}

static void only_what_was_accepted_goes(void **state)
{
    (void) state;
    uint64_t offer;
    trimmer_t *trimmer = trimmer_new();
    work(trimmer); // of whom it was told nothing
    assert_false(trimmer_offer(trimmer, "main", 0, 1, &offer));
    assert_true(trimmer_tell(trimmer, "main", 0, 2));
    work(trimmer);
    assert_true(trimmer_offer(trimmer, "main", 0, 1, &offer));
    assert_int_equal(offer, 3);
    work(trimmer);
    assert_int_equal(first_seq(), 1);
    trimmer_accept(trimmer, "main", offer);
    assert_false(trimmer_offer(trimmer, "main", 0, 3, &offer));
    work(trimmer);
    assert_int_equal(first_seq(), 3);
    assert_int_equal(trimmer_count(trimmer), 2);
    assert_false(trimmer_offer(trimmer, "main", 0, 3, &offer));
    trimmer_destroy(&trimmer);
}

static void that_nothing_may_go_is_no_offer(void **state)
{
    (void) state;
    uint64_t offer;
    trimmer_t *trimmer = trimmer_new();
    fault_t fault;
    assert_true(trimmer_tell(trimmer, "main", 0, 2));
    assert_true(trimmer_work(trimmer, scratch.path, "tw", "main", KEEP_US, KEEP_US, &fault));
    assert_false(trimmer_offer(trimmer, "main", 0, 1, &offer));
    work(trimmer);
    assert_true(trimmer_offer(trimmer, "main", 0, 1, &offer));
    trimmer_destroy(&trimmer);
}

static void an_offer_ends_with_its_reasons(void **state)
{
    (void) state;
    uint64_t offer;
    trimmer_t *trimmer = trimmer_new();
    assert_true(trimmer_tell(trimmer, "main", 0, 2));
    work(trimmer);
    assert_true(trimmer_offer(trimmer, "main", 0, 1, &offer));
    assert_true(trimmer_tell(trimmer, "main", 7, 2)); // told again: that has read nothing yet
    assert_false(trimmer_offer(trimmer, "main", 7, 1, &offer));
    assert_false(trimmer_offer(trimmer, "main", 0, 1, &offer));
    work(trimmer);
    assert_true(trimmer_offer(trimmer, "main", 7, 1, &offer));
    assert_true(trimmer_tell(trimmer, "main", 7, 0)); // the copy is lost
    assert_false(trimmer_offer(trimmer, "main", 7, 1, &offer));
    work(trimmer);
    assert_int_equal(first_seq(), 1);
    trimmer_destroy(&trimmer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_what_was_accepted_goes, make_log, drop_log),
        cmocka_unit_test_setup_teardown(that_nothing_may_go_is_no_offer, make_log, drop_log),
        cmocka_unit_test_setup_teardown(an_offer_ends_with_its_reasons, make_log, drop_log),
    };
    return cmocka_run_group_tests_name("trimmer", tests, NULL, NULL);
}
