/*  rule_fields -- a rule as people write it in Redis becomes the rule of a plan.
 *
 *  Pure. Fields are those of a rule in the configuration. Unknown ones are refused, so that a
 *  typing mistake is told and not ignored; so is what this version cannot do yet.
 */
#pragma once
#include "broker/store.h"
#include "proto/plan.h"

// Points into `fields`. Whether the condition itself is right is ruleset_check's business. A rule
// that is switched off need not be whole: `HSET tw:rule:x enabled 0` switches off the one of the
// configuration.
bool rule_fields_read(rule_t *rule, const store_rule_t *fields, fault_t *fault);
bool rule_fields_are_whole(const rule_t *rule); // it has a table and a condition

// The other way: the fields that a person would write for this rule. They point into `texts`, which
// the caller destroys. 0: out of memory.
enum { RULE_FIELDS_MAX = 15 };
size_t rule_fields_write(const rule_t *rule, store_field_t fields[RULE_FIELDS_MAX],
                         buffer_t *texts);

// Letters, digits, '.', '_' and '-', at most PLAN_NAME_MAX.
bool rule_name_is_good(const char *name);
