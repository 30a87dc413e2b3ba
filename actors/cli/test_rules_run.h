/*  test_rules_run -- one test of rules: its rows through the fold of the program, the alerts
 *  against those expected.
 *
 *  Pure: no Redis, no stage, no clock; time passes as rows come, and in ticks where a rule misses
 *  rows.
 */
#pragma once
#include "actors/cli/test_rules_file.h"
#include "actors/rules/ruleset.h"

typedef struct {
    size_t missing, unexpected; // alerts; both 0: passed
} test_verdict_t;

// Append what differs to `out`, in lines of the file's own format. The test fits the configuration
// that the rules are of. False: no memory.
bool test_rules_run(const rule_test_t *test, ruleset_t *rules, test_verdict_t *verdict,
                    buffer_t *out);
