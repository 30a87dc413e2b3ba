/*  json_limit -- the same fields of a body, read by simdjson alone: what prep is measured beside.
 *
 *  On demand, in the order in which the members stand, into doubles: no check of what is not
 *  looked at, no exact decimals, no rows. Needs SIMDJSON_PADDING readable bytes after the body.
 */
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { JSON_LIMIT_PADDING = 64 };

// Sums what it read into *sum, so that nothing is optimised away. The rows seen; 0: not JSON.
size_t json_limit_summaries(const char *body, size_t size, double *sum);
size_t json_limit_ticker(const char *body, size_t size, double *sum);

#ifdef __cplusplus
}
#endif
