/*  backlog -- pages of the alert log, read from its end backwards and told from its beginning.
 *  Pure.
 */
#pragma once
#include "actors/api/reel.h"
#include "broker/store.h"

typedef struct backlog backlog_t;

backlog_t *backlog_new(void); // NULL: out of memory
void backlog_destroy(backlog_t **self_p);
void backlog_clear(backlog_t *self);

void backlog_page(backlog_t *self); // the next page, of older entries than those before
// The next entry of the page. What has no id is left out.
void backlog_add(backlog_t *self, const char *at, const store_logged_t *logged);

reel_id_t backlog_oldest(const backlog_t *self); // 0-0: there is none
bool backlog_has(const backlog_t *self, reel_id_t id);

// body: an object of JSON (strict.h), or empty: it is none.
typedef void backlog_visit_t(void *context, reel_id_t id, slice_t rule, slice_t series,
                             slice_t body);
// Those behind that id, in order. False: memory failed meanwhile, and there may be others.
bool backlog_tell(const backlog_t *self, reel_id_t behind, backlog_visit_t *visit, void *context);
