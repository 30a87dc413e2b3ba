/*  demand -- does a host get more requests than its budget allows? Then its sources wait for each
 *  other, and `check` says so.
 */
#pragma once
#include "broker/runtime/settings.h"

// A warning on stderr for each such host, at the first of its sources. Returns how many.
size_t demand_warn(const settings_t *settings);
