/*  logged_alert -- an alert of the alert log, and where it says that it comes from. */
#pragma once
#include "broker/store.h"
#include "proto/alert.h"
#include "proto/buffer.h"

typedef struct {
    char id[ALERT_ID_TEXT];
    char *rule, *series, *stream;
    int64_t ts_us;
    int64_t frozen_us; // `frozen`: the row whose windows it rests on; ts_us if they move
    uint64_t record_seq;
    buffer_t body; // JSON, as it was logged
} logged_alert_t;

// The newest of this id (32 hex digits). NULL with fault: the log does not have it, or no answer.
logged_alert_t *logged_alert_find(store_t *store, const char *id, fault_t *fault);
void logged_alert_destroy(logged_alert_t **self_p);
