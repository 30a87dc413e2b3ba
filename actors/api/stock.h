/*  stock -- what was prepared for HTTP, encoded once and handed out many times.
 *
 *  All viewers of a kind share one response, so that a viewer more costs a reference and the bytes
 *  on the wire. Who reads slowly holds the answer of its time, which is replaced meanwhile; beyond
 * a limit on all of those no large one is handed out. Nor is what is not known now (not yet, or
 * Redis has not answered for long). One thread fills it, that of libmicrohttpd hands out.
 */
#pragma once
#include "actors/api/alerts.h"
#include "actors/api/asked.h"

struct MHD_Connection;
struct MHD_Response;
typedef struct stock stock_t;

enum {
    STOCK_OLD_BYTES_MAX = 256 << 20, // of answers that were replaced, and are still being read
    STOCK_SMALL_BYTES = 64 << 10,    // of an answer that is given all the same
};

stock_t *stock_new(void); // NULL: out of memory
void stock_destroy(stock_t **self_p);

// This is so, and may be told until then (monotonic). Takes the body. False: no memory; what was
// told before goes on being told until its time is over.
bool stock_tell(stock_t *self, answer_kind_t kind, buffer_t *body, int64_t until_us);
// The same of alerts, from which any number of the newest can be asked for.
bool stock_tell_alerts(stock_t *self, const alerts_t *alerts, int64_t until_us);

bool stock_has(stock_t *self, answer_kind_t kind); // and may tell it now

typedef enum { STOCK_GIVEN, STOCK_UNKNOWN, STOCK_CROWDED, STOCK_FAILED } stock_word_t;
// The answer to this request, or 304 where it has that already. STOCK_UNKNOWN: nothing was
// answered, as stock_has says; STOCK_CROWDED: nor was it, as there are too many old ones.
// STOCK_FAILED: the connection has to end.
stock_word_t stock_hand_out(stock_t *self, struct MHD_Connection *connection, answer_kind_t kind);
stock_word_t stock_hand_out_alerts(stock_t *self, struct MHD_Connection *connection,
                                   uint32_t limit);

// A response with these bytes, which it takes; type NULL: none is named. NULL: no memory.
struct MHD_Response *stock_response(buffer_t *body, const char *type);

typedef struct {
    uint64_t unchanged, answers; // 304s; encoded
} stock_count_t;
stock_count_t stock_count(stock_t *self);
