/*  backlog -- pages of the alert log, read from its end backwards and told from its beginning.
 *  Pure.
 *
 *  It has no more than a reel could keep, and little more bytes. What it had no room or memory for
 *  is older than all that it tells: never one between two others.
 */
#pragma once
#include "actors/api/reel.h"
#include "broker/store_held.h"

enum {
    BACKLOG_PAGES_MAX = (int) REEL_ENTRIES_MAX / (int) STORE_HELD_PAGE,
    BACKLOG_BYTES_MAX = 2 * REEL_BYTES_MAX, // of texts
    BACKLOG_KEPT_BYTES = 1 << 20,           // of memory, when it is empty
};

typedef struct backlog backlog_t;

backlog_t *backlog_new(void); // NULL: out of memory
void backlog_destroy(backlog_t **self_p);
void backlog_clear(backlog_t *self);

// The next page, of older entries than those before; at most BACKLOG_PAGES_MAX. Where it is full
// that one is left out.
void backlog_page(backlog_t *self);
// The next entry of the page, newer than those before. What has no id is left out.
void backlog_add(backlog_t *self, const char *at, const store_logged_t *logged);
// It has as much as a reel could keep, or was cut.
bool backlog_is_full(const backlog_t *self);
// There was no room, or no memory, for entries that are older than these, or for all.
bool backlog_is_cut(const backlog_t *self);

reel_id_t backlog_oldest(const backlog_t *self); // 0-0: there is none
bool backlog_has(const backlog_t *self, reel_id_t id);

// body: an object of JSON (strict.h), or empty: it is none, or the entry is too large for a reel.
typedef void backlog_visit_t(void *context, reel_id_t id, slice_t rule, slice_t series,
                             slice_t body);
// Those behind that id, in order.
void backlog_tell(const backlog_t *self, reel_id_t behind, backlog_visit_t *visit, void *context);
