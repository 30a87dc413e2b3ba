/*  test_rules_text -- alerts in the format of a file of tests, to be put there as they are.
 *
 *  Pure. One line of `expect` each; what an alert rests on follows as comments.
 */
#pragma once
#include "actors/cli/test_rules_file.h"
#include "proto/alert.h"

void test_rules_put_expected(const rule_test_t *test, const test_expect_t *expect, buffer_t *out);
void test_rules_put_alert(const rule_test_t *test, const alert_t *alert, buffer_t *out);
