/*  settings_check -- do the settings fit each other? Pure.
 *
 *  Private to broker/runtime. Each fault has the place of what is to be changed.
 */
#pragma once
#include "broker/runtime/settings.h"
#include "broker/runtime/settings_tree.h"

// In itself; node is what it was read from.
bool settings_check_source(const node_t *node, const source_t *source, fault_t *fault);
bool settings_check_all(const settings_t *settings, fault_t *fault); // among each other
