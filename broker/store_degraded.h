/*  store_degraded -- what subscribers are told of Tidewire's own illness: how far that has come,
 *  and to whom it was told. Verbs of store_t.
 *
 *  A note is the notifier's text about one cause. It changes by compare and set, so that two who
 *  both believe to be the notifier cannot both take the same step.
 */
#pragma once
#include "broker/store_subscribers.h"

// A place in a scan: begins as "0", and is "0" again when all has been visited.
typedef struct {
    char text[STORE_CURSOR_MAX];
} store_cursor_t;

// All that is noted, in any order; at most STORE_FIELDS_MAX. Texts are valid during the visit.
typedef void store_degraded_visit_t(void *context, const char *cause, const char *note);
store_status_t store_degraded(store_t *self, store_degraded_visit_t *visit, void *context);
// OK: it was `had` ("" = nothing), and is `note` now; "" = nothing, and whom it was told to is
// forgotten with it. STALE: it was something else, and nothing is changed.
store_status_t store_degraded_note(store_t *self, const char *cause, const char *had,
                                   const char *note);

// These subscribers are told of the cause: name, and a text about each.
store_status_t store_degraded_told_put(store_t *self, const char *cause,
                                       const store_field_t *subscribers, size_t count);
// Some of them, from the cursor on; one may be visited twice.
store_status_t store_degraded_told(store_t *self, const char *cause, store_cursor_t *cursor,
                                   store_degraded_visit_t *visit, void *context);

// Some of all subscriptions, to a rule or to one series of it, from the cursor on; one may be
// visited twice. Only of rules that are wanted. Keys of another type are left out.
typedef struct {
    bool (*wants)(void *context, slice_t rule);
    void (*subscriber)(void *context, slice_t rule, const char *name);
} store_subscribed_t;
store_status_t store_subscribed(store_t *self, store_cursor_t *cursor,
                                const store_subscribed_t *visit, void *context);
