/*  route -- where the objects of a source lie: its address as a path, as the API has it.
 *
 *  Pure. "https://api.binance.com/api/v3/klines?symbol=X" is "api.binance.com/api/v3/klines";
 *  files are "file/<path>", pushed and simulated sources "push/<name>" and "simulate/<name>".
 *  Letters, digits, '.', '_' and '-' stand for themselves, other bytes as %XX; no step begins
 *  with a dot. Queries are left out: sources that differ only there share a path.
 */
#pragma once
#include "broker/runtime/settings.h"

enum { ROUTE_BYTES_MAX = 512 }; // what is longer is cut

void route_of(const source_t *source, char path[ROUTE_BYTES_MAX + 1]);
// Of a source that no configuration knows any more.
void route_unknown(const char *source, char path[ROUTE_BYTES_MAX + 1]);
