/*  wording -- what happened, in words for a person: one line, and what there is to know. Pure.
 *
 *  Nothing is escaped here: whoever puts it somewhere knows where that is.
 */
#pragma once
#include "actors/notifier/notice.h"

enum {
    WORDING_TITLE_MAX = 200,   // bytes
    WORDING_OTHERS_MAX = 40,   // of these: " and 499 more", NUL included
    WORDING_SERIES_MAX = 1500, // bytes of all series that go in one letter
    WORDING_COLUMNS_MAX = 16,  // of the row
    WORDING_EVIDENCE_MAX = 8,  // windows
    WORDING_TEXT_MAX = 3000,   // bytes of wording_text
};

// "[warning] spike is firing on candle:binance:BTCUSDT"
void wording_title(buffer_t *out, const notice_t *notice);

// Each fact: "threshold", "6". The slices are valid during the visit. False: out of memory.
typedef void wording_visit_t(void *context, slice_t label, slice_t text);
bool wording_facts(const notice_t *notice, wording_visit_t *visit, void *context);

// The title and the facts, a line each, cut at WORDING_TEXT_MAX.
void wording_text(buffer_t *out, const notice_t *notice);
