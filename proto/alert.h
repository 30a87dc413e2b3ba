/*  alert -- the fact that a rule held for one row, as the world reads it.
 *
 *  Pure. alert_t is filled by transform; alert_encode writes the msgpack map of the alert
 *  socket (its fields: docs/protocol.md), alert_backtest_json a line of JSON. The body is a
 *  function of the staged log, except `stamps` and `at`. Numbers come as exact plain decimal
 *  text: JSON repeats them, msgpack carries an int if the value is whole and below 2^53, else
 *  the nearest float64.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/decimal.h"
#include "proto/slice.h"

enum { ALERT_EVIDENCE_MAX = 32, ALERT_ID_BYTES = 16, ALERT_ID_TEXT = 33 };

typedef struct {
    uint8_t bytes[ALERT_ID_BYTES];
} alert_id_t;

typedef struct {
    const char *name;
    const char *text; // plain decimal text of a number, exact; NULL = null. Owned by the caller
} alert_value_t;

typedef struct {
    const char *expr;   // "avg(volume)"
    const char *window; // "last_1h", "rows_20"
    uint64_t rows;      // non-null values in the window
    const char *sum;    // exact plain decimal, or NULL if the aggregate has none
    const char *avg;    // sum / rows, up to 20 significant digits, or NULL like sum
    const char *value;  // of the aggregate itself, or NULL
    bool exact;
} alert_evidence_t;

typedef struct {
    alert_id_t id, prev; // prev all zero = none
    const char *kind;    // "alert", "correction"; of an incident "firing", "still", "resolved",
                         // "flapping"; of a silence "nodata", "data"
    bool late;           // it came to hold only when its row closed
    alert_id_t corrects; // the alert that does not hold: of a correction, or of what it ended
    uint64_t suppressed; // alerts before it that alerts_max held back
    bool incident;       // it tells of one:
    int64_t since_us;    // the first row
    alert_id_t opened;   // the entry that said that it fires; zero in that entry
    uint64_t changes;    // of flapping: how often it began or ended; else 0
    bool frozen;         // the windows it was judged by stand still:
    int64_t frozen_us;   // since that row,
    uint64_t frozen_nth; // with so many of its time before it
    const char *reason;  // why, if no row says it; NULL = a row does
    uint64_t seq;        // ordinal of the entry in its topic, from 1
    slice_t rule, severity, series, when;
    unsigned key_count;
    const char *key_names[16];
    slice_t key_values[16]; // decoded text
    int64_t ts_us;
    unsigned column_count;
    const alert_value_t *columns; // raw, then derived columns
    unsigned evidence_count;
    const alert_evidence_t *evidence;
    const char *threshold, *ratio; // plain decimals, or NULL when not a single comparison
    slice_t stream;                // the record it comes from
    uint64_t record_seq;
    uint32_t row;
    int64_t recv_us, staged_us, prep_us, fired_us; // stamps; 0 = unknown
} alert_t;

// D1: first 128 bits of SHA-256 over the length-prefixed fields "tw1", rule, rule_hash (32
// bytes), series, ts (8 bytes little-endian), discriminator.
alert_id_t alert_id_of(slice_t rule, const uint8_t rule_hash[32], slice_t series, int64_t ts_us,
                       slice_t discriminator);
// The same over "tw1", id, kind: of a correction, firing, still or flapping that is about the row
// of an alert, or resolved, about the firing or flapping that it ends.
alert_id_t alert_id_about(alert_id_t id, const char *kind);
void alert_id_print(alert_id_t id, char text[ALERT_ID_TEXT]); // 32 lower-case hex digits
bool alert_id_parse(alert_id_t *id, slice_t text);

// The msgpack map; `at` is its last entry, encoded as a full int64 of 0 so that the notifier
// stamps it in place. json_from_wire makes JSON of it.
void alert_encode(const alert_t *self, buffer_t *out);
bool alert_stamp(uint8_t *body, size_t size, int64_t at_us); // false: not an encoded alert

// Is it told of a series for which no row came, or for which one came again?
bool alert_is_of_silence(const alert_t *self);

// Topic "alert/<rule>/<series>/".
void alert_topic(const alert_t *self, buffer_t *out);

// One line of `backtest --json`, without the newline: id, rule, series, ts, severity, columns,
// evidence; of what is no alert also kind, of a correction corrects, of a silence since, of its end
// opened; of a late alert late, suppressed if there is some, frozen if its windows stand still.
void alert_backtest_json(const alert_t *self, buffer_t *out);
