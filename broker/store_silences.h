/*  store_silences -- what people write of silences, what is answered, and what waits for their end;
 *  more verbs of store.h.
 */
#pragma once
#include "broker/store_delivery.h"

// Silences are hashes as rules are, and are answered in <ns>:status:silence:<name>.
store_status_t store_silences(store_t *self, store_rule_visit_t *visit, void *context);
// The same a few hundred keys at a time: the names of silences, and of answers (perhaps to nobody),
// in any order and perhaps twice. *cursor is "0" for the first step, and is again after the last.
// The visit must not use the store.
typedef void store_silence_name_visit_t(void *context, slice_t name, bool is_answer);
store_status_t store_silence_scan(store_t *self, char cursor[STORE_CURSOR_MAX],
                                  store_silence_name_visit_t *visit, void *context);
// One of them, unless it is gone; without fields where its key is no hash.
typedef void store_silence_visit_t(void *context, const store_rule_t *written, int64_t expires_ms);
store_status_t store_silence_read(store_t *self, const char *name, store_silence_visit_t *visit,
                                  void *context);
store_status_t store_silence_set(store_t *self, const char *name, const store_field_t *fields,
                                 size_t count);
store_status_t store_silence_remove(store_t *self, const char *name, bool *found);
// When Redis drops it, Unix time.
enum { STORE_EXPIRES_NEVER = -1, STORE_EXPIRES_GONE = -2 }; // there is none of that name
store_status_t store_silence_expires(store_t *self, const char *name, int64_t *at_ms);
// Whatever else stands under that key goes.
store_status_t store_silence_status(store_t *self, const char *name, const char *state,
                                    const char *error);
store_status_t store_silence_status_remove(store_t *self, const char *name);

// ---- what is silenced ---------------------------------------------------------------------

// News of an incident that a silence keeps from its recipients for now.
typedef struct {
    slice_t alert_id, body;
    slice_t rule, series, kind;
    uint64_t seq;        // in its topic
    const char *silence; // its name
} store_silenced_t;
// They are not told now (those with a refusal are left out); of each incident the newest waits
// until the silence is over. planned: they waited already, as deliveries; else the same as of a
// plan holds. More than DELIVERIES_MAX that wait so are dead.
store_status_t store_delivery_silence(store_t *self, const store_silenced_t *news, bool planned,
                                      const store_told_t *recipients, size_t count);
typedef struct {
    slice_t member; // valid, with the rest, during the visit
    slice_t rule, series;
} store_waiting_t;
typedef bool store_waiting_visit_t(void *context, const store_waiting_t *waiting);
// Ask of what waits for a silence to end, and was not looked at for age_ms, whether it is silenced
// still; what is not becomes due, unless its incident is over and nobody was told that it began.
// *looked: at so many, of which *told became due. The visit must not use the store.
store_status_t store_delivery_silenced(store_t *self, unsigned most, int64_t age_ms,
                                       store_waiting_visit_t *is_silenced, void *context,
                                       uint64_t *looked, uint64_t *told);
