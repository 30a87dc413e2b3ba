/*  peek -- what an answer says beside its rows: whether there is another page, and what is left of
 *  an allowance.
 *
 *  Pure. The only look that the collector takes into payloads, and only where `pages` or
 *  `allowance` ask for it; what they are made of is for prep to say.
 */
#pragma once
#include "actors/collector/request.h"
#include "proto/fault.h"
#include "proto/slice.h"

typedef struct peek peek_t;

peek_t *peek_new(void);
void peek_destroy(peek_t **self_p);

typedef struct {
    bool more;    // there is another page, and `page` of the call now names it
    bool limited; // the answer says what is left:
    int64_t left; // requests as dear as this one
} peeked_t;

// `page` is the one that this body answered. False (fault): the next page cannot be asked for.
// A body that is no JSON has no next page and says nothing of an allowance.
bool peek_read(peek_t *self, const source_t *source, slice_t body, page_t *page, peeked_t *peeked,
               fault_t *fault);
