/*  rule_compile -- one rule over its table: its conditions, guards, windows, digest and query.
 *
 *  Pure.
 */
#pragma once
#include "actors/rules/table.h"

// Fill in what follows from `name` and `rule`. False with fault: what was added to the table is the
// caller's to take back.
bool rule_compile(table_t *table, compiled_rule_t *rule, fault_t *fault);
