/*  Any bytes as a file of tests of rules: refused with a reason, or tests in which every promise of
 *  test_rules_file.h holds.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "actors/cli/test_rules_file.h"
#include "proto/owned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_input(const test_input_t *input)
{
    assert(input->series.text && input->series.line > 0 && input->column_count > 0);
    for (size_t i = 0; i < input->column_count; i++) {
        assert(input->columns[i].name.text);
        assert(input->columns[i].values.count == input->columns[0].values.count);
    }
}

static void check(const rule_tests_t *tests)
{
    assert(tests->config.text && tests->count <= TESTS_MAX);
    for (size_t t = 0; t < tests->count; t++) {
        const rule_test_t *test = &tests->tests[t];
        assert(test->name.text && test->every_us > 0 && test->end_us >= test->start_us);
        assert(test->input_count <= TEST_INPUTS_MAX && test->expect_count <= TEST_EXPECT_MAX);
        for (size_t i = 0; i < test->input_count; i++)
            check_input(&test->inputs[i]);
        for (size_t i = 0; i < test->expect_count; i++) {
            const test_expect_t *expect = &test->expect[i];
            assert(expect->rule.text && expect->series.text);
            assert((unsigned) expect->kind < TEST_KINDS && test->looked_at[expect->kind]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    static char path[64];
    if (file == -1) {
        file = memfd_create("tests of rules", MFD_CLOEXEC);
        assert(file >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    assert(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t) size);
    fault_t fault = { 0 };
    rule_tests_t *tests = test_rules_load(path, &fault);
    if (tests)
        check(tests);
    else
        assert(fault.text[0] != '\0');
    test_rules_destroy(&tests);
    return 0;
}
