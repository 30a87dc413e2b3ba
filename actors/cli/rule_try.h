/*  rule_try -- how often, where and when a rule would have alerted, before it is saved.
 *
 *      rule try CONDITION [FIELD VALUE ...]      or, as `rule add` has it: on TABLE when CONDITION
 */
#pragma once
#include "broker/runtime/settings.h"

// A duration before now ("7d"), or a time, in microseconds. False: neither.
bool rule_try_since(const char *text, int64_t *since_us);

// Prints it; the exit code. Alerts of rows before `since_us` are not counted, but their rows fill
// the windows.
int rule_try(const settings_t *settings, const char *dir, int64_t since_us, int count,
             char **words);
