/*  store_subscribers -- subscriptions for somebody who keeps them and hears of changes. Verbs of
 *  store_t, as those in store.h.
 */
#pragma once
#include "broker/store.h"

enum {
    STORE_SETS_MAX = 32, // keys in one call: any may have many members
};

// The keys of subscriptions, some with each call: *cursor is "0" before the first and after the
// last. A key is given as what follows <ns>:subs: of it, and perhaps twice.
typedef void store_key_visit_t(void *context, slice_t key);
store_status_t store_subscription_keys(store_t *self, char cursor[STORE_CURSOR_MAX],
                                       store_key_visit_t *visit, void *context);

// The members of each of these, in this order. NULL names: it is no set, or one that will expire,
// which nobody hears of at that time.
typedef void store_members_visit_t(void *context, slice_t key, const slice_t *names, size_t count);
store_status_t store_subscription_members(store_t *self, const slice_t *keys, size_t count,
                                          store_members_visit_t *visit, void *context);

// As store_subscribers, of those named, in this order.
store_status_t store_subscribers_named(store_t *self, const char *const *names, size_t count,
                                       store_subscriber_visit_t *visit, void *context);
