/*  failing -- the sources that live collectors cannot poll now. */
#pragma once
#include "broker/store.h"

store_status_t failing_all(store_t *store, store_failing_visit_t *visit, void *context);
