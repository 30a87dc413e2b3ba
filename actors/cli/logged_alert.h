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
    int64_t span_us; // of the longest window by time that its evidence names; 0 = none
    uint32_t rows;   // by rows
    buffer_t body;   // JSON, as it was logged
} logged_alert_t;

// The newest of this id (32 hex digits). NULL with fault: the log does not have it, or no answer.
logged_alert_t *logged_alert_find(store_t *store, const char *id, fault_t *fault);
// From its body: the record, the row that it rests on, its windows. Pure. False with fault: none of
// ours, or no memory.
bool logged_alert_read(logged_alert_t *self, fault_t *fault);
void logged_alert_destroy(logged_alert_t **self_p);
