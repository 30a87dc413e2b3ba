/*  settings_check -- do the settings fit each other? Pure.
 *
 *  Private to broker/runtime. Each fault has the place of what is to be changed.
 */
#pragma once
#include "broker/runtime/settings.h"

bool settings_check_source(const source_t *source, fault_t *fault);  // in itself
bool settings_check_all(const settings_t *settings, fault_t *fault); // among each other
