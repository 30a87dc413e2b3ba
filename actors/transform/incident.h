/*  incident -- the life of one rule on one series: it is well, begins to fail, fires, is well
 *  again.
 *
 *  Pure, and moved by rows alone, in event time. It is pending from the first row for which the
 *  condition holds, and fires at the first one, of those in a row, at which it has held for `for`
 *  and what was told last is `cooldown` ago. While it fires it is told again each `cooldown`. It
 *  ends at a row that clears it.
 *
 *  Only the newest row says how things stand. An older one, that came late or was decided late,
 *  may begin an incident, so that no alert is without one, but neither waits nor ends: rows behind
 *  it have been seen already.
 */
#pragma once
#include "proto/alert.h"

typedef enum { INCIDENT_WELL, INCIDENT_PENDING, INCIDENT_FIRING } incident_state_t;

typedef struct {
    incident_state_t state;
    int64_t since_us; // of the first row; while pending or firing
    bool told;        // has it ever been, and when last
    int64_t told_us;
    alert_id_t opened; // id of the entry that said it fires; while firing
} incident_t;

typedef struct {
    int64_t for_us, cooldown_us;
} incident_terms_t;

// What a row shows of a rule.
typedef enum {
    ROW_HOLDS,   // the condition is true
    ROW_CLEARS,  // it is not, and what ends an incident is
    ROW_NEITHER, // neither is
    ROW_UNKNOWN, // nobody can tell: warming
} incident_row_t;

typedef enum {
    TELL_NOTHING,
    TELL_FIRING,
    TELL_STILL,
    TELL_RESOLVED,
    // Of flap.h:
    TELL_FLAPPING,
    TELL_CALM_FIRING,   // it does not flap any more, and fires
    TELL_CALM_RESOLVED, // or does not
} incident_tell_t;

// Move by a row. may_begin: it has not begun an incident before. What is to be told; after
// TELL_FIRING the caller sets `opened`.
incident_tell_t incident_move(incident_t *self, const incident_terms_t *terms, incident_row_t row,
                              int64_t ts_us, bool newest, bool may_begin);

// In the end the condition does not hold for a row: then it cannot have begun the incident that
// `began` says it did, nor be among those that it has held for. An incident that never was starts
// no cooldown.
incident_tell_t incident_retract(incident_t *self, alert_id_t began, int64_t ts_us);

bool incident_same(const incident_t *a, const incident_t *b);
