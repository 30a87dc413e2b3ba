/*  preflight -- before a demo of live feeds starts: does each source answer, and with rows? */
#pragma once
#include "broker/runtime/settings.h"

// Fetch every http(s) source once and print a line about each: rows, or what is wrong. How many
// gave at least one row; sources that cannot be fetched so (push, simulate) count as good.
size_t preflight(const settings_t *settings);
